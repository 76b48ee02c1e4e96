"""Black, white, one colour, noise: no such photo or style drives the objective out of the finite numbers."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor

from stylized.engine.choices import (
    ContentLoss,
    GradientNormalization,
    GramScale,
    Padding,
    StyleLoss,
    StyleStatistic,
    TvLoss,
)
from stylized.engine.network import Network
from stylized.engine.objective import Objective, StyleTarget
from stylized.engine.parameters import LayerWeight

from .samples import noise, parameters, plain

_PICTURES = {
    "black": plain(32, 32, 0.0),
    "white": plain(32, 32, 1.0),
    "orange": torch.tensor([1.0, 0.5, 0.1]).view(1, 3, 1, 1).expand(1, 3, 32, 32),
    "noise": noise(32, 32),
}
_PAIRS = [
    ("black", "white"),
    ("black", "black"),
    ("white", "black"),
    ("orange", "noise"),
    ("orange", "orange"),
    ("noise", "orange"),
    ("noise", "noise"),
]


def _objective(network: Network, content: str, style: str, **changes: Any) -> Objective:
    targets = [StyleTarget(255 * _PICTURES[style], 1.0)]
    return Objective(network, 255 * _PICTURES[content], targets, parameters(**changes))


@pytest.mark.parametrize("precision", ["network", "bf16_network"])
@pytest.mark.parametrize("kind", list(StyleStatistic))
@pytest.mark.parametrize("form", list(StyleLoss))
def test_no_picture_and_no_style_loss_gives_anything_but_finite_numbers(
    request: pytest.FixtureRequest, precision: str, kind: StyleStatistic, form: StyleLoss
) -> None:
    # Only matrices are scaled.
    scales = list(GramScale) if kind in (StyleStatistic.GRAM, StyleStatistic.COVARIANCE) else [GramScale.ELEMENTS]
    for (content, style), scale in itertools.product(_PAIRS, scales):
        objective = _objective(
            request.getfixturevalue(precision),
            content,
            style,
            padding=Padding.REPLICATE,  # so that the first layer's maps are of one value too
            style_statistic=kind,
            style_loss=form,
            gram_scale=scale,
            style_layers=tuple(map(LayerWeight, ("relu1_1", "relu2_1", "relu3_1", "relu5_1"))),
            mean_std_weight=1.0,
        )
        _assert_finite(objective, 255 * _PICTURES[content])


@pytest.mark.parametrize("precision", ["network", "bf16_network"])
@pytest.mark.parametrize("form", list(ContentLoss))
@pytest.mark.parametrize("tv_loss", list(TvLoss))
def test_no_picture_and_no_other_loss_gives_anything_but_finite_numbers(
    request: pytest.FixtureRequest, precision: str, form: ContentLoss, tv_loss: TvLoss
) -> None:
    for content, start in _PAIRS:
        objective = _objective(
            request.getfixturevalue(precision),
            content,
            start,
            content_loss=form,
            style_weight=0.0,
            tv_loss=tv_loss,
            tv_power=0.5,
            tv_weight=1.0,
            range_weight=1.0,
            alpha_weight=1.0,
            gradient_normalization=GradientNormalization.L1,
        )
        _assert_finite(objective, 255 * _PICTURES[start])


def _assert_finite(objective: Objective, image: Tensor) -> None:
    evaluation = objective.evaluate(image)
    assert torch.isfinite(evaluation.total)
    assert torch.isfinite(evaluation.gradient).all()
