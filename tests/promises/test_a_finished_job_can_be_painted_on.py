"""A finished job can be painted on while the daemon keeps its state; else the client is told what to do instead."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import grpc
import pytest

from neuralstyle.v1 import stylize_pb2 as pb
from tests.promises.test_one_photo_becomes_one_painting import picture
from tests.real_daemon import RealDaemon, endless_request, error_info, raw_image, reason_of, small_request


def painted(daemon: RealDaemon, request: pb.StylizeRequest) -> list[pb.StylizeResponse]:
    return list(daemon.stylize().Stylize(request))


def going_on(job_id: str, iterations: int, **tunables: object) -> pb.StylizeRequest:
    request = small_request(iterations, **tunables)  # pyright: ignore[reportArgumentType]
    request.resume_from = job_id
    return request


def refusal(daemon: RealDaemon, request: pb.StylizeRequest) -> tuple[str, str]:
    """Reason and field."""
    with pytest.raises(grpc.RpcError) as caught:
        painted(daemon, request)
    return reason_of(caught.value), error_info(caught.value).metadata["field"]


def test_the_server_says_that_it_can(daemon: RealDaemon) -> None:
    assert "resume" in daemon.stylize().GetServerInfo(pb.GetServerInfoRequest()).features


def test_three_steps_and_three_more_are_six(daemon: RealDaemon) -> None:
    whole = painted(daemon, small_request(6))
    half = painted(daemon, small_request(3))
    other_half = painted(daemon, going_on(half[-1].summary.job_id, 3))
    assert picture(other_half) == picture(whole)
    assert other_half[-1].summary.loss == whole[-1].summary.loss
    assert other_half[-1].summary.iterations == 3
    # The request alone does not tell the picture.
    assert other_half[-1].summary.parameter_hash == ""


def test_other_weights_lead_elsewhere_from_the_same_picture(daemon: RealDaemon) -> None:
    first = painted(daemon, small_request(3))
    more = painted(daemon, going_on(first[-1].summary.job_id, 3, style_weight=5000.0))
    assert picture(more) != picture(painted(daemon, small_request(6)))
    assert more[-1].summary.parameters.style_weight == 5000.0


def test_a_job_that_was_stopped_and_kept_can_go_on(daemon: RealDaemon) -> None:
    call = daemon.stylize().Stylize(endless_request())
    job_id = next(event.started.job_id for event in call if event.HasField("started"))
    next(event for event in call if event.HasField("progress"))
    daemon.stylize().CancelJob(pb.CancelJobRequest(job_id=job_id, keep=True))
    done = list(call)[-1].summary.iterations
    more = painted(daemon, going_on(job_id, 2))
    assert picture(more) == picture(painted(daemon, small_request(done + 2)))


def test_a_job_that_nobody_knows_is_not_found(daemon: RealDaemon) -> None:
    assert refusal(daemon, going_on("0123456789abcdef", 3)) == ("JOB_NOT_FOUND", "resume_from")


def test_a_photo_of_other_proportions_is_refused(daemon: RealDaemon) -> None:
    first = painted(daemon, small_request(1))
    request = going_on(first[-1].summary.job_id, 1)
    request.content.CopyFrom(raw_image(40, 80))
    assert refusal(daemon, request) == ("INVALID_REQUEST", "resume_from")


def test_a_new_worker_knows_nothing_of_the_old_ones_jobs(start_daemon: Callable[..., RealDaemon]) -> None:
    daemon = start_daemon()
    daemon.wait_until_loaded()
    first = painted(daemon, small_request(1))
    os.kill(daemon.worker_pid(), signal.SIGKILL)
    assert refusal(daemon, going_on(first[-1].summary.job_id, 1)) == ("JOB_NOT_FOUND", "resume_from")
    assert painted(daemon, small_request(1))[-1].HasField("summary")
