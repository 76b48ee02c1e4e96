"""The desk where jobs are handed in, looked up, watched and stopped."""

from __future__ import annotations

import contextlib
import logging
import secrets
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import fields

from neuralstyle.v1 import stylize_pb2 as pb
from neuralstyle.v1.reasons import Reason
from stylized.engine.needs import MissingPictureError, check_pictures
from stylized.engine.parameters import Parameters, Steering
from stylized.service import convert
from stylized.service.errors import ServiceError
from stylized.service.jobs import Job, JobSpec, JobState, cancelled, pin
from stylized.service.kept import KeptJobs
from stylized.service.limits import Limits
from stylized.service.outbox import Outbox, Preview
from stylized.service.queue import JobQueue

REMEMBERED_ENDS = 1000
"""Ids of ended jobs, so that cancelling one that has just finished is no error."""

STEERABLE = tuple(field.name for field in fields(Steering))
"""Tunables that UpdateJob may change."""

log = logging.getLogger(__name__)


class JobDesk:
    """All jobs that are waiting, running or being delivered, and those whose outcome is kept. Lives on the event loop's
    thread.
    """

    def __init__(self, queue: JobQueue, limits: Limits) -> None:
        self._queue = queue
        self._limits = limits
        self._jobs: dict[str, Job] = {}
        self._kept = KeptJobs(limits)
        self._ended: deque[str] = deque(maxlen=REMEMBERED_ENDS)
        self.draining = False

    def check_open(self) -> None:
        """Raises ServiceError DRAINING or QUEUE_FULL if no job can be taken now."""
        if self.draining:
            text = "The daemon is about to stop and takes no more jobs; send it again in a moment."
            raise ServiceError(Reason.DRAINING, text)
        if len(self._jobs) >= self._limits.max_open_jobs:
            raise ServiceError(
                Reason.QUEUE_FULL,
                f"{len(self._jobs)} jobs are waiting, running or being fetched, which is as many as the daemon accepts;"
                " try again when some have ended.",
            )

    def hand_in(self, spec: JobSpec) -> Job:
        """Queues a job. Raises ServiceError as `check_open` does, or QUEUE_FULL."""
        self.check_open()
        job = Job(secrets.token_hex(8), spec, created=time.monotonic(), on_end=self._tidy)
        self._queue.add(job)
        pin(spec)
        self._jobs[job.job_id] = job
        log.info("job %s: from %s, %d waiting", job.job_id, spec.client, len(self._queue))
        return job

    def find(self, job_id: str) -> Job:
        """A job that can be watched. Raises ServiceError JOB_NOT_FOUND, also if its outcome has been fetched."""
        job = self._find(job_id)
        if job is None or job.fetched:
            text = "The job has ended, and its outcome is not kept, or no longer; send the job again if you need it."
            raise ServiceError(Reason.JOB_NOT_FOUND, text, field="job_id")
        return job

    @contextlib.contextmanager
    def viewing(self, job: Job, preview: Preview | None, *, owner: bool = False) -> Iterator[Outbox]:
        """A viewer while it reads the job's outbox. Leaving the block by the outcome's end, which is the normal end or
        the job's own ServiceError, means that the outcome was sent; leaving it otherwise, that the viewer has gone.

        owner: the viewer who handed the job in. When it goes away the job is stopped, unless it is detached.
        """
        outbox = job.attach(preview)
        self._kept.remove(job)
        self._jobs[job.job_id] = job
        try:
            yield outbox
            job.fetched = True
        except ServiceError:
            job.fetched = True
            raise
        finally:
            job.broadcast.remove(outbox)
            if owner and not job.spec.detach:
                self._stop(job, cancelled())
            self._tidy(job)

    def stop(self, job_id: str, *, keep: bool) -> bool:
        """Stops a job, or ends a running one with the painting as it is; False if it had ended.

        Raises ServiceError JOB_NOT_FOUND.
        """
        job = self._find(job_id)
        if job is None or job.state is JobState.ENDED:
            return False
        if keep and job.state is JobState.RUNNING:
            job.request_keep()
        else:
            self._stop(job, cancelled())
        return True

    def steer(self, job_id: str, tunables: pb.Tunables) -> Parameters:
        """Changes what can be steered of a job and returns all its parameters.

        Raises ServiceError JOB_NOT_FOUND (also if it has ended) or INVALID_PARAMETER.
        """
        job = self._find(job_id)
        if job is None or job.state is JobState.ENDED:
            raise ServiceError(Reason.JOB_NOT_FOUND, "The job has ended, so it cannot be changed.", field="job_id")
        if job.spec.features:
            text = "What a filter responds to has no weights that could be changed; send another job."
            raise ServiceError(Reason.INVALID_REQUEST, text, field="job_id")
        for field, _ in tunables.ListFields():
            if field.name not in STEERABLE:
                raise ServiceError(
                    Reason.INVALID_PARAMETER,
                    f"{field.name} cannot be changed once a job is handed in; only {', '.join(STEERABLE)} can.",
                    field=f"tunables.{field.name}",
                )
        parameters = convert.parameters_from(job.spec.parameters, tunables)
        try:
            check_pictures(job.spec.sizes, parameters, resumed=True)
        except MissingPictureError as error:
            raise convert.parameter_error(error) from error
        job.steer(parameters)
        return parameters

    def _find(self, job_id: str) -> Job | None:
        """The job, or None if it has ended and is forgotten. Raises ServiceError JOB_NOT_FOUND."""
        job = self._jobs.get(job_id) or self._kept.get(job_id)
        if job is None and job_id not in self._ended:
            raise ServiceError(
                Reason.JOB_NOT_FOUND,
                f"No job has the id {job_id[:80]!r}; `stylize daemon status` lists the running and waiting jobs.",
                field="job_id",
            )
        return job

    def drain(self) -> None:
        """Takes no more jobs and sends the waiting ones away; the running one goes on."""
        self.draining = True
        for job in self._queue.waiting():
            text = "The daemon stops before the job's turn came; send it again in a moment."
            self._stop(job, ServiceError(Reason.DRAINING, text))

    def stop_all(self) -> None:
        """Stops whatever still runs."""
        for job in list(self._jobs.values()):
            text = "The daemon stopped before the painting was finished; send it again in a moment."
            self._stop(job, ServiceError(Reason.DRAINING, text))

    @property
    def open_jobs(self) -> int:
        """Jobs that are waiting, running or being delivered."""
        return len(self._jobs)

    @property
    def kept_jobs(self) -> list[Job]:
        """Detached jobs that have ended and were not fetched, those that ended first coming first."""
        return list(self._kept)

    def _tidy(self, job: Job) -> None:
        """After an end, or when a viewer has gone: forgets the job, or keeps its outcome, if nobody looks on."""
        wanted = job.spec.detach and not job.fetched
        if job.broadcast.watched or (wanted and job.state is not JobState.ENDED):
            return
        if self._jobs.pop(job.job_id, None):
            self._ended.append(job.job_id)
            if wanted:
                self._kept.add(job)

    def _stop(self, job: Job, error: ServiceError) -> None:
        if self._queue.remove(job):
            job.end(error)
        else:
            job.request_stop(error)
