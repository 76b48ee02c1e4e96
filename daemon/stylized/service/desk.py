"""The desk where jobs are handed in, looked up and stopped."""

from __future__ import annotations

import logging
import secrets
import time
from collections import deque
from dataclasses import fields

from neuralstyle.v1 import stylize_pb2 as pb
from neuralstyle.v1.reasons import Reason
from stylized.engine.parameters import Parameters, Steering
from stylized.service import convert
from stylized.service.errors import ServiceError
from stylized.service.jobs import Job, JobSpec, JobState, cancelled, pin
from stylized.service.limits import Limits
from stylized.service.queue import JobQueue

REMEMBERED_ENDS = 1000
"""Ids of ended jobs, so that cancelling one that has just finished is no error."""

STEERABLE = tuple(field.name for field in fields(Steering))
"""Tunables that UpdateJob may change."""

log = logging.getLogger(__name__)


class JobDesk:
    """All jobs that are waiting, running or being delivered. Lives on the event loop's thread."""

    def __init__(self, queue: JobQueue, limits: Limits) -> None:
        self._queue = queue
        self._limits = limits
        self._jobs: dict[str, Job] = {}
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
        job = Job(secrets.token_hex(8), spec, created=time.monotonic())
        self._queue.add(job)
        pin(spec)
        self._jobs[job.job_id] = job
        log.info("job %s: from %s, %d waiting", job.job_id, spec.client, len(self._queue))
        return job

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
        for field, _ in tunables.ListFields():
            if field.name not in STEERABLE:
                raise ServiceError(
                    Reason.INVALID_PARAMETER,
                    f"{field.name} cannot be changed once a job is handed in; only {', '.join(STEERABLE)} can.",
                    field=f"tunables.{field.name}",
                )
        parameters = convert.parameters_from(job.spec.parameters, tunables)
        job.steer(parameters)
        return parameters

    def _find(self, job_id: str) -> Job | None:
        """The job, or None if it ended some time ago. Raises ServiceError JOB_NOT_FOUND."""
        job = self._jobs.get(job_id)
        if job is None and job_id not in self._ended:
            raise ServiceError(
                Reason.JOB_NOT_FOUND,
                f"No job has the id {job_id[:80]!r}; `stylize daemon status` lists the running and waiting jobs.",
                field="job_id",
            )
        return job

    def leave(self, job: Job) -> None:
        """The job's viewer has gone, or has everything: stops the job if it still runs, and forgets it."""
        self._stop(job, cancelled())
        if self._jobs.pop(job.job_id, None):
            self._ended.append(job.job_id)

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

    def _stop(self, job: Job, error: ServiceError) -> None:
        if self._queue.remove(job):
            job.end(error)
        else:
            job.request_stop(error)
