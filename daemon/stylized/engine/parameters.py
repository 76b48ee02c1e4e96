"""Everything a preset sets, with the ranges: the one home of these names and limits.

`Parameters` has the fields of `neuralstyle.v1.Tunables`, in its order and under its names; a test compares the two.
Units are canonical: content is the mean squared difference of features, style the mean squared difference of Gram
matrices G = F Fᵀ / (C H W) summed over layers, total variation the mean over pixels of squared differences, all with
pixels in 0..255. Free of torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from enum import Enum
from types import MappingProxyType
from typing import get_type_hints

from stylized.engine.choices import (
    Backbone,
    ColorMethod,
    ContentLoss,
    GradientNormalization,
    GramScale,
    Init,
    Iterate,
    MaskPropagation,
    Optimizer,
    Padding,
    Pooling,
    StyleLoss,
    StyleMixing,
    StyleStatistic,
    TvLoss,
)
from stylized.engine.layers import MIN_SIDE, is_layer, layer_examples


@dataclass(frozen=True)
class Range:
    """The values a number may take, both ends included."""

    minimum: float
    maximum: float

    def __contains__(self, value: float) -> bool:
        return self.minimum <= value <= self.maximum

    def __str__(self) -> str:
        return f"{self.minimum:g} to {self.maximum:g}"


RANGES: Mapping[str, Range] = MappingProxyType(
    {
        # Below 16 px block 5 of VGG19 has no cell left; below some 128 px there is little to see. Above 8192 px
        # what an optimiser knows of a picture fits into few machines.
        "size": Range(MIN_SIDE, 8192),
        "iterations": Range(1, 100_000),
        # Far beyond every peer's numbers (1e9 / 5 in Gatys' NeuralImageSynthesis); weights only need to stay where
        # their products are finite in fp32.
        "content_weight": Range(0, 1e12),
        "style_weight": Range(0, 1e12),
        "tv_weight": Range(0, 1e12),
        # Layer weights that stand for C² of 512 channels (the literal sums of the seeds) need seven digits.
        "layer_weight": Range(0, 1e9),
        # For Adam a step of 255 crosses the whole range of a pixel. Plain descent on sums over millions of features
        # takes 1e-5 of the gradient and less; normalised descent gives the length of a step over all pixels.
        "learning_rate": Range(1e-12, 1e6),
        # A pair costs two pictures of memory; 10 lose little against 100 (peers: 5, 8, 10), so 20 are plenty.
        "history_size": Range(1, 20),
        "style_scale": Range(0.1, 10),
        "strength": Range(0, 1),
        "color": Range(0, 1),
        "pooling_scale": Range(0.1, 10),
        "mean_std_weight": Range(0, 1e6),
        # A hundredth or a hundredfold from layer to layer leaves only the first or the last of five.
        "style_layer_ratio": Range(0.01, 100),
        "tv_power": Range(0.5, 4),
        "range_weight": Range(0, 1e12),
        "alpha_weight": Range(0, 1e12),
        "alpha_power": Range(1, 12),
        "style_size": Range(0, 8192),
        "noise_spread": Range(0, 255),
        "pink_exponent": Range(0, 3),
        "init_noise": Range(0, 1),
        # At 1 an average never moves.
        "beta1": Range(0, 0.9999),
        "beta2": Range(0, 0.9999),
        "epsilon": Range(0, 1e3),
        "average_decay": Range(0, 0.9999),
        "plateau": Range(0, 1),
        "pyramid_factor": Range(1, 4),
        "pyramid_min_size": Range(MIN_SIDE, 8192),
        "coarsest_iterations": Range(0, 100_000),
        "iterations_growth": Range(0.1, 10),
        "pyramid_detail": Range(0, 1),
        "dream_weight": Range(0, 1e12),
        "jitter": Range(0, 256),
    }
)

# What strength 1 multiplies style_weight by, and strength 0 divides it by.
_STRENGTH_SPAN = 100.0


class ParameterError(ValueError):
    """A parameter that cannot be used. `field` names it; the message is a sentence that says what to do."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


class UnknownLayerError(ParameterError):
    """A layer that the backbone does not have; `layer` is what was asked for."""

    def __init__(self, field: str, layer: str, backbone: Backbone) -> None:
        super().__init__(
            field,
            f"{field} names {layer!r}, which {backbone.value} does not have: use names such as "
            f"{', '.join(layer_examples(backbone))}.",
        )
        self.layer = layer


@dataclass(frozen=True)
class LayerWeight:
    """A layer of the network and the factor of its loss."""

    layer: str
    weight: float = 1.0


