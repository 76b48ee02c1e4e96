"""The worker's keeper: starts it, feeds it one job after another, and replaces it when it dies."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import replace

from neuralstyle.v1 import stylize_pb2 as pb
from neuralstyle.v1.reasons import Reason
from stylized.engine.choices import Backbone
from stylized.engine.schedule import plan
from stylized.service.encode import encode_result
from stylized.service.errors import ServiceError, no_weights
from stylized.service.feature_jobs import order_features
from stylized.service.job_run import Canvas, JobRun
from stylized.service.jobs import Job, JobState
from stylized.service.limits import Limits, progress_interval_s
from stylized.service.messages import FrameBlock, RunJob, ShowFeatures, StyleBlock, WorkerReady, WorkerUnable
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
        self._tried = asyncio.Event()
        """Set once a worker has loaded its weights, or could not."""
        self.running: Job | None = None
        self._encoded: Job | None = None
        self._encoding: asyncio.Task[None] | None = None

    @property
    def at_work(self) -> tuple[Job, ...]:
        """Jobs that have begun and have not ended: the one being painted, after one whose painting is being encoded."""
        return tuple(job for job in (self._encoded, self.running) if job)

    @property
    def ready(self) -> WorkerReady | None:
        """Device and weights of the worker that was loaded last; None before the first."""
        return self._ready

    async def check_backbone(self, backbone: Backbone) -> None:
        """Raises ServiceError WEIGHTS_MISSING if the worker has no weights of a network.

        Waits until the weights have been loaded once, if there can be a doubt.
        """
        if backbone is Backbone.VGG19:
            return
        await self._tried.wait()
        if self._ready and not self._ready.weights_of(backbone):
            raise no_weights(backbone)

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
        """Loads the networks, then runs jobs until cancelled."""
        try:
            await self._preload()
            while True:
                job = await self._queue.take()
                self.running = job
                job.state = JobState.RUNNING
                try:
                    outcome = await self._run(job)
                    if self._encoding:
                        await self._encoding  # one large painting in memory at a time
                except Exception:
                    outcome = _unexpected(job)
                finally:
                    self.running = None
                    self._queue.done()
                self._hand_over(job, outcome)
                await self._preload()
        finally:
            if self._encoding:
                self._encoding.cancel()
            if self._worker:
                await self._discard(self._worker)

    def _hand_over(self, job: Job, outcome: Canvas | ServiceError) -> None:
        """Ends the job; a painting is encoded meanwhile, so that the worker gets its next job at once."""
        if isinstance(outcome, ServiceError):
            _end(job, outcome)
            return
        self._encoded = job
        self._encoding = asyncio.create_task(self._encode(job, outcome))

    async def _encode(self, job: Job, canvas: Canvas) -> None:
        try:
            content, result_format = job.spec.content, job.spec.result_format
            photo = await self._store.decode(content, last=True) if content and content.has_alpha else None
            alpha = photo.alpha if photo else None
            header, data = await asyncio.to_thread(encode_result, canvas.rgb, alpha, result_format)
            outcome = Painting(header, data, canvas.summary)
        except Exception:
            outcome = _unexpected(job)
        finally:
            self._encoded = None
        _end(job, outcome)

    async def _preload(self) -> None:
        """Has a worker ready before the next job asks for it; a failure is kept for that job to tell."""
        if self._worker and not self._worker.gone:
            return
        try:
            await self._working()
        except ServiceError as error:
            log.error("%s", error.message)
        finally:
            self._tried.set()

    async def _working(self) -> WorkerProcess:
        """A live worker. Raises ServiceError if the weights cannot be loaded."""
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

    async def _run(self, job: Job) -> Canvas | ServiceError:
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
                worker.send(replace(order, parameters=job.spec.parameters) if isinstance(order, RunJob) else order)
                assert self._ready is not None
                run = JobRun(job, worker, self._ready, self._limits, result, slot, began)
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

    async def _order(
        self, job: Job, blocks: list[PixelBlock]
    ) -> tuple[RunJob | ShowFeatures, PixelBlock, PixelBlock | None]:
        """Brings the job's pixels into shared memory. Every block made is appended to `blocks`."""

        def keep(block: PixelBlock) -> PixelBlock:
            blocks.append(block)
            return block

        spec = job.spec
        if spec.features:
            return (*await order_features(job, spec.features, self._store, keep), None)

        async def shared(stored: StoredImage, *, last: bool = False) -> BlockName:
            return keep(PixelBlock.holding((await self._store.decode(stored, last=last)).rgb)).name

        async def masked(stored: StoredImage | None) -> BlockName | None:
            return keep(PixelBlock.holding(await self._store.decode_mask(stored))).name if stored else None

        level = plan(spec.sizes, spec.parameters, resumed=bool(spec.resume_from))[-1]
        content = await shared(spec.content, last=True) if spec.content else None
        init_image = await shared(spec.init_image) if spec.init_image else None
        styles = []
        for style in spec.styles:
            styles.append(
                StyleBlock(
                    block=await shared(style.image),
                    image_id=style.image.image_id,
                    source_mask_id=style.source_mask.image_id if style.source_mask else "",
                    weight=style.weight,
                    mask=await masked(style.mask),
                    source_mask=await masked(style.source_mask),
                )
            )
        result = keep(PixelBlock.make((level.height, level.width, 3), "<f4"))
        slot = frames = None
        if spec.preview:
            wanted = spec.preview
            slot = keep(PixelBlock.make((wanted.max_side**2 * 3,), "u1"))
            frames = FrameBlock(slot.name, wanted.max_side, wanted.min_interval_s, wanted.every_iterations)
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
            progress_interval_s=progress_interval_s(batch=spec.batch),
            mask=await masked(spec.mask),
            resume_from=spec.resume_from,
            content_id=spec.content.image_id if spec.content else None,
            max_states_bytes=self._limits.max_states_bytes,
        )
        return order, result, slot


def _exit_words(code: int | None) -> str:
    if code == -9:
        return "it was killed, perhaps for lack of memory"
    if code is not None and code < 0:
        return f"signal {-code}"
    return f"exit code {code}"


def _unexpected(job: Job) -> ServiceError:
    """What the viewers are told of the exception that is being handled."""
    log.exception("job %s: failed", job.job_id)
    return ServiceError(Reason.INTERNAL, "Something went wrong inside the daemon; `stylize daemon logs` tells more.")


def _end(job: Job, outcome: Painting | ServiceError) -> None:
    job.end(outcome)
    if isinstance(outcome, Painting):
        seconds = outcome.summary.run_time.ToMilliseconds() / 1000
        loss = f", loss {outcome.summary.loss:.4g}" if outcome.summary.terms else ""
        log.info("job %s: finished after %.1f s%s", job.job_id, seconds, loss)
    elif outcome.reason is Reason.CANCELLED:
        log.info("job %s: cancelled at iteration %d of %d", job.job_id, job.iteration, job.iterations)
    else:
        log.warning("job %s: %s: %s", job.job_id, outcome.reason.name, outcome.message)
