"""Promise: an error of the daemon reaches the caller as a type, a stable reason, a sentence and a next step."""

from __future__ import annotations

import grpc
import pytest

from neuralstyle.v1.reasons import LocalExit, Reason
from stylize import errors
from stylize.client import Client

from .scripted_daemon import ScriptedService, abort, started

PHOTO = b"any bytes: the scripted daemon does not look"


def fail_with(service: ScriptedService, reason: Reason | str, **details) -> None:
    def script(request, context, photo):
        yield started()
        abort(context, reason, "One sentence.", **details)

    service.script = script


@pytest.mark.parametrize("reason", list(Reason))
def test_each_reason_keeps_its_name_exit_code_and_remedy(
    service: ScriptedService, client: Client, reason: Reason
) -> None:
    fail_with(service, reason)
    with pytest.raises(errors.StylizeError) as caught:
        client.stylize(PHOTO, "woodblock").result()
    error = caught.value
    assert error.reason is reason
    assert (str(error), error.exit_code, error.remedy) == ("One sentence.", reason.exit_code, reason.info.remedy)
    assert error.retryable == reason.info.retryable


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        (Reason.IMAGE_UNREADABLE, errors.InvalidRequest),
        (Reason.UNKNOWN_PRESET, errors.NotFound),
        (Reason.QUEUE_FULL, errors.Busy),
        (Reason.OUT_OF_MEMORY, errors.OutOfMemory),
        (Reason.WEIGHTS_DAMAGED, errors.PreconditionFailed),
        (Reason.WORKER_RESTARTING, errors.Unavailable),
        (Reason.FEATURE_UNAVAILABLE, errors.Unsupported),
        (Reason.BAD_TOKEN, errors.Unauthenticated),
        (Reason.CANCELLED, errors.Cancelled),
        (Reason.TIME_LIMIT, errors.TimeLimit),
        (Reason.NOT_FINITE, errors.DaemonError),
    ],
)
def test_a_caller_can_catch_a_family(service: ScriptedService, client: Client, reason: Reason, kind: type) -> None:
    fail_with(service, reason)
    with pytest.raises(errors.StylizeError) as caught:
        client.stylize(PHOTO, "woodblock").result()
    assert type(caught.value) is kind


def test_the_field_is_named(service: ScriptedService, client: Client) -> None:
    fail_with(service, Reason.INVALID_PARAMETER, field="tunables.size")
    with pytest.raises(errors.InvalidRequest) as caught:
        client.stylize(PHOTO, "woodblock").result()
    assert caught.value.field == "tunables.size"


def test_a_reason_of_a_newer_daemon_falls_back_on_the_code(service: ScriptedService, client: Client) -> None:
    fail_with(service, "TOO_BEAUTIFUL", code=grpc.StatusCode.RESOURCE_EXHAUSTED)
    with pytest.raises(errors.Busy) as caught:
        client.stylize(PHOTO, "woodblock").result()
    assert (caught.value.reason, caught.value.reason_name) == (None, "TOO_BEAUTIFUL")
    assert caught.value.exit_code == LocalExit.FAILURE


def test_a_bare_status_still_becomes_a_typed_error(service: ScriptedService, client: Client) -> None:
    def script(request, context, photo):
        yield started()
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, "No details here.")

    service.script = script
    with pytest.raises(errors.InvalidRequest, match=r"No details here\."):
        client.stylize(PHOTO, "woodblock").result()


def test_the_same_error_is_told_again_to_whoever_asks_for_the_result(service: ScriptedService, client: Client) -> None:
    fail_with(service, Reason.QUEUE_FULL)
    job = client.stylize(PHOTO, "woodblock")
    with pytest.raises(errors.Busy):
        list(job)
    with pytest.raises(errors.Busy):
        job.result()
