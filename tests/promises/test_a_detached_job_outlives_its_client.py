"""A detached job goes on when its client dies; its outcome waits for one viewer, but not for ever."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

import grpc
import numpy as np
import pytest
from PIL import Image

import stylize
from neuralstyle.v1 import admin_pb2, admin_pb2_grpc
from neuralstyle.v1 import stylize_pb2 as pb
from neuralstyle.v1 import stylize_pb2_grpc as rpc
from stylized.service.kept import KEPT_JOB_BYTES
from tests.promises.test_a_slow_viewer_slows_nobody import SMALL_WINDOW
from tests.promises.test_nothing_grows import GROWTH_KIB, held, resident_kib
from tests.promises.test_one_photo_becomes_one_painting import picture
from tests.real_daemon import (
    RealDaemon,
    endless_request,
    raw_image,
    reason_of,
    shallow,
    shared_blocks,
    small_request,
    upload,
    wait_for,
)

LONG = 80
"""Iterations that take longer than killing a process does."""

LIMITED = "tests.limited_daemon"

CLIENT = """
import sys, grpc
from neuralstyle.v1 import stylize_pb2 as pb, stylize_pb2_grpc as rpc
request = pb.StylizeRequest.FromString(sys.stdin.buffer.read())
for event in rpc.StylizeServiceStub(grpc.insecure_channel(sys.argv[1])).Stylize(request):
    kind = event.WhichOneof("event")
    print(kind, getattr(event, kind).job_id if kind in ("queued", "started") else "", flush=True)
