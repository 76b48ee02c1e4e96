"""Tunables by name: from Python values or text to the contract's `Tunables`, and back.

Names, kinds and choices are read from the protobuf descriptor, so that there is no second table to keep. Ranges are
the daemon's to judge. A choice is written as its name without the prefix, in lower case: `pooling="average"`. Layers
are written as `"relu4_2"`, `"relu1_1:0.5,relu2_1"`, a list of such names, or a mapping of name to weight; `"none"`
and what is empty are no layers.
"""

from __future__ import annotations

import difflib
import functools
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from neuralstyle.v1 import stylize_pb2 as pb
from neuralstyle.v1.reasons import Reason
from stylize.errors import StylizeError, error_from_reason

if TYPE_CHECKING:
    from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor

TunableValue: TypeAlias = float | int | str | dict[str, float]
"""The plain form of a value: a number, the name of a choice, or layers with their weights."""

_NO_LAYERS = "none"

_FIELDS: Mapping[str, Any] = pb.Tunables.DESCRIPTOR.fields_by_name


def choice_names(choices: EnumDescriptor) -> list[str]:
    """The names of an enum's values as users write them: PRECISION_FP32 is "fp32"; UNSPECIFIED is left out."""
    return [_choice_name(choices, value.number) for value in choices.values if value.number]


def parse_choice(choices: EnumDescriptor, text: object, field: str) -> Any:
    """The number of the enum value that `text` names.

    Raises InvalidRequest (INVALID_PARAMETER) that lists the names.
    """
    names = choice_names(choices)
    wanted = str(text).lower()
    if wanted not in names:
        raise _refused(field, f"{field} is one of {', '.join(names)}, not {str(text)!r}.")
    return choices.values_by_name[_choice_prefix(choices) + wanted.upper()].number


def choice_name(choices: EnumDescriptor, number: int) -> str:
    """What `parse_choice` reads; "" for unspecified, the number itself for a value from a newer daemon."""
    if number == 0:
        return ""
    return _choice_name(choices, number) if number in choices.values_by_number else str(number)


def parse_assignment(text: str) -> tuple[str, str]:
    """Name and value of "name=value". Raises InvalidRequest if it is not of that form or the name is unknown."""
    name, equals, value = text.partition("=")
    name = name.strip().replace("-", "_")
    if not equals or not value.strip():
        raise _refused(name, f"{text!r} is not of the form name=value, such as iterations=200.")
    _field(name)
    return name, value.strip()


def build_tunables(values: Mapping[str, object]) -> pb.Tunables:
    """The contract's message for `values`; those that are None stay unset.

    Raises InvalidRequest (INVALID_PARAMETER) that names the tunable, and the nearest name if there is none such.
    """
    message = pb.Tunables()
    for name, value in values.items():
        field = _field(name)
        if value is None:
            continue
        if field.message_type is not None:
            getattr(message, name).SetInParent()
            getattr(message, name).CopyFrom(_layers(name, value))
        elif field.enum_type is not None:
            setattr(message, name, parse_choice(field.enum_type, value, name))
        elif field.cpp_type == field.CPPTYPE_DOUBLE:
            setattr(message, name, _number(name, value))
        else:
            setattr(message, name, _whole_number(name, value))
    return message


def plain_tunables(message: pb.Tunables) -> dict[str, TunableValue]:
    """The fields that are set, in their plain form: what `build_tunables` reads."""
    return {field.name: _plain(field, value) for field, value in message.ListFields()}


def value_text(value: TunableValue) -> str:
    """A plain value as `--set` reads it."""
    if isinstance(value, dict):
        return ",".join(name if weight == 1 else f"{name}:{weight:g}" for name, weight in value.items()) or _NO_LAYERS
    return f"{value:g}" if isinstance(value, float) else str(value)


def _plain(field: FieldDescriptor, value: Any) -> TunableValue:
    if field.message_type is not None:
        return {layer.layer: layer.weight if layer.HasField("weight") else 1.0 for layer in value.layers}
    if field.enum_type is not None:
        return choice_name(field.enum_type, value)
    return value


def _field(name: str) -> FieldDescriptor:
    if name in _FIELDS:
        return _FIELDS[name]
    near = difflib.get_close_matches(name, _FIELDS, n=1, cutoff=0.5)
    hint = f"Did you mean {near[0]}?" if near else f"Tunables are {', '.join(_FIELDS)}."
    raise _refused(name, f"There is no tunable {name!r}.", remedy=hint)


def _refused(field: str, message: str, remedy: str = "") -> StylizeError:
    return error_from_reason(Reason.INVALID_PARAMETER, message, field=field, remedy=remedy)


def _number(name: str, value: object) -> float:
    try:
        number = float(value)  # pyright: ignore[reportArgumentType]
    except (TypeError, ValueError):
        raise _refused(name, f"{name} is a number, not {value!r}.") from None
    if not math.isfinite(number):
        raise _refused(name, f"{name} is a finite number, not {value}.")
    return number


def _whole_number(name: str, value: object) -> int:
    number = _number(name, value)
    if number != int(number) or not 0 <= number < 2**32:
        raise _refused(name, f"{name} is a whole number from 0 up, not {value}.")
    return int(number)


def _layers(name: str, value: object) -> pb.LayerWeights:
    if isinstance(value, str):
        parts = [part for part in value.split(",") if part.strip()]
        if not parts:
            raise _refused(name, f"{name} needs at least one layer, such as relu4_2, or the word none.")
        value = [] if value.strip().lower() == _NO_LAYERS else parts
    if isinstance(value, Mapping):
        pairs = [(str(layer), weight) for layer, weight in value.items()]
    else:
        try:
            pairs = [_layer_pair(part) for part in value]  # pyright: ignore[reportGeneralTypeIssues]
        except (TypeError, ValueError):
            raise _refused(name, f"{name} is a list of layers, such as relu1_1:0.5,relu2_1, not {value!r}.") from None
    return pb.LayerWeights(
        layers=[
            pb.LayerWeight(layer=layer, weight=None if weight is None else _number(f"{name}.{layer}", weight))
            for layer, weight in pairs
        ]
    )


def _layer_pair(part: Any) -> tuple[str, object | None]:
    if not isinstance(part, str):
        layer, weight = part
        return str(layer), weight
    layer, colon, weight = part.partition(":")
    return layer.strip(), weight.strip() if colon else None


def _choice_prefix(choices: EnumDescriptor) -> str:
    unspecified = choices.values_by_number[0].name
    return unspecified.removesuffix("UNSPECIFIED")


@functools.cache
def _choice_name(choices: EnumDescriptor, number: int) -> str:
    return choices.values_by_number[number].name.removeprefix(_choice_prefix(choices)).lower()
