"""Detached jobs that have ended and wait for somebody to fetch what became of them: bounded in time and in bytes."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator

from stylized.service.jobs import Job
from stylized.service.limits import Limits
from stylized.service.outbox import Painting

KEPT_JOB_BYTES = 16 * 1024
"""A kept job is counted with this besides its painting, so that many that failed are bounded too."""

log = logging.getLogger(__name__)


class KeptJobs:
    """Ended jobs without a viewer. Each goes `detached_ttl_s` after its end, or when newer ones need its place.

    Lives on the event loop's thread.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._jobs: dict[str, Job] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def __iter__(self) -> Iterator[Job]:
        return iter(sorted(self._jobs.values(), key=_end))

    def get(self, job_id: str) -> Job | None:
        """The job, if it is kept."""
        return self._jobs.get(job_id)

    def add(self, job: Job) -> None:
        """Keeps a job that has ended. The ones that ended first make place for it; the newest always stays."""
        self._jobs[job.job_id] = job
        patience = _end(job) + self._limits.detached_ttl_s - time.monotonic()
        self._timers[job.job_id] = asyncio.get_running_loop().call_later(patience, self._drop, job, "nobody came")
        while len(self._jobs) > 1 and sum(map(_size, self._jobs.values())) > self._limits.max_kept_bytes:
            self._drop(next(iter(self)), "newer ones need its place")

    def remove(self, job: Job) -> None:
        """Keeps a job no longer, if it did: somebody has come for it."""
        if self._jobs.pop(job.job_id, None):
            self._timers.pop(job.job_id).cancel()

    def _drop(self, job: Job, why: str) -> None:
        self.remove(job)
        log.info("job %s: its outcome is dropped, %s", job.job_id, why)


def _end(job: Job) -> float:
    assert job.ended is not None
    return job.ended


def _size(job: Job) -> int:
    outcome = job.broadcast.outcome
    return KEPT_JOB_BYTES + (len(outcome.data) if isinstance(outcome, Painting) else 0)