"""


def killed_client(daemon: RealDaemon, request: pb.StylizeRequest, *, after: str) -> str:
    """Sends a job from a process that is killed after its first event of this kind; returns the job's id."""
    with subprocess.Popen(
        [sys.executable, "-c", CLIENT, daemon.endpoint.targets[0]], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as client:
        assert client.stdin
        assert client.stdout
        client.stdin.write(request.SerializeToString())
        client.stdin.close()
        job_id = ""
        for line in client.stdout:
            kind, _, told = line.decode().strip().partition(" ")
            job_id = job_id or told
            if kind == after:
                break
        client.kill()
    assert job_id
    return job_id


def left_behind(daemon: RealDaemon, request: pb.StylizeRequest) -> str:
    """Sends a job and leaves when it has started; returns its id."""
    call = daemon.stylize().Stylize(request)
    job_id = next(event.started.job_id for event in call if event.HasField("started"))
    call.cancel()
    return job_id


def left_with_a_painting(daemon: RealDaemon, **fields) -> str:
    """A detached job whose client leaves while it runs, and which then ends with the painting as it is; returns its id.

    An order ends it: one of few steps may be over, and its outcome on its way, before its client has left.
    """
    with daemon.channel() as channel:
        stub = rpc.StylizeServiceStub(channel)
        call = stub.Stylize(endless_request(detach=True, **fields))
        job_id = next(event.started.job_id for event in call if event.HasField("started"))
        call.cancel()
        # On the same connection, so that the daemon hears of it after the client's leaving.
        stub.CancelJob(pb.CancelJobRequest(job_id=job_id, keep=True))
    wait_until_kept(daemon, job_id)
    return job_id


def watch(daemon: RealDaemon, job_id: str) -> list[pb.StylizeResponse]:
    with daemon.channel() as channel:
        stub = rpc.StylizeServiceStub(channel)
        return [answer.event for answer in stub.WatchJob(pb.WatchJobRequest(job_id=job_id))]


def reason_of_watching(daemon: RealDaemon, job_id: str) -> str:
    with pytest.raises(grpc.RpcError) as caught:
        watch(daemon, job_id)
    return reason_of(caught.value)


def listed(daemon: RealDaemon) -> dict[str, admin_pb2.JobInfo]:
    return {job.job_id: job for job in daemon.admin().ListJobs(admin_pb2.ListJobsRequest()).jobs}


def wait_until_kept(daemon: RealDaemon, *job_ids: str) -> None:
    with daemon.channel() as channel:
        admin = admin_pb2_grpc.AdminServiceStub(channel)

        def kept() -> bool:
            jobs = admin.ListJobs(admin_pb2.ListJobsRequest()).jobs
            return set(job_ids) <= {job.job_id for job in jobs if job.state == admin_pb2.JOB_STATE_ENDED}

        wait_for(kept, 60, "the end of a detached job")


def test_a_client_killed_in_the_middle_finds_its_job_again_and_gets_the_same_bytes(daemon: RealDaemon) -> None:
    undisturbed = list(daemon.stylize().Stylize(small_request(LONG)))
    job_id = killed_client(daemon, small_request(LONG, detach=True), after="progress")
    time.sleep(0.1)  # long enough for a job that is not detached to be cancelled
    job = listed(daemon)[job_id]
    assert (job.detached, job.state) == (True, admin_pb2.JOB_STATE_RUNNING)
    events = watch(daemon, job_id)
    kinds = [event.WhichOneof("event") for event in events]
    assert kinds[:2] == ["started", "progress"]
    assert kinds[-1] == "summary"
    assert picture(events) == picture(undisturbed)
    assert events[-1].summary.parameter_hash == undisturbed[-1].summary.parameter_hash
    assert reason_of_watching(daemon, job_id) == "JOB_NOT_FOUND"
    assert listed(daemon) == {}


def test_the_python_client_finds_its_job_again(daemon: RealDaemon) -> None:
    photo = np.asarray(Image.effect_noise((48, 32), 60).convert("RGB"))
    with stylize.Client.connect(daemon.endpoint.targets[0], timeout=30) as client:

        def job(*, detach: bool) -> stylize.Job:
            return client.stylize(photo, "woodblock", "gatys", seed=3, detach=detach, iterations=40, size=48)

        undisturbed = job(detach=False).result()
        with job(detach=True) as left:
            pass
    with stylize.Client.connect(daemon.endpoint.targets[0], timeout=30) as client:
        assert left.job_id
        assert [(info.job_id, info.detached) for info in client.jobs()] == [(left.job_id, True)]
        assert client.watch(left.job_id).result().tobytes() == undisturbed.tobytes()
        with pytest.raises(stylize.NotFound):
            client.watch(left.job_id).result()


def test_a_job_that_waits_when_its_client_dies_gets_its_turn_and_its_outcome_can_be_had_once(
    daemon: RealDaemon,
) -> None:
    first = daemon.stylize().Stylize(endless_request())
    next(event for event in first if event.HasField("progress"))
    job_id = killed_client(daemon, small_request(2, detach=True), after="queued")
    time.sleep(0.1)
    assert listed(daemon)[job_id].state == admin_pb2.JOB_STATE_QUEUED
    first.cancel()
    wait_until_kept(daemon, job_id)
    assert not daemon.stylize().CancelJob(pb.CancelJobRequest(job_id=job_id)).was_active
    events = watch(daemon, job_id)
    assert [event.WhichOneof("event") for event in events] == ["started", "progress", "result_chunk", "summary"]
    assert picture(events) == picture(list(daemon.stylize().Stylize(small_request(2))))
    assert reason_of_watching(daemon, job_id) == "JOB_NOT_FOUND"


def test_a_client_that_has_everything_leaves_nothing_to_fetch(daemon: RealDaemon) -> None:
    events = list(daemon.stylize().Stylize(small_request(1, detach=True)))
    assert reason_of_watching(daemon, events[-1].summary.job_id) == "JOB_NOT_FOUND"
    assert listed(daemon) == {}


def test_a_job_that_is_not_detached_ends_with_its_client(daemon: RealDaemon) -> None:
    job_id = killed_client(daemon, endless_request(), after="progress")
    wait_for(lambda: not listed(daemon), 10, "the end of the job")
    assert reason_of_watching(daemon, job_id) == "JOB_NOT_FOUND"


def test_a_painting_of_which_only_a_part_was_read_is_kept(daemon: RealDaemon) -> None:
    side = 512
    stored = upload(daemon.stylize(), raw_image(side, side).raw.data, raw_image(side, side).raw.format)
    request = shallow(small_request(1, detach=True, size=side, result_format=pb.RESULT_FORMAT_RAW_FLOAT32))
    request.content.image_id = stored.image_id
    size = side * side * 3 * 4
    with grpc.insecure_channel(daemon.endpoint.targets[0], options=SMALL_WINDOW) as channel:
        call = rpc.StylizeServiceStub(channel).Stylize(request)
        job_id = next(event.queued.job_id for event in call if event.HasField("queued"))
        next(event for event in call if event.HasField("result_chunk"))
        call.cancel()
    wait_until_kept(daemon, job_id)
    assert len(picture(watch(daemon, job_id))) == size
    assert reason_of_watching(daemon, job_id) == "JOB_NOT_FOUND"


def test_cancelling_ends_it_and_whoever_comes_is_told_once(daemon: RealDaemon) -> None:
    job_id = left_behind(daemon, endless_request(detach=True))
    assert daemon.stylize().CancelJob(pb.CancelJobRequest(job_id=job_id)).was_active
    wait_until_kept(daemon, job_id)
    assert reason_of_watching(daemon, job_id) == "CANCELLED"
    assert reason_of_watching(daemon, job_id) == "JOB_NOT_FOUND"


def test_it_can_be_ended_with_the_painting_as_it_is(daemon: RealDaemon) -> None:
    job_id = left_behind(daemon, endless_request(detach=True))
    assert daemon.stylize().CancelJob(pb.CancelJobRequest(job_id=job_id, keep=True)).was_active
    events = watch(daemon, job_id)
    assert events[-1].summary.stopped_early
    assert picture(events)


def test_an_outcome_that_nobody_fetches_goes_after_its_time(start_daemon: Callable[..., RealDaemon]) -> None:
    daemon = start_daemon("detached_ttl_s=0.5", module=LIMITED)
    assert daemon.stylize().GetServerInfo(pb.GetServerInfoRequest()).limits.detached_ttl.ToMilliseconds() == 500
    daemon.wait_until_loaded()
    job_id = left_with_a_painting(daemon)
    took = wait_for(lambda: not listed(daemon), 10, "dropping the outcome")
    print(f"gone after {took:.2f} s")
    assert took < 5
    assert reason_of_watching(daemon, job_id) == "JOB_NOT_FOUND"


def test_outcomes_are_bounded_and_block_no_new_jobs(start_daemon: Callable[..., RealDaemon]) -> None:
    room = 60_000
    daemon = start_daemon(f"max_kept_bytes={room}", "max_open_jobs=2", module=LIMITED)
    daemon.wait_until_loaded()
    fit = room // (KEPT_JOB_BYTES + len(picture(list(daemon.stylize().Stylize(small_request(2))))))
    assert fit >= 2
    job_ids = []
    for _ in range(fit + 2):
        job_ids.append(left_with_a_painting(daemon))
    assert list(listed(daemon)) == job_ids[-fit:]
    for job_id in job_ids[:-fit]:
        assert reason_of_watching(daemon, job_id) == "JOB_NOT_FOUND"
    for job_id in job_ids[-fit:]:
        assert picture(watch(daemon, job_id))


def test_a_daemon_that_stops_lets_it_finish_as_any_other_and_waits_for_nobody(
    start_daemon: Callable[..., RealDaemon],
) -> None:
    daemon = start_daemon()
    daemon.wait_until_loaded()
    left_with_a_painting(daemon)
    running = left_behind(daemon, small_request(20, detach=True))
    waiting = daemon.stylize().Stylize(small_request(2, detach=True))
    next(waiting)
    waiting.cancel()
    began = time.monotonic()
    assert daemon.terminate() == 0
    assert time.monotonic() - began < 25  # of the 30 s that a running job would get
    assert f"job {running}: finished" in daemon.log.read_text()


def test_nothing_of_it_stays_when_it_is_fetched_or_dropped(start_daemon: Callable[..., RealDaemon]) -> None:
    daemon = start_daemon("max_kept_bytes=100000", "max_uploads_bytes=4000000", module=LIMITED)
    daemon.wait_until_loaded()

    def some(seeds: range) -> None:
        for seed in seeds:
            # A photo of 0.5 MB each, which no kept job must hold on to.
            job_id = left_with_a_painting(daemon, content=raw_image(450, 340, seed=seed), size=32)
            if seed % 2:
                assert watch(daemon, job_id)[-1].HasField("summary")

    some(range(20))
    front, worker = daemon.process.pid, daemon.worker_pid()
    memory, handles = resident_kib(front), held(front)
    some(range(20, 80))
    grown = resident_kib(front) - memory
    print(f"front end: {grown} KiB more, {handles} -> {held(front)}")
    assert grown < GROWTH_KIB
    assert all(abs(now - then) <= 5 for now, then in zip(held(front), handles, strict=True))
    assert shared_blocks(front, worker) == set()
