"""Black, white, one colour, noise: no such photo or style drives the objective out of the finite numbers."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

from stylized.engine.choices import (
    ContentLoss,
    GradientNormalization,
    GramScale,
    Padding,
    Pooling,
    StyleLoss,
    StyleStatistic,
    TvLoss,
)
from stylized.engine.losses.style import statistic
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
_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu5_1")

# By picture and layer.
Maps = Mapping[str, Mapping[str, Tensor]]


@pytest.fixture(scope="module")
def any_network(request: pytest.FixtureRequest) -> Network:
    return request.getfixturevalue(request.param)


def in_both_precisions(name: str, values: Iterable[Any], in_bf16: Any) -> pytest.MarkDecorator:
    """All values of a parameter in fp32; in bf16 one of them, since a network hands its maps on as fp32, whatever it
    computes in, and losses see no more of it."""
    cases = [*(("network", value) for value in values), ("bf16_network", in_bf16)]
    return pytest.mark.parametrize(("any_network", name), cases, indirect=["any_network"])


@pytest.fixture(scope="module")
def maps(any_network: Network) -> Maps:
    # The edge repeated, so that the first layer's maps of one colour are of one value.
    return {
        name: any_network.features(255 * picture, _LAYERS, Pooling.MAX, Padding.REPLICATE)
        for name, picture in _PICTURES.items()
    }


@pytest.mark.parametrize("kind", list(StyleStatistic))
@in_both_precisions("form", StyleLoss, StyleLoss.NORMALIZED)
def test_every_style_loss_and_its_gradient_are_finite(maps: Maps, kind: StyleStatistic, form: StyleLoss) -> None:
    # Only matrices are scaled.
    scales = list(GramScale) if kind in (StyleStatistic.GRAM, StyleStatistic.COVARIANCE) else [GramScale.ELEMENTS]
    for scale, style, layer in itertools.product(scales, _PICTURES, _LAYERS):
        part = statistic(kind, form, scale)
        distance = part.distance(part.measure(maps[style][layer], None))
        for painting in _PICTURES:
            features = maps[painting][layer].detach().requires_grad_()
            loss = distance(part.measure(features, None))
            (gradient,) = torch.autograd.grad(loss, features)
            assert torch.isfinite(loss)
            # Optimisers square it.
            assert torch.isfinite(gradient.square().sum())


@pytest.mark.parametrize("kind", list(StyleStatistic))
@in_both_precisions("photo", _PICTURES, "black")
def test_every_statistics_gradient_is_finite_to_the_pixels(
    any_network: Network, kind: StyleStatistic, photo: str
) -> None:
    described = parameters(
        padding=Padding.REPLICATE,
        style_statistic=kind,
        style_loss=StyleLoss.NORMALIZED,
        style_layers=tuple(map(LayerWeight, _LAYERS)),
        mean_std_weight=1.0,
    )
    styles = [StyleTarget(255 * _PICTURES["orange"], 1.0)]
    _assert_finite(Objective(any_network, 255 * _PICTURES[photo], styles, described), 255 * _PICTURES[photo])


_OTHER_LOSSES = list(zip(ContentLoss, TvLoss, strict=True))


@in_both_precisions("forms", _OTHER_LOSSES, _OTHER_LOSSES[-1])
def test_every_other_loss_and_its_gradient_are_finite(any_network: Network, forms: tuple[ContentLoss, TvLoss]) -> None:
    form, tv_loss = forms
    described = parameters(
        content_loss=form,
        style_weight=0.0,
        tv_loss=tv_loss,
        tv_power=0.5,
        tv_weight=1.0,
        range_weight=1.0,
        alpha_weight=1.0,
        gradient_normalization=GradientNormalization.L1,
    )
    for photo, start in (("black", "white"), ("orange", "orange"), ("noise", "black"), ("white", "noise")):
        objective = Objective(any_network, 255 * _PICTURES[photo], [], described)
        _assert_finite(objective, 255 * _PICTURES[start])


def _assert_finite(objective: Objective, image: Tensor) -> None:
    evaluation = objective.evaluate(image)
    assert torch.isfinite(evaluation.total)
    assert torch.isfinite(evaluation.gradient).all()
