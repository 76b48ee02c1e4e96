"""Promise: a photo of which the daemon dies each time goes to failed/ after some times, and the others are painted; a
daemon that is stopped counts against no photo."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL.PngImagePlugin import PngInfo

from neuralstyle.v1 import admin_pb2
from stylize.client import Client
from stylize.errors import ConnectionLost
from stylize.hotfolder.daemon import Daemon, Stopping
from stylize.hotfolder.layout import HotFolder
from stylize.hotfolder.ledger import Ledger
from stylize.hotfolder.reports import Failed, Painted, Postponed, Progressed, Report
from stylize.hotfolder.verdict import MAX_ATTEMPTS
from tests.clients.scripted_daemon import ScriptedService
from tests.mortal_daemon import DEADLY
from tests.real_daemon import RealDaemon

from .conftest import Connect
from .watching import CHEAP, QUICK, Watch, drop, hot_folder, names_in, noise, wait_until

StartDaemon = Callable[..., RealDaemon]


class Undertaker:
    """Starts the next daemon when one has died, as a client does or systemd."""

    def __init__(self, start_daemon: StartDaemon, folder: Path, module: str = "stylized") -> None:
        self._start = lambda: start_daemon("--threads", "1", folder=folder, module=module)
        self._lock = threading.Lock()
        self.daemons = [self._start()]

    def connect(self) -> Client:
        with self._lock:
            if self.daemons[-1].process.poll() is not None:
                self.daemons.append(self._start())
            return Client.connect(self.daemons[-1].endpoint.targets[0], client_name="test")

    @property
    def deaths(self) -> list[int]:
        """Exit codes of those that have ended."""
        return [code for daemon in self.daemons if (code := daemon.process.poll()) is not None]


def drop_deadly(hot: HotFolder, name: str) -> None:
    comment = PngInfo()
    comment.add_text("Comment", DEADLY.decode())
    part = hot.root / "elsewhere.png"
    noise(99).save(part, pnginfo=comment)
    part.rename(hot.inbox / name)


def attempts(hot: HotFolder) -> dict[str, int]:
    """By photo, as the ledger has them."""
    ledger = Ledger(hot.ledger_file, wal=True)
    try:
        return {entry.path: entry.attempts for entry in ledger._many("attempts > 0")}
    finally:
        ledger.close()


@pytest.mark.timeout(240)
def test_a_photo_that_kills_the_daemon_when_it_is_decoded_ends_in_failed(
    hot: HotFolder, start_daemon: StartDaemon, tmp_path: Path
) -> None:
    undertaker = Undertaker(start_daemon, tmp_path / "home", "tests.mortal_daemon")
    for number in range(3):
        drop(hot, f"good {number}.png", number)
    drop_deadly(hot, "deadly.png")
    with Watch(hot, connect=undertaker.connect) as watch:
        (failed,) = watch.wait_for(Failed)
        drop(hot, "later.png", 50)
        watch.wait_for(Painted, 4)
    assert failed.photo == "deadly.png"
    assert f"died {MAX_ATTEMPTS} times" in failed.message
    assert names_in(hot.failed) == ["deadly.png", "deadly.png.error.txt"]
    assert names_in(hot.outbox) == names_in(hot.done) == ["good 0.png", "good 1.png", "good 2.png", "later.png"]
    assert len(watch.all(Failed)) == 1
    # The first time it may have been another's fault, as far as the watcher knew.
    assert undertaker.deaths == [-signal.SIGKILL] * (MAX_ATTEMPTS + 1)
    assert attempts(hot) == {"deadly.png": MAX_ATTEMPTS}


@pytest.mark.timeout(240)
def test_the_count_outlives_the_watcher(hot: HotFolder, start_daemon: StartDaemon, tmp_path: Path) -> None:
    undertaker = Undertaker(start_daemon, tmp_path / "home", "tests.mortal_daemon")
    drop_deadly(hot, "deadly.png")
    with Watch(hot, connect=undertaker.connect) as watch:
        watch.wait_for(Postponed, attempts=MAX_ATTEMPTS - 1)
    assert attempts(hot) == {"deadly.png": MAX_ATTEMPTS - 1}
    wait_until(lambda: len(undertaker.deaths) == MAX_ATTEMPTS, "the end of the daemon")  # one of them only suspected
    died_before = len(undertaker.deaths)
    with Watch(hot, connect=undertaker.connect) as watch:
        watch.wait_for(Failed, photo="deadly.png")
    wait_until(lambda: len(undertaker.deaths) == died_before + 1, "the end of the daemon")


class Reaper:
    """Ends the daemon whenever a certain photo is being painted."""

    def __init__(self, undertaker: Undertaker, photo: str, end: Callable[[RealDaemon], None], times: int) -> None:
        self._undertaker = undertaker
        self._photo = photo
        self._end = end
        self._times = times
        self._ended: set[int] = set()

    def __call__(self, report: Report) -> None:
        daemon = self._undertaker.daemons[-1]
        at_it = isinstance(report, Progressed) and report.photo == self._photo
        if at_it and daemon.process.pid not in self._ended and len(self._ended) < self._times:
            self._ended.add(daemon.process.pid)
            self._end(daemon)


class ReapedWatch(Watch):
    """A watcher over whose shoulder somebody looks."""

    reaper: Callable[[Report], None] = staticmethod(lambda report: None)

    def _tell(self, report: Report) -> None:
        super()._tell(report)
        self.reaper(report)


def kill(daemon: RealDaemon) -> None:
    os.kill(daemon.process.pid, signal.SIGKILL)


def stop_at_once(daemon: RealDaemon) -> None:
    daemon.admin().Shutdown(admin_pb2.ShutdownRequest(grace={"seconds": 0}))  # pyright: ignore[reportArgumentType]


LONG = CHEAP.replace("iterations = 1", "iterations = 300")


@pytest.mark.timeout(240)
@pytest.mark.parametrize("end", [kill, stop_at_once])
def test_a_photo_is_blamed_for_a_daemon_that_is_killed_over_it_and_not_for_one_that_is_stopped(
    tmp_path: Path, start_daemon: StartDaemon, end: Callable[[RealDaemon], None]
) -> None:
    hot = hot_folder(tmp_path / "slow", LONG)
    undertaker = Undertaker(start_daemon, tmp_path / "home")
    watch = ReapedWatch(hot, connect=undertaker.connect)
    watch.reaper = Reaper(undertaker, "target.png", end, MAX_ATTEMPTS + 1)
    for seed, name in enumerate(("other.png", "target.png", "third.png")):
        drop(hot, name, seed)
    with watch:
        wait_until(lambda: len(watch.all(Painted)) + len(watch.all(Failed)) == 3, "four daemons", timeout=200)
    assert len(undertaker.deaths) == MAX_ATTEMPTS + 1
    if end is kill:
        assert [failed.photo for failed in watch.all(Failed)] == ["target.png"]
        assert names_in(hot.done) == ["other.png", "third.png"]
    else:
        assert watch.all(Failed) == []
        assert names_in(hot.done) == ["other.png", "target.png", "third.png"]
        assert attempts(hot) == {}


def test_who_must_be_alone_waits_for_the_others_and_they_for_him(
    connect_scripted: Connect, service: ScriptedService
) -> None:
    daemon = Daemon(connect_scripted, 3, QUICK, Stopping(), lambda report: None)
    inside: list[str] = []
    seen: list[set[str]] = []
    lock, arrived = threading.Lock(), threading.Event()

    def sit(name: str, *, alone: bool, until: threading.Event | None = None) -> None:
        with daemon.seat(alone=alone):
            with lock:
                inside.append(name)
                seen.append(set(inside))
            if until:
                arrived.set()
                assert until.wait(30)
            with lock:
                inside.remove(name)

    go = threading.Event()
    first = threading.Thread(target=sit, args=("first",), kwargs={"alone": False, "until": go})
    first.start()
    assert arrived.wait(30)
    others = [threading.Thread(target=sit, args=(f"alone {n}",), kwargs={"alone": True}) for n in range(3)]
    others += [threading.Thread(target=sit, args=(f"other {n}",), kwargs={"alone": False}) for n in range(6)]
    for thread in others:
        thread.start()
    go.set()
    for thread in (first, *others):
        thread.join(30)
        assert not thread.is_alive()
    assert len(seen) == 10
    assert all(len(together) == 1 for together in seen if any(name.startswith("alone") for name in together))
    daemon.close()


def test_a_connection_that_was_lost_before_is_no_death(
    hot: HotFolder, connect_scripted: Connect, service: ScriptedService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A suspect whose connection is found broken has not killed anybody with it."""
    broken = [True]
    info = Client.info

    def lost_at_first(client: Client):
        if broken:
            broken.clear()
            raise ConnectionLost("Socket closed.")
        return info(client)

    monkeypatch.setattr(Client, "info", lost_at_first)
    drop(hot, "photo.png")
    ledger = Ledger(hot.ledger_file, wal=True)
    with Watch(hot, connect=connect_scripted) as watch:
        watch.wait_for(Painted)
    (hot.done / "photo.png").rename(hot.root / "photo.png")
    (hot.outbox / "photo.png").unlink()
    (entry,) = ledger._many("attempts = 0")
    ledger.failed(entry.id, "", attempts=MAX_ATTEMPTS - 1)
    ledger.close()
    (hot.root / "photo.png").rename(hot.inbox / "photo.png")
    with Watch(hot, connect=connect_scripted) as watch:
        watch.wait_for(Painted)
    assert watch.all(Failed) == []
    assert not broken
