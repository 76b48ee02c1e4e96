"""A place at which jobs are painted, one after another: keeps one worker, and replaces it when it dies."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable
from dataclasses import replace

from neuralstyle.v1 import stylize_pb2 as pb
from neuralstyle.v1.reasons import Reason
from stylized.service.encode import encode_result
from stylized.service.errors import ServiceError
from stylized.service.job_run import Canvas, JobRun
from stylized.service.jobs import Job
from stylized.service.limits import Limits
from stylized.service.messages import RunJob, WorkerReady, WorkerUnable
from stylized.service.orders import Order
from stylized.service.outbox import Painting
from stylized.service.uploads import ImageStore
from stylized.service.worker_process import WorkerOptions, WorkerProcess

RESTART_PAUSE_S = 1.0
"""Before a worker that died while loading is started again, so that a broken installation does not spin."""

REVIVAL_PAUSE_S = 30.0
"""Between two attempts at a worker that does not start, while there are others."""

ATTEMPTS = 2
"""A worker that was found dead only when it got a job has cost that job nothing yet: a new one gets it, once."""

log = logging.getLogger(__name__)


class Station:
    """Keeps one worker and runs the jobs that it is given. Lives on the event loop's thread."""

    def __init__(self, options: WorkerOptions, store: ImageStore, limits: Limits) -> None:
        self._options = options
        self._store = store
        self._limits = limits
        self._worker: WorkerProcess | None = None
        self.ready: WorkerReady | None = None
        """Device and weights of the worker that was loaded last; None before the first."""
        self._failure: ServiceError | None = None
        self._failed_at = 0.0
        self._loading = False
        self.running: Job | None = None
        self._encoded: Job | None = None
        self._encoding: asyncio.Task[None] | None = None

    @property
    def at_work(self) -> tuple[Job, ...]:
        """Jobs that have begun and have not ended: the one being painted, after one whose painting is being encoded."""
        return tuple(job for job in (self._encoded, self.running) if job)

    @property
    def is_free(self) -> bool:
        """True if it can be given a job, or its worker be loaded."""
        return self.running is None and not self._loading

    @property
    def is_live(self) -> bool:
        """True if there is a worker that has loaded."""
        return self._worker is not None and not self._worker.gone

    @property
    def may_be_revived(self) -> bool:
        """True unless its worker has failed to start just now."""
        return self._failure is None or time.monotonic() - self._failed_at > REVIVAL_PAUSE_S

    @property
    def state(self) -> pb.WorkerState:
        """State of the worker."""
        if self._failure:
            return pb.WORKER_STATE_FAILED
        if not self.is_live:
            return pb.WORKER_STATE_LOADING
        return pb.WORKER_STATE_BUSY if self.running else pb.WORKER_STATE_READY

    @property
    def status(self) -> pb.WorkerStatus:
        """What is told of the worker."""
        return pb.WorkerStatus(
            state=self.state,
            device=self.ready.device if self.ready else "",
            pid=self._worker.pid if self._worker and self.is_live else 0,
            job_id=self.running.job_id if self.running else "",
        )

    def can_resume(self, job_id: str) -> bool:
        """True if the worker keeps the state of this job."""
        return self._worker is not None and not self._worker.gone and job_id in self._worker.resumable

    async def load(self) -> None:
        """Has a worker ready before the next job asks for it; a failure is kept for that job to tell."""
        if self.is_live or self._loading:
            return
        try:
            await self._working()
        except ServiceError as error:
            log.error("%s", error.message)

    async def paint(self, job: Job, order: Awaitable[Order], *, max_states_bytes: int) -> None:
        """Runs a job, to whatever end. Its painting may still be being encoded when this returns, so that the worker
        gets its next job at once.

        max_states_bytes: how much the worker may hold to go on from finished jobs.
        """
        self.running = job
        try:
            outcome = await self._run(job, order, max_states_bytes)
            if self._encoding:
                await self._encoding  # one large painting in memory at a time
        except Exception:
            outcome = _unexpected(job)
        finally:
            self.running = None
        if isinstance(outcome, ServiceError):
            _end(job, outcome)
            return
        self._encoded = job
        self._encoding = asyncio.create_task(self._encode(job, outcome))

    async def close(self) -> None:
        """Ends the worker. No job may be running."""
        if self._encoding:
            self._encoding.cancel()
        if self._worker:
            await self._discard(self._worker)

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

    async def _working(self) -> WorkerProcess:
        """A live worker. Raises ServiceError if the weights cannot be loaded."""
        if self._worker and not self._worker.gone:
            return self._worker
        self._loading = True
        try:
            return await self._start()
        except ServiceError as error:
            self._failure, self._failed_at = error, time.monotonic()
            raise
        finally:
            self._loading = False

    async def _start(self) -> WorkerProcess:
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
            self._worker, self.ready, self._failure = worker, message, None
            log.info("worker %d ready after %.1f s on %s", worker.pid, time.monotonic() - started, message.device)
            return worker
        code = await self._discard(worker)
        if isinstance(message, WorkerUnable):
            raise ServiceError(Reason[message.reason], message.message)
        await asyncio.sleep(RESTART_PAUSE_S)
        raise ServiceError(
            Reason.WORKER_RESTARTING,
            f"The painting process could not be started ({_exit_words(code)}); `stylize daemon logs` tells more.",
        )

    async def _discard(self, worker: WorkerProcess) -> int | None:
        if worker is self._worker:
            self._worker = None
        return await worker.close()

    async def _run(self, job: Job, making: Awaitable[Order], max_states_bytes: int) -> Canvas | ServiceError:
        """Runs one job to its end, whatever that is."""
        began = time.monotonic()
        timer = None
        if job.spec.max_runtime_s is not None:
            text = f"The job ran longer than the {job.spec.max_runtime_s:g} s that were allowed."
            timer = asyncio.get_running_loop().call_later(
                job.spec.max_runtime_s, job.request_stop, ServiceError(Reason.TIME_LIMIT, text)
            )
        order: Order | None = None
        try:
            order = await making
            for attempt in range(ATTEMPTS):
                worker = await self._working()
                message = await order.sharing_styles(job, self._store, worker.styles)
                if job.stop_error:
                    return job.stop_error
                if isinstance(message, RunJob):
                    message = replace(
                        message,
                        # As they are now: the job may have been steered since the order was made.
                        parameters=job.spec.parameters,
                        max_states_bytes=max_states_bytes,
                    )
                worker.send(message)
                assert self.ready is not None
                run = JobRun(job, worker, self.ready, self._limits, order.result, order.slot, began)
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
            if order:
                order.close()

    async def _bury(self, job: Job, worker: WorkerProcess) -> ServiceError:
        """Clears away a worker that died; returns what the job's viewers are told."""
        code = await self._discard(worker)
        log.error("job %s: the worker died (%s)", job.job_id, _exit_words(code))
        return ServiceError(
            Reason.WORKER_RESTARTING,
            f"The painting process died during the job ({_exit_words(code)}) and is being replaced; send the job"
            " again.",
        )


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
