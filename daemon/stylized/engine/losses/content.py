"""How far feature maps are from the photo's, and how strong they are."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from stylized.engine.choices import ContentLoss
from stylized.engine.losses.ratio import FAINT, NO_DIFFERENCE
from stylized.engine.precision import widened
from stylized.engine.recycled import empty_maps

# Numbers at a time: what is between lies in the processor's cache.
_AT_ONCE = 2**20


def content_loss(features: Tensor, target: Tensor, form: ContentLoss = ContentLoss.MEAN) -> Tensor:
    """Compare feature maps F with the photo's P.

    features, target: [1, C, H, W]. Returns a 0-dim tensor.

    MEAN: mean((F - P)²), Gatys, Ecker and Bethge 2016, equation 1, as in their own notebook (nn.MSELoss). SUM and
    HALF_SUM: the sum, and half of it as the papers write it. NORMALIZED: mean((F - P)²) / mean(P²); a photo without
    features in this layer counts as one of faint ones, mean(P²) = 1e-4. RATIO: see `ratio`.
    """
    return content_value(differences(features, target, form), activation(target), form)


def differences(features: Tensor, target: Tensor, form: ContentLoss) -> tuple[Tensor, ...]:
    """What `content_value` needs to know of F - P: how many numbers, the mean square, for RATIO the mean absolute too.

    features, target: [1, C, H, W]. Returns 0-dim tensors. Those of several parts of the maps make those of the whole:
    numbers are added up, and means weighted by them.
    """
    square, absolute = _Differences.apply(features, target)  # pyright: ignore[reportGeneralTypeIssues]
    numbers = square.new_full((), features.numel())
    return (numbers, square, absolute) if form is ContentLoss.RATIO else (numbers, square)


class _Differences(torch.autograd.Function):
    """mean((F - P)²) and mean(|F - P|), some rows at a time both ways: of maps in float32 there are never more."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(features, target)
        sums = [
            torch.stack([difference.square().sum(), difference.abs().sum()])
            for difference in map(_difference, _bands(features), _bands(target))
        ]
        square, absolute = (torch.stack(sums).sum(dim=0) / features.numel()).unbind()
        return square, absolute

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride] (the decorator hides the name of ctx)
        ctx: Any, of_square: Tensor, of_absolute: Tensor
    ) -> tuple[Tensor, None]:
        features, target = ctx.saved_tensors
        result = empty_maps(features.shape, features.dtype, features.device)
        for some, other, into in zip(_bands(features), _bands(target), _bands(result), strict=True):
            difference = _difference(some, other)
            slope = difference * (2 * of_square / features.numel())
            into.copy_(slope.add_(difference.sign_() * (of_absolute / features.numel())))
        return result, None


def _bands(maps: Tensor) -> tuple[Tensor, ...]:
    """Maps [1, C, H, W], some rows at a time where a cache is to hold them."""
    if maps.device.type != "cpu":
        return (maps,)
    return maps.split(max(1, _AT_ONCE * maps.shape[2] // maps.numel()), dim=2)


def _difference(features: Tensor, target: Tensor) -> Tensor:
    return widened(features) - widened(target)


def content_value(found: tuple[Tensor, ...], power: Tensor, form: ContentLoss) -> Tensor:
    """The content loss, 0-dim. found: of `differences`. power: mean(P²), 0-dim."""
    numbers, square = found[:2]
    match form:
        case ContentLoss.MEAN:
            return square
        case ContentLoss.SUM:
            return numbers * square
        case ContentLoss.HALF_SUM:
            return numbers * square / 2
        case ContentLoss.NORMALIZED:
            return square / power.clamp(min=FAINT)
        case ContentLoss.RATIO:
            return square / (found[2] + NO_DIFFERENCE / numbers)


def content_target(features: Tensor, weights: Tensor | None = None) -> Tensor:
    """What of the photo's maps, [1, C, H, W], is compared with: all of them. weights: of cells; there are none."""
    assert weights is None
    return features


def activation(features: Tensor) -> Tensor:
    """mean(F²): how strongly a layer responds, [1, C, H, W] to a 0-dim tensor.

    What a dream raises: Mordvintsev, Olah and Tyka 2015, "Inceptionism"; their notebook's objective is the half sum.
    """
    return torch.stack([widened(some).square().sum() for some in _bands(features)]).sum() / features.numel()
