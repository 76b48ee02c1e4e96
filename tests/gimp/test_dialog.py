"""The dialog in a GIMP with windows, driven by keys and mouse as a user would; the daemon is watched meanwhile."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import numpy as np
import pytest
from PIL import Image

from neuralstyle.v1 import admin_pb2
from neuralstyle.v1 import stylize_pb2 as pb
from tests.gimp.real_gimp import Outcome, RealGimp
from tests.gimp.test_scripts import wait_for_step
from tests.real_daemon import RealDaemon

SAMPLE = Path(__file__).resolve().parents[2] / "clients" / "stylize" / "data" / "sample.jpg"

OPEN = """
with Screen(PLUG_IN, ["/mnt/pictures/photo.png"], OUT / "gimp.log") as screen:
    image_title = lambda: screen.title(screen.image_window)
    shot = lambda name: screen.shot(OUT / f"{name}.png")
"""
EVERYTHING = (
    OPEN
    + """
    started = time.monotonic()
    dialog = screen.open_filter()
    tell("place", screen.place(dialog))
    time.sleep(0.4)
    shot("opened")
    wait("a preview", lambda: (OUT / "frame-seen").exists(), 60)
    time.sleep(1.5)
    shot("preview")
    # Alt+T is the strength; every Up is one per cent.
    screen.keys(dialog, "alt+t", "Up", "Up", "Up", "Up", "Up")
    wait("the steering", lambda: (OUT / "steered-seen").exists(), 30)
    shot("steered")
    screen.keys(dialog, "alt+y")
    wait("the painting", lambda: (OUT / "painting-seen").exists(), 60)
    time.sleep(1.0)
    shot("painting")
    screen.keys(dialog, "alt+o")
    wait("the dialog's end", lambda: not screen.window("^Neural Style$"), 60)
    time.sleep(0.5)
    shot("done")
    tell("done", image_title())
    screen.keys(screen.image_window, "ctrl+z")
    time.sleep(1.0)
    tell("undone", image_title())
    screen.keys(screen.image_window, "ctrl+f")
    wait("the repetition", lambda: (OUT / "repeated-seen").exists(), 60)
    shot("repeating")
    # GIMP's own Cancel, at the right of the status bar; on a busy machine it may not be drawn yet.
    left, top, width, height = screen.place(screen.image_window)
    for _ in range(5):
        (OUT / "cancelling").touch()
        screen.click(left + width - 275, top + height - 17)
        time.sleep(2.0)
        if (OUT / "free-seen").exists():
            break
    shot("cancelled")
    tell("cancelled", image_title())
    tell("alive", bool(screen.window("GIMP$")))
"""
)


@dataclass(frozen=True)
class Sighting:
    """The daemon's one job, as somebody else sees it."""

    at: float
    job_id: str
    iteration: int
    strength: float
    size: int


