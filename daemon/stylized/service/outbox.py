"""What a job tells its viewers: the present state for who comes late, and an outbox for each who is there."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from neuralstyle.v1 import stylize_pb2 as pb
from stylized.service.errors import ServiceError


@dataclass(frozen=True)
class Preview:
    """What frames a viewer wants."""

    max_side: int
    min_interval_s: float
    format: pb.FrameFormat
    every_iterations: int = 0
    """Steps from one frame to the next, in place of `min_interval_s`; 0: by time."""


@dataclass(frozen=True)
class RawFrame:
    """A frame as the worker made it, not encoded yet: only the frames that are taken are worth that."""

    sequence: int
    iteration: int
    rgb: NDArray[np.uint8]
    """[H, W, 3]."""
    skipped: int = 0
    """Frames before this one that its viewer was too slow for; its outbox counts them."""


@dataclass(frozen=True)
class Painting:
    """The finished picture and its summary."""

    header: pb.ResultHeader
    data: bytes
    summary: pb.Summary


OutboxItem = pb.Queued | pb.Started | pb.Progress | RawFrame | Painting | ServiceError


class Outbox:
    """What waits for one viewer of a job. Milestones are kept in order; of progress and frames only the newest.

    gRPC's own flow control counts bytes and would buffer seven frames of 1 MB for a stalled reader; here a slow reader
    costs one frame.
    """

    def __init__(
        self, preview: Preview | None, *, pause_s: float = 0.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """preview: None for a viewer without frames. pause_s: frames that come within this after the last one was
        read are not for this viewer."""
        self.preview = preview
        self._pause_s = pause_s
        self._clock = clock
        self._milestones: deque[pb.Started | Painting | ServiceError] = deque()
        self._queued: pb.Queued | None = None
        self._progress: pb.Progress | None = None
        self._frame: RawFrame | None = None
        self._skipped = 0
        self._paused_until = float("-inf")
        self._wake = asyncio.Event()

    def put(self, item: OutboxItem) -> None:
        """Adds an item, replacing an older one of the kinds of which only the newest counts."""
        if isinstance(item, pb.Queued):
            self._queued = item
        elif isinstance(item, pb.Progress):
            self._progress = item
        elif isinstance(item, RawFrame):
            if self.preview is None or self._clock() < self._paused_until:
                return
            self._skipped += self._frame is not None
            self._frame = item
        else:
            self._milestones.append(item)
        self._wake.set()

    async def items(self) -> AsyncIterator[OutboxItem]:
        """Items as they come, up to and including the Painting or the error."""
        while True:
            await self._wake.wait()
            item = self._next()
            if item is None:
                self._wake.clear()
                continue
            yield item
            if isinstance(item, (Painting, ServiceError)):
                return

    def _next(self) -> OutboxItem | None:
        """The next item in the contract's order: Queued, Started, Progress and Frame, then the end."""
        if self._queued:
            item, self._queued = self._queued, None
            return item
        if self._milestones and isinstance(self._milestones[0], (pb.Started, ServiceError)):
            return self._milestones.popleft()
        if self._progress:
            item, self._progress = self._progress, None
            return item
        if self._frame:
            item, self._frame = replace(self._frame, skipped=self._skipped), None
            self._skipped = 0
            self._paused_until = self._clock() + self._pause_s
            return item
        return self._milestones.popleft() if self._milestones else None


class Broadcast:
    """Passes on what a job tells to all its viewers, and keeps as much as one who comes late must be told."""

    def __init__(self) -> None:
        self._outboxes: list[Outbox] = []
        self._queued: pb.Queued | None = None
        self._started: pb.Started | None = None
        self._progress: pb.Progress | None = None
        self._frame: RawFrame | None = None
        self._outcome: Painting | ServiceError | None = None

    @property
    def watched(self) -> bool:
        """True while there is a viewer."""
        return bool(self._outboxes)

    @property
    def outcome(self) -> Painting | ServiceError | None:
        """How the job ended, once it has."""
        return self._outcome

    def put(self, item: OutboxItem) -> None:
        """Tells all viewers, unless it is the place in line that they know."""
        if isinstance(item, pb.Queued):
            if item == self._queued:
                return
            self._queued = item
        elif isinstance(item, pb.Started):
            self._queued, self._started = None, item
        elif isinstance(item, pb.Progress):
            self._progress = item
        elif isinstance(item, RawFrame):
            self._frame = item
        else:
            self._queued = self._frame = None
            self._outcome = item
        for outbox in self._outboxes:
            outbox.put(item)

    def attach(self, outbox: Outbox) -> None:
        """A viewer has come: it is told the present state, and from now on everything."""
        for item in (self._queued, self._started, self._progress, self._frame, self._outcome):
            if item is not None:
                outbox.put(item)
        self._outboxes.append(outbox)

    def remove(self, outbox: Outbox) -> None:
        """A viewer has gone."""
        self._outboxes.remove(outbox)
