"""Watching hot folders: the loop that looks, starts journeys and ends.

One thread looks; each photo in flight has a thread of its own, which mostly waits for the daemon. Their number is
bounded by the seats that the daemon has for us, so memory is too, however many photos lie in `in/`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from stylize.client import Client
from stylize.hotfolder.daemon import Daemon, Stopping
from stylize.hotfolder.layout import HotFolder, check_apart
from stylize.hotfolder.reports import Counted, Failed, Painted, Repeated, Report, Tell, Trouble, TroubleOver
from stylize.hotfolder.timing import Timing
from stylize.hotfolder.watched import WatchedFolder

HEARTBEAT_S = 0.2
"""A signal is heard within this time."""
MOST_JOURNEYS = 64
"""Threads for journeys in a folder, at most: there are as many as the daemon has seats for."""
GIVE_UP_S = 30.0
"""How long a single pass waits for a daemon or a disk."""


@dataclass
class Totals:
    """What a watcher has done."""

    painted: int = 0
    repeated: int = 0
    failed: int = 0


class WatchService:
    """Watches folders until it is asked to stop, or for one pass."""

    def __init__(
        self,
        folders: Sequence[HotFolder],
        connect: Callable[[], Client],
        tell: Tell,
        *,
        seats: int | None = None,
        timing: Timing | None = None,
        once: bool = False,
    ) -> None:
        """connect: gives a connected client, or raises StylizeError. tell: shows what happens.

        seats: photos in flight at most, and in each folder; None keeps all workers of the daemon busy.
        once: take what is there, and end.
        """
        timing = timing or Timing()
        self._once = once
        self._timing = replace(timing, give_up=timing.give_up or GIVE_UP_S) if once else timing
        self._show = tell
        self._telling = threading.Lock()
        self._troubles: dict[tuple[Path | None, str], str] = {}
        self.totals: dict[Path, Totals] = {folder.root: Totals() for folder in folders}
        """By folder."""
        self._counted: dict[Path, Counted] = {}
        self._stopping = Stopping()
        self._wanted_stops = 0
        self._heard_stops = 0
        self._wake = threading.Event()
        self._daemon = Daemon(connect, seats, self._timing, self._stopping, self._tell)
        self._watched = [
            WatchedFolder(
                *(folder, self._daemon, self._timing, self._stopping, self._tell, self._wake.set),
            )
            for folder in folders
        ]
        self._pool = ThreadPoolExecutor((seats or MOST_JOURNEYS) * len(folders), thread_name_prefix="journey")

    def run(self) -> None:
        """Watches. Raises StylizeError at once if a folder cannot be watched, and at the end of a single pass if a
        photo had to be left."""
        check_apart([watched.folder for watched in self._watched])
        try:
            for watched in self._watched:
                watched.settings()
                watched.open()
            self._loop()
        finally:
            self._pool.shutdown(wait=True)
            for watched in self._watched:
                watched.close()
            self._daemon.close()
        left = next((why for watched in self._watched if (why := watched.given_up or watched.held)), None)
        if self._once and left is not None:
            raise left

    def stop(self) -> None:
        """Asks for the end: the first time photos under the brush are finished, the second time nothing is waited for.
        May be called by a signal handler."""
        self._wanted_stops += 1

    def _loop(self) -> None:
        while True:
            self._hear_stops()
            due = [watched.step(self._start) for watched in self._watched]
            self._count()
            if self._is_over():
                return
            self._wake.wait(max(0.0, min(HEARTBEAT_S, min(due) - time.monotonic())))
            self._wake.clear()

    def _is_over(self) -> bool:
        if self._stopping.gently.is_set():
            return not any(watched.in_flight for watched in self._watched)
        return self._once and all(watched.is_idle(self._timing.patience) for watched in self._watched)

    def _start(self, journey: Callable[[], None]) -> None:
        self._pool.submit(journey)

    def _hear_stops(self) -> None:
        wanted = self._wanted_stops
        if wanted >= 1 and self._heard_stops < 1:
            self._stopping.gently.set()
            self._daemon.cancel_waiting()
        if wanted >= 2 and self._heard_stops < 2:
            self._daemon.cancel_all()
        self._heard_stops = wanted

    def _tell(self, report: Report) -> None:
        with self._telling:
            if isinstance(report, Trouble | TroubleOver) and not self._is_news(report):
                return
            for folder in [report.folder] if report.folder is not None else []:
                self._add(self.totals[folder], report)
            self._show(report)
        if isinstance(report, Trouble | TroubleOver):
            message = report.message if isinstance(report, Trouble) else None
            for watched in self._watched:
                if report.folder in (None, watched.folder.root):
                    watched.note_trouble(report.kind, message)

    def _is_news(self, report: Trouble | TroubleOver) -> bool:
        key = (report.folder, report.kind)
        if isinstance(report, TroubleOver):
            return self._troubles.pop(key, None) is not None
        known = self._troubles.get(key)
        self._troubles[key] = report.message
        return known != report.message

    def _add(self, totals: Totals, report: Report) -> None:
        match report:
            case Painted():
                totals.painted += 1
            case Repeated():
                totals.repeated += 1
            case Failed():
                totals.failed += 1

    def _count(self) -> None:
        for watched in self._watched:
            root = watched.folder.root
            totals = self.totals[root]
            counted = Counted(root, watched.waiting, watched.in_flight, totals.painted + totals.repeated, totals.failed)
            if counted != self._counted.get(root):
                self._counted[root] = counted
                self._tell(counted)


def connector(client_name: str) -> Callable[[], Client]:
    """Connects to the daemon of this user, and starts it if it does not run."""
    return lambda: Client.connect(client_name=client_name)
