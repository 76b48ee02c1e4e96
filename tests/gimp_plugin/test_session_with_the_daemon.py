"""Promise: over pure-Python gRPC the plug-in gets from a real daemon what any client gets, and it can steer, keep and
stop what it has begun."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from neural_style import orders, provenance
from neural_style.events import Connected, Event, Frame, Painted, Progress, Started, Waiting
from neural_style.failures import Failure, daemon_lost, from_daemon
from neural_style.orders import Order
from neural_style.samples import Pixels, SampleType
from neural_style.session import Session

from neuralstyle.v1 import admin_pb2
from neuralstyle.v1 import stylize_pb2 as pb
from neuralstyle.v1.endpoint import HOME_VARIABLE, Endpoint, endpoint_file
from stylized.engine.presets import builtin_presets
from stylized.styles import builtin_styles
from tests.gimp_plugin.sessions import Listener, endless_order, network_threads, pixels, small_order, wait_until
from tests.real_daemon import RealDaemon, upload

FORMATS = {
    SampleType.UINT8: (pb.SAMPLE_TYPE_UINT8, pb.RESULT_FORMAT_RAW_UINT8),
    SampleType.UINT16: (pb.SAMPLE_TYPE_UINT16, pb.RESULT_FORMAT_RAW_UINT16),
    SampleType.FLOAT32: (pb.SAMPLE_TYPE_FLOAT32, pb.RESULT_FORMAT_RAW_FLOAT32),
}


def over_tcp(endpoint: Endpoint) -> Endpoint:
    return replace(endpoint, targets=tuple(target for target in endpoint.targets if not target.startswith("unix:")))


def reason_of(event: Event) -> str:
    return event.reason if isinstance(event, Failure) else type(event).__name__


def announce(folder: Path, endpoint: Endpoint) -> None:
    folder.mkdir(exist_ok=True)
    endpoint_file(folder).write_text(endpoint.to_json())


@pytest.fixture(params=["unix", "tcp"])
def target(request: pytest.FixtureRequest, daemon: RealDaemon, home: Path) -> str:
    """The daemon as the plug-in finds it, with one of its targets only."""
    unix = replace(daemon.endpoint, targets=daemon.endpoint.targets[:1])
    assert unix.targets[0].startswith("unix:")
    announce(home, unix if request.param == "unix" else over_tcp(daemon.endpoint))
    return request.param


@pytest.fixture
def near(daemon: RealDaemon, home: Path) -> RealDaemon:
    """The daemon, found by the plug-in."""
    announce(home, daemon.endpoint)
    return daemon


def painted_by_grpcio(daemon: RealDaemon, order: Order) -> tuple[pb.ResultHeader, bytes]:
    """The same order, from another gRPC library and without a line of the plug-in."""
    stub = daemon.stylize()
    ids = []
    for picture in (order.content, order.style):
        assert isinstance(picture, Pixels)
        kind = FORMATS[picture.sample_type][0]
        layout = pb.RawFormat(width=picture.width, height=picture.height, channels=3, sample_type=kind)
        ids.append(upload(stub, picture.data, layout).image_id)
    request = pb.StylizeRequest(
        content=pb.Image(image_id=ids[0]),
        styles=[pb.Style(image=pb.Image(image_id=ids[1]))],
        preset=order.preset,
        seed=order.seed,
        result_format=FORMATS[order.result][1],
        tunables=pb.Tunables(size=48, iterations=3),
    )
    chunks = [event.result_chunk for event in stub.Stylize(request) if event.HasField("result_chunk")]
    return chunks[0].header, b"".join(chunk.data for chunk in chunks)


@pytest.mark.parametrize("sample_type", SampleType)
def test_the_painting_is_that_of_any_client(
    daemon: RealDaemon, target: str, session: Session, sample_type: SampleType
) -> None:
    order = small_order(content=pixels(sample_type=sample_type), result=sample_type)
    header, data = painted_by_grpcio(daemon, order)
    listener = Listener()
    session.paint(order, listener)
    painted = listener.first(Painted)
    assert (painted.pixels.width, painted.pixels.height) == (header.pixels.width, header.pixels.height)
    assert painted.pixels.sample_type is sample_type
    assert painted.pixels.data == data
    assert len(set(data)) > 10


def test_the_daemon_tells_what_it_has(near: RealDaemon, session: Session) -> None:
    listener = Listener()
    session.connect(listener)
    connected = listener.first(Connected)
    info = near.wait_until_loaded()
    assert (connected.version, connected.device) == (info.server_version, info.device)
    assert connected.features == set(info.features)
    assert connected.largest_size == info.limits.max_size
    assert {style.name: (style.title, style.artist) for style in connected.styles} == {
        name: (style.title, style.artist) for name, style in builtin_styles().items()
    }
    assert all(style.thumbnail.startswith(b"\xff\xd8") for style in connected.styles)
    assert {
        name: (preset.size, preset.iterations, preset.style_scale) for name, preset in connected.presets.items()
    } == {
        name: (own.parameters.size, own.parameters.iterations, own.parameters.style_scale)
        for name, own in builtin_presets().items()
    }


def test_the_events_come_in_order_and_frames_are_plain_pixels(near: RealDaemon, session: Session) -> None:
    listener = Listener()
    job = session.paint(
        small_order(frame_side=32, frame_interval=0.0, tunables={"size": 48, "iterations": 8}), listener
    )
    events = list(listener.events())
    kinds = [type(event) for event in events]
    assert kinds[0] is Waiting
    assert kinds[-1] is Painted
    middle = [kind for kind in kinds if kind is not Waiting][:-1]
    assert middle[0] is Started
    assert set(middle[1:]) == {Progress, Frame}
    begun = next(event for event in events if isinstance(event, Started))
    assert (begun.width, begun.height, begun.iterations) == (48, 32, 8)
    assert begun.device == near.wait_until_loaded().device
    assert begun.job_id == job.job_id
    steps = [event.iteration for event in events if isinstance(event, Progress)]
    assert steps == sorted(steps)
    assert steps[-1] == 8
    frame = next(event for event in events if isinstance(event, Frame))
    assert (frame.width, frame.height, len(frame.rgb)) == (32, 21, 32 * 21 * 3)
    painted = events[-1]
    assert isinstance(painted, Painted)
    assert painted.seconds > 0


def test_the_record_is_what_any_client_is_told(near: RealDaemon, session: Session) -> None:
    listener = Listener()
    session.paint(small_order(), listener)
    record = listener.first(Painted).record
    stub = near.stylize()
    style = pixels(seed=1, width=40, height=40)
    layout = pb.RawFormat(width=40, height=40, channels=3, sample_type=pb.SAMPLE_TYPE_UINT8)
    content_layout = pb.RawFormat(width=48, height=32, channels=3, sample_type=pb.SAMPLE_TYPE_UINT8)
    request = pb.StylizeRequest(
        content=pb.Image(image_id=upload(stub, pixels().data, content_layout).image_id),
        styles=[pb.Style(image=pb.Image(image_id=upload(stub, style.data, layout).image_id))],
        preset="gatys",
        seed=7,
        result_format=pb.RESULT_FORMAT_RAW_UINT8,
        tunables=pb.Tunables(size=48, iterations=3),
    )
    events = list(stub.Stylize(request))
    begun = next(event.started for event in events if event.HasField("started"))
    assert record == provenance.record(begun, events[-1].summary)
    assert record["parameter_hash"]


def test_a_built_in_style_goes_by_its_name_and_a_file_as_it_is(near: RealDaemon, session: Session) -> None:
    name, style = next(iter(builtin_styles().items()))
    painted = []
    for given in (name, style.read()):
        listener = Listener()
        session.paint(small_order(style=given), listener)
        painted.append(listener.first(Painted).pixels.data)
    assert painted[0] == painted[1]


def test_a_running_job_can_be_steered_and_kept(near: RealDaemon, session: Session) -> None:
    listener = Listener()
    job = session.paint(endless_order(), listener)
    listener.first(Progress)
    job.steer({"strength": 1.0, "color": 0.25})
    # The steering counts from the next step on; a few later it surely does.
    for _ in range(10):
        listener.first(Progress)
    job.keep()
    painted = listener.first(Painted)
    parameters = painted.record["parameters"]
    assert isinstance(parameters, dict)
    assert (parameters["strength"], parameters["color"]) == (1.0, 0.25)
    assert 0 < parameters["iterations"] < 100_000
    assert (painted.pixels.width, painted.pixels.height) == (48, 32)


def test_a_job_that_is_cancelled_frees_the_daemon(near: RealDaemon, session: Session) -> None:
    listener = Listener()
    job = session.paint(endless_order(), listener)
    listener.first(Progress)
    job.cancel()
    stub = near.stylize()
    wait_until(lambda: stub.GetServerInfo(pb.GetServerInfoRequest()).running_jobs == 0)
    wait_until(job.task.done)
    # What was under way; that it was cancelled is told or not.
    assert all(isinstance(event, Progress) or reason_of(event) == "CANCELLED" for event in listener.so_far())


def test_a_job_can_be_cancelled_before_the_daemon_knows_it(near: RealDaemon, session: Session) -> None:
    job = session.paint(endless_order(), Listener())
    job.cancel()
    wait_until(job.task.done)
    info = near.stylize().GetServerInfo
    wait_until(lambda: info(pb.GetServerInfoRequest()).running_jobs + info(pb.GetServerInfoRequest()).queued_jobs == 0)
    assert not near.admin().ListJobs(admin_pb2.ListJobsRequest()).jobs


def test_an_order_to_a_job_that_has_ended_does_nothing(near: RealDaemon, session: Session) -> None:
    listener = Listener()
    job = session.paint(small_order(), listener)
    listener.first(Painted)
    job.steer({"strength": 1.0})
    job.keep()
    job.cancel()
    assert not listener.so_far(0.8)
    session.paint(small_order(), listener)
    listener.first(Painted)


def test_a_session_that_closes_ends_its_jobs(near: RealDaemon, open_session: Callable[[], Session]) -> None:
    session, listener = open_session(), Listener()
    session.paint(endless_order(), listener)
    listener.first(Progress)
    session.close()
    wait_until(lambda: near.stylize().GetServerInfo(pb.GetServerInfoRequest()).running_jobs == 0)
    wait_until(lambda: not near.admin().ListJobs(admin_pb2.ListJobsRequest()).jobs)
    assert not network_threads()


def test_two_jobs_wait_for_each_other(near: RealDaemon, session: Session) -> None:
    first, second = Listener(), Listener()
    job = session.paint(endless_order(), first)
    first.first(Progress)
    session.paint(small_order(), second)
    assert second.first(Waiting).jobs_ahead == 1
    job.keep()
    first.first(Painted)
    second.first(Painted)


def test_a_job_that_was_left_alone_is_found_again(near: RealDaemon, open_session: Callable[[], Session]) -> None:
    order = small_order(tunables={"size": 48, "iterations": 12}, detach=True)
    session, listener = open_session(), Listener()
    job = session.paint(order, listener)
    listener.first(Progress)
    session.close()  # as if GIMP had died
    later = Listener()
    open_session().watch(job.job_id, 32, later)
    found = later.first(Painted)
    again = Listener()
    open_session().paint(order, again)
    whole = again.first(Painted)
    assert found.pixels == whole.pixels
    assert found.record == whole.record
    assert not near.admin().ListJobs(admin_pb2.ListJobsRequest()).jobs, "what has been fetched is not kept"


def test_a_job_that_is_watched_can_be_kept(near: RealDaemon, open_session: Callable[[], Session]) -> None:
    session, listener = open_session(), Listener()
    job_id = session.paint(endless_order(detach=True), listener).job_id or listener.first(Started).job_id
    session.close()
    later = Listener()
    job = open_session().watch(job_id, 0, later)
    later.first(Progress)
    job.keep()
    assert later.first(Painted).pixels.width == 48


def test_a_job_that_the_daemon_does_not_know_cannot_be_watched(near: RealDaemon, session: Session) -> None:
    listener = Listener()
    session.watch("no such job", 0, listener)
    assert listener.first(Failure).reason == "JOB_NOT_FOUND"


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        (small_order(style="no such style"), "UNKNOWN_STYLE"),
        (small_order(preset="no such preset"), "UNKNOWN_PRESET"),
        (small_order(style=b"no picture at all"), "IMAGE_UNREADABLE"),
        (small_order(style=pixels(width=8, height=8)), "IMAGE_TOO_SMALL"),
    ],
    ids=["style", "preset", "picture", "small"],
)
def test_what_the_daemon_refuses_is_told_in_the_plug_ins_words(
    near: RealDaemon, session: Session, order: Order, reason: str
) -> None:
    listener = Listener()
    session.paint(order, listener)
    failure = listener.first(Failure)
    assert failure.reason == reason
    assert failure.message.startswith(from_daemon(reason, "", {}).message.partition(" (")[0])
    session.paint(small_order(), listener)
    listener.first(Painted)


def test_a_value_out_of_range_is_told_in_the_daemons_words(near: RealDaemon, session: Session) -> None:
    listener = Listener()
    session.paint(small_order(tunables={"size": 48, "iterations": 3, "strength": 2.0}), listener)
    failure = listener.first(Failure)
    assert failure.reason == "INVALID_PARAMETER"
    assert "strength" in failure.message


def test_a_wrong_token_gets_the_sentence_about_it(daemon: RealDaemon, home: Path, session: Session) -> None:
    token = home.parent / "token"
    token.write_text("wrong")
    announce(home, replace(over_tcp(daemon.endpoint), token_path=str(token)))
    listener = Listener()
    session.connect(listener)
    failure = listener.first(Failure)
    assert failure.reason == "BAD_TOKEN"
    assert failure.message == from_daemon("BAD_TOKEN", "", {}).message


def test_a_daemon_that_dies_is_told_and_the_next_painting_finds_a_new_one(
    start_daemon: Callable[..., RealDaemon],
    session: Session,
    tmp_path: Path,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = start_daemon()
    monkeypatch.setenv(HOME_VARIABLE, str(first.folder))
    listener = Listener()
    order = endless_order()
    session.paint(order, listener)
    listener.first(Progress)
    os.killpg(first.process.pid, signal.SIGKILL)
    first.process.wait()
    assert listener.first(Failure).message == daemon_lost().message
    start_daemon()
    session.paint(replace(order, tunables={"size": 48, "iterations": 3}), listener)
    assert listener.first(Painted).pixels.width == 48


def test_a_preview_is_as_large_as_its_frames(near: RealDaemon, session: Session) -> None:
    listener = Listener()
    tunables = {"size": orders.PREVIEW_SIDE, "iterations": 2}
    session.paint(small_order(tunables=tunables, frame_side=orders.LARGEST_FRAME, frame_interval=0.0), listener)
    frame = listener.first(Frame)
    painted = listener.first(Painted)
    assert (frame.width, frame.height) == (painted.pixels.width, painted.pixels.height)
