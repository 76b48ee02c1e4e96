"""The losses, in canonical units.

Every loss is a mean, so that a weight means the same at any size (sums, as in neural-style's total variation, grow
with the picture). Peers' formulas convert by constant factors; the tests carry them for the tutorial in `docs`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def content_loss(features: Tensor, target: Tensor) -> Tensor:
    """mean((F - P)²): how far feature maps are from the photo's.

    features, target: [1, C, H, W]. Returns a 0-dim tensor. Gatys, Ecker and Bethge 2016, equation 1, with a mean for
    the half sum, as in their own notebook (nn.MSELoss).
    """
    return (features - target).square().mean()


def gram_matrix(features: Tensor, cells: Tensor | None = None) -> Tensor:
    """G = F Fᵀ / (C H W): which features occur together, wherever in the picture, or where `cells` are.

    features: [1, C, H, W], float32 or float64. cells: weights of the cells, [H, W], >= 0 and somewhere above 0; then
    G = Σ w F Fᵀ / (C Σ w). Returns [C, C]. Gatys, Ecker and Bethge 2016, equation 3, and guided, Gatys et al. 2017,
    equation 4; the scale is that of neural-style (`GramMatrix` there, divided by the number of elements).
    """
    weights = None if cells is None else (cells / cells.sum()).reshape(-1, 1)
    return _Gram.apply(features, weights)  # pyright: ignore[reportReturnType]


def style_loss(gram: Tensor, target: Tensor) -> Tensor:
    """mean((G - A)²): how far Gram matrices are from the style's.

    gram, target: [C, C]. Returns a 0-dim tensor. With G in the scale of `gram_matrix` this is Gatys' notebook's
    1 / C² · mean((G' - A')²) of G' = F Fᵀ / (H W), since (C x)² / C² = x².
    """
    return (gram - target).square().mean()


def total_variation(image: Tensor) -> Tensor:
    """mean(dx² + dy²) over channels and over pixels that have a right and a lower neighbour: how grainy a picture is.

    image: [1, 3, H, W], RGB 0..255, both sides at least 2. Returns a 0-dim tensor in squared pixel values. The sum
    instead of the mean is the form of Johnson et al. 2016 and of the tutorial in `docs`.
    """
    corner = image[..., :-1, :-1]
    right = image[..., :-1, 1:] - corner
    down = image[..., 1:, :-1] - corner
    return (right.square() + down.square()).mean()


class _Gram(torch.autograd.Function):
    """The Gram matrix with its gradient by one matrix product, where autograd of F Fᵀ would use two."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, weights: Tensor | None) -> Tensor:
        # [H W, C]: a view of channels_last maps, so nothing is copied.
        rows = features.permute(0, 2, 3, 1).reshape(-1, features.shape[1])
        ctx.save_for_backward(rows, weights)
        ctx.shape = features.shape
        if weights is None:
            return rows.T @ rows / features.numel()
        return rows.T @ (weights * rows) / rows.shape[1]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        # d tr(Dᵀ F W Fᵀ) / dF = (D + Dᵀ) F W
        (gradient,) = gradients
        rows, weights = ctx.saved_tensors
        _, channels, height, width = ctx.shape
        divisor = rows.numel() if weights is None else channels
        product = rows @ ((gradient + gradient.T) / divisor)
        if weights is not None:
            product = weights * product
        return product.view(1, height, width, channels).permute(0, 3, 1, 2), None
