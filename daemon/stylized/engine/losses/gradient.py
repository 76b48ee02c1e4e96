"""Gradients of one length: the value of a loss stays, only the way back is rescaled."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from stylized.engine.precision import wide


def unit_gradient(features: Tensor, length: float) -> Tensor:
    """Return the features, of any shape; the gradient that comes back through them has this L1 norm.

    So andersbll's neural_artistic_style normalises each layer's gradient, with the layer's weight for length. It must
    be done at the maps: neural-style-pt's -normalize_gradients does it at the loss, which is one number, and so only
    changes the weight. A gradient of 0 stays 0.
    """
    return _UnitGradient.apply(features, length)  # pyright: ignore[reportReturnType]


class _UnitGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, features: Tensor, length: float) -> Tensor:
        ctx.length = length
        return features.view_as(features)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (gradient,) = gradients
        norm = gradient.abs().sum(dtype=wide(gradient.dtype))
        return gradient * (ctx.length / norm.clamp(min=torch.finfo(norm.dtype).tiny)), None
