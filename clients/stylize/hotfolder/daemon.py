"""The painting daemon as hot folders see it: waited for while it is away, and shared so that others find room, too."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Iterator

from stylize.client import Client
from stylize.errors import StylizeError
from stylize.hotfolder.reports import Tell, Trouble, TroubleOver
from stylize.hotfolder.timing import SPARE_SEATS, Timing
from stylize.job import Job

TROUBLE = "daemon"


class Interrupted(Exception):  # noqa: N818  (not an error)
    """The watcher is about to end."""


class Stopping:
    """How the end is asked for: first no more photos are taken and those being painted are finished, then at once."""

    def __init__(self) -> None:
        self.gently = threading.Event()
        self.now = threading.Event()

    def sleep(self, seconds: float) -> None:
        """Waits. Raises Interrupted as soon as the end is asked for."""
        if self.gently.wait(seconds):
            raise Interrupted


class Daemon:
    """A connection that heals. Shared by all journeys, which run in threads of their own."""

    def __init__(
        self, connect: Callable[[], Client], seats: int | None, timing: Timing, stopping: Stopping, tell: Tell
    ) -> None:
        """connect: gives a connected client or raises StylizeError; starts the daemon if that is wanted.

        seats: pictures in flight at most; None keeps all workers of the daemon busy.
        """
        self._connect = connect
        self._wanted_seats = seats
        self._timing = timing
        self._stopping = stopping
        self._tell = tell
        self._connecting = threading.Lock()
        self._client: Client | None = None
        self._given_up: StylizeError | None = None
        self._users: Counter[Client] = Counter()
        """Journeys by the client that they use: one whose connection is lost is closed by its last user."""
        self._changed_seats = threading.Condition()
        self.seats = 1  # until the daemon has said how many workers it has
        """Pictures that can be in flight."""
        self._taken = 0
        self._waiting_alone = 0
        self._is_alone = False
        self._jobs: set[Job] = set()
        self.builtin_styles: frozenset[str] = frozenset()
        """Names of the daemon's own styles, known once it has been reached."""

    @contextlib.contextmanager
    def seat(self, *, alone: bool = False) -> Iterator[Client]:
        """One of the places for pictures in flight, with a connected client; waits for both.

        alone: all the others stay empty meanwhile.
        Raises Interrupted, or the StylizeError with which the daemon was given up.
        """
        self._sit_down(alone=alone)
        try:
            client = self._borrow()
            try:
                yield client
            finally:
                self._give_back(client)
        finally:
            with self._changed_seats:
                self._taken -= 1
                self._is_alone = False
                self._changed_seats.notify_all()

    def lost(self, client: Client) -> None:
        """Says that this client's connection is broken; who comes next gets a new one."""
        with self._connecting:
            if self._client is client:
                self._client = None

    @contextlib.contextmanager
    def running(self, job: Job) -> Iterator[None]:
        """While a job runs, so that it can be ended from another thread."""
        self._jobs.add(job)
        try:
            if self._stopping.gently.is_set():
                job.cancel()
            yield
        finally:
            self._jobs.discard(job)

    def cancel_waiting(self) -> None:
        """Cancels the jobs that the daemon has not begun."""
        for job in list(self._jobs):
            if job.started is None:
                job.cancel()

    def cancel_all(self) -> None:
        """Cancels all jobs."""
        for job in list(self._jobs):
            job.cancel()

    def close(self) -> None:
        """Closes the connection. No journey may be under way."""
        with self._connecting:
            if self._client is not None:
                self._client.close()
                self._client = None

    def _sit_down(self, *, alone: bool) -> None:
        with self._changed_seats:
            self._waiting_alone += alone
            try:
                while not self._has_seat(alone=alone):
                    if self._stopping.gently.is_set():
                        raise Interrupted
                    self._changed_seats.wait(0.2)
            finally:
                self._waiting_alone -= alone
            self._taken += 1
            self._is_alone = alone

    def _has_seat(self, *, alone: bool) -> bool:
        if alone:
            return not self._taken
        # Whoever waits to be alone goes first, or would wait for ever.
        return self._taken < self.seats and not self._is_alone and not self._waiting_alone

    def _borrow(self) -> Client:
        with self._connecting:
            if self._given_up is not None:
                raise self._given_up
            if self._client is None:
                self._client = self._connect_patiently()
            self._users[self._client] += 1
            return self._client

    def _give_back(self, client: Client) -> None:
        with self._connecting:
            self._users[client] -= 1
            if not self._users[client]:
                del self._users[client]
                if client is not self._client:
                    client.close()

    def _connect_patiently(self) -> Client:
        for pause in self._timing.retries():
            try:
                client = self._try_to_connect()
            except StylizeError as error:
                if pause is None:
                    self._given_up = error
                    raise
                self._tell(Trouble(None, TROUBLE, f"Waiting for the painting daemon: {error}", error.remedy))
                self._stopping.sleep(pause)
            else:
                self._tell(TroubleOver(None, TROUBLE))
                return client
        raise AssertionError("retries end with None")

    def _try_to_connect(self) -> Client:
        client = self._connect()
        try:
            self.builtin_styles = frozenset(style.name for style in client.styles())
        except StylizeError:
            client.close()
            raise
        workers, room = client.workers, client.limits.max_queued_jobs
        wanted = self._wanted_seats or workers + SPARE_SEATS
        if room:  # no more than half the daemon's queue, so that people who wait for a picture find a place in it
            wanted = min(wanted, workers - 1 + max(1, room // 2))
        with self._changed_seats:
            self.seats = wanted
            self._changed_seats.notify_all()
        return client
