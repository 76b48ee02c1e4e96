"""The objective of each of the five texts that this engine was made after, written out in numpy from the text's own
formula, equals ours with the preset that is named after it.

Only the feature maps are taken from the network: VGG19, or CaffeNet of random weights. Keras' `block4_conv2` and
Caffe's `conv4` are taps after the ReLU, the TensorFlow text's `conv4_2` is one before it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from stylized.engine.choices import Backbone, GramScale, Pooling, StyleLoss
from stylized.engine.network import Network
from stylized.engine.network_torch import TorchNetwork
from stylized.engine.objective import Evaluation, Objective, StyleTarget
from stylized.engine.parameters import LayerWeight, Parameters

from .samples import parameters, random_weights, shapes

Array = np.ndarray

_PHOTO = 255 * shapes(32, 40, seed=1).double()
_PAINTING = 255 * shapes(32, 40, seed=2).double()
# Of another size, where the text does not scale the style to the photo.
_STYLE = 255 * shapes(48, 36, seed=3).double()
_STYLE_OF_THE_PHOTOS_SIZE = 255 * shapes(32, 40, seed=4).double()


def _maps(network: Network, picture: Tensor, layers: Sequence[str], pooling: Pooling = Pooling.MAX) -> dict[str, Array]:
    """Feature maps as numpy arrays [C, H, W]."""
    return {name: maps[0].numpy() for name, maps in network.features(picture, layers, pooling).items()}


def _evaluation(network: Network, style: Tensor, described: Parameters) -> Evaluation:
    return Objective(network, _PHOTO, [StyleTarget(style, 1.0)], described).evaluate(_PAINTING)


def _rgb_rows(picture: Tensor) -> Array:
    """[1, H, W, 3], as Keras has pictures."""
    return picture.permute(0, 2, 3, 1).numpy()


def test_hodapp() -> None:
    """000: α ½Σ(F - P)² + β Σ_l w_l / (4 N² M²) Σ(G - A)²; and 1e-2 ½Σ(dx² + dy²) only in the gradient."""
    alpha, beta, tv_strength = 1.0, 1e3, 1e-2
    style_layers, content_layers = ["relu1", "relu2", "relu3", "relu4", "relu5"], ["relu4"]
    described = parameters("hodapp-caffenet")
    network = TorchNetwork(random_weights(Backbone.CAFFENET), dtype=torch.float64)
    content_repr, style_repr, painted = (_maps(network, p, style_layers) for p in (_PHOTO, _STYLE, _PAINTING))

    loss = 0.0
    for layer in style_layers:
        found, kept, style = (maps[layer].reshape(len(maps[layer]), -1) for maps in (painted, content_repr, style_repr))
        channels, cells = found.shape
        if layer in content_layers:
            loss += alpha * ((found - kept) ** 2).sum() / 2
        q = (channels * cells) ** -2.0
        d = found @ found.T - style @ style.T
        loss += 1 / 5 * beta * q / 4 * (d**2).sum()

    ours = _evaluation(network, _STYLE, described)
    # The loss that the notebook tells leaves total variation out.
    assert (ours.total - ours.terms["tv"]).item() == pytest.approx(loss, rel=1e-5)

    pixels = _PAINTING[0].numpy()
    tv = np.zeros_like(pixels)
    x_diff, y_diff = pixels[:, :-1, :-1] - pixels[:, :-1, 1:], pixels[:, :-1, :-1] - pixels[:, 1:, :-1]
    tv[:, :-1, :-1] += x_diff + y_diff
    tv[:, :-1, 1:] -= x_diff
    tv[:, 1:, :-1] -= y_diff
    without = _evaluation(network, _STYLE, dataclasses.replace(described, tv_weight=0.0))
    np.testing.assert_allclose((ours.gradient - without.gradient)[0], tv_strength * tv, rtol=1e-5, atol=1e-6)


def test_augustins(float64_network: Network) -> None:
    """001: α Σ(F - P)² + β Σ_l w_l Σ(G - A)² of unscaled Gram matrices; β is not told."""
    alpha, beta = 5e-6, 1e-12
    style_layers = ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"]
    style_weights = [0.2, 0.2, 0.4, 0.2, 0.0]
    described = parameters("augustins")
    painted = _maps(float64_network, _PAINTING, ["relu4_2", *style_layers])
    kept = _maps(float64_network, _PHOTO, ["relu4_2"])
    style = _maps(float64_network, _STYLE, style_layers)

    def gram_matrix(maps: Array) -> Array:
        features = maps.reshape(len(maps), -1)
        return features @ features.T

    content_loss = np.sum((kept["relu4_2"] - painted["relu4_2"]) ** 2)
    style_loss = sum(
        weight * np.sum((gram_matrix(style[layer]) - gram_matrix(painted[layer])) ** 2)
        for layer, weight in zip(style_layers, style_weights, strict=True)
    )
    ours = _evaluation(float64_network, _STYLE, described)
    assert ours.terms["content"].item() == pytest.approx(alpha * content_loss, rel=1e-5)
    assert ours.terms["style"].item() == pytest.approx(beta * style_loss, rel=1e-5)
    assert ours.total.item() == pytest.approx(alpha * content_loss + beta * style_loss, rel=1e-5)


@pytest.mark.parametrize(
    ("layers", "changes"),
    [
        # Its last film, and the code that it prints.
        (["relu1_1", "relu4_1"], {}),
        (["relu1_1"], {"style_layers": (LayerWeight("relu1_1"),)}),
    ],
)
def test_keras_descent(float64_network: Network, layers: list[str], changes: dict[str, Any]) -> None:
    """002: the mean of (G - G̃)², summed over layers, with G = Xᵀ X / (N M); no content term."""
    described = parameters("keras-descent", **changes)
    source, destination = (_maps(float64_network, picture, layers) for picture in (_STYLE, _PAINTING))

    def gram(maps: Array) -> Array:
        n_channels, n_rows, n_cols = maps.shape
        x = maps.transpose(1, 2, 0).reshape(n_rows * n_cols, n_channels)
        return x.T @ x / (n_rows * n_cols)

    loss = sum(np.mean((gram(source[layer]) - gram(destination[layer])) ** 2) for layer in layers)
    assert _evaluation(float64_network, _STYLE, described).total.item() == pytest.approx(loss, rel=1e-5)


def test_cucurull(float64_network: Network) -> None:
    """003: cw Σ(F - P)² + sw Σ_l 1 / (N² M²) Σ(G - A)²; the weights are from the text's repository, 1 and 1e3 / 5."""
    content_weight, style_weight_layer, pooling = 1.0, 1e3 / 5, Pooling.AVERAGE
    style_layers = ["conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1"]
    described = parameters("cucurull")
    target_out = _maps(float64_network, _PAINTING, ["conv4_2", *style_layers], pooling)
    cont_out = _maps(float64_network, _PHOTO, ["conv4_2"], pooling)
    style_out = _maps(float64_network, _STYLE, style_layers, pooling)

    def gram_matrix(activation: Array) -> Array:
        flat = activation.transpose(1, 2, 0).reshape(-1, len(activation))
        return flat.T @ flat

    loss = content_weight * np.sum((target_out["conv4_2"] - cont_out["conv4_2"]) ** 2)
    for layer in style_layers:
        n, height, width = target_out[layer].shape
        difference = gram_matrix(target_out[layer]) - gram_matrix(style_out[layer])
        loss += style_weight_layer * np.sum(difference**2) / (n**2 * (height * width) ** 2)
    assert _evaluation(float64_network, _STYLE, described).total.item() == pytest.approx(loss, rel=1e-5)


