"""Promise: a contact sheet shows every picture at its place with its label, and holes where there is none."""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from neuralstyle.v1 import stylize_pb2 as pb
from neuralstyle.v1.endpoint import HOME_VARIABLE
from neuralstyle.v1.reasons import LocalExit, Reason
from stylize import own_styles
from stylize.contact_sheet import EMPTY, PAPER, Cell, Heading, gallery, table
from stylize.provenance import is_painting
from tests.real_daemon import RealDaemon

from .conftest import RunCli
from .photos import colours, encode
from .scripted_daemon import RunningDaemon, ScriptedService, abort, encode_png, paint, result_chunks, started, summary

LONG = ("-s", "ink", "--size", "32", "--preset", "gatys", "--set", "optimizer=adam", "--set", "iterations=100000")
RED, GREEN, BLUE, GOLD = (200, 0, 0), (0, 160, 0), (0, 0, 200), (200, 160, 0)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "cat.png"
    path.write_bytes(encode(colours(48, 32), "PNG"))
    return path


def plain(colour: tuple[int, int, int], size: tuple[int, int] = (90, 60)) -> Image.Image:
    return Image.new("RGB", size, colour)


def boxes(sheet: Image.Image, colour: tuple[int, int, int]) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of what has exactly this colour."""
    rows, columns = np.nonzero((np.asarray(sheet) == colour).all(axis=2))
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


def test_a_gallery_puts_pictures_in_rows_and_labels_under_them() -> None:
    cells = [Cell(plain(RED), "one"), Cell(plain(GREEN), "two"), Cell(plain(BLUE), "three"), Cell(plain(GOLD))]
    sheet = gallery(cells, Heading("Title", "subtitle"), columns=2)
    red, green, blue, gold = (boxes(sheet, colour) for colour in (RED, GREEN, BLUE, GOLD))
    assert all(box[2] - box[0] == 90 and box[3] - box[1] == 60 for box in (red, green, blue, gold))
    assert red[1] == green[1] < blue[1] == gold[1]
    assert red[0] == blue[0] < green[0] == gold[0]
    assert gold[2] < sheet.width
    assert gold[3] < sheet.height
    under = sheet.crop((red[0], red[3], red[2], blue[1]))
    assert np.asarray(under).min() < 100, "no label"
    assert sheet.getpixel((0, 0)) == PAPER


def test_a_table_has_its_labels_above_and_beside() -> None:
    grid = [[Cell(plain(RED)), Cell(plain(GREEN))], [Cell(plain(BLUE)), Cell(None)]]
    sheet = table(grid, ["left", "right"], ["a long label of a row", "below"], Heading("T", picture=plain(GOLD)))
    red, green, blue = (boxes(sheet, colour) for colour in (RED, GREEN, BLUE))
    hole = boxes(sheet, EMPTY)
    assert (hole[0], hole[1]) == (green[0], blue[1])
    beside = np.asarray(sheet.crop((0, red[1], red[0], red[3])))
    assert beside.min() < 100
    assert (beside[:, 0] == PAPER).all(), "a label is cut off"


def test_pictures_of_other_shapes_lie_in_the_middle_and_long_labels_are_shortened() -> None:
    cells = [Cell(plain(RED, (90, 30))), Cell(plain(GREEN, (40, 60)), "a label that is far too long for one cell")]
    sheet = gallery(cells, Heading("A title that is wider than all of the pictures together are"), columns=2)
    red, green = boxes(sheet, RED), boxes(sheet, GREEN)
    assert (red[1] + red[3], red[3] - red[1]) == (green[1] + green[3], 30)
    assert (np.asarray(sheet)[:, -1] == PAPER).all()


def test_a_real_sheet_of_two_things(daemon: RealDaemon, call_cli: RunCli, photo: Path, tmp_path: Path) -> None:
    ended = call_cli(
        *("sheet", photo, "--styles", "ink,mosaic", "--vary", "iterations=1,2", "--size", "32", "--preset", "gatys"),
        STYLIZED_HOME=str(daemon.folder),
    )
    path = tmp_path / "cat.sheet.png"
    assert (ended.returncode, ended.stdout) == (0, f"{path}\n"), ended.stderr
    assert "Painted 4 of 4 pictures" in ended.stderr
    with Image.open(path) as sheet:
        assert sheet.width > 2 * 32
        assert sheet.height > 2 * 21
    assert is_painting(path)  # `stylize image FOLDER` leaves it out


def test_all_styles_are_built_in_and_own_and_everything_else_is_alike(
    scripted: RunningDaemon, call_cli: RunCli, photo: Path
) -> None:
    own_styles.add(photo, "mine", [])
    ended = call_cli("sheet", photo, "--styles", "all", "-o", "out.jpg", "--set", "optimizer=adam")
    assert ended.returncode == 0, ended.stderr
    requests = scripted.service.requests
    assert sorted(request.styles[0].name for request in requests) == ["", "mosaic", "woodblock"]
    assert {(request.seed, request.preset, request.priority) for request in requests} == {
        (0, "draft", pb.PRIORITY_BATCH)
    }
    assert all(request.tunables == pb.Tunables(optimizer=pb.OPTIMIZER_ADAM) for request in requests)


def test_the_first_thing_that_varies_runs_across_and_the_second_down(
    scripted: RunningDaemon, service: ScriptedService, call_cli: RunCli, photo: Path, tmp_path: Path
) -> None:
    def colour(strength: float, seed: int) -> tuple[int, int, int]:
        return round(strength * 100), 100 + seed, 7

    def script(request, context, photo):
        yield started()
        yield from result_chunks(encode_png(plain(colour(request.tunables.strength, request.seed), (48, 32))))
        yield summary()

    service.script = script
    ended = call_cli("sheet", photo, "-s", "mosaic", "--vary", "strength=0.2,0.5,0.8", "--vary", "seed=1,2")
    assert ended.returncode == 0, ended.stderr
    sheet = Image.open(io.BytesIO((tmp_path / "cat.sheet.png").read_bytes()))
    lefts = [boxes(sheet, colour(strength, 2))[0] for strength in (0.2, 0.5, 0.8)]
    tops = [boxes(sheet, colour(0.5, seed))[1] for seed in (1, 2)]
    assert lefts == sorted(set(lefts))
    assert tops == sorted(set(tops))


def test_presets_and_seeds_vary_too(scripted: RunningDaemon, call_cli: RunCli, photo: Path) -> None:
    ended = call_cli("sheet", photo, "-s", "mosaic", "--vary", "preset=draft,gatys", "--vary", "seed=1,2")
    assert ended.returncode == 0, ended.stderr
    seen = {(request.preset, request.seed) for request in scripted.service.requests}
    assert seen == {("draft", 1), ("draft", 2), ("gatys", 1), ("gatys", 2)}


def test_one_that_fails_leaves_a_hole(
    scripted: RunningDaemon, service: ScriptedService, call_cli: RunCli, photo: Path, tmp_path: Path
) -> None:
    def script(request, context, photo):
        if request.tunables.strength == 0.5:
            abort(context, Reason.NOT_FINITE, "It exploded.")
        yield from paint(request, context, photo)

    service.script = script
    ended = call_cli("sheet", photo, "-s", "mosaic", "--vary", "strength=0.2,0.5,0.8")
    assert (ended.returncode, ended.stdout) == (Reason.NOT_FINITE.exit_code, f"{tmp_path / 'cat.sheet.png'}\n")
    assert "strength 0.5: It exploded." in ended.stderr
    with Image.open(tmp_path / "cat.sheet.png") as sheet:
        left, top, right, bottom = boxes(sheet, EMPTY)
    assert (right - left, bottom - top) == (48, 32)


def test_a_sheet_that_cannot_be_saved_is_kept_elsewhere(
    scripted: RunningDaemon, service: ScriptedService, call_cli: RunCli, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, elsewhere = photo.parent / "out", photo.parent / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(elsewhere))

    def script(request, context, photo):
        shutil.rmtree(folder, ignore_errors=True)  # as an unmounted disk
        yield from paint(request, context, photo)

    service.script = script
    ended = call_cli("sheet", photo, "-s", "mosaic", "--vary", "strength=0.2,0.8", "-o", "out/sheet.jpg")
    assert ended.returncode == LocalExit.OUTPUT_UNWRITABLE
    (kept,) = elsewhere.iterdir()
    assert str(kept) in ended.stderr
    with Image.open(kept) as sheet:
        assert sheet.width > 2 * 48


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-s", "mosaic"], "No things vary"),
        (["--vary", "strength=0,1"], "Give either --style"),
        (["-s", "mosaic", "--styles", "all"], "Give either --style"),
        (["--styles", "all", "--vary", "strength=0,1", "--vary", "tv_weight=0,1"], "3 things vary"),
        (["-s", "mosaic", "--vary", "strength=0,1", "--vary", "strength=0,1"], "varies twice"),
        (["-s", "mosaic", "--vary", "strenght=0,1"], "Did you mean strength?"),
        (["-s", "mosaic", "--vary", "seed=a"], "no seed"),
        (["-s", "mosaic", "--vary", "size=" + ",".join(map(str, range(64, 200)))], "136 pictures"),
    ],
)
def test_what_makes_no_sheet_is_told_before_any_call(
    scripted: RunningDaemon, call_cli: RunCli, photo: Path, arguments: list[str], said: str
) -> None:
    ended = call_cli("sheet", photo, *arguments)
    assert ended.returncode != 0
    assert said in " ".join(ended.stderr.replace("│", " ").split())
    assert scripted.service.calls == []


def test_ctrl_c_leaves_the_rest_empty(daemon: RealDaemon, photo: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "stylize", "sheet", photo, *LONG, "--vary", "strength=0.2,0.8", "--json"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, HOME_VARIABLE: str(daemon.folder), "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdout is not None
    while '"progress"' not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    time.sleep(0.1)
    printed, _ = process.communicate(timeout=30)
    assert process.returncode == LocalExit.INTERRUPTED
    assert '"event": "saved"' in printed
    sheet = Image.open(io.BytesIO((tmp_path / "cat.sheet.png").read_bytes()))
    left, top, right, bottom = boxes(sheet, EMPTY)
    assert (right - left, bottom - top) == (32, 21)


def test_the_sheet_of_styles_shows_them_all(scripted: RunningDaemon, call_cli: RunCli, photo: Path) -> None:
    own_styles.add(photo, "mine", [])
    thumbnail = encode(plain(RED, (192, 100)), "JPEG")
    scripted.service.thumbnail = thumbnail
    ended = call_cli("styles", "--sheet", "styles.png")
    assert (ended.returncode, ended.stdout) == (0, "styles.png\n"), ended.stderr
    with Image.open(photo.parent / "styles.png") as sheet:
        assert (np.asarray(sheet) == np.asarray(plain(RED).convert("RGB"))[0, 0]).all(axis=2).sum() > 1.5 * 192 * 100
