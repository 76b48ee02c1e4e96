"""Feeds the queue's jobs to the workers: each to one that is free, keeps what the job goes on from, and has room."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

from neuralstyle.v1 import stylize_pb2 as pb
from stylized.engine.choices import Backbone
from stylized.service.errors import no_weights
from stylized.service.footprint import available_bytes, footprint_bytes
from stylized.service.jobs import Job, JobState
from stylized.service.limits import WORKERS_PER_DEVICE, Limits
from stylized.service.messages import WorkerReady
from stylized.service.orders import OrdersAhead
from stylized.service.queue import JobQueue
from stylized.service.station import Station
from stylized.service.uploads import ImageStore
from stylized.service.worker_process import WorkerOptions

_BY_PROMISE = (pb.WORKER_STATE_READY, pb.WORKER_STATE_BUSY, pb.WORKER_STATE_LOADING, pb.WORKER_STATE_FAILED)
"""States of workers; that of the daemon is the first that one of them has."""


class Supervisor:
    """Runs the queue's jobs on as many workers as there are. Lives on the event loop's thread.

    A job begins on the first worker that is free: the first of them is kept busy, with what it keeps of earlier jobs,
    before another is. One that goes on from a finished job waits for the worker that painted that, while others pass
    it. One for which there is no room beside those that run waits until there is, and nobody passes it.
    """

    def __init__(
        self,
        options: WorkerOptions,
        queue: JobQueue,
        store: ImageStore,
        limits: Limits,
        workers: int = WORKERS_PER_DEVICE,
    ) -> None:
        """workers: on each device."""
        self._options = replace(options, sharers=workers)
        self._queue = queue
        self._store = store
        self._limits = limits
        self._workers = workers
        self._stations = [self._station(self._options) for _ in range(workers)]
        self._ahead = OrdersAhead(store, limits)
        self._tasks: set[asyncio.Task[None]] = set()
        self._tried = asyncio.Event()
        """Set once a worker has loaded its weights, or could not."""

    def _station(self, options: WorkerOptions) -> Station:
        return Station(options, self._store, self._limits)

    @property
    def at_work(self) -> tuple[Job, ...]:
        """Jobs that have begun and have not ended."""
        return tuple(job for station in self._stations for job in station.at_work)

    @property
    def running(self) -> int:
        """Jobs being painted."""
        return sum(station.running is not None for station in self._stations)

    @property
    def ready(self) -> WorkerReady | None:
        """Device and weights of the first worker that has loaded; None before that."""
        return next((station.ready for station in self._stations if station.ready), None)

    @property
    def state(self) -> pb.WorkerState:
        """State of the worker that can do most."""
        return min((station.state for station in self._stations), key=_BY_PROMISE.index)

    @property
    def workers(self) -> list[pb.WorkerStatus]:
        """What is told of each worker."""
        return [station.status for station in self._stations]

    async def check_backbone(self, backbone: Backbone) -> None:
        """Raises ServiceError WEIGHTS_MISSING if the workers have no weights of a network.

        Waits until the weights have been loaded once, if there can be a doubt.
        """
        if backbone is Backbone.VGG19:
            return
        await self._tried.wait()
        if self.ready and not self.ready.weights_of(backbone):
            raise no_weights(backbone)

    def can_resume(self, job_id: str) -> bool:
        """True if a worker keeps the state of this job."""
        return self._holder(job_id) is not None

    async def run(self) -> None:
        """Loads the networks and runs jobs until cancelled."""
        self._queue.workers = len(self._stations)
        self._spawn(self._load_all())
        try:
            while True:
                self._queue.changed.clear()
                for task in [task for task in self._tasks if task.done()]:
                    self._tasks.discard(task)
                    task.result()  # raises what is a fault of this program
                self._feed()
                await self._queue.changed.wait()
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            self._ahead.close()
            await asyncio.gather(*(station.close() for station in self._stations))

    async def _load_all(self) -> None:
        """Loads the workers one after another, so that the first is there soon; it says which devices there are."""
        opened = 0
        while opened < len(self._stations):
            await self._stations[opened].load()
            opened += 1
            if opened == 1:
                self._add_devices()
            self._tried.set()
            self._queue.changed.set()

    def _add_devices(self) -> None:
        """Has workers on each device beside the first."""
        for device in self.ready.devices[1:] if self.ready else ():
            options = replace(self._options, device=device)
            self._stations += [self._station(options) for _ in range(self._workers)]
        self._queue.workers = len(self._stations)

    def _feed(self) -> None:
        """Gives jobs to all that are free, and has the orders of the next ones made ready."""
        for job in self._queue.waiting():
            station = self._first_free(job)
            if station:
                self._begin(station, job)
            elif self._waits_for_room(job):
                break
        if len(self._queue) and self._tried.is_set():
            for station in self._stations:
                if station.is_free and not station.is_live and station.may_be_revived:
                    self._spawn(self._revive(station))
        self._ahead.want(self._queue.waiting()[: len(self._stations)])

    def _first_free(self, job: Job) -> Station | None:
        """The station that can begin this job now."""
        holder = self._holder(job.spec.resume_from)
        if holder:
            return holder if holder.is_free and self._has_room(holder, job) else None
        free = [station for station in self._stations if station.is_free]
        if not any(station.is_live for station in self._stations):
            # Nobody has one: the job tries to start a worker, and tells why it cannot be.
            return free[0] if self._tried.is_set() and free else None
        return next((one for one in free if one.is_live and self._has_room(one, job)), None)

    def _holder(self, job_id: str) -> Station | None:
        """The station whose worker keeps the state of a job."""
        return next((station for station in self._stations if job_id and station.can_resume(job_id)), None)

    def _has_room(self, station: Station, job: Job) -> bool:
        """True if the job fits into memory beside those that run. Alone it may always try, and is told what fits."""
        assert station.ready is not None
        own = station.ready.memory_bytes
        beside = [
            other.running.spec
            for other in self._stations
            if other.running and (own is None or (other.ready and other.ready.device == station.ready.device))
        ]
        if not beside:
            return True
        available = available_bytes() if own is None else own
        if available is None:
            return True
        # Some of what those that run will take is taken already and so counted twice, which errs on the safe side.
        return sum(map(footprint_bytes, (job.spec, *beside))) <= available

    def _waits_for_room(self, job: Job) -> bool:
        """True if there is a worker for this job, but not enough memory."""
        holder = self._holder(job.spec.resume_from)
        return any(station.is_free and station.is_live and holder in (None, station) for station in self._stations)

    def _begin(self, station: Station, job: Job) -> None:
        self._queue.begin(job)
        job.state = JobState.RUNNING
        order = self._ahead.take(job)
        share = self._limits.max_states_bytes // len(self._stations)
        station.running = job  # taken from now on
        self._spawn(self._paint(station, job, order, share))

    async def _paint(self, station: Station, job: Job, order: Coroutine[Any, Any, Any], share: int) -> None:
        try:
            await station.paint(job, order, max_states_bytes=share)
        finally:
            self._queue.done()
        await self._revive(station)

    async def _revive(self, station: Station) -> None:
        await station.load()
        self._queue.changed.set()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(lambda _: self._queue.changed.set())
