"""Promise: every tunable can be given by name, as a value or as text, and a wrong one says what is right."""

from __future__ import annotations

import pytest

from neuralstyle.v1 import stylize_pb2 as pb
from neuralstyle.v1.reasons import Reason
from stylize.errors import InvalidRequest
from stylize.tunables import build_tunables, choice_names, parse_assignment, plain_tunables, value_text


def test_values_and_their_texts_mean_the_same() -> None:
    values = build_tunables(
        {
            "iterations": 200,
            "content_weight": 0.5,
            "optimizer": "adam",
            "style_layers": [("relu1_1", 0.5), "relu2_1"],
            "content_layers": {"relu4_2": 1},
            "size": None,
        }
    )
    texts = ["iterations=200", "content-weight=5e-1", "optimizer=ADAM", "style_layers=relu1_1:0.5, relu2_1"]
    parsed = build_tunables(dict(map(parse_assignment, texts)) | {"content_layers": "relu4_2:1"})
    assert parsed == values
    assert parsed.optimizer == pb.OPTIMIZER_ADAM
    assert parsed.style_layers.layers[0].weight == 0.5
    assert not parsed.style_layers.layers[1].HasField("weight")
    assert not values.HasField("size")


def test_what_is_read_can_be_written_again_for_every_tunable() -> None:
    for name, field in pb.Tunables.DESCRIPTOR.fields_by_name.items():
        text = "relu1_1:0.25,relu3_1" if field.message_type else "3"
        if field.enum_type:
            text = choice_names(field.enum_type)[-1]  # pyright: ignore[reportArgumentType]
        message = build_tunables({name: text})
        plain = plain_tunables(message)
        assert value_text(plain[name]) == text
        assert plain_tunables(build_tunables(plain)) == plain


def test_no_layers_can_be_written_and_read() -> None:
    message = build_tunables({"dream_layers": "none"})
    assert message.HasField("dream_layers")
    assert not message.dream_layers.layers
    assert value_text(plain_tunables(message)["dream_layers"]) == "none"
    assert build_tunables(plain_tunables(message)) == message


def test_the_nearest_name_is_suggested() -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_assignment("iteratons=200")
    assert caught.value.reason is Reason.INVALID_PARAMETER
    assert caught.value.field == "iteratons"
    assert "Did you mean iterations?" in caught.value.remedy


def test_without_a_near_name_all_are_listed() -> None:
    with pytest.raises(InvalidRequest) as caught:
        build_tunables({"zzz": 1})
    assert "style_layers" in caught.value.remedy


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("iterations", "many", "number"),
        ("iterations", 1.5, "whole number"),
        ("iterations", -1, "from 0 up"),
        ("iterations", 2**32, "whole number"),
        ("content_weight", "nan", "finite"),
        ("content_weight", None.__class__, "number"),
        ("optimizer", "sgd", "lbfgs, adam, lbfgsb"),
        ("optimizer", "unspecified", "lbfgs, adam, lbfgsb"),
        ("style_layers", "", "at least one"),
        ("style_layers", "relu1_1:x", "number"),
        ("style_layers", 3, "list of layers"),
        ("style_layers", [5], "list of layers"),
    ],
)
def test_a_wrong_value_says_what_is_right(name: str, value: object, said: str) -> None:
    with pytest.raises(InvalidRequest, match=said):
        build_tunables({name: value})


@pytest.mark.parametrize("text", ["iterations", "iterations=", "=5"])
def test_an_assignment_needs_a_name_and_a_value(text: str) -> None:
    with pytest.raises(InvalidRequest):
        parse_assignment(text)
