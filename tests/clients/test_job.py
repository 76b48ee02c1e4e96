"""Promise: a job's events arrive in order, and its painting whole or not at all."""

from __future__ import annotations

import io
import threading
import time

import pytest
from PIL import Image

from neuralstyle.v1 import stylize_pb2 as pb
from stylize import events
from stylize.client import Client
from stylize.errors import Cancelled, ConnectionLost

from .photos import colours, encode
from .scripted_daemon import (
    RunningDaemon,
    ScriptedService,
    encode_png,
    frame,
    paint,
    progress,
    result_chunks,
    started,
    summary,
)

PAINTING = encode_png(colours(50, 40, alpha=True))
CHUNKS = result_chunks(PAINTING)


def follow(service: ScriptedService, *responses: pb.StylizeResponse) -> None:
    service.script = lambda request, context, photo: iter(responses)


def test_events_come_in_order_with_their_values(service: ScriptedService, client: Client) -> None:
    queued = pb.StylizeResponse(queued=pb.Queued(job_id="job-1", jobs_ahead=2))
    follow(service, queued, started(), progress(1), frame(1), *CHUNKS, summary(warnings=["Small style."]))
    seen = list(client.stylize(b"photo", "woodblock"))
    assert [type(event).__name__ for event in seen] == ["Queued", "Started", "Progress", "Frame", "Result", "Summary"]
    assert seen[0] == events.Queued("job-1", 2)
    begin, step, view, _, end = seen[1:]
    assert isinstance(begin, events.Started)
    assert begin.parameters == {"size": 64, "iterations": 4, "pooling": "average", "style_layers": {"relu1_1": 0.5}}
    assert (begin.precision, begin.plan) == ("fp32", (events.Level(64, 48, 4),))
    assert begin.backend == "scripted"
    assert isinstance(step, events.Progress)
    assert (step.terms, step.eta, step.elapsed) == ({"content": 600.0, "style": 400.0}, 0.03, 0.01)
    assert isinstance(view, events.Frame)
    assert view.image().size == (16, 12)
    assert isinstance(end, events.Summary)
    assert (end.run_time, end.warnings, end.weights.name) == (1.5, ("Small style.",), "vgg19-scripted")


def test_an_unknown_event_of_a_newer_daemon_is_skipped(service: ScriptedService, client: Client) -> None:
    unknown = pb.StylizeResponse.FromString(b"\xba\x3e\x03abc")  # field 999
    follow(service, started(), unknown, *CHUNKS, summary())
    assert client.stylize(b"photo", "woodblock").result().size == (50, 40)


def test_the_painting_is_put_together_from_its_chunks(service: ScriptedService, client: Client) -> None:
    assert len(CHUNKS) > 2
    follow(service, started(), *CHUNKS, summary())
    result = client.stylize(b"photo", "woodblock").result()
    assert result.mode == "RGBA"
    assert result.tobytes() == Image.open(io.BytesIO(PAINTING)).tobytes()


@pytest.mark.parametrize(
    "responses",
    [
        pytest.param([started(), *CHUNKS[:-1], summary()], id="a chunk is missing"),
        pytest.param([started(), *CHUNKS, CHUNKS[-1], summary()], id="a chunk too many"),
        pytest.param([started(), *CHUNKS[1:], summary()], id="no header"),
        pytest.param([started(), summary()], id="no painting"),
        pytest.param([started(), *CHUNKS], id="no summary"),
        pytest.param([started(), progress(1)], id="only a beginning"),
        pytest.param([], id="nothing"),
    ],
)
def test_an_incomplete_stream_is_an_error_and_writes_nothing(
    service: ScriptedService, client: Client, tmp_path, responses: list[pb.StylizeResponse]
) -> None:
    follow(service, *responses)
    with pytest.raises(ConnectionLost):
        client.stylize(b"photo", "woodblock").save(tmp_path / "out.png")
    assert not list(tmp_path.glob("*out*"))


def test_a_dying_daemon_is_an_error_soon(scripted: RunningDaemon, service: ScriptedService, client: Client) -> None:
    def script(request, context, photo):
        yield started()
        threading.Timer(0.1, scripted.stop).start()
        time.sleep(5)

    service.script = script
    begin = time.monotonic()
    with pytest.raises(ConnectionLost):
        list(client.stylize(b"photo", "woodblock"))
    assert time.monotonic() - begin < 3


def test_cancel_from_another_thread_ends_the_job_here_and_there(service: ScriptedService, client: Client) -> None:
    endless(service)
    job = client.stylize(b"photo", "woodblock")
    threading.Timer(0.2, job.cancel).start()
    with pytest.raises(Cancelled):
        list(job)
    assert service.cancelled.wait(2)


def test_leaving_the_with_block_cancels(service: ScriptedService, client: Client) -> None:
    endless(service)
    with client.stylize(b"photo", "woodblock") as job:
        next(job)
    assert service.cancelled.wait(2)


def test_a_finished_job_is_not_cancelled(service: ScriptedService, client: Client) -> None:
    with client.stylize(encode(colours(), "PNG"), "woodblock") as job:
        job.result()
    assert not service.cancelled.wait(0.1)


def test_frames_come_only_when_asked_for(service: ScriptedService, client: Client) -> None:
    service.script = paint
    photo = encode(colours(), "PNG")
    kinds = {type(event) for event in client.stylize(photo, "woodblock")}
    assert events.Frame not in kinds
    kinds = {type(event) for event in client.stylize(photo, "woodblock", preview=128, preview_interval=0.25)}
    assert events.Frame in kinds
    preview = service.requests[-1].preview
    assert (preview.max_side, preview.min_interval.nanos) == (128, 250_000_000)


def endless(service: ScriptedService) -> None:
    def script(request, context, photo):
        yield started()
        while context.is_active():
            yield progress(1)
            time.sleep(0.05)

    service.script = script
