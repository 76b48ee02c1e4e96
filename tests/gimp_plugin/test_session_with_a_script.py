"""Promise: whatever a daemon does, or does not, the plug-in uploads no picture twice, tells in a sentence what is
wrong, and comes back to a daemon that works."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import grpc
import pytest
from neural_style import client as client_module
from neural_style import endpoints, failures
from neural_style import session as session_module
from neural_style.events import Connected, Frame, Painted, Progress, Started, Starting, Waiting
from neural_style.failures import Failure, from_daemon
from neural_style.samples import Pixels, SampleType
from neural_style.session import Session

from neuralstyle.v1 import stylize_pb2 as pb
from neuralstyle.v1.endpoint import Endpoint, endpoint_file, read_endpoint
from neuralstyle.v1.reasons import Reason
from tests.clients import scripted_daemon as scripted
from tests.clients.scripted_daemon import RunningDaemon, ScriptedService, abort
from tests.gimp_plugin.sessions import Listener, network_threads, pixels, small_order, wait_until

ROOT = Path(__file__).parents[2]


def result(data: bytes, width: int = 48, height: int = 32, **header: object) -> list[pb.StylizeResponse]:
    """A painting as plain bytes, in several chunks."""
    layout = pb.RawFormat(width=width, height=height, channels=3, sample_type=pb.SAMPLE_TYPE_UINT8)
    fields = {"format": pb.RESULT_FORMAT_RAW_UINT8, "pixels": layout, "size_bytes": len(data), **header}
    head = pb.ResultHeader(**fields)  # pyright: ignore[reportArgumentType]
    half = len(data) // 2
    return [
        pb.StylizeResponse(result_chunk=pb.ResultChunk(header=head, data=data[:half])),
        pb.StylizeResponse(result_chunk=pb.ResultChunk(data=data[half:])),
    ]


def paint(_request: pb.StylizeRequest, _context: grpc.ServicerContext, photo: bytes) -> Iterator[pb.StylizeResponse]:
    """The photo comes back inverted."""
    yield pb.StylizeResponse(queued=pb.Queued(job_id="job-1", jobs_ahead=2))
    yield scripted.started()
    yield scripted.progress(1)
    yield from result(bytes(255 - value for value in photo))
    yield scripted.summary(warnings=["The style was small."])


def refuse(reason: Reason, message: str = "In the daemon's words.") -> scripted.Script:
    def script(_request: object, context: grpc.ServicerContext, _photo: bytes) -> Iterator[pb.StylizeResponse]:
        abort(context, reason, message)
        yield from ()

    return script


@dataclass
class Service(ScriptedService):
    """A scripted daemon whose paintings are plain bytes."""

    script: scripted.Script = paint
    api: str = "neuralstyle.v1"

    def GetServerInfo(self, request, context):  # noqa: N802
        info = super().GetServerInfo(request, context)
        info.api_versions[:] = [self.api]
        return info


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def daemon(home: Path, service: Service) -> Iterator[RunningDaemon]:
    running = RunningDaemon(home, service)
    running.announce()
    yield running
    running.stop()


def painted_by(session: Session, **changes: object) -> Painted:
    listener = Listener()
    session.paint(small_order(**changes), listener)
    return listener.first(Painted)


def failure_of(session: Session, **changes: object) -> Failure:
    listener = Listener()
    session.paint(small_order(**changes), listener)
    return listener.first(Failure)


def test_what_the_daemon_says_becomes_plain_data(daemon: RunningDaemon, session: Session) -> None:
    listener = Listener()
    content = pixels()
    session.paint(small_order(content=content), listener)
    events = list(listener.events())
    assert events[:3] == [
        Waiting("job-1", 2),
        Started("job-1", "cpu (scripted)", 64, 48, 4),
        Progress(1, 4, 0.03),
    ]
    painted = events[3]
    assert isinstance(painted, Painted)
    assert painted.pixels == Pixels(48, 32, SampleType.UINT8, bytes(255 - value for value in content.data))
    assert painted.warnings == ("The style was small.",)
    assert painted.seconds == 1.5
    assert painted.record["weights"] == "vgg19-scripted"


def test_a_step_without_an_estimate_has_none(daemon: RunningDaemon, service: Service, session: Session) -> None:
    def script(request, context, photo):
        for event in paint(request, context, photo):
            if event.HasField("progress"):
                event.progress.ClearField("eta")
            yield event

    service.script = script
    listener = Listener()
    session.paint(small_order(), listener)
    assert listener.first(Progress).eta is None


def test_the_order_arrives_as_it_was_given(daemon: RunningDaemon, service: Service, session: Session) -> None:
    tunables = {"size": 640, "iterations": 8, "style_scale": 0.5, "strength": 0.25, "color": 0.0}
    painted_by(session, tunables=tunables, frame_side=300, frame_interval=0.125, detach=True, style="oil", seed=11)
    [request] = service.requests
    assert request.tunables == pb.Tunables(**tunables)  # pyright: ignore[reportArgumentType]
    assert [style.name for style in request.styles] == ["oil"]
    assert (request.preset, request.seed, request.detach) == ("gatys", 11, True)
    assert request.result_format == pb.RESULT_FORMAT_RAW_UINT8
    assert (request.preview.max_side, request.preview.format) == (300, pb.FRAME_FORMAT_RAW_RGB8)
    assert request.preview.min_interval.ToMilliseconds() == 125


def test_without_frames_none_are_asked_for(daemon: RunningDaemon, service: Service, session: Session) -> None:
    painted_by(session)
    assert not service.requests[0].HasField("preview")


def test_every_call_says_who_calls_and_carries_the_token_over_tcp_only(
    daemon: RunningDaemon, service: Service, open_session: Callable[[], Session]
) -> None:
    for targets, token in (((daemon.unix_target,), None), ((daemon.tcp_target,), "Bearer secret")):
        service.calls.clear()
        service.token = "secret"
        daemon.announce(targets)
        session, listener = open_session(), Listener()
        session.connect(listener)
        listener.first(Connected)
        painted_by(session)
        assert set(service.methods()) == {"GetServerInfo", "ListStyles", "ListPresets", "UploadImage", "Stylize"}
        assert {call.metadata.get("authorization") for call in service.calls} == {token}
        assert {call.metadata["x-client"] for call in service.calls} == {"gimp/0.1.0"}


def test_a_large_picture_goes_in_chunks_that_a_daemon_takes(
    daemon: RunningDaemon, service: Service, session: Session
) -> None:
    content = pixels(width=400, height=300)
    service.script = damaged(*result(content.data, 400, 300), scripted.summary())
    assert painted_by(session, content=content).pixels == content
    assert service.uploads[service.requests[0].content.image_id] == content.data
    assert max(service.chunk_sizes) <= 256 * 1024
    assert service.headers[0] == pb.UploadHeader(
        size_bytes=360_000,
        raw=pb.RawFormat(width=400, height=300, channels=3, sample_type=pb.SAMPLE_TYPE_UINT8),
    )


def test_the_same_picture_is_uploaded_once(daemon: RunningDaemon, service: Service, session: Session) -> None:
    order = small_order()
    for iterations in (3, 4):
        listener = Listener()
        session.paint(replace(order, tunables={"size": 48, "iterations": iterations}), listener)
        listener.first(Painted)
    assert service.methods().count("UploadImage") == 2  # the photo and the style
    assert service.methods().count("GetServerInfo") == 1
    painted_by(session)
    assert service.methods().count("UploadImage") == 4  # others, though they look the same


def test_a_picture_that_the_daemon_has_dropped_is_uploaded_again(
    daemon: RunningDaemon, service: Service, session: Session
) -> None:
    order, listener = small_order(), Listener()
    session.paint(order, listener)
    listener.first(Painted)
    service.uploads.clear()
    session.paint(order, listener)
    assert listener.first(Painted).pixels.width == 48
    assert service.methods().count("UploadImage") == 4
    assert service.methods().count("GetServerInfo") == 1  # over the same connection: others may be using it


def test_a_picture_that_is_dropped_again_and_again_is_a_failure(
    daemon: RunningDaemon, service: Service, session: Session
) -> None:
    service.script = refuse(Reason.IMAGE_NOT_FOUND)
    assert failure_of(session).reason == "IMAGE_NOT_FOUND"
    assert service.methods().count("Stylize") == 2


@pytest.mark.parametrize(
    ("reason", "sentence"), [(Reason.QUEUE_FULL, None), (Reason.OUT_OF_MEMORY, None), (Reason.INTERNAL, "In the")]
)
def test_a_refusal_becomes_a_sentence(
    daemon: RunningDaemon, service: Service, session: Session, reason: Reason, sentence: str | None
) -> None:
    service.script = refuse(reason)
    failure = failure_of(session)
    assert failure.reason == reason.name
    assert failure.message == from_daemon(reason.name, "In the daemon's words.", {}).message
    if sentence:
        assert failure.message.startswith(sentence)
    service.script = paint
    painted_by(session)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (grpc.StatusCode.UNAUTHENTICATED, from_daemon("BAD_TOKEN", "", {})),
        (grpc.StatusCode.UNIMPLEMENTED, from_daemon("FEATURE_UNAVAILABLE", "", {})),
        (grpc.StatusCode.UNAVAILABLE, failures.daemon_lost()),
        (grpc.StatusCode.CANCELLED, failures.daemon_lost()),
        (grpc.StatusCode.UNKNOWN, Failure("In gRPC's words.")),
    ],
)
def test_an_error_without_a_reason_is_told_by_its_code(
    daemon: RunningDaemon, service: Service, session: Session, code: grpc.StatusCode, expected: Failure
) -> None:
    def script(_request: object, context: grpc.ServicerContext, _photo: bytes) -> Iterator[pb.StylizeResponse]:
        context.abort(code, "In gRPC's words.")
        yield from ()

    service.script = script
    failure = failure_of(session)
    assert (failure.message, failure.reason) == (expected.message, expected.reason)


def test_a_feature_that_is_missing_is_told_as_such(daemon: RunningDaemon, session: Session) -> None:
    listener = Listener()
    session.watch("job-1", 0, listener)  # the scripted daemon has no such method: UNIMPLEMENTED without details
    failure = listener.first(Failure)
    assert failure.reason == "FEATURE_UNAVAILABLE"
    assert failure.message == from_daemon("FEATURE_UNAVAILABLE", "", {}).message


def test_a_daemon_of_another_version_is_told_with_its_version(
    daemon: RunningDaemon, service: Service, session: Session
) -> None:
    service.api = "neuralstyle.v2"
    listener = Listener()
    session.connect(listener)
    assert listener.first(Failure).message == failures.wrong_version("9.8.7").message
    service.api = "neuralstyle.v1"
    session.connect(listener)
    assert listener.first(Connected).version == "9.8.7"


def test_no_daemon_is_told_with_the_command_that_starts_one(home: Path, session: Session) -> None:
    listener = Listener()
    session.connect(listener)
    assert failures.START_COMMAND in listener.first(Failure).message
    assert failures.START_COMMAND in failure_of(session).message


def test_an_endpoint_that_was_left_behind_is_no_daemon(daemon: RunningDaemon, session: Session) -> None:
    daemon.stop()
    assert failure_of(session).message == failures.no_daemon().message


def test_a_target_without_its_token_is_passed_over(daemon: RunningDaemon, session: Session) -> None:
    endpoint = daemon.announce((daemon.tcp_target, daemon.unix_target))
    Path(endpoint.token_path).unlink()
    assert painted_by(session).pixels.width == 48


def test_somebody_who_does_not_speak_grpc_is_no_daemon(home: Path, session: Session, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def talk() -> None:
            connection, _address = server.accept()
            with connection:
                connection.sendall(b"220 smtp.example.org ESMTP\r\n")
                connection.recv(1)

        talker = threading.Thread(target=talk)
        talker.start()
        token = tmp_path / "token"
        token.write_text("secret")
        home.mkdir()
        target = f"127.0.0.1:{server.getsockname()[1]}"
        described = Endpoint((target,), str(token), os.getpid(), "run", "9.8.7", ("neuralstyle.v1",))
        endpoint_file(home).write_text(described.to_json())
        assert failure_of(session).message == failures.no_daemon().message
        talker.join()


def test_a_daemon_that_says_nothing_is_given_up(
    home: Path, session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "PROBE_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as server:
        token = tmp_path / "token"
        token.write_text("secret")
        home.mkdir()
        target = f"127.0.0.1:{server.getsockname()[1]}"
        described = Endpoint((target,), str(token), os.getpid(), "run", "9.8.7", ("neuralstyle.v1",))
        endpoint_file(home).write_text(described.to_json())
        assert failure_of(session).message == failures.no_daemon().message


def damaged(*events: pb.StylizeResponse) -> scripted.Script:
    def script(_request: object, _context: object, _photo: bytes) -> Iterator[pb.StylizeResponse]:
        yield scripted.started()
        yield from events

    return script


@pytest.mark.parametrize(
    "script",
    [
        damaged(),
        damaged(*result(bytes(48 * 32 * 3))),
        damaged(*result(bytes(48 * 32 * 3))[:1], scripted.summary()),
        damaged(*result(bytes(48 * 32 * 3))[1:], scripted.summary()),
        damaged(*result(bytes(48 * 32 * 3), format=pb.RESULT_FORMAT_PNG), scripted.summary()),
        damaged(*result(bytes(48 * 32 * 6), format=pb.RESULT_FORMAT_RAW_UINT16), scripted.summary()),
        damaged(*result(bytes(48 * 32 * 3), width=47), scripted.summary()),
    ],
    ids=["ends at once", "no summary", "half", "no header", "a file", "other samples", "another size"],
)
def test_half_a_painting_is_none(daemon: RunningDaemon, service: Service, session: Session, script) -> None:
    service.script = script
    assert failure_of(session).message == failures.daemon_lost().message
    service.script = paint
    painted_by(session)


def test_a_daemon_that_has_gone_is_found_again_by_whoever_asks(
    daemon: RunningDaemon, service: Service, session: Session, home: Path
) -> None:
    listener = Listener()
    session.connect(listener)
    listener.first(Connected)
    # Nothing was under way that could be lost, so a painting looks for a daemon once more before it gives up.
    for ask, sentence in (
        (session.connect, failures.daemon_lost()),
        (lambda deliver: session.paint(small_order(), deliver), failures.no_daemon()),
        (lambda deliver: session.watch("job-1", 0, deliver), failures.daemon_lost()),
    ):
        daemon.stop()
        ask(listener)
        assert listener.first(Failure).message == sentence.message
        daemon = RunningDaemon(home, service)  # at other addresses
        daemon.announce()
        session.connect(listener)
        listener.first(Connected)
    daemon.stop()


def test_a_daemon_that_was_replaced_while_nothing_was_asked_of_it_is_no_failure(
    daemon: RunningDaemon, service: Service, session: Session, home: Path
) -> None:
    listener = Listener()
    session.connect(listener)
    listener.first(Connected)
    daemon.stop()
    daemon = RunningDaemon(home, service)
    daemon.announce()
    assert painted_by(session).pixels.width == 48
    daemon.stop()


def test_of_two_jobs_that_lose_their_daemon_the_later_one_does_not_take_the_next_daemon_away(
    daemon: RunningDaemon, service: Service, session: Session, home: Path
) -> None:
    """The second job learns of its loss when the session has another daemon already."""
    held = threading.Event()

    def hold(_request: object, _context: object, _photo: bytes) -> Iterator[pb.StylizeResponse]:
        yield scripted.started()
        held.wait(20)

    service.script = hold
    old, lost = Listener(), Listener()
    session.paint(small_order(), old)
    old.first(Started)
    client = session._client
    assert client is not None
    session._client = None  # as the first job that lost it has left it
    second = RunningDaemon(home, Service())
    second.announce()
    session.connect(lost)
    lost.first(Connected)
    newer = session._client
    held.set()  # the stream ends without a painting: lost
    assert old.first(Failure).message == failures.daemon_lost().message
    assert session._client is newer
    client.close()
    painted_by(session)
    second.stop()


def test_an_order_to_a_job_arrives_also_if_it_has_no_id_yet(
    daemon: RunningDaemon, service: Service, session: Session
) -> None:
    go_on = threading.Event()

    def slow(request, context, photo):
        assert go_on.wait(10)
        yield from paint(request, context, photo)

    service.script = slow
    listener = Listener()
    job = session.paint(small_order(), listener)
    job.steer({"strength": 0.5})
    time.sleep(0.1)
    assert "UpdateJob" not in service.methods()
    go_on.set()
    listener.first(Painted)
    wait_until(lambda: "UpdateJob" in service.methods() or job.task.done())


def test_an_order_to_a_job_that_never_began_is_dropped(home: Path, session: Session) -> None:
    listener = Listener()
    job = session.paint(small_order(), listener)
    job.keep()
    assert listener.first(Failure).message == failures.no_daemon().message
    wait_until(lambda: not asyncio.all_tasks(session._loop))


def test_a_job_that_is_cancelled_is_given_up_even_if_the_daemon_does_not_answer(
    daemon: RunningDaemon, service: Service, session: Session
) -> None:
    def deaf(_request: object, context: grpc.ServicerContext, _photo: bytes) -> Iterator[pb.StylizeResponse]:
        yield scripted.started()
        while context.is_active():
            time.sleep(0.02)

    service.script = deaf
    listener = Listener()
    job = session.paint(small_order(), listener)
    listener.first(Started)
    job.cancel()
    wait_until(job.task.done)
    assert service.cancelled.wait(10)
    assert listener.so_far() == []
    assert "CancelJob" in service.methods()


def test_a_defect_is_told_and_not_lost_in_the_thread(
    daemon: RunningDaemon, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "tunables_message", lambda _values: 1 / 0)
    assert failure_of(session).message == "ZeroDivisionError: division by zero"


def test_nothing_of_the_network_is_loaded_before_it_is_needed() -> None:
    """GIMP starts the plug-in at every query; importing protobuf takes a noticeable part of a second."""
    code = "import sys, neural_style.session; print({'grpclib', 'google.protobuf'} & set(sys.modules))"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "gimp_plugin/neural-style"), *sys.path[1:]])}
    said = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "set()"


def test_a_closed_session_leaves_no_thread_and_can_be_closed_again(daemon: RunningDaemon) -> None:
    before = set(threading.enumerate())
    session = Session()
    painted_by(session)
    assert len(network_threads()) == 1
    session.close()
    session.close()
    assert set(threading.enumerate()) - before <= {
        thread for thread in threading.enumerate() if "ThreadPool" in thread.name
    }
    assert not network_threads()


# ---- starting a daemon


@pytest.fixture
def command(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """What the plug-in starts: a scripted daemon as a program of its own."""
    script = tmp_path / "stylized"
    path = os.pathsep.join([str(ROOT), *filter(None, sys.path)])
    script.write_text(f'#!/bin/sh\nPYTHONPATH="{path}" exec "{sys.executable}" "{scripted.__file__}" "$@"\n')
    script.chmod(0o755)
    endpoints.INSTALLED.write_text(json.dumps({"daemon_command": [str(script), "--background"]}))
    yield script
    found = read_endpoint(home)
    if found is not None:
        os.kill(found.pid, signal.SIGTERM)
    while endpoints._started:
        endpoints._started.pop().wait(10)


def test_the_daemon_is_started_once_where_none_runs(command: Path, home: Path, session: Session) -> None:
    listeners = [Listener(), Listener()]
    for listener in listeners:
        session.connect(listener)
    connected = [
        [type(event) for event in [listener.first(kind) for kind in kinds]]
        for listener, kinds in zip(listeners, ((Starting, Connected), (Connected,)), strict=True)
    ]
    assert connected == [[Starting, Connected], [Connected]]
    assert len((home / "starts").read_text().split()) == 1


def test_a_daemon_that_ends_at_once_is_told_with_its_last_words(
    command: Path, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCRIPTED_FAILURE", "yes")
    monkeypatch.setattr(session_module, "_YIELD_SECONDS", 0.5)
    listener = Listener()
    begun = time.monotonic()
    session.connect(listener)
    failure = listener.first(Failure)
    assert failure.message.endswith("The weights are on fire.")
    assert time.monotonic() - begun < session_module.START_SECONDS / 2


def test_a_daemon_that_never_answers_is_given_up(
    home: Path, session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "stylized"
    script.write_text("#!/bin/sh\necho thinking\nexec sleep 60\n")
    script.chmod(0o755)
    endpoints.INSTALLED.write_text(json.dumps({"daemon_command": [str(script)]}))
    monkeypatch.setattr(session_module, "START_SECONDS", 0.5)
    listener = Listener()
    session.connect(listener)
    assert listener.first(Failure).message == failures.daemon_not_starting("thinking").message
    for process in endpoints._started:
        process.kill()
        process.wait()
    endpoints._started.clear()


def test_frames_are_told_as_they_come(daemon: RunningDaemon, service: Service, session: Session) -> None:
    picture = pb.Frame(sequence=1, iteration=3, width=2, height=1, format=pb.FRAME_FORMAT_RAW_RGB8, data=b"abcdef")
    service.script = damaged(pb.StylizeResponse(frame=picture))
    listener = Listener()
    session.paint(small_order(frame_side=64), listener)
    assert listener.first(Frame) == Frame(3, 2, 1, b"abcdef")
