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
        self.workers = 1
        """How many jobs can run at a time."""
        self.changed = asyncio.Event()
        """Set when there may be something to begin; whoever begins jobs clears it."""

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
        self.changed.set()

    def remove(self, job: Job) -> bool:
        """Takes a job out. False if it does not wait here."""
        for line in (self._interactive, self._batch):
            if job in line:
                line.remove(job)
                self._tell_places()
                self.changed.set()
                return True
        return False

    def begin(self, job: Job) -> None:
        """Takes a waiting job out to be run; it counts as running until `done`."""
        (self._batch if job.spec.batch else self._interactive).remove(job)
        self._running += 1
        self._tell_places()

    def done(self) -> None:
        """A running job has ended."""
        self._running -= 1
        self._tell_places()
        self.changed.set()

    def _tell_places(self) -> None:
        for place, job in enumerate(self.waiting()):
            ahead = max(0, place + self._running - (self.workers - 1))
            job.broadcast.put(pb.Queued(job_id=job.job_id, jobs_ahead=ahead))
