"""Protobuf to engine types and back: the only place where both are known.

The fields of `Tunables` and of the engine's `Parameters` have the same names, so the mapping follows the descriptor; a
tunable that is added to both needs nothing here.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Iterable
from dataclasses import fields, replace
from enum import Enum

from google.protobuf.descriptor import FieldDescriptor

from neuralstyle.v1 import stylize_pb2 as pb
from neuralstyle.v1.reasons import Reason
from stylized.engine.choices import Precision
from stylized.engine.parameters import LAYERED, LayerWeight, ParameterError, Parameters, UnknownLayerError
from stylized.engine.presets import Preset
from stylized.engine.schedule import Level
from stylized.service.errors import ServiceError
from stylized.service.messages import WeightsFacts

_PRECISIONS = {
    pb.PRECISION_UNSPECIFIED: Precision.AUTO,
    pb.PRECISION_AUTO: Precision.AUTO,
    pb.PRECISION_FP32: Precision.FP32,
    pb.PRECISION_BF16: Precision.BF16,
}
_PRECISION_NAMES = {precision: name for name, precision in _PRECISIONS.items()}


def parameters_from(base: Parameters, tunables: pb.Tunables) -> Parameters:
    """The parameters of `base` with those of `tunables` that are set.

    Raises ServiceError INVALID_PARAMETER or UNKNOWN_LAYER, whose field is "tunables.NAME".
    """
    return checked_parameters(with_tunables(base, tunables))


def checked_parameters(parameters: Parameters) -> Parameters:
    """The parameters, if they can be painted with. Raises ServiceError as `parameters_from` does."""
    try:
        return parameters.validated()
    except ParameterError as error:
        raise parameter_error(error) from error


def with_tunables(base: Parameters, tunables: pb.Tunables) -> Parameters:
    """The same, unchecked but for choices that there are not, which raise ServiceError."""
    changes: dict[str, object] = {}
    for field, value in tunables.ListFields():
        if field.name in LAYERED:
            changes[field.name] = tuple(
                LayerWeight(entry.layer, entry.weight if entry.HasField("weight") else 1.0) for entry in value.layers
            )
        elif field.enum_type is not None:
            if value:  # UNSPECIFIED is the same as unset
                changes[field.name] = _enum_from(field, value, type(getattr(base, field.name)))
        else:
            changes[field.name] = value
    return replace(base, **changes)  # pyright: ignore[reportArgumentType]


def parameter_error(error: ParameterError) -> ServiceError:
    """The engine's complaint as a client sees it."""
    reason = Reason.UNKNOWN_LAYER if isinstance(error, UnknownLayerError) else Reason.INVALID_PARAMETER
    return ServiceError(reason, error.message, field=f"tunables.{error.field}")


def tunables_to(parameters: Parameters) -> pb.Tunables:
    """All parameters, every field set."""
    tunables = pb.Tunables()
    tunables.CopyFrom(_tunables_to(parameters))
    return tunables


@functools.lru_cache(maxsize=64)  # job after job has the same
def _tunables_to(parameters: Parameters) -> pb.Tunables:
    tunables = pb.Tunables()
    for field in fields(parameters):
        value = getattr(parameters, field.name)
        if isinstance(value, tuple):
            layers = getattr(tunables, field.name)
            layers.SetInParent()  # set, though perhaps without a layer
            layers.layers.extend(pb.LayerWeight(layer=entry.layer, weight=entry.weight) for entry in value)
        elif isinstance(value, Enum):
            setattr(tunables, field.name, _enum_number(field.name, value))
        else:
            setattr(tunables, field.name, value)
    return tunables


def origins_to(preset: Preset) -> list[pb.TunableOrigin]:
    """Where the preset's values come from, in the order of Tunables."""
    return [
        pb.TunableOrigin(
            tunable=field.name, preset=preset.origins[field.name].preset, source=preset.origins[field.name].source
        )
        for field in fields(preset.parameters)
    ]


def precision_from(value: pb.Precision) -> Precision:
    """The engine's precision. Raises ServiceError for a value that this daemon does not know."""
    if value not in _PRECISIONS:
        raise ServiceError(
            Reason.INVALID_PARAMETER,
            f"This daemon does not know precision {value}; use auto, fp32 or bf16.",
            field="precision",
        )
    return _PRECISIONS[value]


def precision_to(precision: Precision) -> pb.Precision:
    """The contract's name of a precision."""
    return _PRECISION_NAMES[precision]


def weights_to(facts: WeightsFacts) -> pb.WeightsInfo:
    """Whose weights a network has."""
    return pb.WeightsInfo(name=facts.name, sha256=facts.sha256, backbone=f"BACKBONE_{facts.backbone.name}")


def terms_to(terms: dict[str, float]) -> list[pb.LossTerm]:
    """Weighted losses by name."""
    return [pb.LossTerm(name=name, value=value) for name, value in terms.items()]


def total_of(terms: dict[str, float]) -> float:
    """The loss: the sum of its terms."""
    return math.fsum(terms.values())


def plan_to(levels: Iterable[Level]) -> list[pb.Level]:
    """Sizes and iterations."""
    return [pb.Level(width=level.width, height=level.height, iterations=level.iterations) for level in levels]


def _prefix(enum_name: str) -> str:
    """ "CONTENT_LOSS_" for ContentLoss: buf's ENUM_VALUE_PREFIX rule."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", enum_name).upper() + "_"


def _enum_from(field: FieldDescriptor, number: int, kind: type[Enum]) -> Enum:
    enum = field.enum_type
    assert enum is not None
    value = enum.values_by_number.get(number)
    if value is None:
        choices = ", ".join(str(member.value) for member in kind)
        raise ServiceError(
            Reason.INVALID_PARAMETER,
            f"This daemon does not know {field.name} number {number}; use one of {choices}.",
            field=f"tunables.{field.name}",
        )
    return kind[value.name.removeprefix(_prefix(enum.name))]


def _enum_number(field: str, value: Enum) -> int:
    enum = pb.Tunables.DESCRIPTOR.fields_by_name[field].enum_type
    assert enum is not None
    return enum.values_by_name[_prefix(enum.name) + value.name].number
