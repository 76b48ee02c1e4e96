"""One hot folder while it is watched: its lock, its ledger, its settings, what waits in it, and whether it is there.

All methods are called by one thread, the service's; journeys run in others and hand their outcomes back in a queue.
"""

from __future__ import annotations

import contextlib
import os
import queue
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import PurePath

from stylize.errors import InputUnreadable, StylizeError
from stylize.hotfolder.daemon import Daemon, Stopping
from stylize.hotfolder.journey import travel
from stylize.hotfolder.layout import HotFolder
from stylize.hotfolder.lease import Lease, ledger_unwritable, take
from stylize.hotfolder.ledger import DropState
from stylize.hotfolder.outcomes import Again, Gone, Held, Outcome, Parcel
from stylize.hotfolder.recovery import recover
from stylize.hotfolder.reports import Refused, Tell, Trouble, TroubleOver
from stylize.hotfolder.scanner import Scan, scan
from stylize.hotfolder.settings import Settings, SettingsReader
from stylize.hotfolder.stability import StabilityTracker
from stylize.hotfolder.timing import Timing
from stylize.hotfolder.wakeup import Wakeup
from stylize.hotfolder.workplace import KeysInUse, Workplace

SCAN_SHARE = 5
"""A look that takes long is followed by a pause of this many times its length, however many events come."""
PROCESSOR_SHARE = 50
"""The same for the processor time of a look, which painting may want: every photo that leaves `in/` makes an event."""

Start = Callable[[Callable[[], None]], None]
"""Runs a journey in a thread of its own."""


@dataclass
class _Session:
    """What there is while the folder is there."""

    lease: Lease
    place: Workplace
    reader: SettingsReader
    wakeup: Wakeup
    tracker: StabilityTracker
    settings: Settings | None = None
    held: dict[str, float] = field(default_factory=dict)
    """Until when photos of a style's folder, or "" for all others, are not tried because the settings are wrong."""
    refused: set[str] = field(default_factory=set)
    in_flight: set[str] = field(default_factory=set)
    outcomes: queue.SimpleQueue[tuple[str, Outcome]] = field(default_factory=queue.SimpleQueue)


