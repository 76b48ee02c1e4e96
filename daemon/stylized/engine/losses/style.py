"""How far the style of a painting is from a style's: distances between moments of feature maps.

Each distance takes a style's moments first, then the painting's, and returns a 0-dim tensor, 0 or more but for
rounding. `statistic` says which of them a parameter means, and what it needs to be measured.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from stylized.engine.choices import GramScale, StyleLoss, StyleStatistic
from stylized.engine.losses.matrix_root import matrix_root, trace_of_root
from stylized.engine.losses.ratio import FAINT, NO_DIFFERENCE, ratio
from stylized.engine.losses.statistics import (
    Moments,
    channel_moments,
    covariance_moments,
    gram_moments,
    scale_factor,
    scaled,
)

# Of the painting's moments to a style's.
Distance = Callable[[Moments], Tensor]

# The share of the mean square of features below which a covariance counts as none, as that of a picture of one colour:
# a thirtieth in the features themselves. Normalised by less, such a style would drown every other term.
_FLAT = 1e-3

# Added to variances before the root, so that its gradient is finite (Huang and Belongie 2017, AdaIN's code).
_VARIANCE = 1e-5


@dataclass(frozen=True)
class Statistic:
    """What is measured of maps [1, C, H, W] (and weights of their cells [H, W], or None), and how it is compared.

    distance: given a style's moments, the distance to it.
    """

    measure: Callable[[Tensor, Tensor | None], Moments]
    distance: Callable[[Moments], Distance]


def statistic(kind: StyleStatistic, form: StyleLoss, scale: GramScale) -> Statistic:
    """The statistic that the parameters name."""
    match kind:
        case StyleStatistic.GRAM:
            return Statistic(gram_moments, lambda target: partial(matrix_distance, target, form=form, scale=scale))
        case StyleStatistic.COVARIANCE:
            return Statistic(
                covariance_moments, lambda target: partial(matrix_distance, target, form=form, scale=scale)
            )
        case StyleStatistic.MEAN_STD:
            return Statistic(channel_moments, lambda target: partial(mean_std_distance, target, form=form))
        case StyleStatistic.WASSERSTEIN:
            return Statistic(covariance_moments, lambda target: wasserstein_distance(target, form))


def matrix_distance(target: Moments, found: Moments, form: StyleLoss, scale: GramScale) -> Tensor:
    """Compare second moments [C, C], each scaled by its own picture, G of the painting and A of the style.

    MEAN: mean((G - A)²); with ELEMENTS this is Gatys' notebook's 1 / C² · mean((G' - A')²) of G' = F Fᵀ / (H W), since
    (C x)² / C² = x². SUM: the sum. PAPER: Σ(G - A)² / (4 C² M²), M the painting's cells; with NONE this is Gatys, Ecker
    and Bethge 2015, equation 4. NORMALIZED: mean((G - A)²) / mean(A²), where the root of mean(A²) counts as at least a
    thousandth of the style's power (a covariance of one colour is 0), and the power as at least 1e-4 (features
    that are 0). RATIO: see `ratio`.
    """
    goal = scaled(target, scale)
    difference = scaled(found, scale) - goal
    match form:
        case StyleLoss.MEAN:
            return difference.square().mean()
        case StyleLoss.SUM:
            return difference.square().sum()
        case StyleLoss.PAPER:
            return (difference / (2 * len(goal) * found.cells)).square().sum()
        case StyleLoss.NORMALIZED:
            least = _FLAT * target.power.clamp(min=FAINT) * scale_factor(target, scale)
            return difference.square().mean() / goal.square().mean().clamp(min=least.square())
        case StyleLoss.RATIO:
            return ratio(difference)


def mean_std_distance(target: Moments, found: Moments, form: StyleLoss) -> Tensor:
    """Compare the means and standard deviations of channels.

    target, found: with variances [C]. mean((μ - μ*)²) + mean((σ - σ*)²) over channels, as Galerne et al. 2024 add it to
    Gram matrices; SUM and PAPER are the same here. NORMALIZED: over the style's power, at least 1e-4. RATIO: see
    `ratio`, of all differences together.
    """
    spread = (found.second + _VARIANCE).sqrt() - (target.second + _VARIANCE).sqrt()
    difference = torch.cat((found.mean - target.mean, spread))
    if form is StyleLoss.RATIO:
        return ratio(difference)
    return _relative(difference.square().sum() / len(target.mean), target, form)


def wasserstein_distance(target: Moments, form: StyleLoss) -> Distance:
    """Compare Gaussians that have these means and covariances: the squared 2-Wasserstein distance over C.

    target: with a covariance [C, C]. mean((μ - μ*)²) + tr(Σ + Σ* - 2 (Σ*^½ Σ Σ*^½)^½) / C with 1e-4 I added to both
    covariances: crowsonkb/style-transfer-pytorch, 2022 (`StyleLossW2`). SUM and PAPER are the same here. NORMALIZED:
    over the style's power, at least 1e-4. RATIO: the distance itself, not its square, whose gradient is of one length
    too.
    """
    goal = _positive(target.second)
    root, trace = matrix_root(goal), goal.trace()

    def distance(found: Moments) -> Tensor:
        covariance = _positive(found.second)
        between = covariance.trace() + trace - 2 * trace_of_root(covariance, root)
        squared = (found.mean - target.mean).square().mean() + between / len(root)
        if form is StyleLoss.RATIO:
            squared = squared.clamp(min=0.0)
            return squared / (squared + NO_DIFFERENCE).sqrt()
        return _relative(squared, target, form)

    return distance


def _positive(covariance: Tensor) -> Tensor:
    """The covariance [C, C] with crowsonkb's 1e-4 I added, and some digits of rounding, which would make it negative:
    in float32 a millionth of its trace."""
    rounding = 8 * torch.finfo(covariance.dtype).eps * covariance.trace()
    return covariance + (FAINT + rounding) * torch.eye(
        len(covariance), dtype=covariance.dtype, device=covariance.device
    )


def _relative(squared: Tensor, target: Moments, form: StyleLoss) -> Tensor:
    return squared / target.power.clamp(min=FAINT) if form is StyleLoss.NORMALIZED else squared