_TOPBOTS_WEIGHTS = (10, 10, 50, 10, 10)
_TOPBOTS_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")


@pytest.mark.parametrize(
    "same",
    [
        # 1 / (2 H W)² Σ(G - A)² = ¼ Σ(G / (H W) - A / (H W))², where both pictures are of one size,
        {},
        # and C² times the paper's.
        {
            "gram_scale": GramScale.NONE,
            "style_loss": StyleLoss.PAPER,
            "style_weight": 1.0,
            "style_layers": tuple(
                LayerWeight(layer, w / 5 * c**2)
                for layer, w, c in zip(_TOPBOTS_LAYERS, _TOPBOTS_WEIGHTS, (64, 128, 256, 512, 512), strict=True)
            ),
        },
    ],
)
def test_topbots(float64_network: Network, same: dict[str, Any]) -> None:
    """004: cw Σ(F - P)² + Σ_l w_l / 5 / (2 H W)² Σ(G - A)² + tv Σ(dx² + dy²), with the weights of its front image.

    The style is scaled to the photo's size there.
    """
    content_weight, tv_weight = 500, 200
    described = parameters("topbots", **same)
    output = _maps(float64_network, _PAINTING, ["relu4_2", *_TOPBOTS_LAYERS])
    base = _maps(float64_network, _PHOTO, ["relu4_2"])
    style = _maps(float64_network, _STYLE_OF_THE_PHOTOS_SIZE, _TOPBOTS_LAYERS)

    def gram_matrix(maps: Array) -> Array:
        features = maps.reshape(len(maps), -1)
        return features @ features.T

    content_loss = content_weight * np.sum((output["relu4_2"] - base["relu4_2"]) ** 2)
    style_loss = 0.0
    for layer, weight in zip(_TOPBOTS_LAYERS, _TOPBOTS_WEIGHTS, strict=True):
        _, height, width = style[layer].shape
        factor = 1.0 / (2 * height * width) ** 2
        style_loss += weight / 5 * factor * np.sum((gram_matrix(output[layer]) - gram_matrix(style[layer])) ** 2)
    x = _rgb_rows(_PAINTING)
    a = (x[:, :-1, :-1, :] - x[:, 1:, :-1, :]) ** 2
    b = (x[:, :-1, :-1, :] - x[:, :-1, 1:, :]) ** 2
    tv_loss = tv_weight * np.sum(a + b)

    ours = _evaluation(float64_network, _STYLE_OF_THE_PHOTOS_SIZE, described)
    for name, expected in (("content", content_loss), ("style", style_loss), ("tv", tv_loss)):
        assert ours.terms[name].item() == pytest.approx(expected, rel=1e-5)
    assert ours.total.item() == pytest.approx(content_loss + style_loss + tv_loss, rel=1e-5)
