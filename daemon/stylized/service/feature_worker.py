"""Feature visualisations in the worker: the engine is run, and the front end told."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from typing import Protocol

from torch import Tensor

from neuralstyle.v1.reasons import Reason
from stylized.engine.choices import Backend, Precision
from stylized.engine.feature_sheet import Sheet
from stylized.engine.features import DeconvNetwork, FeatureStep, Visualized, visualize
from stylized.engine.job import EndNow
from stylized.engine.memory import estimate_features_bytes
from stylized.engine.schedule import Level
from stylized.service.errors import ServiceError
from stylized.service.messages import FromWorker, JobFinished, JobStarted, JobStepped, ShowFeatures, StopJob
from stylized.service.pixelblocks import BlockName, PixelBlock


class Control(Protocol):
    """What the front end wants of the job, and how far it is."""

    stop: StopJob | None
    steps: int


class _Pictures(Sequence[Tensor]):
    """Pictures in shared memory, each brought to the device when it is asked for."""

    def __init__(self, names: Sequence[BlockName], read: Callable[[BlockName], Tensor]) -> None:
        self._names = names
        self._read = read

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, index: int) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        return self._read(self._names[index])


class FeatureJob:
    """A feature visualisation as it runs."""

    def __init__(self, order: ShowFeatures) -> None:
        self._order = order
        self._query = order.query
        self._what = f"Filter {order.query.filter} of {order.query.layer}"

    @property
    def estimate_bytes(self) -> int:
        """Estimated peak memory."""
        pixels = max(name.shape[0] * name.shape[1] for name in self._order.pictures)
        return estimate_features_bytes(pixels, self._query.layer, self._order.backbone)

    def started(self) -> JobStarted:
        """The sheet's size, and how many steps there will be at most."""
        sheet = Sheet.of(self._query, self._order.backbone)
        level = Level(sheet.width, sheet.height, len(self._order.pictures) + self._query.count)
        return JobStarted(self._order.job_id, (level,), Precision.FP32, Backend.REFERENCE, self.estimate_bytes, ())

    def run(
        self,
        network: DeconvNetwork,
        read: Callable[[BlockName], Tensor],
        control: Control,
        send: Callable[[FromWorker], None],
    ) -> Visualized | None:
        """Runs the engine and puts the sheet into the result block; None if the job was to be stopped.

        read: brings the picture in a block to the device. Raises ServiceError INVALID_PARAMETER if there is nothing to
        show.
        """
        shown = self._follow(visualize(network, _Pictures(self._order.pictures, read), self._query), control, send)
        if shown is None:
            return None
        if shown.sheet is None:
            text = f"{self._what} responds to nothing in the pictures; choose another, or other pictures."
            raise ServiceError(Reason.INVALID_PARAMETER, text, field="features.filter")
        result = PixelBlock.open(self._order.result)
        try:
            result.array[...] = shown.sheet[0].permute(1, 2, 0).numpy()
        finally:
            result.close()
        return shown

    def finished(self, shown: Visualized, peak_memory_bytes: int, resumable: tuple[str, ...]) -> JobFinished:
        """What the front end is told at the end."""
        warnings = []
        if shown.found < self._query.count:
            places = "1 place" if shown.found == 1 else f"{shown.found} places"
            warnings.append(
                f"{self._what} responds in {places} only, where {self._query.count} were asked for; more pictures may"
                " have more."
            )
        return JobFinished(
            self._order.job_id, shown.steps, {}, peak_memory_bytes, tuple(warnings), shown.stopped_early, resumable
        )

    def _follow(
        self,
        events: Generator[FeatureStep, EndNow | None, Visualized],
        control: Control,
        send: Callable[[FromWorker], None],
    ) -> Visualized | None:
        last_progress = float("-inf")
        end: EndNow | None = None
        told = False
        while control.stop is None or control.stop.keep:
            try:
                step = events.send(end)
            except StopIteration as ended:
                return ended.value
            control.steps = step.done
            end = EndNow() if control.stop and not told else None
            told = told or end is not None
            now = time.monotonic()
            if end or now - last_progress >= self._order.progress_interval_s or step.done == step.total:
                last_progress = now
                send(JobStepped(self._order.job_id, step.done, step.total, {}))
        return None
