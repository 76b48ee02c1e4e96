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
from stylized.service.outbox import Outbox
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
    queue = JobQueue(10)
    for each in (job("b1", batch=True), job("i1"), job("b2", batch=True), job("i2")):
        queue.add(each)
    assert [each.job_id for each in queue.waiting()] == ["i1", "i2", "b1", "b2"]
    queue.begin(queue.waiting()[1])
    queue.begin(queue.waiting()[-1])
    assert [each.job_id for each in queue.waiting()] == ["i1", "b1"]


def test_the_job_beyond_the_bound_is_refused_and_the_others_stay() -> None:
    queue = JobQueue(2)
    queue.add(job("1"))
    queue.add(job("2"))
    with pytest.raises(ServiceError) as caught:
        queue.add(job("3"))
    assert caught.value.reason is Reason.QUEUE_FULL
    assert [each.job_id for each in queue.waiting()] == ["1", "2"]


def places(*jobs: Job) -> list[int]:
    """What their viewers know: how many jobs end before each begins."""

    async def told(outbox: Outbox) -> int:
        item = await anext(outbox.items())
        assert isinstance(item, pb.Queued)
        return item.jobs_ahead

    async def run() -> list[int]:
        return [await told(one.attach(None)) for one in jobs]

    return asyncio.run(run())


@pytest.mark.parametrize(("workers", "expected"), [(1, [1, 2, 3]), (2, [0, 1, 2]), (3, [0, 0, 1])])
def test_a_job_knows_how_many_end_before_it_begins_on_so_many_workers(workers: int, expected: list[int]) -> None:
    queue = JobQueue(10)
    queue.workers = workers
    jobs = [job(name) for name in "abcd"]
    for each in jobs:
        queue.add(each)
    queue.begin(jobs[0])
    assert places(*jobs[1:]) == expected
    queue.done()
    assert places(*jobs[1:]) == [max(0, place - 1) for place in expected]


def test_whoever_begins_jobs_is_told_of_each_change() -> None:
    queue, first, second = JobQueue(2), job("1"), job("2")

    def changed() -> bool:
        was, _ = queue.changed.is_set(), queue.changed.clear()
        return was

    assert not changed()
    queue.add(first)
    assert changed()
    queue.add(second)
    assert changed()
    queue.begin(first)
    assert not changed()
    queue.done()
    assert changed()
    queue.remove(second)
    assert changed()


def test_a_job_is_removed_once() -> None:
    queue = JobQueue(2)
    waiting = job("1", batch=True)
    queue.add(waiting)
    assert (queue.remove(waiting), queue.remove(waiting), len(queue)) == (True, False, 0)
