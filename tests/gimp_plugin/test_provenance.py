"""Promise: how a painting was made is kept on its layer in the words of the command line's files."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

from neural_style import provenance

from neuralstyle.v1 import stylize_pb2 as pb
from stylize import events, tunables
from stylize.provenance import Provenance


def messages() -> tuple[pb.Started, pb.Summary]:
    parameters = pb.Tunables(
        size=640,
        iterations=80,
        style_weight=1000.0,
        tv_weight=0.0,
        pooling=pb.POOLING_AVERAGE,
        optimizer=pb.OPTIMIZER_LBFGS,
        padding=pb.PADDING_REPLICATE,
        init=pb.INIT_NOISE,
        color=0.25,
    )
    parameters.style_layers.layers.add(layer="relu1_1", weight=0.5)
    parameters.style_layers.layers.add(layer="relu2_1")
    started = pb.Started(job_id="job-1", preset="draft", parameters=parameters, precision=pb.PRECISION_BF16)
    started.plan.add(width=320, height=240, iterations=80)
    started.plan.add(width=640, height=480, iterations=80)
    summary = pb.Summary(
        job_id="job-1",
        iterations=113,
        stopped_early=True,
        seed=2**40,
        precision=pb.PRECISION_BF16,
        server_version="9.8.7",
        weights=pb.WeightsInfo(name="vgg19", sha256="ab" * 32),
        parameter_hash="cd" * 32,
        parameters=parameters,
    )
    return started, summary


def test_the_record_is_that_of_the_command_line() -> None:
    started, summary = messages()
    first = events.event_from_proto(pb.StylizeResponse(started=started))
    last = events.event_from_proto(pb.StylizeResponse(summary=summary))
    assert isinstance(first, events.Started)
    assert isinstance(last, events.Summary)
    record = provenance.record(started, summary)
    assert record.items() <= asdict(Provenance.of(first, last)).items()
    # For going on from a painting, which the plug-in has no need of.
    assert Provenance.from_values(record) == replace(Provenance.of(first, last), job_id="", iterations_asked=0)


def test_the_parameters_can_be_given_back_to_the_daemon() -> None:
    started, summary = messages()
    kept = json.loads(provenance.to_json(provenance.record(started, summary)))["parameters"]
    assert kept == {**tunables.plain_tunables(summary.parameters), "iterations": 33}
    # An unset weight of a layer is 1, which says the same.
    summary.parameters.style_layers.layers[1].weight = 1.0
    summary.parameters.iterations = 33
    assert tunables.build_tunables(kept) == summary.parameters


def test_a_choice_that_only_a_newer_daemon_knows_is_kept_as_its_number() -> None:
    started, summary = messages()
    summary.parameters.optimizer = 99  # pyright: ignore[reportAttributeAccessIssue]
    summary.precision = 98  # pyright: ignore[reportAttributeAccessIssue]
    record = provenance.record(started, summary)
    assert record["precision"] == "98"
    assert record["parameters"] == {**tunables.plain_tunables(summary.parameters), "iterations": 33}


def test_the_parasite_is_utf_8_and_the_same_for_the_same_record() -> None:
    assert provenance.to_json({"style": "Öl", "preset": "draft"}) == '{"preset": "draft", "style": "Öl"}'.encode()
