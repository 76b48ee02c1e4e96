"""Running jobs on the command line, one or many, from the first event to the file.

A few jobs are in flight at a time, so that the worker never waits for a photo to be read or a painting to be saved.
Each has a thread of its own; everything that is shown or decided happens in the main thread, which reads one inbox.
Ctrl-C is a message in that inbox, too: the first stops what runs and keeps it as it is, the second discards it, and a
third ends this program as it stands (the daemon then cancels by itself).
"""

from __future__ import annotations

import collections
import contextlib
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from stylize.client import Client
from stylize.errors import Busy, Cancelled, ConnectionLost, NotFound, StylizeError, Unsupported
from stylize.events import Event, Frame
from stylize.job import Job
from stylize.recording.recorder import Recording

IN_FLIGHT = 3
"""Jobs sent and not yet saved: one that is painted, one that waits with its pictures in the daemon, one on its way."""
FRAME_PAUSE = 0.25
"""Least seconds between two frames of a recording that are shown."""
BUSY_WAIT = 1.0
"""Seconds until a full queue is tried again."""


@dataclass(frozen=True)
class Saved:
    """A painting that is safe."""

    path: Path
    notes: tuple[str, ...] = ()
    """What the user should know of it, one sentence each."""
    recorded: tuple[Path, ...] = ()
    """Films, tables and folders that were made on the way."""


@dataclass(frozen=True)
class Order:
    """One painting that was asked for."""

    name: str
    """What it is called when it is talked of: the photo."""
    begin: Callable[[Client], Job]
    """Sends it. Called in a thread of its own, and again if the daemon had no room."""
    finish: Callable[[Job], Saved | None]
    """Takes the finished painting, in the same thread; None if it was not for a file."""
    record: Callable[[], Recording] = Recording
    """Makes what is fed with the job's events, in the same thread."""
    shows_frames: bool = True
    """Frames are for the reporter, too, and not only for the recording."""


class Reporter(Protocol):
    """Something that shows how it goes. Called in the main thread only."""

    def __enter__(self) -> Reporter: ...

    def __exit__(self, *_: object) -> None: ...

    def show(self, order: Order, event: Event) -> None:
        """Shows one event of a job."""
        ...

    def saved(self, order: Order, saved: Saved | None) -> None:
        """Tells of a painting that is done."""
        ...

    def failed(self, name: str, error: StylizeError) -> None:
        """Tells of one that is not; `name` is its order's."""
        ...

    def waits(self, order: Order, error: StylizeError) -> None:
        """Tells that the daemon has no room for it yet."""
        ...

    def say(self, text: str) -> None:
        """Tells something else that the user must know now, in a sentence."""
        ...


@dataclass
class Tally:
    """What became of all orders."""

    saved: list[tuple[Order, Saved | None]] = field(default_factory=list)
    failed: list[tuple[Order, StylizeError]] = field(default_factory=list)
    left: list[Order] = field(default_factory=list)
    """Not painted, because of Ctrl-C or because the daemon went away."""
    interrupts: int = 0
    """How often Ctrl-C was pressed."""

    @property
    def discarded(self) -> bool:
        """True if the user wanted nothing to be kept."""
        return self.interrupts > 1


def paint_all(client: Client, orders: Sequence[Order], reporter: Reporter) -> Tally:
    """Paints them in their order, and shows how it goes. One that fails does not stop the others, unless the daemon is
    gone. Where there are several, a daemon without room is waited for; a single one fails then, as it would be told
    apart from a hanging program by nothing. Raises KeyboardInterrupt at the third Ctrl-C.
    """
    return _Studio(client, orders, reporter).run()


@dataclass(frozen=True)
class _Shown:
    order: Order
    event: Event


@dataclass(frozen=True)
class _Waits:
    order: Order
    error: Busy


@dataclass(frozen=True)
class _Ended:
    order: Order
    saved: Saved | None
    error: BaseException | None


@dataclass(frozen=True)
class _Said:
    text: str


@dataclass(frozen=True)
class _Interrupt:
    pass


@dataclass(frozen=True)
class _Home:
    """A thread has nothing left to do."""


_Message: TypeAlias = _Shown | _Waits | _Ended | _Said | _Interrupt | _Home


