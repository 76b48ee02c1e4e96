"""The worker's keeper gives it the next job while the last painting is being encoded."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace

import numpy as np
import pytest

from neuralstyle.v1 import stylize_pb2 as pb
from neuralstyle.v1.reasons import Reason
from stylized.service import supervisor as room
from stylized.service.errors import ServiceError
from stylized.service.job_run import Canvas
from stylized.service.jobs import Job, JobState
from stylized.service.limits import Limits
from stylized.service.outbox import Painting
from stylized.service.queue import JobQueue
from stylized.service.supervisor import Supervisor
from stylized.service.uploads import ImageStore
from stylized.service.worker_process import WorkerOptions
from tests.service.test_queue import SPEC, job


class Swift(Supervisor):
    """One whose worker, which is none, is done with every job at once."""

    def __init__(self, queue: JobQueue) -> None:
        limits = Limits()
        super().__init__(WorkerOptions(), queue, ImageStore(limits), limits)
        self.painted: list[str] = []

    async def _preload(self) -> None:
        pass

    async def _run(self, job: Job) -> Canvas:
        self.painted.append(job.job_id)
        return Canvas(np.zeros((2, 2, 3), np.float32), pb.Summary(job_id=job.job_id))


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


async def paint(jobs: list[Job], test) -> None:
    queue = JobQueue(len(jobs))
    for each in jobs:
        queue.add(each)
    keeper = Swift(queue)
    task = asyncio.create_task(keeper.run())
    try:
        await test(keeper)
    finally:
        task.cancel()
        await asyncio.wait([task])


def test_the_next_job_is_painted_while_a_painting_is_encoded_and_one_is_encoded_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    press = Press()
    monkeypatch.setattr(room, "encode_result", press)

    async def run() -> None:
        jobs = [job(name) for name in "abc"]

        async def test(keeper: Swift) -> None:
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

        async def test(keeper: Swift) -> None:
            await until(lambda: jobs[1].state is JobState.ENDED)
            error = jobs[0].broadcast.outcome
            assert isinstance(error, ServiceError)
            assert error.reason is Reason.INTERNAL
            assert isinstance(jobs[1].broadcast.outcome, Painting)

        await paint(jobs, test)

    asyncio.run(run())
