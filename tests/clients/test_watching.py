"""Promise: a job that goes on without its client can be found again, watched, saved and stopped."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from PIL import Image

from neuralstyle.v1 import stylize_pb2 as pb
from neuralstyle.v1.reasons import Reason
from stylize.client import Client
from stylize.errors import Cancelled, NotFound, Unsupported

from .photos import colours, encode
from .scripted_daemon import ScriptedService, abort, encode_png, progress, result_chunks, started, summary

QUEUED = pb.StylizeResponse(queued=pb.Queued(job_id="job-1", jobs_ahead=2))


@pytest.fixture(autouse=True)
def daemon_with_watch_job(service: ScriptedService) -> None:
    service.has_watch_job = True


def until_stopped(service: ScriptedService) -> None:
    """A job that runs until CancelJob."""

    def script(request, context, photo):
        yield QUEUED
        yield started()
        while not service.stopped and context.is_active():
            yield progress(1)
            threading.Event().wait(0.01)
        abort(context, Reason.CANCELLED, "The job was cancelled.")

    service.script = script


def finished(service: ScriptedService, painting: bytes) -> None:
    """A job that has ended."""
    service.script = lambda request, context, photo: iter([started(), *result_chunks(painting), summary()])


def test_a_detached_job_is_known_by_its_id_at_once_and_loses_no_event(service: ScriptedService, client: Client) -> None:
    until_stopped(service)
    job = client.stylize(b"photo", "woodblock", detach=True)
    assert job.job_id == "job-1"
    assert service.requests[0].detach
    assert [type(next(job)).__name__ for _ in range(3)] == ["Queued", "Started", "Progress"]
    job.cancel()


def test_jobs_are_not_detached_unless_asked(service: ScriptedService, client: Client) -> None:
    finished(service, encode_png(colours()))
    client.stylize(b"photo", "woodblock").result()
    assert not service.requests[0].detach


@pytest.mark.parametrize("how", ["detached", "watched"])
def test_leaving_the_with_block_ends_the_call_and_not_the_job(
    service: ScriptedService, client: Client, how: str
) -> None:
    until_stopped(service)
    with client.stylize(b"photo", "woodblock", detach=True) if how == "detached" else client.watch("job-1") as job:
        next(job)
    assert (service.cancelled if how == "detached" else service.left).wait(2)
    assert service.stopped == []


@pytest.mark.parametrize("how", ["detached", "watched"])
def test_cancel_stops_the_job_itself(service: ScriptedService, client: Client, how: str) -> None:
    until_stopped(service)
    job = client.stylize(b"photo", "woodblock", detach=True) if how == "detached" else client.watch("job-1")
    threading.Timer(0.1, job.cancel).start()
    with pytest.raises(Cancelled):
        list(job)
    assert service.stopped == ["job-1"]


def test_cancelling_a_job_that_is_gone_is_no_error(service: ScriptedService, client: Client) -> None:
    service.gone = {"job-2"}
    client.watch("job-2").cancel()
    assert service.stopped == ["job-2"]


def test_a_watched_job_gives_its_events_and_painting(service: ScriptedService, client: Client) -> None:
    painting = colours(50, 40)
    finished(service, encode_png(painting))
    job = client.watch("job-1", preview=128, preview_interval=0.25)
    assert job.result().tobytes() == painting.tobytes()
    expected = pb.WatchJobRequest(job_id="job-1", preview=pb.PreviewPolicy(max_side=128))
    expected.preview.min_interval.FromMilliseconds(250)
    assert service.watched == [expected]
    client.watch("job-1").result()
    assert not service.watched[1].HasField("preview")


def test_a_daemon_that_cannot_watch_says_so(service: ScriptedService, client: Client) -> None:
    service.has_watch_job = False
    with pytest.raises(Unsupported):
        list(client.watch("job-1"))


def test_an_unknown_job_is_not_found(service: ScriptedService, client: Client) -> None:
    with pytest.raises(NotFound) as caught:
        list(client.watch("job-2"))
    assert caught.value.reason_name == "JOB_NOT_FOUND"


def test_a_watched_job_is_saved_with_what_is_known(service: ScriptedService, client: Client, tmp_path: Path) -> None:
    finished(service, encode_png(colours()))
    exif = Image.Exif()
    exif[0x010F] = "A camera"
    photo = tmp_path / "photo.jpg"
    colours().save(photo, exif=exif)
    alone = client.watch("job-1").save(tmp_path / "alone.png")
    together = client.watch("job-1", content=photo).save(tmp_path / "together.png")
    with Image.open(alone) as image:
        assert image.info["stylized:seed"] == "7"
        assert 0x010F not in image.getexif()
    with Image.open(together) as image:
        assert image.getexif()[0x010F] == "A camera"


def test_what_is_refused_of_a_detached_job_is_raised_when_it_is_sent(service: ScriptedService, client: Client) -> None:
    def script(request, context, photo):
        abort(context, Reason.UNKNOWN_PRESET, "There is no such preset.")
        yield started()

    service.script = script
    with pytest.raises(NotFound):
        client.stylize(encode(colours(), "PNG"), "woodblock", detach=True)
