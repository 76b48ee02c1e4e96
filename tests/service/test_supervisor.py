"""The workers' keepers: the next job is painted while the last painting is encoded, and each job goes to a worker that
is free, keeps what it goes on from, and has room."""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from neuralstyle.v1 import stylize_pb2 as pb
from neuralstyle.v1.reasons import Reason
from stylized.service import orders, supervisor
from stylized.service import station as room
from stylized.service.errors import ServiceError
from stylized.service.job_run import Canvas
from stylized.service.jobs import Job, JobState
from stylized.service.limits import Limits
from stylized.service.messages import WorkerReady
from stylized.service.orders import Order
from stylized.service.outbox import Painting
from stylized.service.queue import JobQueue
from stylized.service.station import Station
from stylized.service.supervisor import Supervisor
from stylized.service.uploads import ImageStore
from stylized.service.worker_process import WorkerOptions
from tests.service.test_queue import SPEC, job


@pytest.fixture(autouse=True)
def _orders(monkeypatch: pytest.MonkeyPatch) -> None:
    """Orders without pixels."""

    async def make_order(job: Job, store: ImageStore, limits: Limits) -> Order:
        return Order(None, None, None, [])  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(orders, "make_order", make_order)


class Swift(Station):
    """One whose worker, which is none, is done with every job at once, or when it is told to."""

    def __init__(self, options: WorkerOptions, store: ImageStore, limits: Limits) -> None:
        super().__init__(options, store, limits)
        self.options = options
        self.painted: list[str] = []
        self.shares: list[int] = []
        self.held: set[str] = set()
        self.go: asyncio.Event | None = None
        self.facts = WorkerReady("a device", (), ("a device",), None)
        self.is_broken = False

    @property
    def is_live(self) -> bool:
        return self.ready is not None and not self.is_broken

    def can_resume(self, job_id: str) -> bool:
        return job_id in self.held

    async def load(self) -> None:
        self.ready, self.is_broken = self.facts, False

    async def _run(self, job: Job, making, max_states_bytes: int) -> Canvas:
        (await making).close()
        self.painted.append(job.job_id)
        self.shares.append(max_states_bytes)
        if self.go:
            await self.go.wait()
        return Canvas(np.zeros((2, 2, 3), np.float32), pb.Summary(job_id=job.job_id))

    async def close(self) -> None:
        pass


class Keeper(Supervisor):
    """One with such stations, which wait when they have been given a job if `patient`."""

    def __init__(self, queue: JobQueue, workers: int = 1, *, patient: bool = False) -> None:
        limits = Limits()
        self.stations: list[Swift] = []
        self._patient = patient
        self.queue = queue
        super().__init__(WorkerOptions(), queue, ImageStore(limits), limits, workers)

    def _station(self, options: WorkerOptions) -> Station:
        station = Swift(options, self._store, self._limits)
        if self._patient:
            station.go = asyncio.Event()
        self.stations.append(station)
        return station

    @property
    def painted(self) -> list[str]:
        return [job_id for station in self.stations for job_id in station.painted]


class Press:
    """Stands in for the encoder: it starts when it is told to."""

    def __init__(self) -> None:
        self.go = threading.Semaphore(0)

    def __call__(self, *arguments: object) -> tuple[pb.ResultHeader, bytes]:
        assert self.go.acquire(timeout=30)
        return pb.ResultHeader(), b"a painting"


async def until(condition) -> None:
    async def wait() -> None:
        while not condition():  # noqa: ASYNC110 (conditions that change in many places)
            await asyncio.sleep(0.001)

    await asyncio.wait_for(wait(), 30)


async def paint(jobs: list[Job], test, keeper: Keeper | None = None) -> None:
    keeper = keeper or Keeper(JobQueue(len(jobs)))
    for each in jobs:
        keeper.queue.add(each)
    task = asyncio.create_task(keeper.run())
    try:
        await test(keeper)
    finally:
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()


