"""Plain descents: against the gradient, and nothing else."""

from __future__ import annotations

import torch
from torch import Tensor

from stylized.engine.optimizers.descent import Descent


class GradientDescent(Descent):
    """Step learning_rate times the gradient. Its loss may rise at any step; only what is not finite is rejected."""

    def _direction(self, point: Tensor, gradient: Tensor) -> Tensor:
        return -gradient


class NormalizedDescent(Descent):
    """Step learning_rate pixel values in all: the step's Euclidean length, whatever the gradient's."""

    def _direction(self, point: Tensor, gradient: Tensor) -> Tensor:
        return -gradient / _positive(gradient.norm())


class ScaledDescent(Descent):
    """Step learning_rate pixel values on average: the mean of the step's absolute values."""

    def _direction(self, point: Tensor, gradient: Tensor) -> Tensor:
        return -gradient / _positive(gradient.abs().mean())


def _positive(length: Tensor) -> Tensor:
    """A gradient of zero leaves the point where it is."""
    return length.clamp(min=torch.finfo(length.dtype).tiny)
