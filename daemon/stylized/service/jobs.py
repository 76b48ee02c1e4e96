"""Jobs: what was asked for, what has become of it, and the outbox from which one viewer reads."""

from __future__ import annotations

import asyncio
import enum
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from neuralstyle.v1 import stylize_pb2 as pb
from neuralstyle.v1.reasons import Reason
from stylized.engine.parameters import Parameters, Precision, Steering
from stylized.service.errors import ServiceError
from stylized.service.uploads import StoredImage


@dataclass(frozen=True)
class Preview:
    """What frames a viewer wants."""

    max_side: int
    min_interval_s: float
    format: pb.FrameFormat


@dataclass(frozen=True)
class JobSpec:
    """All that was asked for, checked and resolved."""

    content: StoredImage
    styles: tuple[tuple[StoredImage, float], ...]
    preset: str
    parameters: Parameters
    precision: Precision
    seed: int
    preview: Preview | None
    result_format: pb.ResultFormat
    batch: bool
    max_runtime_s: float | None
    client: str


class JobState(enum.Enum):
    """Where a job is in its life."""

    QUEUED = enum.auto()
    RUNNING = enum.auto()
    ENDED = enum.auto()


@dataclass(frozen=True)
class RawFrame:
    """A frame as the worker made it, not encoded yet: only the frames that are taken are worth that."""

    sequence: int
    iteration: int
    rgb: NDArray[np.uint8]
    """[H, W, 3]."""


@dataclass(frozen=True)
class Painting:
    """The finished picture and its summary."""

    header: pb.ResultHeader
    data: bytes
    summary: pb.Summary


OutboxItem = pb.Queued | pb.Started | pb.Progress | RawFrame | Painting | ServiceError


class Outbox:
    """What waits for a job's viewer. Milestones are kept in order; of progress and frames only the newest.

    gRPC's own flow control counts bytes and would buffer seven frames of 1 MB for a stalled reader; here a slow reader
    costs one frame.
    """

    def __init__(self) -> None:
        self._milestones: deque[pb.Started | Painting | ServiceError] = deque()
        self._queued: pb.Queued | None = None
        self._progress: pb.Progress | None = None
        self._frame: RawFrame | None = None
        self._wake = asyncio.Event()

    def put(self, item: OutboxItem) -> None:
        """Adds an item, replacing an older one of the kinds of which only the newest counts."""
        if isinstance(item, pb.Queued):
            self._queued = item
        elif isinstance(item, pb.Progress):
            self._progress = item
        elif isinstance(item, RawFrame):
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
            item, self._frame = self._frame, None
            return item
        return self._milestones.popleft() if self._milestones else None


@dataclass(eq=False)
class Job:
    """One job. Lives on the event loop's thread."""

    job_id: str
    spec: JobSpec
    created: float
    """Monotonic seconds."""
    state: JobState = JobState.QUEUED
    iteration: int = 0
    iterations: int = 0
    outbox: Outbox = field(default_factory=Outbox)
    orders: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when one of the next three has changed."""
    stop_error: ServiceError | None = None
    """The job shall end early, with this error."""
    keep: bool = False
    """The job shall end early, with the painting as it is."""
    steering: Steering | None = None
    """The job shall be painted on with this."""
    steered: bool = False
    """It was changed while it ran."""

    def request_stop(self, error: ServiceError) -> None:
        """Asks the job to end with `error`. The first caller's error counts."""
        if self.state is not JobState.ENDED and self.stop_error is None:
            self.stop_error = error
            self.orders.set()

    def request_keep(self) -> None:
        """Asks the job to end with the painting as it is."""
        self.keep = True
        self.orders.set()

    def steer(self, parameters: Parameters) -> None:
        """Changes what can be steered: before the job runs as if it had been asked for, later from the next step on."""
        self.spec = replace(self.spec, parameters=parameters)
        if self.state is JobState.RUNNING:
            self.steered = True
            self.steering = Steering.of(parameters)
            self.orders.set()

    def end(self, outcome: Painting | ServiceError) -> None:
        """Ends the job; its pictures may be dropped from the store."""
        if self.state is JobState.ENDED:
            return
        self.state = JobState.ENDED
        self.spec.content.pins -= 1
        for style, _ in self.spec.styles:
            style.pins -= 1
        self.outbox.put(outcome)


def cancelled() -> ServiceError:
    """The end of a job that somebody stopped."""
    return ServiceError(Reason.CANCELLED, "The job was cancelled.")


def pin(spec: JobSpec) -> None:
    """Keeps the job's pictures in the store until Job.end."""
    spec.content.pins += 1
    for style, _ in spec.styles:
        style.pins += 1
