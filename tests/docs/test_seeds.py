"""Promise: every command of docs/seeds.md works, there is one for every preset of a text and of a peer, and the page
shows what they make.

They run at a tiny size with a few steps; all else is as on the page.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from neuralstyle.v1.endpoint import HOME_VARIABLE
from stylized.engine.presets import builtin_presets
from tests.real_daemon import RealDaemon

sys.path.append(str(Path(__file__).parents[2] / "docs"))
from seed_commands import IMAGES, PAGE, PICTURES, Row, rows  # pyright: ignore[reportMissingImports]

ROWS = rows()
SIZE = 32
# Of a picture that is looked through for a filter, the deepest layers need some pixels.
SMALLER = {"--size": str(SIZE), "--frames": "2", "iterations": "2", "coarsest_iterations": "2"}
OUR_OWN = {"default", "draft", "fine", "poster"}
COMMAND_S = 120


def tiny(row: Row) -> list[str]:
    """The command's words with small numbers."""
    words = row.words
    for number, word in enumerate(words):
        if number and words[number - 1] in SMALLER:
            words[number] = SMALLER[words[number - 1]]
        name, equals, _ = word.partition("=")
        if equals and name in SMALLER:
            words[number] = f"{name}={SMALLER[name]}"
    return words


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number, name in enumerate(PICTURES):
        samples = np.random.default_rng(number).integers(0, 256, (36, 48, 3), np.uint8)
        Image.fromarray(samples).save(tmp_path / f"{name}.jpg")
    return tmp_path


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.made)
def test_a_command_of_the_page_works(row: Row, folder: Path, hasty_daemon: RealDaemon) -> None:
    words = tiny(row)
    ended = subprocess.run(
        [sys.executable, "-m", "stylize", *words[1:]],
        cwd=folder,
        env={**os.environ, HOME_VARIABLE: str(hasty_daemon.folder), "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=COMMAND_S,
        check=False,
    )
    if "hodapp-caffenet" in words:  # whose weights this daemon was not given
        assert "caffenet" in ended.stderr
        assert ended.returncode != 0
        return
    assert ended.returncode == 0, ended.stderr
    with Image.open(folder / row.made) as picture:
        picture.load()


def test_every_text_and_every_peer_has_its_row() -> None:
    named = set(re.findall(r"--preset ([\w-]+)", " ".join(row.command for row in ROWS)))
    modes = {row.words[1] for row in ROWS} & set(builtin_presets())
    assert named | modes == set(builtin_presets()) - OUR_OWN


def test_the_page_shows_its_pictures_and_what_each_command_made() -> None:
    shown = set(re.findall(r"\(images/seeds/([^)]+)\)", PAGE.read_text(encoding="utf-8")))
    assert shown == {path.name for path in IMAGES.iterdir()}
    assert {f"{name}.webp" for name in PICTURES} <= shown
    for row in ROWS:
        if row.image is None:
            assert "hodapp-caffenet" in row.words, "only that needs weights that are not ours to give"
            continue
        assert row.image.stem == Path(row.made).stem
        with Image.open(row.image) as picture:
            picture.load()


def test_the_pictures_weigh_little() -> None:
    assert sum(path.stat().st_size for path in IMAGES.iterdir()) < 1_500_000
