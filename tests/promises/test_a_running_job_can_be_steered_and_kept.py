"""Weights, strength and colour can be changed while a job runs, and a job can be ended with the painting as it is."""

from __future__ import annotations

from collections.abc import Iterator

import grpc
import pytest

from neuralstyle.v1 import stylize_pb2 as pb
from tests.promises.test_one_photo_becomes_one_painting import picture
from tests.real_daemon import RealDaemon, endless_request, error_info, reason_of, small_request


def started(daemon: RealDaemon, request: pb.StylizeRequest):
    """A running job: its call, and its id."""
    call = daemon.stylize().Stylize(request)
    job_id = next(event.started.job_id for event in call if event.HasField("started"))
    next(event for event in call if event.HasField("progress"))
    return call, job_id


def progress(call: Iterator[pb.StylizeResponse]) -> Iterator[pb.Progress]:
    return (event.progress for event in call if event.HasField("progress"))


def terms(seen: pb.Progress) -> dict[str, float]:
    return {term.name: term.value for term in seen.terms}


def test_new_weights_hold_from_the_next_step_on_and_the_picture_goes_on_from_where_it_is(daemon: RealDaemon) -> None:
    call, job_id = started(daemon, endless_request(tv_weight=1.0))
    before = next(seen for seen in progress(call) if seen.iteration >= 15)
    change = pb.Tunables(tv_weight=1e6)
    answer = daemon.stylize().UpdateJob(pb.UpdateJobRequest(job_id=job_id, tunables=change))
    assert answer.parameters.tv_weight == 1e6
    assert answer.parameters.style_weight == 1000.0
    after = next(seen for seen in progress(call) if terms(seen)["tv"] > 1000 * terms(before)["tv"])
    # The same picture under other weights, or a step further: not a new start, where content would be 0.
    assert terms(after)["content"] == pytest.approx(terms(before)["content"], rel=0.5)
    smoothed = next(seen for seen in progress(call) if terms(seen)["tv"] < terms(after)["tv"] / 2)
    assert smoothed.loss < after.loss
    call.cancel()


def test_a_loss_that_was_left_out_can_be_brought_in(daemon: RealDaemon) -> None:
    call, job_id = started(daemon, endless_request(style_weight=0.0, tv_weight=1.0))
    daemon.stylize().UpdateJob(pb.UpdateJobRequest(job_id=job_id, tunables=pb.Tunables(style_weight=1000.0)))
    assert next(seen for seen in progress(call) if "style" in terms(seen))
    call.cancel()


def test_a_new_strength_holds_from_the_next_step_on(daemon: RealDaemon) -> None:
    call, job_id = started(daemon, endless_request())
    before = next(seen for seen in progress(call) if seen.iteration >= 15)
    answer = daemon.stylize().UpdateJob(pb.UpdateJobRequest(job_id=job_id, tunables=pb.Tunables(strength=1.0)))
    assert (answer.parameters.strength, answer.parameters.style_weight) == (1.0, 1000.0)
    after = next(seen for seen in progress(call) if terms(seen)["style"] > 10 * terms(before)["style"])
    assert terms(after)["content"] < 10 * terms(before)["content"]
    call.cancel()


def test_a_new_colour_holds_for_the_painting_that_is_kept_right_after(daemon: RealDaemon) -> None:
    call, job_id = started(daemon, endless_request())
    answer = daemon.stylize().UpdateJob(pb.UpdateJobRequest(job_id=job_id, tunables=pb.Tunables(color=0.0)))
    assert answer.parameters.color == 0.0
    daemon.stylize().CancelJob(pb.CancelJobRequest(job_id=job_id, keep=True))
    events = list(call)
    summary = events[-1].summary
    assert summary.parameters.color == 0.0
    asked = list(daemon.stylize().Stylize(small_request(summary.iterations, color=0.0)))
    assert picture(events) == picture(asked)


