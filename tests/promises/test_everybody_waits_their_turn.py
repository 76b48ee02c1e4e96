"""A bounded queue: two clients are both served, everybody knows their place, and the one too many is told so."""

from __future__ import annotations

import threading
from collections.abc import Callable

import grpc
import pytest

from neuralstyle.v1 import admin_pb2
from neuralstyle.v1 import stylize_pb2 as pb
from tests.real_daemon import RealDaemon, endless_request, reason_of, small_request, wait_for


def listed(daemon: RealDaemon) -> list[admin_pb2.JobInfo]:
    return list(daemon.admin().ListJobs(admin_pb2.ListJobsRequest()).jobs)


def test_two_clients_at_once_both_get_their_picture(daemon: RealDaemon) -> None:
    results: dict[int, list[pb.StylizeResponse]] = {}

    def client(number: int) -> None:
        results[number] = list(daemon.stylize().Stylize(small_request(8, seed=number)))

    threads = [threading.Thread(target=client, args=(number,)) for number in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(results) == [1, 2]
    for number, events in results.items():
        assert events[-1].summary.seed == number
        assert sum(len(event.result_chunk.data) for event in events) > 0


def test_a_waiting_job_learns_its_place_as_it_moves_up_and_interactive_jobs_go_first(daemon: RealDaemon) -> None:
    first = daemon.stylize().Stylize(endless_request())
    next(event for event in first if event.HasField("progress"))
    batch = daemon.stylize().Stylize(small_request(1, priority=pb.PRIORITY_BATCH))
    assert next(batch).queued.jobs_ahead == 1
    person = daemon.stylize().Stylize(small_request(1))
    assert next(person).queued.jobs_ahead == 1
    assert next(batch).queued.jobs_ahead == 2
    assert [job.state for job in listed(daemon)] == [
        admin_pb2.JOB_STATE_RUNNING,
        admin_pb2.JOB_STATE_QUEUED,
        admin_pb2.JOB_STATE_QUEUED,
    ]
    first.cancel()
    assert list(person)[-1].HasField("summary")
    events = list(batch)
    assert events[-1].HasField("summary")
    wait_for(lambda: not listed(daemon), 5, "the queue to be empty")


def test_a_waiting_job_that_is_cancelled_never_starts(daemon: RealDaemon) -> None:
    first = daemon.stylize().Stylize(endless_request())
    next(event for event in first if event.HasField("progress"))
    waiting = daemon.stylize().Stylize(small_request(1))
    job_id = next(waiting).queued.job_id
    assert daemon.stylize().CancelJob(pb.CancelJobRequest(job_id=job_id)).was_active
    with pytest.raises(grpc.RpcError) as caught:
        list(waiting)
    assert reason_of(caught.value) == "CANCELLED"
    first.cancel()
    wait_for(lambda: not listed(daemon), 5, "the worker to be free")


def test_one_job_too_many_is_refused_with_a_reason_and_the_rest_are_served(
    start_daemon: Callable[..., RealDaemon],
) -> None:
    daemon = start_daemon()
    daemon.wait_until_loaded()
    stub = daemon.stylize()
    limit = stub.GetServerInfo(pb.GetServerInfoRequest()).limits.max_queued_jobs
    first = stub.Stylize(endless_request())
    next(event for event in first if event.HasField("progress"))
    waiting = [stub.Stylize(small_request(1)) for _ in range(limit)]
    for call in waiting:
        next(call)
    with pytest.raises(grpc.RpcError) as caught:
        list(stub.Stylize(small_request(1)))
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert reason_of(caught.value) == "QUEUE_FULL"
    first.cancel()
    assert all(list(call)[-1].HasField("summary") for call in waiting)
