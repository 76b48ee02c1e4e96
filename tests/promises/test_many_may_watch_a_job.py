"""Anybody may watch a job that is there, from any moment on, in their own way, and nobody disturbs it by that."""

from __future__ import annotations

import threading

import grpc
import pytest

from neuralstyle.v1 import admin_pb2
from neuralstyle.v1 import stylize_pb2 as pb
from neuralstyle.v1 import stylize_pb2_grpc as rpc
from tests.promises.test_a_slow_viewer_slows_nobody import SIDE, SMALL_WINDOW, UNREAD
from tests.promises.test_one_photo_becomes_one_painting import picture
from tests.real_daemon import (
    RealDaemon,
    endless_request,
    error_info,
    raw_image,
    reason_of,
    shallow,
    small_request,
    wait_for,
)


def policy(max_side: int, frame_format: pb.FrameFormat, interval_ms: int) -> pb.PreviewPolicy:
    preview = pb.PreviewPolicy(max_side=max_side, format=frame_format)
    preview.min_interval.FromMilliseconds(interval_ms)
    return preview


def started(daemon: RealDaemon, request: pb.StylizeRequest):
    """A running job: its call, and what it said when it started."""
    call = daemon.stylize().Stylize(request)
    return call, next(event.started for event in call if event.HasField("started"))


def watch(daemon: RealDaemon, job_id: str, preview: pb.PreviewPolicy | None = None):
    return daemon.stylize().WatchJob(pb.WatchJobRequest(job_id=job_id, preview=preview))


def kinds(answers: list[pb.WatchJobResponse]) -> list[str | None]:
    return [answer.event.WhichOneof("event") for answer in answers]


def end(daemon: RealDaemon, call) -> None:
    call.cancel()
    admin = daemon.admin()
    wait_for(lambda: not admin.ListJobs(admin_pb2.ListJobsRequest()).jobs, 10, "the worker to be free")


def test_who_comes_late_is_told_where_the_job_stands_and_then_everything(daemon: RealDaemon) -> None:
    request = endless_request(preview=policy(32, pb.FRAME_FORMAT_JPEG, 0))
    call, start = started(daemon, request)
    seen = next(event.progress.iteration for event in call if event.progress.iteration >= 5)
    watching = watch(daemon, start.job_id, policy(32, pb.FRAME_FORMAT_JPEG, 0))
    first, second = next(watching).event, next(watching).event
    assert first.started == start
    assert second.progress.iteration >= seen
    frame = next(answer.event.frame for answer in watching if answer.event.HasField("frame"))
    assert frame.iteration >= seen - 1
    assert next(answer for answer in watching if answer.event.progress.iteration > second.progress.iteration)
    end(daemon, call)


def test_a_waiting_job_tells_its_place(daemon: RealDaemon) -> None:
    first, _ = started(daemon, endless_request())
    call = daemon.stylize().Stylize(small_request(2))
    job_id = next(call).queued.job_id
    watching = watch(daemon, job_id)
    assert next(watching).event.queued == pb.Queued(job_id=job_id, jobs_ahead=1)
    first.cancel()
    told = kinds(list(watching))
    assert told[-2:] == ["result_chunk", "summary"]
    assert next(kind for kind in told if kind != "queued") == "started"
    assert list(call)[-1].HasField("summary")


def test_all_viewers_get_the_painting_and_one_that_goes_away_stops_nothing(daemon: RealDaemon) -> None:
    call, start = started(daemon, small_request(60))
    paintings: dict[int, bytes] = {}

    def viewer(number: int) -> None:
        paintings[number] = picture([answer.event for answer in watch(daemon, start.job_id)])

    leaving = watch(daemon, start.job_id)
    next(leaving)
    threads = [threading.Thread(target=viewer, args=(number,)) for number in (1, 2)]
    for thread in threads:
        thread.start()
    leaving.cancel()
    painting = picture(list(call))
    for thread in threads:
        thread.join(60)
    assert painting
    assert paintings == {1: painting, 2: painting}


def test_the_viewers_of_a_job_are_told_that_its_owner_has_gone(daemon: RealDaemon) -> None:
    call, start = started(daemon, endless_request())
    watching = [watch(daemon, start.job_id) for _ in range(2)]
    for each in watching:
        next(each)
    call.cancel()
    for each in watching:
        with pytest.raises(grpc.RpcError) as caught:
            list(each)
        assert reason_of(caught.value) == "CANCELLED"
    end(daemon, call)


