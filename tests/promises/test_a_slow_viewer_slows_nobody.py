"""A viewer that does not read gets fewer frames, the newest, and never slows the painting."""

from __future__ import annotations

import itertools
import time

import grpc

from neuralstyle.v1 import admin_pb2
from neuralstyle.v1 import stylize_pb2 as pb
from neuralstyle.v1 import stylize_pb2_grpc as rpc
from tests.real_daemon import RealDaemon, endless_request, raw_image, shallow, small_request, wait_for

SIDE = 96
UNREAD = 60
"""Iterations painted while nobody reads: their frames are 1.6 MB, many times the window below."""

SMALL_WINDOW = (
    ("grpc.http2.bdp_probe", 0),
    ("grpc.http2.lookahead_bytes", 64 * 1024),
    ("grpc.use_local_subchannel_pool", 1),
)


def test_a_stalled_viewer_stops_nothing_and_gets_the_newest_frame_when_it_reads_again(daemon: RealDaemon) -> None:
    policy = pb.PreviewPolicy(max_side=SIDE, format=pb.FRAME_FORMAT_RAW_RGB8)
    policy.min_interval.FromMilliseconds(0)
    request = shallow(endless_request(content=raw_image(SIDE, SIDE), size=SIDE, preview=policy))
    admin = daemon.admin()

    def iteration() -> int:
        return admin.ListJobs(admin_pb2.ListJobsRequest()).jobs[0].iteration

    with grpc.insecure_channel(daemon.endpoint.targets[0], options=SMALL_WINDOW) as channel:
        call = rpc.StylizeServiceStub(channel).Stylize(request)
        next(event for event in call if event.HasField("started"))
        wait_for(lambda: iteration() >= UNREAD, 120, f"{UNREAD} iterations without a reader")
        frames = []
        for event in call:
            if event.HasField("frame"):
                frames.append(event.frame)
                if event.frame.iteration >= UNREAD:
                    break
        call.cancel()
    assert len(frames) < UNREAD
    assert max(frame.skipped for frame in frames) > UNREAD // 4
    for earlier, later in itertools.pairwise(frames):
        assert later.sequence > earlier.sequence
        assert later.skipped == later.sequence - earlier.sequence - 1
    wait_for(lambda: not admin.ListJobs(admin_pb2.ListJobsRequest()).jobs, 10, "the worker to be free")


def test_frames_keep_the_asked_distance_and_size(daemon: RealDaemon) -> None:
    request = small_request(60, preview=pb.PreviewPolicy(max_side=24))
    request.preview.min_interval.FromMilliseconds(150)
    started = time.monotonic()
    frames = [event.frame for event in daemon.stylize().Stylize(request) if event.HasField("frame")]
    took = time.monotonic() - started
    assert 1 <= len(frames) <= took / 0.15 + 1
    assert {(frame.width, frame.height, frame.format) for frame in frames} == {(24, 16, pb.FRAME_FORMAT_JPEG)}
