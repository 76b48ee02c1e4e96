"""Promise: a film shows the painting forming, ends with it, plays everywhere, and is whole or not there."""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stylize.errors import OutputExists, OutputUnwritable
from stylize.events import Level
from stylize.recording import Recording, Timelapse, extras, timelapse

from .film_reader import read_film
from .scripted_events import frame, job, picture, png, progress, result, started

NEAR = {".mp4": 6, ".webp": 6, ".gif": 14}
"""Distances that a kind of film may make; a .gif has 256 colours for all of its pictures."""
PYRAMID = (Level(32, 22, 10), Level(45, 31, 10), Level(65, 45, 20))


def far(one: np.ndarray, other: Image.Image) -> float:
    """Mean distance of samples, 0 to 255."""
    height, width = one.shape[:2]
    return float(np.abs(one.astype(float) - np.asarray(other.convert("RGB"))[:height, :width]).mean())


@pytest.mark.parametrize("kind", NEAR)
def test_it_shows_every_tenth_step_from_the_first_on_and_holds_the_painting(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"film{kind}"
    with Timelapse(path) as recorder:
        for event in job([Level(64, 48, 40)], every=10):
            recorder.take(event)
    assert recorder.written
    assert recorder.notes == []
    film = read_film(path)
    assert film.size == (64, 48)
    assert len(film.frames) == 5  # after steps 1, 10, 20 and 30, and the painting, which is step 40
    for shown, step in zip(film.frames, (1, 10, 20, 30, 40), strict=True):
        assert far(shown, picture(64, 48, step)) < NEAR[kind]
    assert film.last_seconds == pytest.approx(1.0)
    assert film.seconds == pytest.approx(1.4)


@pytest.mark.parametrize(("kind", "size"), [(".mp4", (64, 44)), (".webp", (65, 45)), (".gif", (65, 45))])
def test_coarse_levels_are_scaled_up_to_the_last(tmp_path: Path, kind: str, size: tuple[int, int]) -> None:
    path = tmp_path / f"film{kind}"
    with Timelapse(path) as recorder:
        for event in job(PYRAMID, every=10):
            recorder.take(event)
    film = read_film(path)
    assert film.size == size  # H.264 needs even sides
    assert far(film.frames[0], picture(65, 45, 1)) < NEAR[kind]
    assert far(film.frames[-1], picture(65, 45, 40)) < NEAR[kind]


def test_a_gif_is_small_and_its_pictures_share_their_colours(tmp_path: Path) -> None:
    path = tmp_path / "film.gif"
    with Timelapse(path) as recorder:
        for event in job([Level(960, 320, 30)], every=10):
            recorder.take(event)
    film = read_film(path)
    assert film.size == (480, 160)
    # With a palette each, they would flicker.
    colours = np.unique(np.concatenate([frame.reshape(-1, 3) for frame in film.frames]), axis=0)
    assert len(film.frames) == 4
    assert len(colours) <= 256
    with Image.open(path) as opened:
        assert opened.info["loop"] == 0


def test_alpha_is_left_out(tmp_path: Path) -> None:
    transparent = picture(64, 48, 3)
    transparent.putalpha(0)
    data = png(transparent)
    with Timelapse(tmp_path / "film.webp") as recorder:
        recorder.take(started([Level(64, 48, 3)]))
        recorder.take(replace(result((64, 48), 3), channels=4, size_bytes=len(data), data=data))
    assert far(read_film(tmp_path / "film.webp").frames[-1], picture(64, 48, 3)) < 6


def test_missed_frames_are_told_and_late_ones_are_not_missed(tmp_path: Path) -> None:
    with Timelapse(tmp_path / "film.webp", every=5) as recorder:
        for event in job([Level(32, 32, 30)], every=5, without=[10, 25]):
            recorder.take(event)
            if getattr(event, "iteration", 0) == 26:
                recorder.take(frame(26, (32, 32)))  # in place of that after step 25
    assert recorder.notes == [f"1 of 6 frames did not arrive in time, so {recorder.path} leaves them out."]


def test_frames_that_are_not_asked_for_are_left_out(tmp_path: Path) -> None:
    with Timelapse(tmp_path / "film.webp", every=10) as recorder:
        for event in job([Level(32, 32, 30)], every=1):
            recorder.take(event)
    assert len(read_film(recorder.path).frames) == 4


def test_an_error_leaves_the_film_so_far(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"

    def fail() -> None:
        with Timelapse(path, every=1) as recorder:
            recorder.take(started([Level(64, 48, 9)]))
            for step in (1, 2, 3):
                recorder.take(frame(step, (64, 48)))
                recorder.take(progress(step, 9))
            raise RuntimeError("the job failed")

    with pytest.raises(RuntimeError, match="the job failed"):
        fail()
    film = read_film(path)
    assert far(film.frames[-1], picture(64, 48, 3)) < 6
    assert film.last_seconds >= 1.0


def test_nothing_is_written_of_a_job_that_painted_nothing(tmp_path: Path) -> None:
    with Timelapse(tmp_path / "film.mp4") as recorder:
        recorder.take(started([Level(64, 48, 9)]))
    assert not recorder.written
    assert list(tmp_path.iterdir()) == []


def test_while_it_is_recorded_nothing_has_a_name(tmp_path: Path) -> None:
    recorder = Timelapse(tmp_path / "film.mp4")
    for event in list(job([Level(64, 48, 40)], every=10))[:-2]:
        recorder.take(event)
    assert list(tmp_path.iterdir()) == []  # so that a program that is killed leaves nothing
    recorder.close()
    assert [entry.name for entry in tmp_path.iterdir()] == ["film.mp4"]


def test_an_existing_film_is_replaced_only_if_that_is_said(tmp_path: Path) -> None:
    path = tmp_path / "film.webp"
    path.write_text("mine")
    with pytest.raises(OutputExists):
        Timelapse(path)
    with Timelapse(path, overwrite=True) as recorder:
        for event in job([Level(32, 32, 2)]):
            recorder.take(event)
    assert len(read_film(path).frames) == 2
    # One that appears meanwhile is left alone, too.
    late = tmp_path / "late.webp"
    recorder = Timelapse(late)
    for event in job([Level(32, 32, 2)]):
        recorder.take(event)
    late.write_text("mine")
    with pytest.raises(OutputExists):
        recorder.close()
    assert late.read_text() == "mine"


@pytest.mark.parametrize("name", ["film.avi", "film", "missing/film.mp4"])
def test_what_cannot_be_written_is_told_before_it_is_painted(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputUnwritable):
        Timelapse(tmp_path / name)


def test_a_missing_extra_is_one_sentence_with_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(OutputUnwritable, match="the package imageio-ffmpeg is needed") as caught:
        Timelapse(tmp_path / "film.mp4")
    assert "pip install 'stylized[record]'" in caught.value.remedy
    Timelapse(tmp_path / "film.gif")  # needs Pillow alone


def test_a_full_disk_is_told_at_the_end_and_stops_no_painting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Timelapse(tmp_path / "film.webp", every=1)
    events = list(job([Level(32, 32, 6)]))
    for event in events[:7]:
        recorder.take(event)

    def no_room(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(timelapse, "_store", no_room)
    for event in events[7:]:
        recorder.take(event)
    with pytest.raises(OutputUnwritable, match="No space left on device"):
        recorder.close()
    assert len(read_film(recorder.path).frames) == 3  # what there was room for


def test_what_ffmpeg_complains_of_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "ffmpeg"
    broken.write_text("#!/bin/sh\necho 'film.mp4: No space left on device' >&2\nexit 1\n")
    broken.chmod(broken.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(broken))
    recorder = Timelapse(tmp_path / "film.mp4")
    for event in job([Level(64, 48, 20)]):
        recorder.take(event)
    with pytest.raises(OutputUnwritable, match=r"ffmpeg could not write the film: .*No space left on device"):
        recorder.close()
    assert [entry.name for entry in tmp_path.iterdir()] == ["ffmpeg"]


@pytest.mark.parametrize("values", [{"every": 0}, {"fps": 0.0}])
def test_a_film_without_frames_is_refused(tmp_path: Path, values: dict[str, float]) -> None:
    with pytest.raises(ValueError):
        Timelapse(tmp_path / "film.webp", **values)  # pyright: ignore[reportArgumentType]


def test_of_several_that_fail_each_is_told(tmp_path: Path) -> None:
    recording = Recording(*(Timelapse(tmp_path / name) for name in ("a.webp", "b.webp", "c.webp")))
    for event in job([Level(32, 32, 2)]):
        recording.take(event)
    for name in ("a.webp", "b.webp"):
        (tmp_path / name).write_text("mine")
    with pytest.raises(OutputExists, match=r"a\.webp"):
        recording.close()
    assert any("b.webp" in note for note in recording.notes)
    assert recording.written == [tmp_path / "c.webp"]


def test_the_error_that_ended_a_job_goes_before_that_of_its_recording(tmp_path: Path) -> None:
    recorder = Timelapse(tmp_path / "film.webp")

    def fail() -> None:
        with recorder:
            for event in job([Level(32, 32, 2)]):
                recorder.take(event)
            recorder.path.write_text("mine")
            raise RuntimeError("the job failed")

    with pytest.raises(RuntimeError, match="the job failed"):
        fail()
    assert recorder.notes == [f"{recorder.path} is there already."]
