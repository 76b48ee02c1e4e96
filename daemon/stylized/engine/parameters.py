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

from stylized.engine.layers import MIN_SIDE, is_layer


class Pooling(str, Enum):
    """How the network shrinks its feature maps: the strongest or the mean of each 2 x 2 block."""

    MAX = "max"
    AVERAGE = "average"


class Padding(str, Enum):
    """What lies around the picture for the first convolution: zeros (the mean colour), or its edge repeated."""

    ZERO = "zero"
    REPLICATE = "replicate"


class Optimizer(str, Enum):
    """The method that moves the pixels."""

    LBFGS = "lbfgs"
    ADAM = "adam"


class Init(str, Enum):
    """Where the painting starts: at the photo, or at seeded noise around mid-gray."""

    CONTENT = "content"
    NOISE = "noise"


class Precision(str, Enum):
    """Arithmetic of the network. AUTO is bf16 where the device computes it natively, else fp32."""

    AUTO = "auto"
    FP32 = "fp32"
    BF16 = "bf16"


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
        # Below 16 px block 5 of VGG19 has no cell left; below some 128 px there is little to see. Above 8192 px an
        # iteration in fp32 would need more than 100 GB.
        "size": Range(MIN_SIDE, 8192),
        "iterations": Range(1, 100_000),
        # Far beyond every peer's numbers (1e9 / 5 in Gatys' NeuralImageSynthesis); weights only need to stay where
        # their products are finite in fp32.
        "content_weight": Range(0, 1e12),
        "style_weight": Range(0, 1e12),
        "tv_weight": Range(0, 1e12),
        "layer_weight": Range(0, 1e6),
        # For Adam a step of 255 crosses the whole range of a pixel.
        "learning_rate": Range(1e-4, 255),
        # A pair costs two pictures of memory; 10 lose little against 100 (peers: 5, 8, 10), so 20 are plenty.
        "history_size": Range(1, 20),
        "style_scale": Range(0.1, 10),
        "strength": Range(0, 1),
        "color": Range(0, 1),
    }
)

_WHOLE = ("size", "iterations", "history_size")
_REAL = ("content_weight", "style_weight", "tv_weight", "learning_rate", "style_scale", "strength", "color")

# What strength 1 multiplies style_weight by, and strength 0 divides it by.
_STRENGTH_SPAN = 100.0


class ParameterError(ValueError):
    """A parameter that cannot be used. `field` names it; the message is a sentence that says what to do."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


class UnknownLayerError(ParameterError):
    """A layer that VGG19 does not have; `layer` is what was asked for."""

    def __init__(self, field: str, layer: str) -> None:
        super().__init__(
            field,
            f"{field} names {layer!r}, which VGG19 does not have: use names such as relu1_1, relu4_2 or conv5_4.",
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

    def validated(self) -> Parameters:
        """Return these parameters if they can be used.

        Raises UnknownLayerError for a layer that VGG19 does not have, ParameterError for everything else.
        """
        for field in _WHOLE:
            _check_whole(field, getattr(self, field))
        for field in _REAL:
            _check_real(field, getattr(self, field), RANGES[field])
        _check_layers("content_layers", self.content_layers, needed_by=("content_weight", self.content_weight))
        _check_layers("style_layers", self.style_layers, needed_by=("style_weight", self.style_weight))
        if self.content_weight == 0 and self.style_weight == 0:
            raise ParameterError(
                "style_weight",
                "content_weight and style_weight are both 0, so there is nothing to paint: raise one of them.",
            )
        return self


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


def _check_layers(field: str, layers: tuple[LayerWeight, ...], needed_by: tuple[str, float]) -> None:
    seen = set()
    for entry in layers:
        if not is_layer(entry.layer):
            raise UnknownLayerError(field, entry.layer)
        if entry.layer in seen:
            raise ParameterError(field, f"{field} names {entry.layer} twice: name each layer once.")
        seen.add(entry.layer)
        _check_real(field, entry.weight, RANGES["layer_weight"], what=f"the weight of {entry.layer} in {field}")
    weight_name, weight = needed_by
    if weight > 0 and not any(entry.weight > 0 for entry in layers):
        raise ParameterError(
            field, f"{field} has no layer with a weight above 0: name at least one, or set {weight_name} to 0."
        )