@dataclass(frozen=True)
class Parameters:
    """What to paint, except the pictures. The fields are explained in `stylize.proto`, message Tunables."""

    size: int
    iterations: int
    content_weight: float
    style_weight: float
    tv_weight: float
    content_layers: tuple[LayerWeight, ...]
    style_layers: tuple[LayerWeight, ...]
    pooling: Pooling
    padding: Padding
    optimizer: Optimizer
    learning_rate: float
    history_size: int
    init: Init
    style_scale: float
    strength: float
    color: float
    backbone: Backbone
    pooling_scale: float
    content_loss: ContentLoss
    style_statistic: StyleStatistic
    style_loss: StyleLoss
    gram_scale: GramScale
    mean_std_weight: float
    style_layer_ratio: float
    style_mixing: StyleMixing
    tv_loss: TvLoss
    tv_power: float
    range_weight: float
    alpha_weight: float
    alpha_power: float
    gradient_normalization: GradientNormalization
    style_size: int
    mask_propagation: MaskPropagation
    color_method: ColorMethod
    noise_spread: float
    pink_exponent: float
    init_noise: float
    beta1: float
    beta2: float
    epsilon: float
    iterate: Iterate
    average_decay: float
    plateau: float
    pyramid_factor: float
    pyramid_min_size: int
    coarsest_iterations: int
    iterations_growth: float
    pyramid_detail: float
    dream_weight: float
    dream_layers: tuple[LayerWeight, ...]
    jitter: int

    def validated(self) -> Parameters:
        """Return these parameters if they can be used.

        Raises UnknownLayerError for a layer that the backbone does not have, ParameterError for everything else.
        """
        for field, kind in KINDS.items():
            value = getattr(self, field)
            if kind is int:
                _check_whole(field, value)
            elif kind is float:
                _check_real(field, value, RANGES[field])
        for layers, weight in LAYERED.items():
            _check_layers(layers, getattr(self, layers), self.backbone, needed_by=(weight, getattr(self, weight)))
        if all(getattr(self, weight) == 0 for weight in LAYERED.values()):
            raise ParameterError(
                "style_weight",
                "content_weight, style_weight and dream_weight are all 0, so there is nothing to paint: raise one of "
                "them.",
            )
        return self


def _kinds() -> dict[str, type]:
    hints = get_type_hints(Parameters)
    return {name: hint if isinstance(hint, type) else tuple for name, hint in hints.items()}


# What each field of Parameters is: int, float, an enum of `choices`, or tuple for layers with weights.
KINDS: Mapping[str, type] = MappingProxyType(_kinds())

ENUMS: Mapping[str, type[Enum]] = MappingProxyType(
    {name: kind for name, kind in KINDS.items() if issubclass(kind, Enum)}
)

# The lists of layers, and the weight of the loss that each is for.
LAYERED: Mapping[str, str] = MappingProxyType(
    {"content_layers": "content_weight", "style_layers": "style_weight", "dream_layers": "dream_weight"}
)


@dataclass(frozen=True)
class Steering:
    """What can change while a picture is painted: these fields of Parameters, under the same names."""

    content_weight: float
    style_weight: float
    tv_weight: float
    strength: float
    color: float

    @classmethod
    def of(cls, parameters: Parameters) -> Steering:
        """What can be steered among all parameters."""
        return cls(**{field.name: getattr(parameters, field.name) for field in fields(cls)})

    def applied_to(self, parameters: Parameters) -> Parameters:
        """The parameters with these values. Raises ParameterError if they cannot be used."""
        return replace(parameters, **asdict(self)).validated()


@dataclass(frozen=True)
class LossWeights:
    """The weights of the three losses as the objective takes them: `strength` is part of the style's."""

    content: float
    style: float
    tv: float

    @classmethod
    def of(cls, parameters: Parameters) -> LossWeights:
        """The weights that the parameters come to."""
        factor = _STRENGTH_SPAN ** (2.0 * parameters.strength - 1.0)
        return cls(parameters.content_weight, parameters.style_weight * factor, parameters.tv_weight)


def _check_whole(field: str, value: int) -> None:
    if value not in RANGES[field] or value != int(value):
        raise ParameterError(field, f"{field} is {value}: choose a whole number from {RANGES[field]}.")


def _check_real(field: str, value: float, allowed: Range, what: str | None = None) -> None:
    if value not in allowed:
        raise ParameterError(field, f"{what or field} is {value:g}: choose a number from {allowed}.")


def _check_layers(
    field: str, layers: tuple[LayerWeight, ...], backbone: Backbone, needed_by: tuple[str, float]
) -> None:
    seen = set()
    for entry in layers:
        if not is_layer(entry.layer, backbone):
            raise UnknownLayerError(field, entry.layer, backbone)
        if entry.layer in seen:
            raise ParameterError(field, f"{field} names {entry.layer} twice: name each layer once.")
        seen.add(entry.layer)
        _check_real(field, entry.weight, RANGES["layer_weight"], what=f"the weight of {entry.layer} in {field}")
    weight_name, weight = needed_by
    if weight > 0 and not any(entry.weight > 0 for entry in layers):
        raise ParameterError(
            field, f"{field} has no layer with a weight above 0: name at least one, or set {weight_name} to 0."
        )
