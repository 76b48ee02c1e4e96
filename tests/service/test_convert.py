"""The contract and the engine name the same things."""

from __future__ import annotations

from dataclasses import fields
from enum import Enum

import pytest

from neuralstyle.v1 import stylize_pb2 as pb
from stylized.engine.choices import Precision
from stylized.engine.parameters import Parameters
from stylized.engine.presets import builtin_presets
from stylized.service import convert

PRESETS = builtin_presets()


def test_tunables_and_parameters_have_the_same_fields_in_the_same_order() -> None:
    contract = [field.name for field in pb.Tunables.DESCRIPTOR.fields]
    assert contract == [field.name for field in fields(Parameters)]


def test_every_tunable_can_be_told_from_unset() -> None:
    assert all(field.has_presence for field in pb.Tunables.DESCRIPTOR.fields)


def test_every_enum_has_the_same_members_on_both_sides() -> None:
    for field in fields(Parameters):
        value = getattr(PRESETS["gatys"].parameters, field.name)
        if isinstance(value, Enum):
            enum = pb.Tunables.DESCRIPTOR.fields_by_name[field.name].enum_type
            assert enum is not None
            prefix = enum.values_by_number[0].name.removesuffix("UNSPECIFIED")
            names = {name.removeprefix(prefix) for name in enum.values_by_name} - {"UNSPECIFIED"}
            assert names == {member.name for member in type(value)}


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_survives_the_way_there_and_back(name: str) -> None:
    other = next(preset for preset in PRESETS.values() if preset.name != name)
    parameters = PRESETS[name].parameters
    assert convert.parameters_from(other.parameters, convert.tunables_to(parameters)) == parameters


def test_unset_means_the_presets_value() -> None:
    preset = PRESETS["gatys"]
    assert convert.parameters_from(preset.parameters, pb.Tunables()) == preset.parameters
    changed = convert.parameters_from(preset.parameters, pb.Tunables(tv_weight=0.0, iterations=7))
    assert (changed.tv_weight, changed.iterations, changed.size) == (0.0, 7, preset.parameters.size)


@pytest.mark.parametrize("precision", Precision)
def test_precisions_have_a_name_on_both_sides(precision: Precision) -> None:
    assert convert.precision_from(convert.precision_to(precision)) is precision
