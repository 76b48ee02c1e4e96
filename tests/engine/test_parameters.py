"""What can be asked for, and what bad requests are told."""

from __future__ import annotations

import dataclasses

import pytest

from neuralstyle.v1 import stylize_pb2
from stylize.tunables import choice_names
from stylized.engine.parameters import (
    ENUMS,
    KINDS,
    RANGES,
    LayerWeight,
    LossWeights,
    ParameterError,
    Parameters,
    Steering,
    UnknownLayerError,
)

from .samples import parameters


def test_parameters_are_the_contracts_tunables_in_order() -> None:
    contract = [field.name for field in stylize_pb2.Tunables.DESCRIPTOR.fields]
    assert [field.name for field in dataclasses.fields(Parameters)] == contract


@pytest.mark.parametrize("field", sorted(ENUMS))
def test_enums_have_the_contracts_members(field: str) -> None:
    theirs = stylize_pb2.Tunables.DESCRIPTOR.fields_by_name[field].enum_type
    assert [member.value for member in ENUMS[field]] == choice_names(theirs)  # pyright: ignore[reportArgumentType]


def test_every_number_has_a_range_and_its_ends_are_allowed() -> None:
    numbers = [field for field, kind in KINDS.items() if kind in (int, float)]
    assert {*numbers, "layer_weight"} == set(RANGES)
    for field in numbers:
        for end in (RANGES[field].minimum, RANGES[field].maximum):
            layers = (LayerWeight("relu3_1"),)
            changed = parameters("gatys", **{"dream_layers": layers, field: KINDS[field](end)})
            assert changed.validated() is changed


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("size", 15),
        ("size", 8193),
        ("iterations", 0),
        ("iterations", 100_001),
        ("content_weight", -1.0),
        ("content_weight", float("nan")),
        ("style_weight", float("inf")),
        ("tv_weight", -0.001),
        ("learning_rate", 0.0),
        ("learning_rate", float("nan")),
        ("history_size", 0),
        ("history_size", 21),
        ("style_scale", 0.05),
        ("style_scale", 11.0),
        ("strength", -0.01),
        ("strength", 1.01),
        ("color", -0.01),
        ("color", float("nan")),
        ("size", 100.5),
        ("learning_rate", 1e7),
        ("beta1", 1.0),
        ("pyramid_factor", 0.5),
        ("jitter", -1),
    ],
)
def test_a_value_out_of_range_is_refused_by_name_with_the_range(field: str, value: float) -> None:
    with pytest.raises(ParameterError) as error:
        parameters("gatys", **{field: value}).validated()
    assert error.value.field == field
    assert field in error.value.message
    assert str(RANGES[field]) in error.value.message


@pytest.mark.parametrize("field", ["content_layers", "style_layers"])
class TestLayers:
    def test_an_unknown_layer_is_refused_by_name(self, field: str) -> None:
        with pytest.raises(UnknownLayerError, match="'relu9_9'") as error:
            parameters("gatys", **{field: (LayerWeight("relu9_9"),)}).validated()
        assert (error.value.field, error.value.layer) == (field, "relu9_9")

    def test_a_layer_named_twice_is_refused(self, field: str) -> None:
        with pytest.raises(ParameterError, match="relu4_2 twice"):
            parameters("gatys", **{field: (LayerWeight("relu4_2"), LayerWeight("relu4_2", 2.0))}).validated()

    @pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf")])
    def test_a_layers_weight_must_be_finite_and_not_negative(self, field: str, weight: float) -> None:
        with pytest.raises(ParameterError, match="the weight of relu4_2"):
            parameters("gatys", **{field: (LayerWeight("relu4_2", weight),)}).validated()

    @pytest.mark.parametrize("layers", [(), (LayerWeight("relu4_2", 0.0),)])
    def test_a_loss_with_a_weight_needs_a_layer_with_a_weight(
        self, field: str, layers: tuple[LayerWeight, ...]
    ) -> None:
        with pytest.raises(ParameterError, match="no layer with a weight above 0") as error:
            parameters("gatys", **{field: layers}).validated()
        assert error.value.field == field

    def test_a_loss_without_weight_needs_no_layers(self, field: str) -> None:
        weight = field.replace("_layers", "_weight")
        changed = parameters("gatys", **{field: (), weight: 0.0})
        assert changed.validated() is changed


def test_nothing_to_paint_is_refused() -> None:
    with pytest.raises(ParameterError, match="all 0"):
        parameters(content_weight=0.0, style_weight=0.0, tv_weight=1.0).validated()


def test_strength_one_half_leaves_every_weight_as_it_is() -> None:
    for weight in (0.0, 1e-3, 1.0, 1 / 3, 1000.0, 1e12):
        assert LossWeights.of(parameters(style_weight=weight, strength=0.5)).style == weight
        assert LossWeights.of(parameters(style_weight=weight, strength=1.0)).style == weight * 100


def test_what_can_be_steered_is_taken_from_the_parameters_and_put_back() -> None:
    asked = parameters(content_weight=2.0, style_weight=3.0, tv_weight=4.0, strength=0.7, color=0.3)
    assert Steering.of(asked).applied_to(parameters()) == asked


def test_every_message_is_one_sentence() -> None:
    with pytest.raises(ParameterError) as error:
        parameters(size=1).validated()
    assert error.value.message == "size is 1: choose a whole number from 16 to 8192."
