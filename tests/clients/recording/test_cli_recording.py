"""Promise: the command line records what is asked for, of one photo or many, and says what it does not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from neuralstyle.v1 import admin_pb2
from neuralstyle.v1 import stylize_pb2 as pb
from neuralstyle.v1.endpoint import HOME_VARIABLE
from neuralstyle.v1.reasons import LocalExit, Reason
from stylize.cli import options
from stylize.recording import extras, timelapse
from tests.clients.conftest import RunCli
from tests.clients.photos import colours, encode
from tests.clients.scripted_daemon import RunningDaemon, abort, frame, progress, started
from tests.real_daemon import RealDaemon, wait_for

from .film_reader import read_film

LOOK = ("-s", "oil.png", "--preset", "gatys", "--size", "48", "--seed", "3")
ALL = ("--save-every", "10", "--timelapse", ".mp4", "--loss-plot", ".png", "--loss-csv", ".csv")
RECORDED = ("a.oil.loss.csv", "a.oil.loss.png", "a.oil.png", "a.oil.steps", "a.oil.timelapse.mp4")


@pytest.fixture(autouse=True)
def photos(tmp_path: Path) -> None:
    """Two photos and a style."""
    (tmp_path / "photos").mkdir()
    for name in ("a.png", "b.png"):
        (tmp_path / "photos" / name).write_bytes(encode(colours(48, 32), "PNG"))
    (tmp_path / "oil.png").write_bytes(encode(colours(40, 40), "PNG"))


def made(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir() if entry.name not in ("a.png", "b.png"))


def test_one_photo_with_everything(daemon: RealDaemon, call_cli: RunCli, tmp_path: Path) -> None:
    home = str(daemon.folder)
    command = ("image", "photos/a.png", *LOOK, "--set", "iterations=20", *ALL)
    ended = call_cli(*command, STYLIZED_HOME=home)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == "photos/a.oil.png\n"
    assert made(tmp_path / "photos") == list(RECORDED)
    assert "Note: Recorded in photos/a.oil.steps, photos/a.oil.timelapse.mp4" in ended.stderr
    assert read_film(tmp_path / "photos" / "a.oil.timelapse.mp4").size == (48, 32)
    with Image.open(tmp_path / "photos" / "a.oil.steps" / "0020.png") as last:
        assert last.size == (48, 32)
    # What is there is not replaced, which is told before anything is painted.
    (tmp_path / "photos" / "a.oil.png").unlink()
    again = call_cli(*command, STYLIZED_HOME=home)
    assert again.returncode == LocalExit.OUTPUT_EXISTS
    assert "There are pictures in photos/a.oil.steps already." in again.stderr
    assert not (tmp_path / "photos" / "a.oil.png").exists()
    assert call_cli(*command, "--overwrite", STYLIZED_HOME=home).returncode == 0


def test_a_painting_again_with_a_film(daemon: RealDaemon, call_cli: RunCli, tmp_path: Path) -> None:
    home = str(daemon.folder)
    call_cli("image", "photos/a.png", *LOOK, "--set", "iterations=6", "-o", "a.png", STYLIZED_HOME=home)
    options = ("--photo", "photos/a.png", "--timelapse", "how.gif", "--timelapse-every", "2")
    ended = call_cli("rerun", "a.png", *options, STYLIZED_HOME=home)
    assert ended.returncode == 0, ended.stderr
    assert len(read_film(tmp_path / "how.gif").frames) == 4
    assert "the picture is" in ended.stderr


def test_many_photos_have_a_film_each(scripted: RunningDaemon, call_cli: RunCli, tmp_path: Path) -> None:
    named = call_cli("image", "photos", "-s", "woodblock", "--timelapse", "film.mp4")
    assert named.returncode == LocalExit.USAGE
    assert "--timelapse .mp4" in named.stderr
    assert scripted.service.requests == []
    ended = call_cli("image", "photos", "-s", "woodblock", "--timelapse", ".gif", "--loss-csv", ".csv")
    assert ended.returncode == 0, ended.stderr
    names = ("loss.csv", "png", "timelapse.gif")
    assert made(tmp_path / "photos") == [f"{photo}.woodblock.{name}" for photo in ("a", "b") for name in names]


@pytest.mark.parametrize(
    ("arguments", "size", "every", "kind"),
    [
        (("--save-every", "50", "--timelapse", "a.gif"), "300", 10, "FRAME_FORMAT_PNG"),
        (("--save-every", "15", "--timelapse", "a.gif", "--timelapse-every", "20"), "900", 5, "FRAME_FORMAT_JPEG"),
        (("--loss-csv", "a.csv"), "300", 0, "FRAME_FORMAT_UNSPECIFIED"),
    ],
)
def test_frames_are_asked_for_as_they_are_needed(
    scripted: RunningDaemon, call_cli: RunCli, arguments: tuple[str, ...], size: str, every: int, kind: str
) -> None:
    assert call_cli("image", "photos/a.png", "-s", "woodblock", "--size", size, *arguments).returncode == 0
    (request,) = scripted.service.requests
    assert request.HasField("preview") == bool(every)
    assert request.preview.every_iterations == every
    assert pb.FrameFormat.Name(request.preview.format) == kind


def test_frames_for_a_recording_are_shown_to_nobody(scripted: RunningDaemon, call_cli: RunCli) -> None:
    ended = call_cli("image", "photos/a.png", "-s", "woodblock", "--timelapse", "a.gif", "--json")
    told = [json.loads(line) for line in ended.stdout.splitlines()]
    assert "frame" not in {event["event"] for event in told}
    saved = next(event for event in told if event["event"] == "saved")
    assert [Path(path).name for path in saved["recorded"]] == ["a.gif"]


def test_two_things_under_one_name_are_refused(scripted: RunningDaemon, call_cli: RunCli) -> None:
    for name in ("a.png", "./a.png"):
        ended = call_cli("image", "photos/a.png", "-s", "woodblock", "-o", "a.png", "--loss-plot", name)
        assert ended.returncode == LocalExit.OUTPUT_EXISTS
        assert "would both become" in ended.stderr
    assert scripted.service.requests == []


def test_a_missing_extra_is_told_before_anything_is_sent(
    scripted: RunningDaemon, call_cli: RunCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extras.importlib.util, "find_spec", lambda name: None)
    ended = call_cli("image", "photos/a.png", "-s", "woodblock", "--timelapse", ".mp4")
    assert ended.returncode == LocalExit.OUTPUT_UNWRITABLE
    assert "pip install 'stylized[record]'" in ended.stderr
    assert scripted.service.requests == []


def test_a_painting_is_safe_when_its_film_is_not(
    scripted: RunningDaemon, call_cli: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(timelapse, "write_film", no_room)
    ended = call_cli("image", "photos/a.png", "-s", "woodblock", "--timelapse", ".gif")
    assert ended.returncode == LocalExit.OUTPUT_UNWRITABLE
    assert "a.woodblock.timelapse.gif could not be written: No space left on device." in ended.stderr
    assert "The painting was saved as photos/a.woodblock.png." in ended.stderr
    assert made(tmp_path / "photos") == ["a.woodblock.png"]


def test_what_was_recorded_of_a_job_that_fails_is_kept(
    scripted: RunningDaemon, call_cli: RunCli, tmp_path: Path
) -> None:
    def script(request, context, photo):
        yield started()
        for number in (1, 2):
            yield progress(number)
            yield frame(number)
        abort(context, Reason.NOT_FINITE, "The losses are no numbers any more.")

    scripted.service.script = script
    ended = call_cli("image", "photos/a.png", "-s", "woodblock", "--timelapse", "a.gif", "--loss-csv", "a.csv")
    assert ended.returncode == Reason.NOT_FINITE.exit_code
    assert "Note: What was recorded so far is kept: a.gif, a.csv." in ended.stderr
    assert len((tmp_path / "a.csv").read_text().splitlines()) == 3


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT])
def test_a_program_that_is_killed_leaves_no_half_film_and_one_that_is_stopped_a_whole_one(
    daemon: RealDaemon, tmp_path: Path, ending: signal.Signals
) -> None:
    long = ("--set", "iterations=100000", "--set", "optimizer=adam", "--save-every", "5", "--timelapse", ".webp")
    with subprocess.Popen(
        [sys.executable, "-m", "stylize", "image", "photos/a.png", *LOOK, *long],
        cwd=tmp_path,
        env={**os.environ, HOME_VARIABLE: str(daemon.folder), "PYTHONPATH": os.pathsep.join(sys.path)},
        stderr=subprocess.DEVNULL,
    ) as process:
        steps = tmp_path / "photos" / "a.oil.steps"
        wait_for(lambda: steps.is_dir() and len(list(steps.glob("*.png"))) >= 3, 60, "three pictures")
        process.send_signal(ending)
        process.wait(60)
    for picture in steps.glob("0*.png"):
        Image.open(picture).load()
    if ending == signal.SIGKILL:
        assert made(tmp_path / "photos") == ["a.oil.steps"]
        wait_for(lambda: daemon.worker_pid() and not _jobs(daemon), 30, "the worker to be free")
    else:
        assert made(tmp_path / "photos") == ["a.oil.png", "a.oil.steps", "a.oil.timelapse.webp"]
        assert len(read_film(tmp_path / "photos" / "a.oil.timelapse.webp").frames) >= 2


def _jobs(daemon: RealDaemon) -> int:
    time.sleep(0.05)
    return len(daemon.admin().ListJobs(admin_pb2.ListJobsRequest()).jobs)


def test_the_default_is_the_librarys() -> None:
    assert options.TIMELAPSE_EVERY == timelapse.EVERY
