"""Painting a part of a photo: what lies outside the mask is held to the photo while the rest is painted.

Promise: where the mask is 0, the photo stays to the bit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from stylized.engine.objective import Evaluation


@dataclass(frozen=True)
class Held:
    """A painting that is held to the photo: what is shown is photo + mask (point - photo).

    The optimiser may start its point anywhere, also where the mask is 0: nothing of that is seen, and as the gradient
    is 0 there, it stays. mask: [1, 1, H, W], 0..1; photo: [1, 3, H, W], in the scale of the point.
    """

    mask: Tensor
    photo: Tensor

    def shown(self, point: Tensor) -> Tensor:
        """The painting at a point, [1, 3, H, W]: to the bit the photo where the mask is 0, the point where it is 1."""
        return torch.where(self.mask == 0.0, self.photo, torch.lerp(self.photo, point, self.mask))

    def around(self, evaluate: Callable[[Tensor], Evaluation]) -> Callable[[Tensor], Evaluation]:
        """The objective of what is shown as one of the point; its gradient is masked, by the chain rule."""

        def held(point: Tensor) -> Evaluation:
            evaluation = evaluate(self.shown(point))
            return replace(evaluation, gradient=evaluation.gradient * self.mask)

        return held