class _Studio:
    """One run of `paint_all`."""

    def __init__(self, client: Client, orders: Sequence[Order], reporter: Reporter) -> None:
        self._client = client
        self._reporter = reporter
        self._waiting = collections.deque(orders)
        self._patient = len(orders) > 1
        self._running: dict[int, Job] = {}
        """Jobs in flight, by `id` of their order."""
        self._inbox: queue.SimpleQueue[_Message] = queue.SimpleQueue()
        """Its `put` may be called in a signal handler, unlike that of `queue.Queue`."""
        self._stopping = threading.Event()
        """Nothing new is begun."""
        self._tally = Tally()

    def run(self) -> Tally:
        threads = [threading.Thread(target=self._work, daemon=True) for _ in range(min(IN_FLIGHT, len(self._waiting)))]
        with _interrupts_to(lambda: self._inbox.put(_Interrupt())):
            for thread in threads:
                thread.start()
            at_work = len(threads)
            while at_work:
                message = self._inbox.get()
                if isinstance(message, _Home):
                    at_work -= 1
                else:
                    self._take(message)
        self._tally.left += self._waiting
        return self._tally

    def _take(self, message: _Message) -> None:
        match message:
            case _Shown():
                self._reporter.show(message.order, message.event)
            case _Waits():
                self._reporter.waits(message.order, message.error)
            case _Said():
                self._reporter.say(message.text)
            case _Ended(error=None):
                self._tally.saved.append((message.order, message.saved))
                self._reporter.saved(message.order, message.saved)
            case _Ended():
                self._take_failure(message.order, message.error)
            case _Interrupt():
                self._interrupted()

    def _take_failure(self, order: Order, error: BaseException | None) -> None:
        if not isinstance(error, StylizeError):
            assert error is not None
            raise error  # a failure of this program
        if self._stopping.is_set() and isinstance(error, Cancelled | Busy):
            self._tally.left.append(order)
            return
        if isinstance(error, ConnectionLost):
            self._stopping.set()
        self._tally.failed.append((order, error))
        self._reporter.failed(order.name, error)

    def _interrupted(self) -> None:
        self._tally.interrupts += 1
        self._stopping.set()
        if self._tally.interrupts == 1:
            self._reporter.say("Stopping: what is painted so far is kept. Ctrl-C again discards it.")
            # The last one first: one that waits must not begin because the one before it has just ended.
            for job in reversed(list(self._running.values())):
                self._stop_and_keep(job)
        elif self._tally.interrupts == 2:
            for job in list(self._running.values()):
                job.cancel()
        else:
            raise KeyboardInterrupt

    def _stop_and_keep(self, job: Job) -> None:
        if job.job_id is None:  # still on its way: there is nothing to keep
            job.cancel()
            return
        try:
            self._client.cancel(job.job_id, keep=True)
        except NotFound:
            pass  # it has ended
        except (Unsupported, ConnectionLost):
            job.cancel()

    def _work(self) -> None:
        """A thread: takes orders until there are none."""
        while not self._stopping.is_set():
            try:
                order = self._waiting.popleft()
            except IndexError:
                break
            try:
                saved = self._paint(order)
            except BaseException as error:
                self._inbox.put(_Ended(order, None, error))
            else:
                self._inbox.put(_Ended(order, saved, None))
        self._inbox.put(_Home())

    def _paint(self, order: Order) -> Saved | None:
        while True:
            try:
                return self._paint_once(order)
            except Busy as error:
                if not (self._patient and error.retryable) or self._stopping.is_set():
                    raise
                self._inbox.put(_Waits(order, error))
                if self._stopping.wait(BUSY_WAIT):
                    raise

    def _paint_once(self, order: Order) -> Saved | None:
        recording = order.record()
        try:
            with order.begin(self._client) as job:
                self._running[id(order)] = job
                try:
                    if self._stopping.is_set():  # while it was sent
                        job.cancel()
                    self._follow(order, job, recording)
                finally:
                    del self._running[id(order)]
                saved = order.finish(job)
        except StylizeError:
            for text in rest_of(recording):
                self._inbox.put(_Said(f"Note: {text}"))
            raise
        return with_recording(saved, recording)

    def _follow(self, order: Order, job: Job, recording: Recording) -> None:
        shown = float("-inf")
        for event in job:
            recording.take(event)
            if isinstance(event, Frame) and recording.every:
                # Frames for a recording come faster than a terminal draws.
                if not order.shows_frames or time.monotonic() - shown < FRAME_PAUSE:
                    continue
                shown = time.monotonic()
            self._inbox.put(_Shown(order, event))


def with_recording(saved: Saved | None, recording: Recording) -> Saved | None:
    """The painting, and with it what was recorded. Raises OutputExists or OutputUnwritable that says that the painting
    is safe."""
    try:
        recording.close()
    except StylizeError as error:
        place = f" The painting was saved as {saved.path}." if saved else ""
        raise type(error)(f"{error}{place}", remedy=error.remedy) from error
    if saved is None or not recording.recorders:
        return saved
    places = ", ".join(map(str, recording.written))
    notes = (*saved.notes, *([f"Recorded in {places}."] if places else []), *recording.notes)
    return replace(saved, notes=notes, recorded=tuple(recording.written))


def rest_of(recording: Recording) -> list[str]:
    """Keeps what was recorded of a painting that failed or was cancelled, and says so, a sentence each."""
    said = []
    try:
        recording.close()
    except StylizeError as error:
        said.append(str(error))
    if recording.written:
        said.insert(0, f"What was recorded so far is kept: {', '.join(map(str, recording.written))}.")
    return said


@contextlib.contextmanager
def _interrupts_to(receive: Callable[[], object]) -> Iterator[None]:
    """Ctrl-C calls `receive` meanwhile, and nothing else."""

    def handle(_number: int, _frame: Any) -> None:
        receive()

    before = signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
