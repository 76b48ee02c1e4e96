"""Jobs: what was asked for, what has become of it, and who looks on."""

from __future__ import annotations

import asyncio
import enum
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from neuralstyle.v1 import stylize_pb2 as pb
from neuralstyle.v1.reasons import Reason
from stylized.engine.choices import Precision
from stylized.engine.feature_sheet import FeatureQuery
from stylized.engine.parameters import Parameters, Steering
from stylized.engine.schedule import PictureSizes, Size
from stylized.service.errors import ServiceError
from stylized.service.outbox import Broadcast, Outbox, Painting, Preview
from stylized.service.uploads import StoredImage


@dataclass(frozen=True)
class StyleSpec:
    """A style: its picture, its share in the mix, and its masks."""

    image: StoredImage
    weight: float
    mask: StoredImage | None = None
    source_mask: StoredImage | None = None


@dataclass(frozen=True)
class FeatureSpec:
    """A feature visualisation: what is shown, and the pictures to look through with the sizes in which that is done."""

    query: FeatureQuery
    pictures: tuple[StoredImage, ...]
    sizes: tuple[Size, ...]


@dataclass(frozen=True)
class JobSpec:
    """All that was asked for, checked and resolved."""

    content: StoredImage | None
    styles: tuple[StyleSpec, ...]
    preset: str
    parameters: Parameters
    precision: Precision
    seed: int
    preview: Preview | None
    result_format: pb.ResultFormat
    batch: bool
    max_runtime_s: float | None
    client: str
    detach: bool = False
    """The job goes on, and its outcome is kept, when its viewers go away."""
    mask: StoredImage | None = None
    """Where to paint."""
    init_image: StoredImage | None = None
    resume_from: str = ""
    """Id of the job whose painting goes on."""
    features: FeatureSpec | None = None
    """What is shown instead of a painting. Of the parameters only `backbone` and `size` then count."""

    @property
    def sizes(self) -> PictureSizes:
        """The sizes of the pictures that are painted from."""
        return PictureSizes(
            content=_size(self.content),
            styles=tuple((style.image.width, style.image.height) for style in self.styles),
            init_image=_size(self.init_image),
        )

    def pictures(self) -> Iterator[StoredImage]:
        """All pictures that the job needs; one that is needed twice comes twice."""
        yield from (image for image in (self.content, self.init_image, self.mask) if image)
        for style in self.styles:
            yield from (image for image in (style.image, style.mask, style.source_mask) if image)
        if self.features:
            yield from self.features.pictures

    def without_pictures(self) -> JobSpec:
        """The same without the pictures: those of an ended job are the store's to keep or drop."""
        return replace(self, content=None, init_image=None, styles=(), mask=None, features=None)


def _size(image: StoredImage | None) -> Size | None:
    return (image.width, image.height) if image else None


class JobState(enum.Enum):
    """Where a job is in its life."""

    QUEUED = enum.auto()
    RUNNING = enum.auto()
    ENDED = enum.auto()


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
    broadcast: Broadcast = field(default_factory=Broadcast)
    """Tells the viewers."""
    on_end: Callable[[Job], None] = lambda job: None
    """Called once, right after the end."""
    ended: float | None = None
    """When it ended, monotonic seconds."""
    fetched: bool = False
    """Its outcome has been sent to a viewer."""
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

    def attach(self, preview: Preview | None) -> Outbox:
        """A viewer's outbox, with the present state in it.

        The worker makes frames as the job's own preview says; whoever wants them less often gets fewer, whoever wants
        them smaller gets them scaled down when they are sent.
        """
        outbox = Outbox(preview, pause_s=self._pause_between_frames(preview))
        self.broadcast.attach(outbox)
        return outbox

    def _pause_between_frames(self, preview: Preview | None) -> float:
        made = self.spec.preview
        if preview is None or made is None or preview.every_iterations:
            return 0.0
        slower = made.every_iterations or preview.min_interval_s > made.min_interval_s
        return preview.min_interval_s if slower else 0.0

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
        """Ends the job and tells its viewers; its pictures may be dropped from the store."""
        if self.state is JobState.ENDED:
            return
        self.state = JobState.ENDED
        self.ended = time.monotonic()
        for picture in self.spec.pictures():
            picture.pins -= 1
        self.spec = self.spec.without_pictures()
        self.broadcast.put(outcome)
        self.on_end(self)


def cancelled() -> ServiceError:
    """The end of a job that somebody stopped."""
    return ServiceError(Reason.CANCELLED, "The job was cancelled.")


def pin(spec: JobSpec) -> None:
    """Keeps the job's pictures in the store until Job.end."""
    for picture in spec.pictures():
        picture.pins += 1
