"""The desk: who may stop a job by leaving, and how long and how much it keeps for those who have left."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from dataclasses import replace

import pytest

from neuralstyle.v1 import stylize_pb2 as pb
from neuralstyle.v1.reasons import Reason
from stylized.engine.feature_sheet import FeatureQuery
from stylized.service.desk import JobDesk
from stylized.service.errors import ServiceError
from stylized.service.jobs import FeatureSpec, Job, JobState, StyleSpec
from stylized.service.kept import KEPT_JOB_BYTES
from stylized.service.limits import Limits
from stylized.service.outbox import Painting
from stylized.service.queue import JobQueue
from stylized.service.uploads import StoredImage
from tests.service.test_queue import SPEC

KIB = 1024


def painting(size: int = 0) -> Painting:
    return Painting(pb.ResultHeader(), bytes(size), pb.Summary())


def on_a_desk(test: Callable[[JobDesk], Coroutine[None, None, None]], **limits: float) -> None:
    async def run() -> None:
        await test(JobDesk(JobQueue(16), Limits(**limits)))  # pyright: ignore[reportArgumentType]

    asyncio.run(run())


def hand_in(desk: JobDesk, *, detach: bool = True) -> Job:
    return desk.hand_in(replace(SPEC, detach=detach))


class GoneError(Exception):
    """The viewer's connection broke."""


def leave(desk: JobDesk, job: Job, *, owner: bool = False) -> None:
    """Comes and goes without having read the end."""
    with contextlib.suppress(GoneError), desk.viewing(job, None, owner=owner):
        raise GoneError


def is_known(desk: JobDesk, job: Job) -> bool:
    try:
        return desk.find(job.job_id) is job
    except ServiceError as error:
        return error.reason is not Reason.JOB_NOT_FOUND


def test_the_owner_stops_a_job_by_leaving_unless_it_is_detached() -> None:
    async def run(desk: JobDesk) -> None:
        attached, detached = hand_in(desk, detach=False), hand_in(desk)
        for job in (attached, detached):
            leave(desk, job, owner=True)
        assert (attached.state, detached.state) == (JobState.ENDED, JobState.QUEUED)
        assert (is_known(desk, attached), is_known(desk, detached)) == (False, True)
        assert desk.open_jobs == 1

    on_a_desk(run)


def test_a_watcher_stops_nothing_by_leaving_and_hears_that_the_owner_has() -> None:
    async def run(desk: JobDesk) -> None:
        job = hand_in(desk, detach=False)
        with desk.viewing(job, None) as outbox:
            with contextlib.suppress(GoneError), desk.viewing(job, None, owner=True):
                leave(desk, job)
                assert job.state is JobState.QUEUED
                raise GoneError
            *_, last = [item async for item in outbox.items()]
            assert isinstance(last, ServiceError)
            assert last.reason is Reason.CANCELLED
            assert desk.open_jobs == 1  # while the watcher still reads
        assert desk.open_jobs == 0

    on_a_desk(run)


def test_an_outcome_is_kept_until_one_viewer_has_it() -> None:
    async def run(desk: JobDesk) -> None:
        job = hand_in(desk)
        leave(desk, job, owner=True)
        job.end(painting())
        assert (desk.kept_jobs, desk.open_jobs) == ([job], 0)
        leave(desk, job)
        assert desk.kept_jobs == [job]
        with desk.viewing(job, None):
            assert (desk.kept_jobs, desk.open_jobs) == ([], 1)
        assert (desk.kept_jobs, desk.open_jobs) == ([], 0)
        assert not is_known(desk, job)
        assert not desk.stop(job.job_id, keep=False)

    on_a_desk(run)


@pytest.mark.parametrize("size", [10 * KIB, 0])
def test_the_oldest_outcomes_go_first_and_the_newest_stays_whatever_its_size(size: int) -> None:
    room = 3 * (KEPT_JOB_BYTES + size) + 1

    async def run(desk: JobDesk) -> None:
        jobs = [hand_in(desk) for _ in range(6)]
        for job in jobs[:5]:
            job.end(painting(size) if size else ServiceError(Reason.INTERNAL, "It broke."))
        assert desk.kept_jobs == jobs[2:5]
        leave(desk, jobs[2])  # coming back does not make it younger
        assert desk.kept_jobs == jobs[2:5]
        jobs[5].end(painting(2 * room))
        assert desk.kept_jobs == jobs[5:]

    on_a_desk(run, max_kept_bytes=room)


def test_an_outcome_goes_after_its_time_also_if_somebody_came_in_between() -> None:
    async def run(desk: JobDesk) -> None:
        early, read = hand_in(desk), hand_in(desk)
        early.end(painting())
        read.end(painting())
        with contextlib.suppress(GoneError), desk.viewing(read, None):
            for _ in range(500):
                if not desk.kept_jobs:
                    break
                await asyncio.sleep(0.01)
            assert not is_known(desk, early)
            assert is_known(desk, read)  # while it is read
            raise GoneError
        await asyncio.sleep(0.01)
        assert not is_known(desk, read)

    on_a_desk(run, detached_ttl_s=0.05)


def test_an_ended_job_holds_no_pictures() -> None:
    async def run(desk: JobDesk) -> None:
        photo = StoredImage("sha256:1", b"photo", None, 32, 32, False, 0.0)
        style = StoredImage("sha256:2", b"style", None, 32, 32, False, 0.0)
        mask = StoredImage("sha256:3", b"mask", None, 32, 32, False, 0.0)
        looked_through = StoredImage("sha256:4", b"looked through", None, 32, 32, False, 0.0)
        styles = (StyleSpec(style, 1.0, mask, mask),)
        features = FeatureSpec(FeatureQuery("relu1_1", 0), (looked_through, looked_through), ((32, 32), (32, 32)))
        job = desk.hand_in(replace(SPEC, detach=True, content=photo, styles=styles, mask=mask, features=features))
        assert (photo.pins, style.pins, mask.pins, looked_through.pins) == (1, 1, 3, 2)
        job.end(painting())
        assert (photo.pins, style.pins, mask.pins, looked_through.pins) == (0, 0, 0, 0)
        assert job.spec.features is None
        assert job.spec.content is None
        assert job.spec.styles == ()
        assert job.spec.mask is None
        assert photo.data == b"photo"

    on_a_desk(run)


def test_kept_outcomes_block_no_new_jobs_but_open_ones_do() -> None:
    async def run(desk: JobDesk) -> None:
        for _ in range(5):
            hand_in(desk).end(painting())
        hand_in(desk)
        hand_in(desk)
        with pytest.raises(ServiceError) as caught:
            hand_in(desk)
        assert caught.value.reason is Reason.QUEUE_FULL

    on_a_desk(run, max_open_jobs=2)