def test_each_viewer_gets_frames_as_it_wants_them(daemon: RealDaemon) -> None:
    call, start = started(daemon, endless_request(preview=policy(40, pb.FRAME_FORMAT_JPEG, 0)))
    wanted = {
        "as the job": policy(40, pb.FRAME_FORMAT_JPEG, 0),
        "small and raw": policy(24, pb.FRAME_FORMAT_RAW_RGB8, 0),
        "larger than made": policy(512, pb.FRAME_FORMAT_PNG, 0),
        "seldom": policy(40, pb.FRAME_FORMAT_JPEG, 100_000),
        "none": None,
    }
    seen: dict[str, list[pb.Frame]] = {name: [] for name in wanted}

    def viewer(name: str) -> None:
        watching = watch(daemon, start.job_id, wanted[name])
        for answer in watching:
            if answer.event.HasField("frame"):
                seen[name].append(answer.event.frame)
            if len(seen["as the job"]) >= 8 and all(seen[each] for each in wanted if each != "none"):
                break
        watching.cancel()

    threads = [threading.Thread(target=viewer, args=(name,)) for name in wanted]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    end(daemon, call)
    forms = {name: {(frame.width, frame.height, frame.format) for frame in frames} for name, frames in seen.items()}
    assert forms == {
        "as the job": {(40, 27, pb.FRAME_FORMAT_JPEG)},
        "small and raw": {(24, 16, pb.FRAME_FORMAT_RAW_RGB8)},
        "larger than made": {(40, 27, pb.FRAME_FORMAT_PNG)},
        "seldom": {(40, 27, pb.FRAME_FORMAT_JPEG)},
        "none": set(),
    }
    assert all(len(frame.data) == 24 * 16 * 3 for frame in seen["small and raw"])
    assert len(seen["seldom"]) == 1


def test_a_job_without_preview_has_frames_for_nobody(daemon: RealDaemon) -> None:
    call, start = started(daemon, small_request(20))
    assert "frame" not in kinds(list(watch(daemon, start.job_id, policy(32, pb.FRAME_FORMAT_JPEG, 0))))
    list(call)


def test_a_viewer_that_does_not_read_slows_neither_the_job_nor_the_others(daemon: RealDaemon) -> None:
    preview = policy(SIDE, pb.FRAME_FORMAT_RAW_RGB8, 0)
    photo, own = raw_image(SIDE, SIDE), policy(SIDE, pb.FRAME_FORMAT_PNG, 0)
    call, start = started(daemon, shallow(endless_request(content=photo, size=SIDE, preview=own)))
    with grpc.insecure_channel(daemon.endpoint.targets[0], options=SMALL_WINDOW) as channel:
        request = pb.WatchJobRequest(job_id=start.job_id, preview=preview)
        stalled = rpc.StylizeServiceStub(channel).WatchJob(request)
        assert next(stalled).event.started == start
        begin = next(answer for answer in stalled if answer.event.HasField("progress")).event.progress.iteration
        reader = next(event for event in call if event.progress.iteration >= begin + UNREAD)
        assert reader
        skipped = max(
            answer.event.frame.skipped for answer in _until(stalled, begin + UNREAD) if answer.event.HasField("frame")
        )
    assert skipped > UNREAD // 4
    end(daemon, call)


def _until(watching, iteration: int):
    for answer in watching:
        yield answer
        if answer.event.frame.iteration >= iteration:
            return


def test_a_job_that_never_was_or_has_been_fetched_is_not_found(daemon: RealDaemon) -> None:
    fetched = list(daemon.stylize().Stylize(small_request(1)))[-1].summary.job_id
    for job_id in ("0000", fetched, ""):
        with pytest.raises(grpc.RpcError) as caught:
            list(watch(daemon, job_id))
        info = error_info(caught.value)
        assert (info.reason, info.metadata["field"]) == ("JOB_NOT_FOUND", "job_id")


def test_a_bad_preview_is_refused_and_the_job_goes_on(daemon: RealDaemon) -> None:
    call, start = started(daemon, endless_request())
    with pytest.raises(grpc.RpcError) as caught:
        list(watch(daemon, start.job_id, pb.PreviewPolicy(max_side=5)))
    info = error_info(caught.value)
    assert (info.reason, info.metadata["field"]) == ("INVALID_PARAMETER", "preview.max_side")
    assert next(event for event in call if event.HasField("progress"))
    end(daemon, call)
