"""What recorders have in common: fed with events, they leave files when they are closed."""

from __future__ import annotations

import abc
import math
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from stylize.errors import StylizeError
from stylize.events import Event, Progress, Summary

FRAME_SIDE = 1024
"""Longest side in pixels of frames to record: the largest that the contract knows."""
LOSSLESS_SIDE = 512
"""Up to this a PNG of a frame fits a message of the contract, whatever it shows; larger ones come as JPEG."""

_Self = TypeVar("_Self", bound="Recorder | Recording")


class Recorder(abc.ABC):
    """Records one job into a file or a folder. Use it in a `with` block, or call `close`."""

    every: int = 0
    """Steps between the frames that it wants, for `preview_every` of `Client.stylize`; 0 if it wants none."""

    def __init__(self, path: str | Path, *, overwrite: bool = False) -> None:
        self.path = Path(path)
        """What it writes."""
        self.written = False
        """True once there is something in that place."""
        self.notes: list[str] = []
        """What the user should know of it, one sentence each; complete when it is closed."""
        self._overwrite = overwrite
        self._steps = 0
        self._closed = False
        self._error: StylizeError | None = None

    def take(self, event: Event) -> None:
        """Notes one event of the job. Never fails: a recording that does, such as for a full disk, takes no more, and
        `close` raises why, so that the painting goes on."""
        if isinstance(event, Progress):
            self._steps = event.iteration
        elif isinstance(event, Summary):
            self._steps = event.iterations
        if self._error is None and not self._closed:
            try:
                self._take(event)
            except StylizeError as error:
                self._error = error

    def close(self) -> None:
        """Writes what was recorded; nothing if nothing was.

        Raises OutputExists or OutputUnwritable.
        """
        if self._closed:
            return
        self._closed = True
        self._finish()
        if self._error is not None:
            raise self._error

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        _leave(self.close, self.notes, error)

    @abc.abstractmethod
    def _take(self, event: Event) -> None:
        """Notes an event. Raises OutputUnwritable."""

    @abc.abstractmethod
    def _finish(self) -> None:
        """Writes what there is. Raises OutputExists or OutputUnwritable."""


class Recording:
    """Several recorders of one job as one; without any, nothing is recorded."""

    def __init__(self, *recorders: Recorder) -> None:
        self.recorders = recorders
        self._failures: list[str] = []

    @property
    def every(self) -> int:
        """Steps between frames of which each recorder finds its own; 0 if none wants frames."""
        return math.gcd(*(recorder.every for recorder in self.recorders))

    @property
    def written(self) -> list[Path]:
        """The files and folders that there are."""
        return [recorder.path for recorder in self.recorders if recorder.written]

    @property
    def notes(self) -> list[str]:
        """What the user should know, one sentence each; complete when it is closed."""
        return [*(note for recorder in self.recorders for note in recorder.notes), *self._failures]

    def take(self, event: Event) -> None:
        """Notes one event of the job."""
        for recorder in self.recorders:
            recorder.take(event)

    def close(self) -> None:
        """Closes all. Raises the first error when all are closed; the others are among the notes."""
        first: StylizeError | None = None
        for recorder in self.recorders:
            try:
                recorder.close()
            except StylizeError as error:
                if first is None:
                    first = error
                else:
                    self._failures.append(str(error))
        if first is not None:
            raise first

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        _leave(self.close, self._failures, error)


class Cadence:
    """Which frames a recorder takes, and which it missed.

    Steps are counted in windows of `every`: 0 to every - 1, every to 2 every - 1 and so on. The first frame that comes
    from a window is taken: the one after its first step, or one that was late.
    """

    def __init__(self, every: int, *, first: bool) -> None:
        """first: the step before the first multiple of `every` is wanted, too."""
        self._every = every
        self._seen: set[int] = set()
        self._earliest = 0 if first and every > 1 else 1

    def takes(self, iteration: int) -> bool:
        """True if the frame after this step is wanted; it then counts as taken."""
        window = iteration // self._every
        if window < self._earliest or window in self._seen:
            return False
        self._seen.add(window)
        return True

    def expected(self, steps: int) -> int:
        """How many frames there are in so many steps."""
        return steps // self._every + 1 - self._earliest if steps else 0

    def missed(self, steps: int) -> int:
        """How many of them were not taken."""
        return self.expected(steps) - sum(1 for window in self._seen if window <= steps // self._every)


def frame_format(size: int | None) -> str:
    """How frames of a painting of `size` pixels on its long side are best sent, for `preview_format` of
    `Client.stylize`; None if it is not known."""
    return "png" if size is not None and size <= LOSSLESS_SIDE else "jpeg"


def check_every(every: int) -> int:
    """Raises ValueError for a number of steps that is none."""
    if every < 1:
        raise ValueError(f"Frames come every so many steps, 1 or more, not {every}.")
    return every


def _leave(close: Callable[[], None], notes: list[str], error: BaseException | None) -> None:
    """The end of a `with` block: the error that ended it goes before one of the recording, which becomes a note."""
    try:
        close()
    except StylizeError as failure:
        if error is None:
            raise
        notes.append(str(failure))
