"""What of feature maps is their style: first and second moments of the cells, each cell counted by its weight.

Every statistic is a function of maps [1, C, H, W] and, if not all cells count alike, of their weights [H, W], >= 0:
a mean over cells is then Σ m_k F_k / Σ m_k, and a second moment Σ m_k F_k F_kᵀ / Σ m_k (guided statistics, Gatys et al.
2017, "Controlling Perceptual Factors in Neural Style Transfer", section 4). So a region's statistics do not depend on
its area. Where all weights are 0 the moments are 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from stylized.engine.choices import GramScale
from stylized.engine.gram_product import gram_product, suits
from stylized.engine.precision import wide, widened
from stylized.engine.recycled import empty_rows

# Cells that are multiplied at a time; what they give still lies in the processor's cache when it is put in its place.
_AT_ONCE = 4096


@dataclass(frozen=True)
class Moments:
    """First and second moments of feature cells.

    cells: how many were counted, 0-dim: H W, or the sum of their weights. mean: the mean cell, [C]; zeros if the second
    moments are about zero. second: about the mean, [C, C], or only its diagonal, [C].
    """

    cells: Tensor
    mean: Tensor
    second: Tensor

    @property
    def power(self) -> Tensor:
        """The mean over channels of the mean of squares, 0-dim: how strong the features are."""
        variances = self.second.diagonal() if self.second.dim() == 2 else self.second
        return (variances + self.mean.square()).mean()

    @property
    def tensors(self) -> tuple[Tensor, Tensor, Tensor]:
        """In the order in which `Moments` takes them."""
        return self.cells, self.mean, self.second

    @property
    def size_bytes(self) -> int:
        """How much its tensors take."""
        return sum(tensor.nbytes for tensor in self.tensors)


def gram_moments(features: Tensor, weights: Tensor | None = None) -> Moments:
    """Second moments about zero: F Fᵀ / (H W), whatever scale is given to it later.

    features: [1, C, H, W]; weights: [H, W], or None if all cells count alike. Gatys, Ecker and Bethge 2015, equation 3.
    """
    second = _second_moments(_cells_of(features), _column(weights))
    return Moments(_cells(features, weights), torch.zeros_like(second[0]), second)


def covariance_moments(features: Tensor, weights: Tensor | None = None) -> Moments:
    """Mean, and covariance as a whole: exactly 0 for maps of one value, and never negative beyond rounding.

    features: [1, C, H, W]; weights: [H, W], or None if all cells count alike. The features are centred before they are
    multiplied: F Fᵀ - μ μᵀ in float32 would lose a covariance that is small against the mean.
    """
    rows, column = _rows(features), _column(weights)
    mean = _mean(rows, column)
    # Centred rows have no mean, so the covariance's gradient needs no part through this one.
    second = _second_moments(rows - mean.detach(), column)
    return Moments(_cells(features, weights), mean, second)


def channel_moments(features: Tensor, weights: Tensor | None = None) -> Moments:
    """Mean and variance of each channel by itself: no product of matrices.

    features: [1, C, H, W]; weights: [H, W], or None if all cells count alike.
    """
    rows, column = _rows(features), _column(weights)
    mean = _mean(rows, column)
    return Moments(_cells(features, weights), mean, _mean((rows - mean.detach()).square(), column))


def gram_matrix(features: Tensor, weights: Tensor | None = None, scale: GramScale = GramScale.ELEMENTS) -> Tensor:
    """G = F Fᵀ / (C H W), or by another scale: which features occur together, wherever in the picture.

    features: [1, C, H, W]; weights: [H, W], or None if all cells count alike. Returns [C, C]. The default scale is that
    of neural-style (`GramMatrix` there, divided by the number of elements).
    """
    return scaled(gram_moments(features, weights), scale)


def scaled(moments: Moments, scale: GramScale) -> Tensor:
    """The second moments [C, C] as a matrix in one of the field's scales."""
    return moments.second * scale_factor(moments, scale)


def scale_factor(moments: Moments, scale: GramScale) -> Tensor | float:
    """What means over cells are multiplied by to have a matrix of this scale."""
    match scale:
        case GramScale.ELEMENTS:
            return 1.0 / len(moments.mean)
        case GramScale.PIXELS:
            return 1.0
        case GramScale.NONE:
            return moments.cells


