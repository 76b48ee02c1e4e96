"""How far feature maps are from the photo's, and how strong they are."""

from __future__ import annotations

from torch import Tensor

from stylized.engine.choices import ContentLoss
from stylized.engine.losses.ratio import FAINT, NO_DIFFERENCE
from stylized.engine.precision import widened


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
    difference = widened(features) - widened(target)
    numbers = difference.new_full((), difference.numel())
    square = difference.square().mean()
    return (numbers, square, difference.abs().mean()) if form is ContentLoss.RATIO else (numbers, square)


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
    return widened(features).square().mean()
