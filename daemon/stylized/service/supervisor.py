"""The worker's keeper: starts it, feeds it one job after another, and replaces it when it dies."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import replace

from neuralstyle.v1 import stylize_pb2 as pb
from neuralstyle.v1.reasons import Reason
from stylized.engine.schedule import plan
from stylized.service.errors import ServiceError
from stylized.service.job_run import JobRun
from stylized.service.jobs import Job, JobState
from stylized.service.limits import Limits
from stylized.service.messages import FrameBlock, RunJob, StyleBlock, WorkerReady, WorkerUnable
from stylized.service.outbox import Painting
from stylized.service.pixelblocks import BlockName, PixelBlock, close_all
from stylized.service.queue import JobQueue
from stylized.service.uploads import ImageStore, StoredImage
from stylized.service.worker_process import WorkerOptions, WorkerProcess

RESTART_PAUSE_S = 1.0
"""Before a worker that died while loading is started again, so that a broken installation does not spin."""

ATTEMPTS = 2
"""A worker that was found dead only when it got a job has cost that job nothing yet: a new one gets it, once."""

log = logging.getLogger(__name__)


class Supervisor:
    """Runs the queue's jobs on one worker. Lives on the event loop's thread."""

    def __init__(self, options: WorkerOptions, queue: JobQueue, store: ImageStore, limits: Limits) -> None:
        self._options = options
        self._queue = queue
        self._store = store
        self._limits = limits
        self._worker: WorkerProcess | None = None
        self._ready: WorkerReady | None = None
        self._failure: ServiceError | None = None
        self.running: Job | None = None

    @property
    def ready(self) -> WorkerReady | None:
        """Device and weights of the worker that was loaded last; None before the first."""
        return self._ready

    @property
    def state(self) -> pb.WorkerState:
        """State of the worker."""
        if self._failure:
            return pb.WORKER_STATE_FAILED
        if self._worker is None or self._worker.gone:
            return pb.WORKER_STATE_LOADING
        return pb.WORKER_STATE_BUSY if self.running else pb.WORKER_STATE_READY

    def can_resume(self, job_id: str) -> bool:
        """True if the worker keeps the state of this job."""
        return self._worker is not None and not self._worker.gone and job_id in self._worker.resumable

    async def run(self) -> None:
        """Loads the network, then runs jobs until cancelled."""
        try:
            await self._preload()
            while True:
                job = await self._queue.take()
                self.running = job
                job.state = JobState.RUNNING
                try:
                    outcome = await self._run(job)
                except Exception:
                    log.exception("job %s: failed", job.job_id)
                    text = "Something went wrong inside the daemon; `stylize daemon logs` tells more."
                    outcome = ServiceError(Reason.INTERNAL, text)
                finally:
                    self.running = None
                    self._queue.done()
                job.end(outcome)
                _log_end(job, outcome)
                await self._preload()
        finally:
            if self._worker:
                await self._discard(self._worker)

    async def _preload(self) -> None:
        """Has a worker ready before the next job asks for it; a failure is kept for that job to tell."""
        if self._worker and not self._worker.gone:
            return
        try:
            await self._working()
        except ServiceError as error:
            log.error("%s", error.message)

    async def _working(self) -> WorkerProcess:
        """A live worker. Raises ServiceError if the network cannot be loaded."""
        if self._worker and not self._worker.gone:
            return self._worker
        if self._worker:
            await self._discard(self._worker)
        started = time.monotonic()
        worker = WorkerProcess(self._options)
        try:
            message = await asyncio.wait_for(worker.inbox.get(), self._limits.worker_start_s)
        except asyncio.TimeoutError:
            message = None
        except BaseException:
            await self._discard(worker)
            raise
        if isinstance(message, WorkerReady):
            self._worker, self._ready, self._failure = worker, message, None
            log.info("worker ready after %.1f s on %s", time.monotonic() - started, message.device)
            return worker
        code = await self._discard(worker)
        if isinstance(message, WorkerUnable):
            self._failure = ServiceError(Reason[message.reason], message.message)
        else:
            await asyncio.sleep(RESTART_PAUSE_S)
            self._failure = ServiceError(
                Reason.WORKER_RESTARTING,
                f"The painting process could not be started ({_exit_words(code)}); `stylize daemon logs` tells more.",
            )
        raise self._failure

    async def _discard(self, worker: WorkerProcess) -> int | None:
        if worker is self._worker:
            self._worker = None
        return await worker.close()

    async def _run(self, job: Job) -> Painting | ServiceError:
        """Runs one job to its end, whatever that is."""
        began = time.monotonic()
        timer = None
        if job.spec.max_runtime_s is not None:
            text = f"The job ran longer than the {job.spec.max_runtime_s:g} s that were allowed."
            timer = asyncio.get_running_loop().call_later(
                job.spec.max_runtime_s, job.request_stop, ServiceError(Reason.TIME_LIMIT, text)
            )
        blocks: list[PixelBlock] = []
        try:
            order, result, slot = await self._order(job, blocks)
            for attempt in range(ATTEMPTS):
                worker = await self._working()
                if job.stop_error:
                    return job.stop_error
                # As they are now: the job may have been steered since the order was made.
                worker.send(replace(order, parameters=job.spec.parameters))
                assert self._ready is not None
                run = JobRun(job, worker, self._ready, self._store, self._limits, result, slot, began)
                outcome = await run.follow()
                if outcome:
                    return outcome
                death = await self._bury(job, worker)
                if run.began_painting or job.stop_error or attempt == ATTEMPTS - 1:
                    return job.stop_error or death
            raise AssertionError("the last attempt returns")
        except ServiceError as error:
            return error
        finally:
            if timer:
                timer.cancel()
            close_all(blocks)

    async def _bury(self, job: Job, worker: WorkerProcess) -> ServiceError:
        """Clears away a worker that died; returns what the job's viewers are told."""
        code = await self._discard(worker)
        log.error("job %s: the worker died (%s)", job.job_id, _exit_words(code))
        return ServiceError(
            Reason.WORKER_RESTARTING,
            f"The painting process died during the job ({_exit_words(code)}) and is being replaced; send the job"
            " again.",
        )

    async def _order(self, job: Job, blocks: list[PixelBlock]) -> tuple[RunJob, PixelBlock, PixelBlock | None]:
        """Brings the job's pixels into shared memory. Every block made is appended to `blocks`."""

        def keep(block: PixelBlock) -> PixelBlock:
            blocks.append(block)
            return block

        spec = job.spec

        async def shared(stored: StoredImage) -> BlockName:
            return keep(PixelBlock.holding((await self._store.decode(stored)).rgb)).name

        level = plan(spec.sizes, spec.parameters, resumed=bool(spec.resume_from))[-1]
        content = await shared(spec.content) if spec.content else None
        init_image = await shared(spec.init_image) if spec.init_image else None
        styles = [StyleBlock(await shared(stored), weight) for stored, weight in spec.styles]
        result = keep(PixelBlock.make((level.height, level.width, 3), "<f4"))
        slot = frames = None
        if spec.preview:
            slot = keep(PixelBlock.make((spec.preview.max_side**2 * 3,), "u1"))
            frames = FrameBlock(slot.name, spec.preview.max_side, spec.preview.min_interval_s)
        order = RunJob(
            job_id=job.job_id,
            content=content,
            styles=tuple(styles),
            init_image=init_image,
            parameters=spec.parameters,
            precision=spec.precision,
            seed=spec.seed,
            result=result.name,
            frames=frames,
            resume_from=spec.resume_from,
            max_states_bytes=self._limits.max_states_bytes,
        )
        return order, result, slot


def _exit_words(code: int | None) -> str:
    if code == -9:
        return "it was killed, perhaps for lack of memory"
    if code is not None and code < 0:
        return f"signal {-code}"
    return f"exit code {code}"


def _log_end(job: Job, outcome: Painting | ServiceError) -> None:
    if isinstance(outcome, Painting):
        seconds = outcome.summary.run_time.ToMilliseconds() / 1000
        log.info("job %s: finished after %.1f s, loss %.4g", job.job_id, seconds, outcome.summary.loss)
    elif outcome.reason is Reason.CANCELLED:
        log.info("job %s: cancelled at iteration %d of %d", job.job_id, job.iteration, job.iterations)
    else:
        log.warning("job %s: %s: %s", job.job_id, outcome.reason.name, outcome.message)