class Witness:
    """Looks at the daemon all the time, and tells the script in the root what it waits for."""

    def __init__(self, daemon: RealDaemon, folder: Path) -> None:
        self._admin, self._stub = daemon.admin(), daemon.stylize()
        self._folder = folder
        self._over = threading.Event()
        self.sightings: list[Sighting] = []
        self.free_after: float | None = None
        """Seconds from the last click on GIMP's Cancel to a daemon without a job."""

    @contextlib.contextmanager
    def looking(self) -> Iterator[None]:
        thread = threading.Thread(target=self._look)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.01):
            jobs = list(self._admin.ListJobs(admin_pb2.ListJobsRequest()).jobs)
            for job in jobs:
                with contextlib.suppress(grpc.RpcError):
                    # Changing nothing tells the parameters.
                    now = self._stub.UpdateJob(pb.UpdateJobRequest(job_id=job.job_id)).parameters
                    seen = Sighting(time.monotonic(), job.job_id, job.iteration, now.strength, now.size)
                    self.sightings.append(seen)
            self._tell()
            if (self._folder / "cancelling").exists() and not jobs and self.free_after is None:
                self.free_after = time.time() - (self._folder / "cancelling").stat().st_mtime
                (self._folder / "free-seen").touch()

    def _tell(self) -> None:
        started = [seen for seen in self.sightings if seen.iteration >= 2]
        previews = [seen for seen in started if seen.size == 256]
        paintings = list(dict.fromkeys(seen.job_id for seen in started if seen.size != 256))
        for name, there in (
            ("frame-seen", bool(previews)),
            ("steered-seen", any(seen.strength > 0.541 for seen in previews)),
            ("painting-seen", len(paintings) >= 1),
            ("repeated-seen", len(paintings) >= 2),
        ):
            if there:
                (self._folder / name).touch()


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample photo at a size that GIMP shows whole."""
    file = tmp_path_factory.mktemp("photo") / "photo.png"
    with Image.open(SAMPLE) as image:
        image.thumbnail((600, 400))
        image.save(file)
    return file


@pytest.fixture(scope="module")
def run(gimp: RealGimp, daemon: RealDaemon, photo: Path, tmp_path_factory: pytest.TempPathFactory):
    """One sitting: open, watch, steer, paint, stop and keep, undo, repeat, cancel."""
    folder = tmp_path_factory.mktemp("dialog")
    witness = Witness(daemon, folder)
    with witness.looking():
        outcome = gimp.screen(EVERYTHING, folder, **{"photo.png": photo})
    assert outcome.code == 0, outcome.output
    return outcome, witness


def test_the_dialog_fits_a_small_screen(run: tuple[Outcome, Witness]) -> None:
    _x, _y, width, height = run[0].results["place"]
    assert width <= 1024
    assert height <= 768 - 30


def test_the_preview_forms_beside_the_original(run: tuple[Outcome, Witness]) -> None:
    outcome, _ = run
    x, y, _width, _height = outcome.results["place"]
    # Where the picture is in the dialog, without its frame and the line in its middle.
    top, left, right = y + 40, (x + 35, x + 225), (x + 285, x + 475)
    opened, preview = (
        np.asarray(Image.open(outcome.folder / f"{n}.png").convert("RGB"), float) for n in ("opened", "preview")
    )
    change = np.abs(preview - opened)[top : top + 250]
    assert change[:, slice(*left)].mean() < 1.0
    assert change[:, slice(*right)].mean() > 4.0


def test_a_slider_steers_the_preview_that_runs(run: tuple[Outcome, Witness]) -> None:
    _, witness = run
    previews = [seen for seen in witness.sightings if seen.size == 256]
    strengths = {seen.strength for seen in previews if seen.job_id == previews[0].job_id}
    assert 0.5 in strengths
    assert max(strengths) == pytest.approx(0.55), "the same job goes on with another strength"


def test_stylize_makes_one_layer_and_one_step_of_undo(run: tuple[Outcome, Witness]) -> None:
    outcome, _ = run
    assert "2 layers" in outcome.results["done"]
    assert "1 layer)" in outcome.results["undone"]


def test_repeating_needs_no_dialog_and_uses_the_last_values(run: tuple[Outcome, Witness]) -> None:
    _, witness = run
    paintings = [seen for seen in witness.sightings if seen.size != 256]
    last = [seen for seen in paintings if seen.job_id == paintings[-1].job_id]
    assert last[0].job_id != paintings[0].job_id
    assert {round(seen.strength, 3) for seen in last} == {0.55}


def test_gimps_cancel_frees_the_daemon_and_leaves_the_image_alone(run: tuple[Outcome, Witness]) -> None:
    outcome, witness = run
    assert witness.free_after is not None
    assert witness.free_after < 2.0
    assert "1 layer)" in outcome.results["cancelled"]
    assert outcome.results["alive"]


def test_a_daemon_that_dies_is_said_in_the_dialog(
    gimp: RealGimp, plug_in: Path, own_daemon: RealDaemon, photo: Path, tmp_path: Path
) -> None:
    mine = RealGimp(gimp.suite, plug_in, own_daemon.folder)

    def kill() -> None:
        wait_for_step(own_daemon)
        os.killpg(own_daemon.process.pid, signal.SIGKILL)
        (tmp_path / "out" / "killed").touch()

    killer = threading.Thread(target=kill)
    killer.start()
    outcome = mine.screen(
        OPEN
        + """
    dialog = screen.open_filter()
    wait("the daemon's end", lambda: (OUT / "killed").exists(), 60)
    time.sleep(2.0)
    shot("lost")
    tell("open", bool(screen.window("^Neural Style$")))
    screen.keys(dialog, "Escape")
    wait("the dialog's end", lambda: not screen.window("^Neural Style$"), 20)
    tell("title", image_title())
""",
        tmp_path / "out",
        **{"photo.png": photo},
    )
    killer.join(60)
    assert outcome.code == 0, outcome.output
    assert outcome.results["open"]
    assert "1 layer)" in outcome.results["title"]


def test_settings_are_saved_reset_and_loaded_in_3_0_and_3_2(
    each_gimp: RealGimp, daemon: RealDaemon, photo: Path, tmp_path: Path
) -> None:
    """By GIMP's own buttons; the preview follows each."""
    folder = tmp_path / "out"
    folder.mkdir()
    witness = Witness(daemon, folder)

    def strengths() -> list[float]:
        seen = [round(sighting.strength, 3) for sighting in witness.sightings]
        return [now for before, now in zip([None, *seen], seen, strict=False) if now != before]

    def tell() -> None:
        while not (folder / "over").exists():
            (folder / "strengths").write_text(" ".join(map(str, strengths())))
            time.sleep(0.1)

    teller = threading.Thread(target=tell)
    with witness.looking():
        teller.start()
        outcome = each_gimp.screen(
            OPEN
            + """
    def preview_of(*wanted):
        wait(f"previews of {wanted}", lambda: (OUT / "strengths").read_text().split() == list(wanted), 60)
    dialog = screen.open_filter()
    preview_of("0.5")
    screen.keys(dialog, "alt+t", "Up", "Up")
    wait("52", lambda: (OUT / "strengths").read_text().endswith("0.52"), 60)
    screen.keys(dialog, "alt+s")
    time.sleep(1.0)
    screen.keys(dialog, "alt+r")
    time.sleep(0.7)
    screen.do("key", "Return")
    wait("a reset", lambda: (OUT / "strengths").read_text().endswith("0.5"), 60)
    screen.keys(dialog, "alt+l")
    wait("loading", lambda: (OUT / "strengths").read_text().endswith("0.52"), 60)
    shot("loaded")
    screen.keys(dialog, "Escape")
    wait("the dialog's end", lambda: not screen.window("^Neural Style$"), 20)
    tell("title", image_title())
""",
            folder,
            **{"photo.png": photo},
        )
        (folder / "over").touch()
        teller.join()
    assert outcome.code == 0, outcome.output
    assert "1 layer)" in outcome.results["title"]
    assert strengths()[0] == 0.5
    assert strengths()[-3:] == [0.52, 0.5, 0.52]
