"""Promise: every example runs as it is, says what it did, and leaves the pictures that it tells of."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import stylize
from neuralstyle.v1.endpoint import HOME_VARIABLE
from tests.real_daemon import RealDaemon

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(hasty_daemon: RealDaemon, tmp_path: Path) -> Run:
    """Runs an example in `tmp_path`."""

    def run(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(EXAMPLES / name), *arguments],
            cwd=tmp_path,
            env={**os.environ, HOME_VARIABLE: str(hasty_daemon.folder)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


@pytest.fixture
def photos(tmp_path: Path) -> list[str]:
    """Two small photos in `tmp_path`."""
    for seed in range(2):
        samples = np.random.default_rng(seed).integers(0, 256, (30, 40, 3), np.uint8)
        Image.fromarray(samples).save(tmp_path / f"photo-{seed}.png")
    return ["photo-0.png", "photo-1.png"]


def test_every_example_is_told_of() -> None:
    readme = (EXAMPLES / "README.md").read_text()
    for example in EXAMPLES.glob("*.[pi][yp]*"):
        assert f"]({example.name})" in readme


def test_four_styles_paints_what_is_missing(run: Run, photos: list[str], tmp_path: Path) -> None:
    first = run("four_styles.py", *photos)
    assert first.returncode == 0, first.stderr
    paintings = {path: path.read_bytes() for path in (tmp_path / "paintings").iterdir()}
    assert sorted(path.name for path in paintings) == sorted(
        f"photo-{number}.{style}.png" for number in range(2) for style in ("ink", "mosaic", "oil", "woodblock")
    )
    gone = next(iter(paintings))
    gone.unlink()
    again = run("four_styles.py", *photos)
    assert (again.returncode, again.stdout.count("is there already")) == (0, 7), again.stderr
    with Image.open(gone) as painting:
        assert painting.size == (40, 30)
    assert all(path.read_bytes() == data for path, data in paintings.items() if path != gone)


def test_four_styles_goes_on_past_a_photo_that_fails(run: Run, photos: list[str], tmp_path: Path) -> None:
    result = run("four_styles.py", "nix.jpg", photos[0], "--styles", "oil")
    assert result.returncode == 1
    assert "nix.jpg cannot be read" in result.stdout
    assert "1 of 2 paintings failed." in result.stderr
    assert (tmp_path / "paintings" / "photo-0.oil.png").exists()


def test_a_sweep_lays_out_different_paintings(run: Run, tmp_path: Path) -> None:
    result = run("sweep.py", "--columns", "strength=0.1,0.9", "--rows", "color=0,1", "--size", "64")
    assert result.returncode == 0, result.stderr
    with Image.open(stylize.SAMPLE_PHOTO) as photo:
        height = round(64 * photo.height / photo.width)
    sheet = np.asarray(Image.open(tmp_path / "sweep.png").convert("RGB"))
    # Where rows and columns of paper are alone, no painting is: what is left are the four paintings.
    bottom = sheet[-8 - height : -8]
    above = sheet[-16 - 2 * height : -16 - height]
    assert (bottom[:, -64:] != above[:, -64:]).any()
    assert (bottom[:, -64:].std(axis=(0, 1)) > 5).all()


@pytest.mark.parametrize("arguments", [("sweep.py", "--columns", "stength=0.2,0.3"), ("sweep.py", "nix.jpg")])
def test_a_mistake_is_one_sentence(run: Run, arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1, result.stderr


def test_live_steering_changes_the_running_job(run: Run, photos: list[str], tmp_path: Path) -> None:
    turns = ("--at", "10:strength=0.75", "--at", "20:color=0.25")
    result = run("live_steering.py", photos[0], *turns, "--iterations", "60")
    assert result.returncode == 0, result.stderr
    assert "it ended with strength 0.75, color 0.25" in result.stdout
    with Image.open(tmp_path / "steered.png") as painting, Image.open(tmp_path / "forming.png") as forming:
        assert painting.size == forming.size == (40, 30)
        assert '"strength": 0.75' in painting.info["stylized:parameters"]