@pytest.fixture
def _no_encoding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "encode_result", lambda *_: (pb.ResultHeader(), b""))


def test_the_next_job_is_painted_while_a_painting_is_encoded_and_one_is_encoded_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    press = Press()
    monkeypatch.setattr(room, "encode_result", press)

    async def run() -> None:
        jobs = [job(name) for name in "abc"]

        async def test(keeper: Keeper) -> None:
            await until(lambda: keeper.painted == ["a", "b"])
            assert [each.job_id for each in keeper.at_work] == ["a", "b"]
            assert [each.state for each in jobs] == [JobState.RUNNING, JobState.RUNNING, JobState.QUEUED]
            press.go.release()
            await until(lambda: keeper.painted == ["a", "b", "c"])
            assert jobs[0].state is JobState.ENDED
            press.go.release(2)
            await until(lambda: jobs[2].state is JobState.ENDED)
            assert keeper.at_work == ()
            for each in jobs:
                assert isinstance(each.broadcast.outcome, Painting)
                assert each.broadcast.outcome.summary.job_id == each.job_id

        await paint(jobs, test)

    asyncio.run(run())


def test_a_painting_that_cannot_be_encoded_ends_its_own_job_only(monkeypatch: pytest.MonkeyPatch) -> None:
    def encode(rgb, alpha, result_format: pb.ResultFormat) -> tuple[pb.ResultHeader, bytes]:
        if result_format == pb.RESULT_FORMAT_RAW_UINT16:
            raise ValueError("no ink")
        return pb.ResultHeader(), b""

    monkeypatch.setattr(room, "encode_result", encode)

    async def run() -> None:
        jobs = [job("bad"), job("good")]
        jobs[0].spec = replace(SPEC, result_format=pb.RESULT_FORMAT_RAW_UINT16)

        async def test(keeper: Keeper) -> None:
            await until(lambda: jobs[1].state is JobState.ENDED)
            error = jobs[0].broadcast.outcome
            assert isinstance(error, ServiceError)
            assert error.reason is Reason.INTERNAL
            assert isinstance(jobs[1].broadcast.outcome, Painting)

        await paint(jobs, test)

    asyncio.run(run())


pytestmark = pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")


def with_workers(count: int, test) -> None:
    """Runs a test with a supervisor whose stations wait until they are told to go on."""

    async def run() -> None:
        await paint([], test, Keeper(JobQueue(16), count, patient=True))

    asyncio.run(run())


def going_on_from(name: str, other: str) -> Job:
    return Job(name, replace(SPEC, resume_from=other), created=0.0)


def let_go(station: Swift) -> None:
    """Ends the job that it is at; the next one waits again."""
    assert station.go is not None
    station.go.set()
    station.go = asyncio.Event()


@pytest.mark.usefixtures("_no_encoding")
def test_jobs_begin_on_the_first_worker_that_is_free() -> None:
    async def test(keeper: Keeper) -> None:
        first, second = keeper.stations
        await until(lambda: second.is_live)
        for name in "abc":
            keeper.queue.add(job(name))
        await until(lambda: first.painted + second.painted == ["a", "b"])
        assert [each.job_id for each in keeper.queue.waiting()] == ["c"]
        let_go(second)
        await until(lambda: second.painted == ["b", "c"])
        let_go(first)
        let_go(second)
        await until(lambda: not keeper.at_work)
        keeper.queue.add(job("d"))
        await until(lambda: first.painted == ["a", "d"])

    with_workers(2, test)


