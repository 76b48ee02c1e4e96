"""The jobs that wait: bounded, interactive ones first, and everybody knows their place."""

from __future__ import annotations

import asyncio

from neuralstyle.v1 import stylize_pb2 as pb
from neuralstyle.v1.reasons import Reason
from stylized.service.errors import ServiceError
from stylized.service.jobs import Job


class JobQueue:
    """Jobs in the order in which they will run. Lives on the event loop's thread."""

    def __init__(self, max_jobs: int) -> None:
        self._max_jobs = max_jobs
        self._interactive: list[Job] = []
        self._batch: list[Job] = []
        self._running = 0
        self._arrived = asyncio.Event()

    def __len__(self) -> int:
        return len(self._interactive) + len(self._batch)

    def waiting(self) -> list[Job]:
        """The waiting jobs in order."""
        return [*self._interactive, *self._batch]

    def add(self, job: Job) -> None:
        """Appends a job and tells all waiting jobs their place. Raises ServiceError QUEUE_FULL."""
        if len(self) >= self._max_jobs:
            raise ServiceError(
                Reason.QUEUE_FULL,
                f"{len(self)} jobs wait already, which is as many as the daemon accepts; try again when some have"
                " finished.",
            )
        (self._batch if job.spec.batch else self._interactive).append(job)
        self._tell_places()
        self._arrived.set()

    def remove(self, job: Job) -> bool:
        """Takes a job out. False if it does not wait here."""
        for line in (self._interactive, self._batch):
            if job in line:
                line.remove(job)
                self._tell_places()
                return True
        return False

    async def take(self) -> Job:
        """The next job, as soon as there is one; it counts as running until `done`."""
        while not len(self):
            self._arrived.clear()
            await self._arrived.wait()
        job = (self._interactive or self._batch).pop(0)
        self._running = 1
        self._tell_places()
        return job

    def done(self) -> None:
        """The running job has ended."""
        self._running = 0

    def _tell_places(self) -> None:
        for place, job in enumerate(self.waiting()):
            job.broadcast.put(pb.Queued(job_id=job.job_id, jobs_ahead=place + self._running))
