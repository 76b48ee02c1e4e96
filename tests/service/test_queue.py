"""The queue: interactive jobs first, each kind in the order in which it came, and nobody beyond the bound."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from neuralstyle.v1 import stylize_pb2 as pb
from neuralstyle.v1.reasons import Reason
from stylized.engine.choices import Precision
from stylized.engine.presets import builtin_presets
from stylized.service.errors import ServiceError
from stylized.service.jobs import Job, JobSpec, StyleSpec
from stylized.service.queue import JobQueue
from stylized.service.uploads import StoredImage

PHOTO = StoredImage("sha256:0", b"", None, 32, 32, False, 0.0)
SPEC = JobSpec(
    content=PHOTO,
    styles=(StyleSpec(PHOTO, 1.0),),
    preset="gatys",
    parameters=builtin_presets()["gatys"].parameters,
    precision=Precision.FP32,
    seed=0,
    preview=None,
    result_format=pb.RESULT_FORMAT_PNG,
    batch=False,
    max_runtime_s=None,
    client="test",
)


def job(name: str, *, batch: bool = False) -> Job:
    return Job(name, replace(SPEC, batch=batch), created=0.0)


def test_interactive_jobs_run_before_batches_and_each_kind_in_its_order() -> None:
    async def run() -> list[str]:
        queue = JobQueue(10)
        for each in (job("b1", batch=True), job("i1"), job("b2", batch=True), job("i2")):
            queue.add(each)
        assert [each.job_id for each in queue.waiting()] == ["i1", "i2", "b1", "b2"]
        return [(await queue.take()).job_id for _ in range(4)]

    assert asyncio.run(run()) == ["i1", "i2", "b1", "b2"]


def test_the_job_beyond_the_bound_is_refused_and_the_others_stay() -> None:
    queue = JobQueue(2)
    queue.add(job("1"))
    queue.add(job("2"))
    with pytest.raises(ServiceError) as caught:
        queue.add(job("3"))
    assert caught.value.reason is Reason.QUEUE_FULL
    assert [each.job_id for each in queue.waiting()] == ["1", "2"]


def test_who_waits_for_a_job_is_woken_by_one() -> None:
    async def run() -> str:
        queue = JobQueue(2)
        taken = asyncio.create_task(queue.take())
        await asyncio.sleep(0)
        queue.add(job("late"))
        return (await asyncio.wait_for(taken, 5)).job_id

    assert asyncio.run(run()) == "late"


def test_a_job_is_removed_once() -> None:
    queue = JobQueue(2)
    waiting = job("1", batch=True)
    queue.add(waiting)
    assert (queue.remove(waiting), queue.remove(waiting), len(queue)) == (True, False, 0)