def test_stop_and_keep_gives_the_painting_as_it_is(daemon: RealDaemon) -> None:
    call = daemon.stylize().Stylize(endless_request())
    events: list[pb.StylizeResponse] = []
    while not (events and events[-1].HasField("progress")):
        events.append(next(call))
    job_id = next(event.started.job_id for event in events if event.HasField("started"))
    assert daemon.stylize().CancelJob(pb.CancelJobRequest(job_id=job_id, keep=True)).was_active
    events += call
    summary = events[-1].summary
    assert summary.stopped_early
    assert 1 <= summary.iterations < 1000
    assert summary.parameter_hash == ""
    last = list(progress(iter(events)))[-1]
    assert (last.iteration, last.loss) == (summary.iterations, summary.loss)
    # It is the painting that so many steps make.
    whole = list(daemon.stylize().Stylize(small_request(summary.iterations)))
    assert picture(events) == picture(whole)
    assert not whole[-1].summary.stopped_early


def test_a_waiting_job_has_nothing_to_keep(daemon: RealDaemon) -> None:
    first, first_id = started(daemon, endless_request())
    waiting = daemon.stylize().Stylize(small_request(1))
    job_id = next(waiting).queued.job_id
    assert daemon.stylize().CancelJob(pb.CancelJobRequest(job_id=job_id, keep=True)).was_active
    with pytest.raises(grpc.RpcError) as caught:
        list(waiting)
    assert reason_of(caught.value) == "CANCELLED"
    daemon.stylize().CancelJob(pb.CancelJobRequest(job_id=first_id))
    with pytest.raises(grpc.RpcError):
        list(first)


def test_a_waiting_job_takes_new_weights_as_if_it_had_been_asked_with_them(daemon: RealDaemon) -> None:
    first, _ = started(daemon, endless_request())
    waiting = daemon.stylize().Stylize(small_request(2))
    job_id = next(waiting).queued.job_id
    change = pb.Tunables(content_weight=7.0)
    daemon.stylize().UpdateJob(pb.UpdateJobRequest(job_id=job_id, tunables=change))
    first.cancel()
    changed = list(waiting)
    asked = list(daemon.stylize().Stylize(small_request(2, content_weight=7.0)))
    assert picture(changed) == picture(asked)
    assert changed[-1].summary.parameter_hash == asked[-1].summary.parameter_hash


@pytest.mark.parametrize(
    ("tunables", "reason", "field"),
    [
        (pb.Tunables(size=64), "INVALID_PARAMETER", "tunables.size"),
        (pb.Tunables(style_weight=-1.0), "INVALID_PARAMETER", "tunables.style_weight"),
        (pb.Tunables(style_weight=float("nan")), "INVALID_PARAMETER", "tunables.style_weight"),
        (pb.Tunables(strength=1.5), "INVALID_PARAMETER", "tunables.strength"),
        (pb.Tunables(color=-0.1), "INVALID_PARAMETER", "tunables.color"),
        (pb.Tunables(style_weight=0.0, content_weight=0.0), "INVALID_PARAMETER", "tunables.style_weight"),
    ],
)
def test_a_change_that_cannot_be_is_refused_and_the_job_goes_on(
    daemon: RealDaemon, tunables: pb.Tunables, reason: str, field: str
) -> None:
    call, job_id = started(daemon, endless_request())
    with pytest.raises(grpc.RpcError) as caught:
        daemon.stylize().UpdateJob(pb.UpdateJobRequest(job_id=job_id, tunables=tunables))
    info = error_info(caught.value)
    assert (info.reason, info.metadata["field"]) == (reason, field)
    assert next(event for event in call if event.HasField("progress"))
    call.cancel()


def test_a_job_that_has_ended_or_never_was_cannot_be_steered(daemon: RealDaemon) -> None:
    ended = list(daemon.stylize().Stylize(small_request(1)))[-1].summary.job_id
    for job_id in (ended, "0000"):
        with pytest.raises(grpc.RpcError) as caught:
            daemon.stylize().UpdateJob(pb.UpdateJobRequest(job_id=job_id, tunables=pb.Tunables(tv_weight=1.0)))
        assert reason_of(caught.value) == "JOB_NOT_FOUND"
