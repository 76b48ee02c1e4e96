"""How far feature maps are from the photo's, and how strong they are."""

from __future__ import annotations

from torch import Tensor

from stylized.engine.choices import ContentLoss
from stylized.engine.losses.ratio import FAINT, ratio


def content_loss(features: Tensor, target: Tensor, form: ContentLoss = ContentLoss.MEAN) -> Tensor:
    """Compare feature maps F with the photo's P.

    features, target: [1, C, H, W]. Returns a 0-dim tensor.

    MEAN: mean((F - P)²), Gatys, Ecker and Bethge 2016, equation 1, as in their own notebook (nn.MSELoss). SUM and
    HALF_SUM: the sum, and half of it as the papers write it. NORMALIZED: mean((F - P)²) / mean(P²); a photo without
    features in this layer counts as one of faint ones, mean(P²) = 1e-4. RATIO: see `ratio`.
    """
    difference = features - target
    match form:
        case ContentLoss.MEAN:
            return difference.square().mean()
        case ContentLoss.SUM:
            return difference.square().sum()
        case ContentLoss.HALF_SUM:
            return difference.square().sum() / 2
        case ContentLoss.NORMALIZED:
            return difference.square().mean() / target.square().mean().clamp(min=FAINT)
        case ContentLoss.RATIO:
            return ratio(difference)


def content_target(features: Tensor, weights: Tensor | None = None) -> Tensor:
    """What of the photo's maps, [1, C, H, W], is compared with: all of them. weights: of cells; there are none."""
    assert weights is None
    return features


def activation(features: Tensor) -> Tensor:
    """mean(F²): how strongly a layer responds, [1, C, H, W] to a 0-dim tensor.

    What a dream raises: Mordvintsev, Olah and Tyka 2015, "Inceptionism"; their notebook's objective is the half sum.
    """
    return features.square().mean()
