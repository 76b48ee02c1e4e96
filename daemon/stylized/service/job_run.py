"""One job on one worker, from the order to the outcome."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuralstyle.v1 import stylize_pb2 as pb
from neuralstyle.v1.reasons import Reason
from stylized import __version__
from stylized.service import convert
from stylized.service.errors import ServiceError
from stylized.service.jobs import Job
from stylized.service.limits import Limits
from stylized.service.messages import (
    FrameReady,
    FrameTaken,
    FromWorker,
    JobFailed,
    JobFinished,
    JobStarted,
    JobStepped,
    JobStopped,
    SteerJob,
    StopJob,
    WorkerReady,
)
from stylized.service.outbox import RawFrame
from stylized.service.pixelblocks import PixelBlock
from stylized.service.provenance import parameter_hash
from stylized.service.worker_process import WorkerProcess

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Canvas:
    """A painting that the worker is done with. It is still to be encoded, which the next job need not wait for."""

    rgb: NDArray[np.float32]
    """[H, W, 3], sRGB 0..1."""
    summary: pb.Summary


class JobRun:
    """One job on one worker, from the order to the outcome."""

    def __init__(
        self,
        job: Job,
        worker: WorkerProcess,
        ready: WorkerReady,
        limits: Limits,
        result: PixelBlock,
        slot: PixelBlock | None,
        began: float,
    ) -> None:
        self._job = job
        self._worker = worker
        self._ready = ready
        self._limits = limits
        self._result = result
        self._slot = slot
        self._began = began
        self._started: JobStarted | None = None
        self._painting_since = began
        self._frames = 0
        self._stop_by: float | None = None
        """When the worker must have stopped, once it was told to."""
        self._orders: asyncio.Task[bool] | None = None
        """Waits for the next order, for as long as none comes."""

    @property
    def began_painting(self) -> bool:
        """True once the viewers have been told that the job runs."""
        return self._started is not None

    async def follow(self) -> Canvas | ServiceError | None:
        """Passes the worker's events on until the job has ended; None if the worker died."""
        self._worker.styles = ()  # it may drop some for this job
        try:
            return await self._follow()
        finally:
            if self._orders:
                self._orders.cancel()

    async def _follow(self) -> Canvas | ServiceError | None:
        while True:
            message = await self._next()
            if message is None:
                return None
            if isinstance(message, JobFinished):
                self._worker.resumable, self._worker.styles = message.resumable, message.styles
                return self._job.stop_error or self._finish(message)
            if isinstance(message, JobStopped):
                self._job.iteration = message.iteration
                return self._job.stop_error or ServiceError(Reason.INTERNAL, "The worker stopped by itself.")
            if isinstance(message, JobFailed):
                return ServiceError(Reason[message.reason], message.message, field=message.field)
            self._pass_on(message)

    async def _next(self) -> FromWorker | None:
        """The worker's next message. Meanwhile passes orders on, and kills a worker that does not stop when told to."""
        job = self._job
        incoming = asyncio.create_task(self._worker.inbox.get())
        try:
            while True:
                if self._orders is None:
                    self._orders = asyncio.create_task(job.orders.wait())
                patience = None if self._stop_by is None else max(0.0, self._stop_by - time.monotonic())
                await asyncio.wait((incoming, self._orders), timeout=patience, return_when=asyncio.FIRST_COMPLETED)
                if incoming.done():
                    return incoming.result()
                if job.orders.is_set():
                    self._orders = None
                    self._pass_orders()
                elif self._stop_by is not None:
                    log.warning("job %s: the worker does not stop, killing it", job.job_id)
                    self._worker.kill()
                    return await incoming
        finally:
            incoming.cancel()

    def _pass_orders(self) -> None:
        job = self._job
        job.orders.clear()
        if job.steering:
            self._worker.send(SteerJob(job.job_id, job.steering))
            job.steering = None
        if job.stop_error and self._stop_by is None:
            self._worker.send(StopJob(job.job_id))
            self._stop_by = time.monotonic() + self._limits.cancel_grace_s
        elif job.keep:
            self._worker.send(StopJob(job.job_id, keep=True))

    def _pass_on(self, message: FromWorker) -> None:
        job = self._job
        if isinstance(message, JobStarted):
            self._started = message
            self._painting_since = time.monotonic()
            job.iterations = sum(level.iterations for level in message.levels)
            job.broadcast.put(self._started_event(message))
        elif isinstance(message, JobStepped):
            job.iteration, job.iterations = message.iteration, message.iterations
            job.broadcast.put(self._progress_event(message))
        elif isinstance(message, FrameReady):
            assert self._slot is not None
            self._frames += 1
            samples = self._slot.array[: message.width * message.height * 3]
            rgb = np.array(samples, np.uint8).reshape(message.height, message.width, 3)
            self._worker.send(FrameTaken(job.job_id))
            job.broadcast.put(RawFrame(self._frames, message.iteration, rgb))

    def _started_event(self, message: JobStarted) -> pb.Started:
        spec = self._job.spec
        log.info(
            "job %s: painting %d x %d, %d iterations, preset %s, %s, backend %s",
            self._job.job_id,
            message.levels[-1].width,
            message.levels[-1].height,
            self._job.iterations,
            spec.preset,
            message.precision.value,
            message.backend.value,
        )
        return pb.Started(
            job_id=self._job.job_id,
            seed=spec.seed,
            device=self._ready.device,
            precision=convert.precision_to(message.precision),
            backend=message.backend.value,
            preset=spec.preset,
            parameters=convert.tunables_to(spec.parameters),
            plan=convert.plan_to(message.levels),
            memory_estimate_bytes=message.memory_estimate_bytes,
        )

    def _progress_event(self, message: JobStepped) -> pb.Progress:
        elapsed = time.monotonic() - self._painting_since
        event = pb.Progress(
            iteration=message.iteration,
            iterations=message.iterations,
            terms=convert.terms_to(message.terms),
            loss=convert.total_of(message.terms),
        )
        event.elapsed.FromNanoseconds(int(elapsed * 1e9))
        # The first step also prepares the network for its size, so it says nothing about the others.
        if message.iteration > 1:
            left = elapsed / message.iteration * (message.iterations - message.iteration)
            event.eta.FromNanoseconds(int(left * 1e9))
        return event

    def _finish(self, message: JobFinished) -> Canvas:
        spec = self._job.spec
        assert self._started is not None
        weights = self._ready.weights_of(spec.parameters.backbone)
        assert weights is not None
        summary = pb.Summary(
            job_id=self._job.job_id,
            iterations=message.iterations,
            terms=convert.terms_to(message.terms),
            loss=convert.total_of(message.terms),
            peak_memory_bytes=message.peak_memory_bytes,
            seed=spec.seed,
            device=self._ready.device,
            precision=convert.precision_to(self._started.precision),
            server_version=__version__,
            weights=convert.weights_to(weights),
            parameter_hash=""
            if self._job.steered or message.stopped_early or spec.resume_from
            else parameter_hash(spec, self._started.precision, self._started.backend, weights.sha256),
            stopped_early=message.stopped_early,
            parameters=convert.tunables_to(spec.parameters),
            warnings=message.warnings,
        )
        summary.queued_time.FromNanoseconds(int((self._began - self._job.created) * 1e9))
        summary.run_time.FromNanoseconds(int((time.monotonic() - self._began) * 1e9))
        return Canvas(np.array(self._result.array, np.float32), summary)
