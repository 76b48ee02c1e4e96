"""Adam, with an epsilon that means the same at every size, and its averages carried from size to size."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from stylized.engine.optimizers.descent import Descent
from stylized.engine.optimizers.memory import Memory


class Adam(Descent):
    """Adam (Kingma and Ba 2015, algorithm 1), bias-corrected, clamped to 0..255 after each step.

    Epsilon is a fraction of the root mean square of the first gradient at each size: gradients here scale with the
    weights and with 1 / (H W), so a fixed number would mean something else at every size.
    """

    def __init__(
        self,
        start: Tensor,
        learning_rate: float,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-3,
    ) -> None:
        # Its loss may rise at any step without harm; only what is not finite is rejected.
        super().__init__(start, learning_rate)
        self._betas = betas
        self._epsilon = epsilon
        self._mean = torch.zeros_like(start)
        self._square = torch.zeros_like(start)
        self._first_rms: Tensor | None = None
        # β1ⁿ and β2ⁿ after n steps, counted on the device so that a recorded step counts too; in float64, as the host
        # would.
        self._powers = torch.ones(2, device=start.device, dtype=torch.float64)
        self._decay = torch.stack([torch.full_like(self._powers[0], beta) for beta in betas])

    def _rescale(self) -> None:
        # As crowsonkb/style-transfer-pytorch does (scale_adam), the count of steps kept too. Bilinear weights are
        # positive, so squares stay squares.
        size = self._point.shape[-2:]
        self._mean = F.interpolate(self._mean, size=size, mode="bicubic", align_corners=False)
        self._square = F.interpolate(self._square, size=size, mode="bilinear", align_corners=False)
        self._first_rms = None

    def _direction(self, point: Tensor, gradient: Tensor) -> Tensor:
        if self._first_rms is None:
            self._first_rms = gradient.square().mean().sqrt()
        self._powers = self._powers * self._decay
        beta1, beta2 = self._betas
        # In place where nobody else has the tensor: at 8192 x 8192 each is 768 MiB.
        self._mean = torch.lerp(self._mean, gradient, 1 - beta1)
        self._square = (beta2 * self._square).addcmul_(gradient, gradient, value=1 - beta2)
        mean_share, square_share = (1 - self._powers).unbind()
        mean = self._mean / mean_share
        square = self._square / square_share
        tiny = torch.finfo(gradient.dtype).tiny
        spread = square.sqrt_().add_((self._epsilon * self._first_rms).clamp(min=tiny))
        return mean.div_(spread).neg_()

    def _project(self, candidate: Tensor) -> Tensor:
        return candidate.clamp(0.0, 255.0)

    def _knowledge(self) -> Memory:
        first = {} if self._first_rms is None else {"first_rms": self._first_rms}
        return {"mean": self._mean, "square": self._square, "powers": self._powers, **first}

    def _recall(self, memory: Memory) -> None:
        self._mean, self._square = memory["mean"], memory["square"]
        self._powers = memory["powers"]
        self._first_rms = memory.get("first_rms")
