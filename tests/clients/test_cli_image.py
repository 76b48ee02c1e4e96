"""Promise: many photos become paintings in one command, a failing one stops no other, and Ctrl-C keeps what is done."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import grpc
import numpy as np
import pytest
import tifffile
from PIL import Image

from neuralstyle.v1 import admin_pb2
from neuralstyle.v1 import stylize_pb2 as pb
from neuralstyle.v1.endpoint import HOME_VARIABLE
from neuralstyle.v1.reasons import LocalExit, Reason
from stylize.cli.photos import default_output, find_photos
from stylize.errors import InputUnreadable
from stylize.provenance import read_provenance
from tests.real_daemon import RealDaemon, wait_for

from .conftest import RunCli
from .photos import colours, encode
from .scripted_daemon import RunningDaemon, ScriptedService, abort, paint, started

FAST = ("--style", "oil.png", "--preset", "gatys", "--set", "iterations=2", "--size", "48", "--seed", "3")
LONG = (
    "--style",
    "oil.png",
    "--preset",
    "gatys",
    "--set",
    "iterations=100000",
    "--set",
    "optimizer=adam",
    "--size",
    "32",
)


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """Three photos, a style, and a file that is no photo."""
    folder = tmp_path / "photos"
    folder.mkdir()
    paths = [folder / name for name in ("a.png", "b two.png", "c.png")]
    for index, path in enumerate(paths):
        path.write_bytes(encode(colours(48, 32 + index), "PNG"))
    (folder / "notes.txt").write_text("not a photo")
    (tmp_path / "oil.png").write_bytes(encode(colours(40, 40), "PNG"))
    return paths


def picture(path: Path) -> Image.Image:
    return Image.open(io.BytesIO(path.read_bytes()))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_is_painted_beside_the_photos_and_not_twice(
    daemon: RealDaemon, call_cli: RunCli, photos: list[Path], tmp_path: Path
) -> None:
    home = str(daemon.folder)
    ended = call_cli("image", "photos", *FAST, STYLIZED_HOME=home)
    paintings = ["a.oil.png", "b two.oil.png", "c.oil.png"]
    assert ended.returncode == 0, ended.stderr
    assert sorted(ended.stdout.splitlines()) == [f"photos/{name}" for name in paintings]
    assert "[3/3]" in ended.stderr
    assert "Painted 3 of 3 photos" in ended.stderr
    assert "\x1b" not in ended.stdout + ended.stderr
    assert [picture(tmp_path / "photos" / name).size for name in paintings] == [(48, 32), (48, 33), (48, 34)]
    # The paintings in the folder are no photos; what is there already is told, and nothing is painted.
    again = call_cli("image", "photos", *FAST, STYLIZED_HOME=home)
    assert again.returncode == LocalExit.OUTPUT_EXISTS
    assert "3 paintings made by stylize" in again.stderr
    assert "Painted 0 of 3" in again.stderr


def test_many_go_into_a_folder_that_is_made(scripted: RunningDaemon, call_cli: RunCli, photos: list[Path]) -> None:
    ended = call_cli("image", "photos/*.png", "-s", "woodblock", "-o", "new/place/")  # quoted: no shell expands it
    assert sorted(ended.stdout.splitlines()) == [f"new/place/{name}.woodblock.png" for name in ("a", "b two", "c")]
    assert {request.priority for request in scripted.service.requests} == {pb.PRIORITY_BATCH}


def test_one_that_fails_stops_no_other(scripted: RunningDaemon, call_cli: RunCli, photos: list[Path]) -> None:
    photos[1].write_bytes(b"nonsense")

    def script(request, context, photo):
        if photo == b"nonsense":
            abort(context, Reason.IMAGE_UNREADABLE, "The picture is damaged.")
        yield from paint(request, context, photo)

    scripted.service.script = script
    ended = call_cli("image", *photos, "missing.png", "-s", "woodblock")
    assert sorted(ended.stdout.splitlines()) == [str(default_output(path, ["woodblock"])) for path in photos[::2]]
    assert f"{photos[1]}: The picture is damaged. {Reason.IMAGE_UNREADABLE.info.remedy}" in ended.stderr
    assert "missing.png cannot be read" in ended.stderr
    assert "Painted 2 of 4 photos" in ended.stderr
    assert ended.returncode == LocalExit.FAILURE  # they failed in different ways
    alike = call_cli("image", *photos, "-s", "woodblock", "--overwrite")
    assert alike.returncode == Reason.IMAGE_UNREADABLE.exit_code


def test_a_full_queue_is_waited_for(scripted: RunningDaemon, call_cli: RunCli, photos: list[Path]) -> None:
    refusals = [1, 2]

    def script(request, context, photo):
        if refusals:
            refusals.pop()
            abort(context, Reason.QUEUE_FULL, "The queue is full.")
        yield from paint(request, context, photo)

    scripted.service.script = script
    ended = call_cli("image", *photos, "-s", "woodblock")
    assert (ended.returncode, len(ended.stdout.splitlines())) == (0, 3)
    assert "waits: The queue is full." in ended.stderr


def test_a_daemon_that_goes_away_ends_it(
    scripted: RunningDaemon, service: ScriptedService, call_cli: RunCli, photos: list[Path]
) -> None:
    for index in range(8):
        (photos[0].parent / f"x{index}.png").write_bytes(photos[0].read_bytes())

    def script(request, context, photo):
        yield started()
        context.abort(grpc.StatusCode.UNAVAILABLE, "Socket closed")

    service.script = script
    ended = call_cli("image", "photos", "-s", "woodblock")
    assert ended.returncode == LocalExit.DAEMON_UNREACHABLE
    assert "Not painted: " in ended.stderr
    assert ended.stdout == ""


def test_json_says_of_which_photo_each_event_is(scripted: RunningDaemon, call_cli: RunCli, photos: list[Path]) -> None:
    ended = call_cli("image", *photos, "missing.png", "-s", "woodblock", "--json")
    events = [json.loads(line) for line in ended.stdout.splitlines()]
    assert ended.stderr == ""
    assert {event["photo"] for event in events if event["event"] == "saved"} == {str(path) for path in photos}
    assert [event["photo"] for event in events if event["event"] == "error"] == ["missing.png"]
    assert events[-1] == {"event": "end", "painted": 3, "failed": 1, "left": 0}


def test_quiet_prints_paths_and_failures(scripted: RunningDaemon, call_cli: RunCli, photos: list[Path]) -> None:
    ended = call_cli("image", *photos, "missing.png", "-s", "woodblock", "--quiet")
    assert len(ended.stdout.splitlines()) == 3
    assert ended.stderr.startswith("missing.png: ")
    assert len(ended.stderr.splitlines()) == 1


def test_two_photos_of_one_name_do_not_lose_each_other(
    scripted: RunningDaemon, call_cli: RunCli, photos: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "a.png").write_bytes(photos[0].read_bytes())
    ended = call_cli("image", photos[0], "a.png", "-s", "woodblock", "-o", "out/")
    assert ended.returncode == LocalExit.OUTPUT_EXISTS
    assert "would both become out/a.woodblock.png" in ended.stderr
    assert names(tmp_path / "out") == ["a.woodblock.png"]


def test_options_of_the_look_reach_the_daemon(scripted: RunningDaemon, call_cli: RunCli, photos: list[Path]) -> None:
    ended = call_cli(
        *("image", photos[0], "-s", "woodblock", "-s", "mosaic", "--style-weight", "2", "--style-weight", "0.5"),
        *("--strength", "0.8", "--style-scale", "0.5", "--colors", "keep", "--set", "optimizer=adam", "-o", "out.tif"),
        *("--metadata", "none", "--seed", "9"),
    )
    assert ended.returncode == 0, ended.stderr
    (request,) = scripted.service.requests
    assert [(style.name, style.weight) for style in request.styles] == [("woodblock", 2.0), ("mosaic", 0.5)]
    assert request.tunables == pb.Tunables(strength=0.8, style_scale=0.5, color=0.0, optimizer=pb.OPTIMIZER_ADAM)
    with Image.open(photos[0].parents[1] / "out.tif") as painting:
        assert not painting.getexif().get_ifd(0x8769)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--style-weight", "1", "--style-weight", "2"], "1 styles and 2 weights"),
        (["--style-mask", "a.png", "--style-mask", "-"], "1 styles and 2 masks"),
        (["--style-source-mask", "a.png", "--style-source-mask", "-"], "1 styles and 2 masks"),
        (["--colors", "gray"], "keep, style"),
        (["--colors", "keep", "--set", "color=1"], "twice"),
        (["--depth", "12"], "8 or 16"),
        (["--metadata", "some"], "all, profile, none"),
        (["-o", "one.png"], "do not go into one file"),
    ],
)
def test_contradictions_are_told_before_any_call(
    scripted: RunningDaemon, call_cli: RunCli, photos: list[Path], arguments: list[str], said: str
) -> None:
    ended = call_cli("image", *photos, "-s", "woodblock", *arguments)
    assert ended.returncode == LocalExit.USAGE
    assert said in " ".join(ended.stderr.replace("│", " ").split())
    assert scripted.service.calls == []


def test_a_mask_and_16_bits_on_a_real_daemon(
    daemon: RealDaemon, call_cli: RunCli, photos: list[Path], tmp_path: Path
) -> None:
    mask = np.zeros((32, 48), np.uint8)
    mask[:, 24:] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    home = str(daemon.folder)
    whole = call_cli("image", photos[0], *FAST, "--depth", "16", "-o", "whole.tif", STYLIZED_HOME=home)
    half = call_cli(
        *("image", photos[0], *FAST, "--depth", "16", "-o", "half.tif", "--mask", "mask.png"), STYLIZED_HOME=home
    )
    assert (whole.returncode, half.returncode) == (0, 0), whole.stderr + half.stderr
    painted, masked = (tifffile.imread(tmp_path / name) for name in ("whole.tif", "half.tif"))
    assert masked.dtype == np.uint16
    assert not np.array_equal(masked[:, 24:], painted[:, 24:])  # the style of the half is not that of the whole
    assert (masked[:, 24:] != np.asarray(colours(48, 32))[:, 24:].astype(np.uint16) * 257).mean() > 0.9
    assert np.array_equal(masked[:, :24], np.asarray(colours(48, 32))[:, :24].astype(np.uint16) * 257)
    told = read_provenance(tmp_path / "half.tif")
    assert (told.depth, told.mask and told.mask.file) == (16, "mask.png")


@pytest.mark.parametrize(("times", "options"), [(1, ["--quiet"]), (2, [])])
def test_ctrl_c_keeps_and_twice_discards(
    daemon: RealDaemon, photos: list[Path], times: int, options: list[str]
) -> None:
    for photo in photos:  # large enough that an iteration takes longer than the second Ctrl-C
        photo.write_bytes(encode(colours(320, 240), "PNG"))
    process = subprocess.Popen(
        [sys.executable, "-m", "stylize", "image", *photos, *LONG, "--size", "320", *options],
        cwd=photos[0].parents[1],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, HOME_VARIABLE: str(daemon.folder), "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    stub = daemon.admin()
    wait_for(lambda: any(job.iteration > 2 for job in stub.ListJobs(admin_pb2.ListJobsRequest()).jobs), 30, "a start")
    for _ in range(times):  # the second comes before the first has had its effect
        process.send_signal(signal.SIGINT)
        time.sleep(0.02)
    printed, said = process.communicate(timeout=30)
    assert process.returncode == LocalExit.INTERRUPTED
    assert "Ctrl-C again discards it" in said
    assert "Traceback" not in said
    wait_for(lambda: not stub.ListJobs(admin_pb2.ListJobsRequest()).jobs, 10, "freeing the worker")
    paintings = [path for path in photos[0].parent.iterdir() if ".oil." in path.name]
    assert [str(path) for path in paintings] == printed.splitlines()
    if times == 1:
        (painting,) = paintings
        assert int(str(read_provenance(painting).parameters["iterations"])) in range(1, 100_000)
    else:
        assert "Not painted: 3" in said


def test_folders_and_patterns_mean_photos(photos: list[Path], tmp_path: Path) -> None:
    found = find_photos([str(photos[2]), str(tmp_path / "photos"), str(tmp_path / "**" / "a.png")])
    assert found.photos == [photos[2], photos[0], photos[1]]
    assert found.several
    assert not find_photos([str(photos[0])]).several
    with pytest.raises(InputUnreadable, match="has no photo"):
        find_photos([str(tmp_path / "*.jpg")])


def test_one_photo_in_a_folder_may_go_into_a_file_and_a_folder_of_paintings_is_told(
    scripted: RunningDaemon, call_cli: RunCli, photos: list[Path]
) -> None:
    for path in photos[1:]:
        path.unlink()
    ended = call_cli("image", "photos", "-s", "woodblock", "-o", "photos/out.png")
    assert (ended.returncode, ended.stdout) == (0, "photos/out.png\n")
    photos[0].unlink()
    ended = call_cli("image", "photos", "-s", "woodblock")
    assert ended.returncode == LocalExit.INPUT_UNREADABLE
    assert "only paintings made by stylize" in ended.stderr


def test_a_file_whose_name_is_a_pattern_is_that_file(tmp_path: Path) -> None:
    path = tmp_path / "cat[1].png"
    path.write_bytes(encode(colours(), "PNG"))
    assert find_photos([str(path)]).photos == [path]


def test_open_shows_the_painting_or_of_several_their_folder(
    scripted: RunningDaemon, run_cli: RunCli, photos: list[Path], tmp_path: Path
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    viewer = tools / "xdg-open"
    viewer.write_text(f'#!/bin/sh\necho "$1" >> {tmp_path}/opened\n')
    viewer.chmod(0o755)
    path = f"{tools}:{os.environ['PATH']}"
    assert run_cli("image", photos[0], "-s", "woodblock", "--open", "-o", "out.png", PATH=path).returncode == 0
    assert run_cli("image", *photos, "-s", "woodblock", "--open", PATH=path).returncode == 0
    wait_for(lambda: len((tmp_path / "opened").read_text().splitlines()) == 2, 5, "opening")
    assert (tmp_path / "opened").read_text().splitlines() == [str(tmp_path / "out.png"), str(photos[0].parent)]
    without = run_cli("image", photos[0], "-s", "woodblock", "--open", "-o", "b.png", PATH=str(tmp_path))
    assert without.returncode == 0
    assert "no program was found" in without.stderr
