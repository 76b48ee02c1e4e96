"""A picture computed in blocks against the same picture computed as a whole."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from torch import Tensor

from stylized.engine.choices import (
    Backbone,
    ContentLoss,
    GradientNormalization,
    GramScale,
    MaskPropagation,
    Padding,
    Pooling,
    StyleLoss,
    StyleMixing,
    StyleStatistic,
    TvLoss,
)
from stylized.engine.network import Network
from stylized.engine.network_torch import TorchNetwork
from stylized.engine.network_winograd import WinogradNetwork
from stylized.engine.objective import Evaluation, Objective, StyleTarget
from stylized.engine.parameters import LayerWeight
from stylized.engine.tiled_objective import TiledObjective
from stylized.engine.tiles import Tiling

from .samples import noise, parameters, random_weights, shapes

# Sides that are no multiples of the deepest stride; blocks with and without a neighbour on each side.
HEIGHT, WIDTH = 70, 93
BLOCKS = Tiling(24, kept=2)
# Their cells see 12 pixels beyond their own at most: blocks of this size have others that they do not see.
SHALLOW: dict[str, Any] = {
    "content_layers": (LayerWeight("relu3_1"),),
    "style_layers": (LayerWeight("relu1_1"), LayerWeight("conv2_1"), LayerWeight("relu3_1", 3.0)),
}
DEEP = (LayerWeight("relu1_1"), LayerWeight("relu5_1"))
CAFFENET: dict[str, Any] = {
    "backbone": Backbone.CAFFENET,
    "content_layers": (LayerWeight("relu4"),),
    "style_layers": (LayerWeight("conv1"), LayerWeight("relu3"), LayerWeight("relu5")),
}


@pytest.fixture(scope="module")
def caffenet() -> Network:
    return TorchNetwork(random_weights(Backbone.CAFFENET), dtype=torch.float64)


def _both(
    network: Network,
    tiling: Tiling = BLOCKS,
    *,
    size: tuple[int, int] = (HEIGHT, WIDTH),
    region: Tensor | None = None,
    source: Tensor | None = None,
    styles: int = 1,
    **changes: Any,
) -> tuple[Evaluation, Evaluation]:
    """The objective at one picture, whole and in blocks. The style is larger than a block too."""
    chosen = parameters(**{**SHALLOW, **changes})
    content, image = (255 * shapes(*size, seed).to(network.dtype) for seed in (1, 5))
    targets = []
    for number in range(styles):
        picture = 255 * shapes(60, 45, 3 + number).to(network.dtype)
        targets.append(StyleTarget(picture, 1.0 + number, region if number == 0 else None, source))
    whole = Objective(network, content, targets, chosen)
    return whole.evaluate(image), TiledObjective(network, content, targets, chosen, None, tiling).evaluate(image)


def _check_equal(pair: tuple[Evaluation, Evaluation], tolerance: float) -> None:
    whole, tiled = pair
    assert (tiled.gradient - whole.gradient).norm() < tolerance * whole.gradient.norm()
    assert tiled.terms.keys() == whole.terms.keys()
    for name, value in whole.terms.items():
        assert tiled.terms[name].item() == pytest.approx(value.item(), rel=tolerance)
    assert tiled.total.item() == pytest.approx(whole.total.item(), rel=tolerance)


@pytest.mark.parametrize("loss", [StyleLoss.NORMALIZED, StyleLoss.PAPER])
@pytest.mark.parametrize("kind", list(StyleStatistic))
def test_every_statistic_is_exact(float64_network: Network, kind: StyleStatistic, loss: StyleLoss) -> None:
    changes = {"style_statistic": kind, "style_loss": loss, "gram_scale": GramScale.NONE, "mean_std_weight": 0.5}
    # The root of a covariance loses some digits.
    _check_equal(_both(float64_network, **changes), 1e-7 if kind is StyleStatistic.WASSERSTEIN else 1e-9)


@pytest.mark.parametrize("padding", list(Padding))
@pytest.mark.parametrize("pooling", list(Pooling))
def test_every_pooling_and_padding_is_exact(float64_network: Network, pooling: Pooling, padding: Padding) -> None:
    _check_equal(_both(float64_network, pooling=pooling, padding=padding, pooling_scale=1.5), 1e-9)


@pytest.mark.parametrize("form", list(ContentLoss))
def test_every_content_loss_is_exact(float64_network: Network, form: ContentLoss) -> None:
    layers = (LayerWeight("relu2_2"), LayerWeight("conv3_2", 0.3))
    _check_equal(_both(float64_network, content_loss=form, content_layers=layers), 1e-9)


def test_dreams_are_exact(float64_network: Network) -> None:
    _check_equal(_both(float64_network, dream_weight=3.0, dream_layers=(LayerWeight("relu3_4"),)), 1e-9)


@pytest.mark.parametrize("form", list(TvLoss))
def test_terms_of_the_picture_are_exact(float64_network: Network, form: TvLoss) -> None:
    _check_equal(_both(float64_network, tv_weight=5.0, tv_loss=form, range_weight=2.0, alpha_weight=3.0), 1e-9)


def test_terms_of_the_picture_alone_are_exact(float64_network: Network) -> None:
    _check_equal(_both(float64_network, content_weight=0.0, style_weight=0.0, tv_weight=5.0), 1e-12)


@pytest.mark.parametrize("propagation", list(MaskPropagation))
def test_regions_are_exact(float64_network: Network, propagation: MaskPropagation) -> None:
    region = shapes(HEIGHT, WIDTH, 9)[:, :1].double()
    region[..., :40] = 0.0  # some blocks have nothing of it
    source = noise(60, 45, 4)[:, :1].double()
    pair = _both(float64_network, region=region, source=source, styles=2, mask_propagation=propagation)
    _check_equal(pair, 1e-9)


@pytest.mark.parametrize("mixing", list(StyleMixing))
def test_several_styles_are_exact(float64_network: Network, mixing: StyleMixing) -> None:
    _check_equal(_both(float64_network, styles=2, style_mixing=mixing), 1e-9)


@pytest.mark.parametrize("kept", [0, 100])
def test_normalised_gradients_are_exact(float64_network: Network, kept: int) -> None:
    changes = {"gradient_normalization": GradientNormalization.L1, "dream_weight": 1.0}
    pair = _both(float64_network, Tiling(24, kept), dream_layers=(LayerWeight("relu2_1"),), **changes)
    _check_equal(pair, 1e-9)


@pytest.mark.parametrize("padding", list(Padding))
@pytest.mark.parametrize("size", [(250, 333), (131, 260)])
def test_a_network_without_padding_and_with_overlapping_poolings_is_exact(
    caffenet: Network, padding: Padding, size: tuple[int, int]
) -> None:
    _check_equal(_both(caffenet, size=size, padding=padding, **CAFFENET), 1e-9)


@pytest.mark.parametrize("kept", [0, 3, 100])
@pytest.mark.parametrize("side", [4, 28, 60, 1000])
def test_blocks_of_any_size_are_exact(float64_network: Network, side: int, kept: int) -> None:
    _check_equal(_both(float64_network, Tiling(side, kept)), 1e-9)


@pytest.mark.parametrize("size", [(16, 16), (17, 95), (48, 48), (49, 31)])
def test_pictures_of_any_size_are_exact(float64_network: Network, size: tuple[int, int]) -> None:
    _check_equal(_both(float64_network, Tiling(32, 1), size=size), 1e-9)


def test_the_deepest_layers_are_exact(float64_network: Network) -> None:
    layers = {"content_layers": (LayerWeight("relu4_2"),), "style_layers": DEEP}
    _check_equal(_both(float64_network, Tiling(96, 1), size=(100, 330), **layers), 1e-9)


@pytest.mark.parametrize("fast", [False, True])
def test_in_fp32_the_gradient_is_that_of_the_whole_to_1e_4(network: Network, weights: Any, *, fast: bool) -> None:
    pair = _both(WinogradNetwork(weights) if fast else network, Tiling(96, 1), size=(130, 330), style_layers=DEEP)
    _check_equal(pair, 1e-4)


def test_a_margin_too_small_would_be_seen(float64_network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    from stylized.engine import tiled_objective, tiles

    def small(*layers: Any) -> tiles.Grain:
        return dataclasses.replace(tiles.grain(*layers), margin=8)

    monkeypatch.setattr(tiled_objective, "grain", small)
    whole, tiled = _both(float64_network)
    assert (tiled.gradient - whole.gradient).norm() > 1e-6 * whole.gradient.norm()