class WatchedFolder:
    """A hot folder under watch."""

    def __init__(
        self,
        folder: HotFolder,
        daemon: Daemon,
        timing: Timing,
        stopping: Stopping,
        tell: Tell,
        wake: Callable[[], None],
    ) -> None:
        self.folder = folder
        self._daemon = daemon
        self._timing = timing
        self._stopping = stopping
        self._tell = tell
        self._wake = wake
        self._session: _Session | None = None
        self._woken = True
        self._next_look = 0.0
        self._earliest_look = 0.0
        self.given_up: StylizeError | None = None
        """Why no more photos are taken, where there is no patience."""
        self.held: StylizeError | None = None
        """Why photos were left for the sake of the settings; others may have been painted."""

    # Opening and closing

    def open(self) -> None:
        """Takes the folder, and makes good what a killed watcher left. Raises as `lease.take` does."""
        lease = take(self.folder.root)
        place = Workplace(
            *(lease.folder, lease.ledger, KeysInUse(), self._daemon, self._timing, self._stopping, self._tell),
            is_present=lease.is_present,
        )
        try:
            recover(place)
        except (OSError, sqlite3.Error) as error:
            lease.release()
            raise ledger_unwritable(lease.folder, error) from error
        reader, wakeup = SettingsReader(lease.folder), Wakeup(lease.folder, self._on_event)
        self._session = _Session(lease, place, reader, wakeup, StabilityTracker(self._timing.settle))
        self._watch_events(self._session)
        self._woken, self._next_look = True, 0.0

    def close(self) -> None:
        """Lets go of the folder. No journey may be under way."""
        session, self._session = self._session, None
        if session is not None:
            session.wakeup.stop()
            session.lease.release()

    def note_trouble(self, kind: str, message: str | None) -> None:
        """Writes down what is waited for, for `--status`. A ledger that cannot be written is no reason to end."""
        if self._session is not None:
            with contextlib.suppress(sqlite3.Error):
                self._session.lease.ledger.note_trouble(kind, message)

    # Looking

    @property
    def in_flight(self) -> int:
        """Photos that journeys are at."""
        return len(self._session.in_flight) if self._session else 0

    @property
    def waiting(self) -> int:
        """Files in `in/` that nobody has taken."""
        return len(self._session.tracker) - self.in_flight if self._session else 0

    def settings(self) -> Settings:
        """The settings, for a first look. Raises StylizeError if they are wrong."""
        return SettingsReader(self.folder).read()

    def step(self, start: Start) -> float:
        """Hears outcomes, looks into the folder if it is time, starts journeys; gives when it is to be called again."""
        now = time.monotonic()
        session = self._session
        if session is None:
            self._come_back(now)
            session = self._session
            if session is None:
                return self._next_look
        self._hear_outcomes(session)
        self._woken |= session.wakeup.has_died
        if session.wakeup.take_departed():
            self._next_look = min(self._next_look, now + self._timing.tidy)
        if now >= self._next_look or (self._woken and now >= self._earliest_look):
            self._look(session, now)
            if self._session is None:
                return self._next_look
        if not self._stopping.gently.is_set():
            self._start_journeys(session, start)
        return max(self._earliest_look, now) if self._woken else self._next_look

    def is_idle(self, for_long: float) -> bool:
        """True if nothing is under way and nothing can be taken, now or within `for_long` seconds."""
        session = self._session
        if session is None:
            return True
        self._hear_outcomes(session)
        if session.in_flight:
            return False
        if self.given_up:
            return True
        now = time.monotonic()
        if any(self._scope(session, path) not in session.held for path in session.tracker.ready(now)):
            return False
        due = session.tracker.next_due(now)
        return due is None or due - now > for_long

    def _look(self, session: _Session, now: float) -> None:
        self._woken = False
        began = time.thread_time()
        renamed = session.wakeup.take_renamed()
        try:
            found = scan(self.folder.inbox) if session.lease.is_present() else None
        except OSError:
            found = None
        if found is None:
            self._go_away(session, now)
            return
        took = time.monotonic() - now
        self._tell(TroubleOver(self.folder.root, "away"))
        self._tell_refusals(session, found)
        known_before = len(session.tracker) > 0 or session.settings is not None
        session.tracker.observe(found.files, now, self._at_once(session, found, renamed, first=not known_before))
        self._read_settings(session, now)
        self._note_drops(session, now)
        if not session.wakeup.is_running:
            self._watch_events(session)
        interval = self._timing.rescan
        if session.lease.on_network or not session.wakeup.is_running:
            interval = min(interval, self._timing.rescan_on_network)
        pause = max(self._timing.least_pause, SCAN_SHARE * took, PROCESSOR_SHARE * (time.thread_time() - began))
        self._earliest_look = now + min(pause, self._timing.rescan)
        due = session.tracker.next_due(now)
        self._next_look = max(self._earliest_look, min(now + interval, due if due is not None else now + interval))

    def _at_once(self, session: _Session, found: Scan, renamed: tuple[str, ...], *, first: bool) -> dict[str, float]:
        """Files that need not be waited for, with how long they have stood still: those renamed into the folder, and
        those that had been left alone for long when the watcher came."""
        complete: dict[str, float] = {}
        for path in renamed:
            below = [path] if path in found.files else [file for file in found.files if file.startswith(path + os.sep)]
            complete.update(dict.fromkeys(below, 0.0))
        if first and not session.lease.on_network:  # its clock is ours
            for path in found.files:
                with contextlib.suppress(OSError):
                    facts = (self.folder.inbox / path).lstat()
                    age = time.time() - max(facts.st_mtime, facts.st_ctime)
                    if age > self._timing.settle:
                        complete[path] = age
        return complete

    def _read_settings(self, session: _Session, now: float) -> None:
        try:
            settings = session.reader.read()
        except StylizeError as error:
            session.settings, self.held = None, error
            session.held = {}
            self._tell(Trouble(self.folder.root, "settings", f"{self.folder.root}: {error}", error.remedy))
            return
        if settings is not session.settings:
            session.settings = settings
            session.held, self.held = {}, None
            self._tell(TroubleOver(self.folder.root, "settings"))
        session.held = {scope: until for scope, until in session.held.items() if until > now}

    def _note_drops(self, session: _Session, now: float) -> None:
        drops = {
            path: DropState.STABLE if stable else DropState.SEEN
            for path, stable in session.tracker.waiting(now).items()
        }
        try:
            session.lease.ledger.note_drops(drops)
        except sqlite3.Error as error:
            wrong = ledger_unwritable(self.folder, error)
            self._tell(Trouble(self.folder.root, "ledger", str(wrong), wrong.remedy))
        else:
            self._tell(TroubleOver(self.folder.root, "ledger"))

    def _tell_refusals(self, session: _Session, found: Scan) -> None:
        for refusal in found.refusals:
            if refusal.relative not in session.refused:
                self._tell(Refused(self.folder.root, refusal.relative, refusal.why))
        session.refused = {refusal.relative for refusal in found.refusals}

    # Events

    def _on_event(self) -> None:
        self._woken = True
        self._wake()

    def _watch_events(self, session: _Session) -> None:
        """Has the system tell of changes, again if a thread died over it."""
        if session.wakeup.has_died:
            self._tell_no_events("the thread that hears of changes has died; it is started again")
        session.wakeup.stop()
        try:
            session.wakeup.start()
        except OSError as error:
            self._tell_no_events(f"the system tells of no changes: {error.strerror}")
        else:
            self._tell(TroubleOver(self.folder.root, "events"))

    def _tell_no_events(self, why: str) -> None:
        often = f"It is looked through every {self._timing.rescan_on_network:g} seconds meanwhile."
        remedy = "If this stays, raise fs.inotify.max_user_watches and fs.inotify.max_user_instances with sysctl."
        self._tell(Trouble(self.folder.root, "events", f"{self.folder.root}: {why}. {often}", remedy))

    # Away and back

    def _go_away(self, session: _Session, now: float) -> None:
        message = f"{self.folder.root} is not there, or not what it was. Nothing is forgotten; it is waited for."
        remedy = "If it is on a disk or a share, see that it is mounted."
        self._tell(Trouble(self.folder.root, "away", message, remedy))
        if self._timing.give_up is not None:
            self.given_up = InputUnreadable(f"{self.folder.root} went away.", remedy=remedy)
        self._next_look = now + min(self._timing.rescan_on_network, self._timing.rescan)
        self._earliest_look = self._next_look
        if not session.in_flight:  # they notice by themselves
            self.close()

    def _come_back(self, now: float) -> None:
        if now < self._next_look:
            return
        try:
            self.open()
        except StylizeError:
            self._next_look = now + min(self._timing.rescan_on_network, self._timing.rescan)
        else:
            self._tell(TroubleOver(self.folder.root, "away"))

    # Journeys

    def _start_journeys(self, session: _Session, start: Start) -> None:
        settings = session.settings
        if settings is None or self.given_up:
            return
        if len(session.in_flight) >= self._daemon.seats:
            return
        now = time.monotonic()
        for path in session.tracker.ready(now):
            if len(session.in_flight) >= self._daemon.seats:
                return
            if self._scope(session, path) in session.held:
                continue
            still_for = session.tracker.still_for(path, now)
            parcel = Parcel(path, session.tracker.take(path), still_for)
            session.in_flight.add(path)
            start(lambda parcel=parcel: self._travel(session, parcel, settings))

    def _travel(self, session: _Session, parcel: Parcel, settings: Settings) -> None:
        outcome: Outcome = Again(self._timing.longest_retry)
        try:
            outcome = travel(session.place, parcel, settings)
        finally:
            session.outcomes.put((parcel.photo, outcome))
            self._wake()

    def _hear_outcomes(self, session: _Session) -> None:
        while True:
            try:
                path, outcome = session.outcomes.get_nowait()
            except queue.Empty:
                return
            session.in_flight.discard(path)
            now = time.monotonic()
            match outcome:
                case Gone(moved):
                    session.tracker.forget(path)
                    self._woken |= not moved
                    # Another of that name may have come before it was forgotten.
                    self._next_look = min(self._next_look, now + self._timing.tidy)
                case Again(delay, error):
                    session.tracker.put_back(path, now + delay)
                    self.given_up = error or self.given_up
                    self._next_look = min(self._next_look, now + delay)
                case Held(error):
                    session.tracker.put_back(path, now)
                    self.held = error
                    session.held[self._scope(session, path)] = now + self._timing.rescan
                    message = f"{self.folder.root}: {error}"
                    self._tell(Trouble(self.folder.root, "settings", message, error.remedy))
                    self._woken = True

    def _scope(self, session: _Session, path: str) -> str:
        """What a wrong setting spoils: the photos of one style's folder, or all others."""
        if session.settings is None:
            return ""
        return session.settings.scope(PurePath(path), self._daemon.builtin_styles)
