"""Promise: `stylize rerun` paints the same picture again, and says what it lacks if it cannot."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import tifffile
from PIL import Image

from neuralstyle.v1 import stylize_pb2 as pb
from neuralstyle.v1.endpoint import HOME_VARIABLE
from neuralstyle.v1.reasons import LocalExit
from stylize.provenance import read_provenance
from tests.real_daemon import RealDaemon

from .conftest import RunCli
from .photos import camera_exif, colours, encode, wide_gamut_profile
from .scripted_daemon import RunningDaemon

SOURCE_MASKS = ["part.png", "--style-source-mask", "-"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A photo, a style, a mask of the photo and one of the style."""
    profile = wide_gamut_profile()
    (tmp_path / "cat.jpg").write_bytes(encode(colours(48, 32), "JPEG", exif=camera_exif(6), icc_profile=profile))
    (tmp_path / "oil.png").write_bytes(encode(colours(40, 40), "PNG"))
    (tmp_path / "mask.png").write_bytes(encode(Image.linear_gradient("L").resize((32, 48)), "PNG"))
    (tmp_path / "part.png").write_bytes(encode(Image.linear_gradient("L").resize((40, 40)), "PNG"))
    return tmp_path


def pixels(path: Path) -> object:
    if path.suffix == ".tif":
        return tifffile.imread(path).tobytes()
    with Image.open(path) as image:
        return image.size, image.mode, image.tobytes()


@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        (".png", ["-s", "ink", "--style-weight", "2", "--style-weight", "0.5", "--strength", "0.7"]),
        (".jpg", ["--colors", "keep", "--mask", "mask.png"]),
        (".png", ["--set", "pyramid_factor=1.5", "--set", "pyramid_min_size=20"]),
        (".png", ["-s", "ink", "--style-mask", "mask.png", "--style-mask", "-", "--style-source-mask", *SOURCE_MASKS]),
        (".tif", ["--depth", "16", "--set", "style_layers=relu1_1:0.5,relu2_1", "--set", "optimizer=adam"]),
    ],
)
def test_the_pixels_are_the_same(
    daemon: RealDaemon, call_cli: RunCli, folder: Path, suffix: str, options: list[str]
) -> None:
    home = str(daemon.folder)
    look = ("-s", "oil.png", "--preset", "gatys", "--size", "40", "--set", "iterations=3")
    first = call_cli("image", "cat.jpg", *look, *options, "-o", f"first{suffix}", STYLIZED_HOME=home)
    assert first.returncode == 0, first.stderr
    again = call_cli("rerun", f"first{suffix}", STYLIZED_HOME=home)
    assert (again.returncode, again.stdout) == (0, f"first.again{suffix}\n"), again.stderr
    assert "Everything that went into it is the same" in again.stderr
    assert pixels(folder / f"first.again{suffix}") == pixels(folder / f"first{suffix}")
    # The copy tells as much as the original: it can be painted again, too.
    told, told_again = (read_provenance(folder / f"first{part}{suffix}") for part in ("", ".again"))
    assert replace(told_again, job_id=told.job_id) == told


def paint(call_cli: RunCli, *options: str) -> None:
    ended = call_cli("image", "cat.jpg", "-s", "oil.png", "-o", "out.png", *options)
    assert ended.returncode == 0, ended.stderr


def test_what_moved_is_found_beside_the_painting_or_by_its_option(
    scripted: RunningDaemon, call_cli: RunCli, folder: Path
) -> None:
    paint(call_cli)
    other = folder / "other"
    other.mkdir()
    for name in ("out.png", "cat.jpg"):
        (folder / name).rename(other / name)
    (folder / "oil.png").rename(folder / "monet.png")
    lost = call_cli("rerun", "other/out.png")
    assert lost.returncode == LocalExit.INPUT_UNREADABLE
    assert (
        "The style oil.png is neither beside the painting nor here.\nWhat to do: Name it with --style FILE."
        in lost.stderr
    )
    found = call_cli("rerun", "other/out.png", "--style", "monet.png")
    assert (found.returncode, found.stdout) == (0, "other/out.again.png\n")
    assert "another" not in found.stderr.split("Painting")[0]


def test_a_changed_photo_is_told_and_taken_when_named(scripted: RunningDaemon, call_cli: RunCli, folder: Path) -> None:
    paint(call_cli)
    (folder / "cat.jpg").write_bytes(encode(colours(30, 30), "JPEG"))
    refused = call_cli("rerun", "out.png")
    assert refused.returncode == LocalExit.INPUT_UNREADABLE
    assert "its sha-256 is another" in refused.stderr
    assert "--photo cat.jpg" in refused.stderr
    taken = call_cli("rerun", "out.png", "--photo", "cat.jpg")
    assert taken.returncode == 0
    assert "Note: cat.jpg is not the photo" in taken.stderr


def test_a_record_of_gimp_is_painted_from_a_file_or_stdin(
    scripted: RunningDaemon, call_cli: RunCli, folder: Path
) -> None:
    paint(call_cli)
    told = read_provenance(folder / "out.png")
    kept = {key: value for key, value in asdict(told).items() if key not in ("content", "styles", "mask", "depth")}
    record = json.dumps({**kept, "style": "woodblock", "seconds": 1.5})
    (folder / "layer.json").write_text(record)
    nameless = call_cli("rerun", "layer.json")
    assert nameless.returncode == LocalExit.INPUT_UNREADABLE
    assert "--photo FILE" in nameless.stderr
    ended = call_cli("rerun", "layer.json", "--photo", "cat.jpg")
    assert (ended.returncode, ended.stdout) == (0, "cat.again.png\n"), ended.stderr
    request = scripted.service.requests[-1]
    assert ([style.name for style in request.styles], request.seed) == (["woodblock"], told.seed)
    assert request.tunables == pb.Tunables(size=64, iterations=9, style_weight=500.0)
    pasted = subprocess.run(
        [sys.executable, "-m", "stylize", "rerun", "-", "--photo", "cat.jpg", "--style", "oil.png", "-o", "new.png"],
        input=record,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), HOME_VARIABLE: os.environ[HOME_VARIABLE]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (pasted.returncode, pasted.stdout) == (0, "new.png\n"), pasted.stderr
    assert "not the styles" in pasted.stderr


def test_a_record_leads_to_no_other_folder(scripted: RunningDaemon, call_cli: RunCli, folder: Path) -> None:
    paint(call_cli)
    told = asdict(read_provenance(folder / "out.png"))
    (folder / "private").mkdir()
    (folder / "cat.jpg").rename(folder / "private" / "cat.jpg")
    told["content"]["file"] = "private/cat.jpg"
    (folder / "layer.json").write_text(json.dumps(told))
    ended = call_cli("rerun", "layer.json", "-o", "new.png")
    assert ended.returncode == LocalExit.INPUT_UNREADABLE
    assert "The photo cat.jpg is neither" in ended.stderr


@pytest.mark.parametrize("name", ["cat.jpg", "missing.png"])
def test_what_tells_nothing_is_refused_without_a_call(
    scripted: RunningDaemon, call_cli: RunCli, folder: Path, name: str
) -> None:
    ended = call_cli("rerun", name)
    assert ended.returncode == LocalExit.INPUT_UNREADABLE
    assert "What to do: " in ended.stderr
    assert scripted.service.calls == []
