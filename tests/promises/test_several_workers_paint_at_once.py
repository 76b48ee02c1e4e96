"""Several workers paint at once: each job on one of them, and what happens to one is nothing to the others."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest

from neuralstyle.v1 import admin_pb2
from neuralstyle.v1 import stylize_pb2 as pb
from tests.promises.test_a_finished_job_can_be_painted_on import going_on, painted
from tests.promises.test_one_photo_becomes_one_painting import picture
from tests.real_daemon import (
    RealDaemon,
    cancelled_at,
    endless_request,
    reason_of,
    shared_blocks,
    small_request,
    wait_for,
)

Call = Iterator[pb.StylizeResponse]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealDaemon]:
    """A daemon with two workers of one thread each. Tests must leave no job behind."""
    running = RealDaemon(tmp_path_factory.mktemp("pair") / "home", "--workers", "2", "--threads", "2")
    try:
        running.wait_until_loaded()
        yield running
    finally:
        running.close()


def info(daemon: RealDaemon) -> pb.GetServerInfoResponse:
    return daemon.stylize().GetServerInfo(pb.GetServerInfoRequest())


def started(daemon: RealDaemon, request: pb.StylizeRequest) -> tuple[Call, str]:
    """A job that paints, and its id. It is cancelled when nobody holds the call any longer."""
    call = daemon.stylize().Stylize(request)
    job_id = next(event.started.job_id for event in call if event.HasField("started"))
    next(event for event in call if event.HasField("progress"))
    return call, job_id


def worker_of(daemon: RealDaemon, job_id: str) -> int:
    """Process id of the worker that paints a job."""
    (pid,) = (worker.pid for worker in info(daemon).workers if worker.job_id == job_id)
    return pid


def cancel(daemon: RealDaemon, job_id: str) -> None:
    assert daemon.stylize().CancelJob(pb.CancelJobRequest(job_id=job_id)).was_active


def wait_until_idle(daemon: RealDaemon) -> None:
    wait_for(lambda: not info(daemon).running_jobs, 10, "the workers to be free")


def test_two_jobs_are_painted_at_once_and_the_daemon_says_where(pair: RealDaemon) -> None:
    first, one = started(pair, endless_request())
    second, two = started(pair, endless_request(priority=pb.PRIORITY_BATCH))
    told = info(pair)
    assert (told.running_jobs, told.queued_jobs, told.worker_state) == (2, 0, pb.WORKER_STATE_BUSY)
    assert [worker.job_id for worker in told.workers] == [one, two]
    assert {worker.pid for worker in told.workers} == set(pair.worker_pids())
    assert all("1 thread)" in worker.device for worker in told.workers)
    for call in (first, second):  # both go on
        assert next(event for event in call if event.HasField("progress")).progress.iteration > 1
    third = pair.stylize().Stylize(small_request(1))
    assert next(third).queued.jobs_ahead == 1
    listed = pair.admin().ListJobs(admin_pb2.ListJobsRequest()).jobs
    assert [job.job_id for job in listed][:2] == [one, two]
    cancel(pair, two)
    assert list(third)[-1].HasField("summary")
    assert info(pair).workers[0].job_id == one
    cancel(pair, one)
    wait_until_idle(pair)


def test_the_picture_is_the_same_from_whichever_worker_and_from_a_daemon_with_one(
    pair: RealDaemon, start_daemon: Callable[..., RealDaemon]
) -> None:
    request = small_request(5)
    alone = painted(start_daemon("--threads", "1"), request)
    on_the_first = painted(pair, request)
    _call, job_id = started(pair, endless_request())
    on_the_second = painted(pair, request)
    assert worker_of(pair, job_id) == info(pair).workers[0].pid  # it was not the first that painted
    cancel(pair, job_id)
    assert picture(on_the_first) == picture(on_the_second) == picture(alone)
    assert on_the_first[-1].summary.loss == on_the_second[-1].summary.loss == alone[-1].summary.loss
    wait_until_idle(pair)


def test_a_cancelled_job_is_the_one_that_was_named(pair: RealDaemon) -> None:
    first, one = started(pair, endless_request())
    second, two = started(pair, endless_request())
    kept = worker_of(pair, one)
    cancel(pair, two)
    with pytest.raises(grpc.RpcError) as caught:
        list(second)
    assert reason_of(caught.value) == "CANCELLED"
    assert cancelled_at(pair, two) > 0
    assert worker_of(pair, one) == kept
    assert next(event for event in first if event.HasField("progress"))
    cancel(pair, one)
    wait_until_idle(pair)


def test_a_painting_goes_on_where_it_was_painted_while_others_pass_it(pair: RealDaemon) -> None:
    whole = painted(pair, small_request(6))
    _blocker, blocking = started(pair, endless_request())
    half = painted(pair, small_request(3))  # on the second worker
    cancel(pair, blocking)
    wait_until_idle(pair)
    assert picture(painted(pair, going_on(half[-1].summary.job_id, 3))) == picture(whole)
    # With the second worker at work it waits for that, though the first is free, and others do not wait with it.
    _blocker, blocking = started(pair, endless_request())
    _keeper, keeping = started(pair, endless_request())
    holder = worker_of(pair, keeping)
    cancel(pair, blocking)
    wait_for(lambda: info(pair).running_jobs == 1, 10, "the first worker to be free")
    waiting = pair.stylize().Stylize(going_on(half[-1].summary.job_id, 3))
    assert next(waiting).HasField("queued")
    assert painted(pair, small_request(1))[-1].HasField("summary")
    assert info(pair).queued_jobs == 1
    assert worker_of(pair, keeping) == holder
    cancel(pair, keeping)
    assert picture(list(waiting)) == picture(whole)
    wait_until_idle(pair)


def test_a_worker_that_is_killed_costs_its_own_job_only(start_daemon: Callable[..., RealDaemon]) -> None:
    daemon = start_daemon("--workers", "2", "--threads", "2")
    daemon.wait_until_loaded()
    first, one = started(daemon, endless_request())
    second, two = started(daemon, endless_request())
    untouched = worker_of(daemon, two)
    os.kill(worker_of(daemon, one), signal.SIGKILL)
    with pytest.raises(grpc.RpcError) as caught:
        list(first)
    assert reason_of(caught.value) == "WORKER_RESTARTING"
    daemon.stylize().CancelJob(pb.CancelJobRequest(job_id=two, keep=True))
    events = list(second)
    assert events[-1].summary.stopped_early
    assert untouched in daemon.worker_pids()
    wait_for(lambda: all(worker.state == pb.WORKER_STATE_READY for worker in info(daemon).workers), 60, "a new worker")
    assert len(daemon.worker_pids()) == 2


def test_ten_jobs_of_many_clients_are_all_painted(pair: RealDaemon) -> None:
    losses: dict[int, float] = {}

    def client(number: int) -> None:
        priority = pb.PRIORITY_BATCH if number % 2 else pb.PRIORITY_INTERACTIVE
        losses[number] = painted(pair, small_request(4, seed=number, priority=priority))[-1].summary.loss

    threads = [threading.Thread(target=client, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(losses) == list(range(10))
    assert info(pair).running_jobs == info(pair).queued_jobs == 0


def test_the_end_leaves_no_process_and_no_shared_memory(start_daemon: Callable[..., RealDaemon]) -> None:
    daemon = start_daemon("--workers", "2", "--threads", "2")
    daemon.wait_until_loaded()
    workers = daemon.worker_pids()
    assert len(workers) == 2
    calls = [started(daemon, endless_request())[0] for _ in range(2)]
    waiting = daemon.stylize().Stylize(small_request(1, priority=pb.PRIORITY_BATCH))
    next(waiting)
    blocks = shared_blocks(daemon.process.pid, *workers)
    assert blocks
    daemon.admin().Shutdown(admin_pb2.ShutdownRequest(grace={"seconds": 0}))  # pyright: ignore[reportArgumentType]
    for call in (*calls, waiting):
        with pytest.raises(grpc.RpcError) as caught:
            list(call)
        assert reason_of(caught.value) == "DRAINING"
    assert daemon.process.wait(60) == 0
    assert not [pid for pid in workers if Path(f"/proc/{pid}").exists()]
    assert not [block for block in blocks if block.exists()]
