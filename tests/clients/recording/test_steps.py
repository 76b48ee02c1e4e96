"""Promise: numbered pictures are those of every N-th step, each whole, and of one job only."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stylize.errors import OutputExists, OutputUnwritable
from stylize.events import Frame, Level
from stylize.recording import StepPictures

from .scripted_events import frame, job, picture, started

LEVELS = (Level(32, 22, 10), Level(64, 44, 30))


def record(recorder: StepPictures, **options: object) -> StepPictures:
    with recorder:
        for event in job(LEVELS, every=10, **options):  # pyright: ignore[reportArgumentType]
            recorder.take(event)
    return recorder


def test_they_are_those_of_every_tenth_step_as_they_came(tmp_path: Path) -> None:
    folder = tmp_path / "steps"
    recorder = record(StepPictures(folder, 10))
    assert sorted(entry.name for entry in folder.iterdir()) == ["0010.png", "0020.png", "0030.png", "0040.png"]
    for step, size in ((10, (32, 22)), (40, (64, 44))):
        with Image.open(folder / f"00{step}.png") as found:
            assert np.array_equal(np.asarray(found), np.asarray(picture(*size, step)))
    assert recorder.written
    assert recorder.notes == []


def test_jpegs_stay_jpegs_and_numbers_sort(tmp_path: Path) -> None:
    recorder = StepPictures(tmp_path / "steps", 20_000)
    recorder.take(started([Level(32, 32, 100_000)]))
    recorder.take(Frame(1, 0, 20_000, 32, 32, "jpeg", b"as it came"))
    assert (tmp_path / "steps" / "020000.jpg").read_bytes() == b"as it came"


def test_they_are_there_at_once(tmp_path: Path) -> None:
    recorder = StepPictures(tmp_path / "steps", 5)
    recorder.take(started(LEVELS))
    recorder.take(frame(5, (32, 22)))
    assert [entry.name for entry in (tmp_path / "steps").iterdir()] == ["0005.png"]


def test_those_of_an_earlier_job_are_kept_or_removed_but_never_mixed_in(tmp_path: Path) -> None:
    folder = tmp_path / "steps"
    folder.mkdir()
    for name in ("0099.png", "0099.jpg", "notes.txt"):
        (folder / name).write_text("earlier")
    with pytest.raises(OutputExists):
        StepPictures(folder, 10)
    record(StepPictures(folder, 10, overwrite=True))
    names = sorted(entry.name for entry in folder.iterdir())
    assert names == ["0010.png", "0020.png", "0030.png", "0040.png", "notes.txt"]


def test_missed_ones_are_told(tmp_path: Path) -> None:
    recorder = record(StepPictures(tmp_path / "steps", 10), without=[20])
    assert recorder.notes == [f"1 of 4 pictures did not arrive in time and are not in {tmp_path / 'steps'}."]


def test_a_place_that_is_no_folder_is_refused_before_it_is_painted(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "missing" / "steps"):
        with pytest.raises(OutputUnwritable):
            StepPictures(path, 10)
    with pytest.raises(ValueError):
        StepPictures(tmp_path / "steps", 0)


def test_what_goes_wrong_is_told_at_the_end(tmp_path: Path) -> None:
    recorder = StepPictures(tmp_path / "steps", 10)
    (tmp_path / "steps").write_text("in the way")
    for event in job(LEVELS, every=10):
        recorder.take(event)
    with pytest.raises(OutputUnwritable):
        recorder.close()
