"""What crosses the pipe between the front end and its worker: control, and the names of shared memory blocks.

Both ends are ours and of one version, so plain pickled dataclasses do. Pixels never cross here; see `pixelblocks`.
"""

from __future__ import annotations

from dataclasses import dataclass

from stylized.engine.choices import Backbone, Backend, Precision
from stylized.engine.feature_sheet import FeatureQuery
from stylized.engine.parameters import Parameters, Steering
from stylized.engine.schedule import Level
from stylized.service.pixelblocks import BlockName

NO_STATE = (
    "Nothing is kept of that job from which a painting could go on: the daemon keeps the last few, until it restarts. "
    "Start from its painting instead: send it as init_image, with init image."
)
"""Told where a job is to go on from another whose state is gone."""


@dataclass(frozen=True)
class StyleBlock:
    """A style picture, [H, W, 3], its share in the mix, and its masks, [H, W].

    image_id, source_mask_id: the same for the same picture and mask in every job.
    """

    block: BlockName | None
    """None if the worker keeps the picture from an earlier job."""
    image_id: str
    source_mask_id: str
    weight: float
    mask: BlockName | None = None
    source_mask: BlockName | None = None

    @property
    def name(self) -> str:
        """Of what is looked at: the picture, and which part of it counts."""
        return f"{self.image_id} {self.source_mask_id}"


@dataclass(frozen=True)
class FrameBlock:
    """Where preview frames go: one slot, which the worker fills again only after FrameTaken."""

    block: BlockName
    max_side: int
    min_interval_s: float
    every_iterations: int
    """Steps from one frame to the next, in place of `min_interval_s`; 0: by time."""


@dataclass(frozen=True)
class RunJob:
    """Front end to worker: paint this."""

    job_id: str
    content: BlockName | None
    styles: tuple[StyleBlock, ...]
    init_image: BlockName | None
    parameters: Parameters
    precision: Precision
    seed: int
    result: BlockName
    """[H, W, 3] float32 at the size of the last level."""
    frames: FrameBlock | None
    resume_from: str
    """Id of the job whose painting goes on; empty for a new one."""
    max_states_bytes: int
    """How much the worker may hold for such jobs."""
    progress_interval_s: float
    """Least time between two JobStepped, but for the first and the last."""
    mask: BlockName | None = None
    """[H, W]: where to paint."""
    content_id: str | None = None
    """The same for the same photo in every job."""


@dataclass(frozen=True)
class ShowFeatures:
    """Front end to worker: show what a filter responds to."""

    job_id: str
    pictures: tuple[BlockName, ...]
    """[H, W, 3] each, in the size in which they are looked through."""
    query: FeatureQuery
    backbone: Backbone
    size: int
    """The long side that was asked for."""
    result: BlockName
    """[H, W, 3] float32: the sheet."""
    progress_interval_s: float
    """As in RunJob."""


@dataclass(frozen=True)
class StopJob:
    """Front end to worker: stop this job after the step under way, if it still runs."""

    job_id: str
    keep: bool = False
    """End it as if it were finished, with the picture that there is."""


@dataclass(frozen=True)
class SteerJob:
    """Front end to worker: paint on with these values."""

    job_id: str
    steering: Steering


@dataclass(frozen=True)
class FrameTaken:
    """Front end to worker: the frame slot may be filled again."""

    job_id: str


ToWorker = RunJob | ShowFeatures | StopJob | SteerJob | FrameTaken


@dataclass(frozen=True)
class WeightsFacts:
    """A network that the worker has, and the weights it has them from."""

    backbone: Backbone
    name: str
    sha256: str


@dataclass(frozen=True)
class WorkerReady:
    """Worker to front end: the networks' weights are loaded."""

    device: str
    weights: tuple[WeightsFacts, ...]
    """VGG19's first."""
    devices: tuple[str, ...]
    """Names, as torch has them, of all devices that there are to paint on."""
    memory_bytes: int | None
    """What jobs may plan with, all together, on a device that has memory of its own; None for a CPU."""

    def weights_of(self, backbone: Backbone) -> WeightsFacts | None:
        """The weights of a network, if the worker has them."""
        return next((facts for facts in self.weights if facts.backbone is backbone), None)


@dataclass(frozen=True)
class WorkerUnable:
    """Worker to front end: the weights cannot be loaded; the process ends."""

    reason: str
    """Name of a Reason."""
    message: str


@dataclass(frozen=True)
class JobStarted:
    """Worker to front end: the job's plan."""

    job_id: str
    levels: tuple[Level, ...]
    precision: Precision
    backend: Backend
    memory_estimate_bytes: int
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class JobStepped:
    """Worker to front end: where it stands."""

    job_id: str
    iteration: int
    iterations: int
    terms: dict[str, float]


@dataclass(frozen=True)
class FrameReady:
    """Worker to front end: the frame slot is full."""

    job_id: str
    iteration: int
    width: int
    height: int


@dataclass(frozen=True)
class JobFinished:
    """Worker to front end: the painting is in the result block, finished or as it was when it was to be kept."""

    job_id: str
    iterations: int
    terms: dict[str, float]
    peak_memory_bytes: int
    warnings: tuple[str, ...]
    """All of them, those of JobStarted included."""
    stopped_early: bool
    """It was to be kept before its last step."""
    resumable: tuple[str, ...]
    """Ids of the jobs, this one perhaps among them, that can be painted on."""
    styles: tuple[str, ...] = ()
    """Ids of the pictures that need not be sent again as styles of the next job."""


@dataclass(frozen=True)
class JobStopped:
    """Worker to front end: stopped as asked, after this many steps."""

    job_id: str
    iteration: int


@dataclass(frozen=True)
class JobFailed:
    """Worker to front end: the job cannot go on; the worker can."""

    job_id: str
    reason: str
    """Name of a Reason."""
    message: str
    field: str | None = None


@dataclass(frozen=True)
class LogLine:
    """Worker to front end: a line for the daemon's one log."""

    level: int
    text: str


JobEvent = JobStarted | JobStepped | FrameReady | JobFinished | JobStopped | JobFailed
FromWorker = WorkerReady | WorkerUnable | LogLine | JobEvent