def merge(moments: Sequence[Moments]) -> Moments:
    """The moments of all cells, given those of parts that have each cell once.

    Means and second moments about zero add up by numbers of cells; for those about the mean this is the formula of
    Chan, Golub and LeVeque 1983, "Algorithms for Computing the Sample Variance", which loses no digits.
    """
    if len(moments) == 1:
        return moments[0]
    cells = torch.stack([part.cells for part in moments])
    total = cells.sum()
    shares = cells / total.clamp(min=torch.finfo(cells.dtype).tiny)
    return replace(mix(moments, shares.unbind()), cells=total)


def mix(moments: Sequence[Moments], shares: Sequence[float] | Sequence[Tensor]) -> Moments:
    """The moments of a style between several, as if its cells were theirs in these proportions.

    shares: adding up to 1. What is mixed by share is the number of cells, the mean and the second moment about zero:
    "unlike the covariance matrix, these are valid to combine linearly" (crowsonkb/style-transfer-pytorch).
    """
    mean = _sum(shares, [found.mean for found in moments])
    offsets = [_square(found.mean - mean, found.second.dim()) for found in moments]
    second = _sum(shares, [found.second + offset for found, offset in zip(moments, offsets, strict=True)])
    return Moments(_sum(shares, [found.cells for found in moments]), mean, second)


def _sum(shares: Sequence[float] | Sequence[Tensor], values: Sequence[Tensor]) -> Tensor:
    return torch.stack([share * value for share, value in zip(shares, values, strict=True)]).sum(dim=0)


def _square(vector: Tensor, dimensions: int) -> Tensor:
    """v vᵀ, or its diagonal alone."""
    return torch.outer(vector, vector) if dimensions == 2 else vector.square()


def _rows(features: Tensor) -> Tensor:
    """[H W, C], wide."""
    return widened(_cells_of(features))


def _cells_of(features: Tensor) -> Tensor:
    """[H W, C]: a view of channels_last maps, so nothing is copied."""
    return features.permute(0, 2, 3, 1).reshape(-1, features.shape[1])


def _column(weights: Tensor | None) -> Tensor | None:
    """The share of each cell, [H W, 1]."""
    if weights is None:
        return None
    return (weights / weights.sum().clamp(min=torch.finfo(weights.dtype).tiny)).reshape(-1, 1)


def _cells(features: Tensor, weights: Tensor | None) -> Tensor:
    if weights is not None:
        return weights.sum()
    return features.new_full((), features.shape[2] * features.shape[3], dtype=wide(features.dtype))


def _mean(rows: Tensor, column: Tensor | None) -> Tensor:
    return rows.mean(dim=0) if column is None else (column * rows).sum(dim=0)


def _second_moments(rows: Tensor, column: Tensor | None) -> Tensor:
    if column is not None or not suits(rows):
        rows = widened(rows)
    return _SecondMoments.apply(rows, column)  # pyright: ignore[reportReturnType]


class _SecondMoments(torch.autograd.Function):
    """Fᵀ M F of rows F [H W, C] and a diagonal M, with its gradient by one product, where autograd would use two."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, column: Tensor | None) -> Tensor:
        ctx.save_for_backward(rows, column)
        if column is not None:
            return rows.T @ (column * rows)
        return (gram_product(rows) if suits(rows) else rows.T @ rows) / len(rows)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        # d tr(Dᵀ Fᵀ M F) / dF = M F (D + Dᵀ)
        (gradient,) = gradients
        rows, column = ctx.saved_tensors
        both = gradient + gradient.T
        return (_times(rows, both / len(rows)) if column is None else column * (rows @ both)), None


def _times(rows: Tensor, matrix: Tensor) -> Tensor:
    """Rows [N, C] times a matrix [C, C], in their type."""
    matrix = matrix.to(rows.dtype)
    if rows.device.type != "cpu":
        return rows @ matrix
    # As a convolution of 1 x 1 the product is oneDNN's, and not of a library that does not know each processor: on
    # AMD's Zen 4 it takes 0.4 times as long in float32.
    count, channels = rows.shape
    weight = matrix.T.reshape(channels, channels, 1, 1)
    result = empty_rows((count, channels), rows.dtype, rows.device)
    for some, into in zip(rows.split(_AT_ONCE), result.split(_AT_ONCE), strict=True):
        maps = some.reshape(1, len(some), 1, channels).permute(0, 3, 1, 2)
        into.copy_(F.conv2d(maps, weight).permute(0, 2, 3, 1).reshape(len(some), channels))
    return result