@pytest.mark.usefixtures("_no_encoding")
def test_a_job_that_goes_on_waits_for_its_worker_and_others_pass_it() -> None:
    async def test(keeper: Keeper) -> None:
        first, second = keeper.stations
        second.held = {"old"}
        await until(lambda: second.is_live)
        for each in (job("a"), job("b"), going_on_from("more", "old"), job("c"), job("d")):
            keeper.queue.add(each)
        await until(lambda: first.painted + second.painted == ["a", "b"])
        let_go(first)
        await until(lambda: first.painted == ["a", "c"])
        let_go(second)
        await until(lambda: second.painted == ["b", "more"])
        second.held = set()
        keeper.queue.add(going_on_from("lost", "old"))  # whoever is free says that nothing is kept
        let_go(first)
        let_go(first)
        await until(lambda: first.painted[:3] == ["a", "c", "d"])

    with_workers(2, test)


@pytest.mark.usefixtures("_no_encoding")
def test_what_does_not_fit_beside_others_waits_and_is_not_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = {"big": 80, "small": 10}
    monkeypatch.setattr(supervisor, "available_bytes", lambda: 100)
    monkeypatch.setattr(supervisor, "footprint_bytes", lambda spec: sizes[spec.client])

    def sized(name: str, size: str) -> Job:
        return Job(name, replace(SPEC, client=size), created=0.0)

    async def test(keeper: Keeper) -> None:
        first, second = keeper.stations
        await until(lambda: second.is_live)
        for each in (sized("a", "big"), sized("b", "small"), sized("c", "big"), sized("d", "small")):
            keeper.queue.add(each)
        await until(lambda: first.painted + second.painted == ["a", "b"])
        let_go(second)
        await until(lambda: len(keeper.at_work) == 1)
        await asyncio.sleep(0.01)
        assert [each.job_id for each in keeper.queue.waiting()] == ["c", "d"]
        let_go(first)
        await until(lambda: first.painted + second.painted == ["a", "c", "b", "d"])

    with_workers(2, test)


@pytest.mark.usefixtures("_no_encoding")
def test_each_device_has_workers_and_a_part_of_what_may_be_kept() -> None:
    async def run() -> None:
        keeper = Keeper(JobQueue(16), 2, patient=True)
        keeper.stations[0].facts = WorkerReady("cuda:0 (One)", (), ("cuda:0", "cuda:1", "cuda:2"), 10**9)

        async def test(keeper: Keeper) -> None:
            await until(lambda: len(keeper.stations) == 6)
            assert [one.options.device for one in keeper.stations] == [
                None,
                None,
                "cuda:1",
                "cuda:1",
                "cuda:2",
                "cuda:2",
            ]
            assert {one.options.sharers for one in keeper.stations} == {2}
            assert len(keeper.workers) == keeper.queue.workers == 6
            keeper.queue.add(job("a"))
            await until(lambda: keeper.stations[0].shares == [Limits().max_states_bytes // 6])

        await paint([], test, keeper)

    asyncio.run(run())


@pytest.mark.usefixtures("_no_encoding")
def test_a_worker_that_died_is_replaced_while_jobs_wait_and_the_others_paint() -> None:
    async def test(keeper: Keeper) -> None:
        first, second = keeper.stations
        await until(lambda: second.is_live)
        second.is_broken = True
        keeper.queue.add(job("a"))
        await until(lambda: first.painted == ["a"])
        keeper.queue.add(job("b"))
        await until(lambda: second.painted == ["b"])

    with_workers(2, test)


@pytest.mark.usefixtures("_no_encoding")
def test_one_that_does_not_start_is_left_alone_for_a_while() -> None:
    async def test(keeper: Keeper) -> None:
        first, second = keeper.stations
        await until(lambda: second.is_live)
        second.is_broken = True
        second._failure, second._failed_at = ServiceError(Reason.WORKER_RESTARTING, "It broke."), time.monotonic()
        for name in "ab":
            keeper.queue.add(job(name))
        await until(lambda: first.painted == ["a"])
        await asyncio.sleep(0.01)
        assert second.is_broken
        second._failed_at -= room.REVIVAL_PAUSE_S + 1
        keeper.queue.add(job("c"))
        await until(lambda: second.painted == ["b"])

    with_workers(2, test)
