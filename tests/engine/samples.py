"""Small pictures and parameters that the tests share."""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
from torch import Tensor

from stylized.engine.choices import Backbone
from stylized.engine.layers import CONVOLUTIONS
from stylized.engine.network import Weights
from stylized.engine.parameters import Parameters
from stylized.engine.presets import builtin_presets
from stylized.engine.resample import resample
from stylized.engine.stylize import Step


def noise(height: int, width: int, seed: int = 0) -> Tensor:
    """A picture of grain, [1, 3, height, width], 0..1."""
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed))


def shapes(height: int, width: int, seed: int = 0) -> Tensor:
    """A picture of soft blobs with a little grain, [1, 3, height, width], 0..1: nearer to a photo than noise."""
    blobs = resample(noise(6, 6, seed), width, height)
    return (0.9 * blobs + 0.1 * noise(height, width, seed + 1)).clamp(0, 1)


def plain(height: int, width: int, value: float) -> Tensor:
    """A picture of one gray."""
    return torch.full((1, 3, height, width), value)


def random_weights(backbone: Backbone, seed: int = 0) -> Weights:
    """Weights of the right shapes, which keep the size of what passes them (He et al. 2015)."""
    generator = torch.Generator().manual_seed(seed)
    layers = {}
    for layer in CONVOLUTIONS[backbone]:
        weight = torch.randn(layer.weight_shape, generator=generator)
        bias = torch.randn(layer.channels, generator=generator)
        layers[layer.conv] = (weight * (2 / weight[0].numel()) ** 0.5, bias)
    return Weights(f"random-{backbone.value}", f"{seed:064x}", backbone, layers, (123.68, 116.779, 103.939))


def parameters(preset: str = "gatys", /, **changes: Any) -> Parameters:
    """A preset's parameters with changes."""
    return dataclasses.replace(builtin_presets()[preset].parameters, **changes)


def recolored(step: Step, color: float) -> Step:
    """The same step shown with another `color`."""
    return dataclasses.replace(step, _shown=dataclasses.replace(step._shown, color=color))
