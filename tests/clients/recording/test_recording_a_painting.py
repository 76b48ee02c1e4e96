"""Promise: what is recorded of a real painting is how it formed."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stylize import Client
from stylize.recording import LossPlot, LossTable, Recording, StepPictures, Timelapse
from tests.clients.photos import colours
from tests.real_daemon import RealDaemon

from .film_reader import read_film

STEPS = 30


@pytest.fixture
def client(daemon: RealDaemon) -> Iterator[Client]:
    with Client.connect(daemon.endpoint.targets[0]) as connected:
        yield connected


def test_the_film_the_pictures_and_the_losses(client: Client, tmp_path: Path) -> None:
    recording = Recording(
        Timelapse(tmp_path / "film.mp4", every=6),
        Timelapse(tmp_path / "film.webp", every=6),
        Timelapse(tmp_path / "film.gif", every=6),
        StepPictures(tmp_path / "steps", 15),
        LossTable(tmp_path / "losses.csv"),
        LossPlot(tmp_path / "losses.png"),
    )
    assert recording.every == 3
    job = client.stylize(
        colours(65, 49),
        colours(40, 40),
        "gatys",
        iterations=STEPS,
        init="noise",
        seed=3,
        preview=1024,
        preview_every=recording.every,
        preview_format="png",
    )
    with recording, job:
        for event in job:
            recording.take(event)
    painting = job.result()
    assert [path.name for path in recording.written] == [
        *("film.mp4", "film.webp", "film.gif", "steps", "losses.csv", "losses.png")
    ]
    for name, size, near in (("film.mp4", (64, 48), 12), ("film.webp", (65, 49), 12), ("film.gif", (65, 49), 20)):
        film = read_film(tmp_path / name)
        assert film.size == size
        # After steps 1, 6, 12, 18 and 24, and the painting; a frame that could not be delivered is told.
        told = [note for note in recording.notes if name in note]
        missed = int(told[0].split()[0]) if told else 0
        assert len(film.frames) == 6 - missed
        assert film.last_seconds >= 1.0
        whole = np.asarray(painting.crop((0, 0, *size)), float)
        assert np.abs(film.frames[-1] - whole).mean() < near
        assert np.abs(film.frames[0] - whole).mean() > near
    for picture in (tmp_path / "steps").iterdir():
        with Image.open(picture) as found:
            assert (found.format, found.size) == ("PNG", (65, 49))
    if not any("steps" in note for note in recording.notes):
        assert len(list((tmp_path / "steps").iterdir())) == 2
    with (tmp_path / "losses.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert int(rows[-1]["iteration"]) == STEPS
    assert job.summary is not None
    assert float(rows[-1]["loss"]) == job.summary.loss
    assert {name: float(rows[-1][name]) for name in job.summary.terms} == job.summary.terms


def test_a_job_that_is_stopped_early_ends_its_film_with_its_painting(client: Client, tmp_path: Path) -> None:
    film = Timelapse(tmp_path / "film.webp", every=5)
    with (
        film,
        client.stylize(
            colours(48, 32), colours(40, 40), "gatys", iterations=100_000, optimizer="adam", preview_every=5
        ) as job,
    ):
        for event in job:
            film.take(event)
            if getattr(event, "iteration", 0) >= 12 and job.summary is None:
                assert job.job_id is not None
                client.cancel(job.job_id, keep=True)
    read = read_film(film.path)
    assert len(read.frames) >= 3
    assert np.abs(read.frames[-1] - np.asarray(job.result(), float)).mean() < 12
