"""Every way of computing the network gives what the reference gives."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from stylized.engine.backends import build_network, resolve_backend
from stylized.engine.choices import Backbone, Backend, Padding, Pooling, Precision
from stylized.engine.network import Network, Weights
from stylized.engine.network_torch import TorchNetwork
from stylized.engine.network_winograd import WinogradNetwork
from stylized.engine.objective import Objective, StyleTarget
from stylized.engine.stylize import Request, Step, StyleSource, stylize

from .samples import parameters, random_weights, shapes

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.fixture(scope="module")
def winograd_network(weights: Weights) -> Network:
    return build_network(Backend.WINOGRAD, weights, CPU, Precision.FP32)


def _gradient(network: Network, image: Tensor, padding: Padding) -> Tensor:
    settings = parameters(padding=padding)
    objective = Objective(network, image, [StyleTarget(255 * shapes(120, 132, 9).to(image), 1.0)], settings)
    # No maximum of a pooling is so near to a second one that rounding decides which it is: that would not be the
    # backend's error, and the reference in float32 has it too.
    other = 255 * shapes(image.shape[2], image.shape[3], 5).to(image)
    return objective.evaluate(image + 10 * (other - image).sign()).gradient


@pytest.mark.parametrize("padding", list(Padding))
def test_winograds_gradient_is_that_of_float64(
    winograd_network: Network, float64_network: Network, padding: Padding
) -> None:
    image = 255 * shapes(119, 133)  # odd sides; wide layers of blocks 3 and 4 have enough cells
    ours = _gradient(winograd_network, image, padding)
    exact = _gradient(float64_network, image.double(), padding)
    assert ((ours - exact).norm() / exact.norm()).item() < 1e-5


@pytest.mark.parametrize("backbone", list(Backbone))
@pytest.mark.parametrize("pooling", list(Pooling))
def test_winograds_maps_are_the_references_in_every_layer(backbone: Backbone, pooling: Pooling) -> None:
    known = random_weights(backbone)
    ours, reference = WinogradNetwork(known, dtype=torch.float64), TorchNetwork(known, dtype=torch.float64)
    image = 255 * shapes(61, 58).double()
    taps = [name for name in known.layers if not name.startswith("conv5_")]
    taps += [name.replace("conv", "relu") for name in taps]
    found, expected = (network.features(image, taps, pooling) for network in (ours, reference))
    for tap in taps:
        torch.testing.assert_close(found[tap], expected[tap], rtol=1e-9, atol=1e-9)


def test_a_painting_of_200_steps_is_as_good(winograd_network: Network, network: Network) -> None:
    settings = parameters(size=64, iterations=200)
    request = Request(shapes(64, 64), (StyleSource(shapes(64, 64, 7), 1.0),), settings, seed=0)
    losses = {}
    for name, one in (("winograd", winograd_network), ("reference", network)):
        steps = [event for event in stylize(one, request) if isinstance(event, Step)]
        losses[name] = sum(steps[-1].losses().values())
        assert losses[name] < 0.1 * sum(steps[0].losses().values())
    assert math.isclose(losses["winograd"], losses["reference"], rel_tol=0.05)


@pytest.mark.parametrize(
    ("asked", "device", "precision", "got"),
    [
        (Backend.AUTO, CPU, Precision.FP32, Backend.WINOGRAD),
        (Backend.WINOGRAD, CPU, Precision.FP32, Backend.WINOGRAD),
        (Backend.REFERENCE, CPU, Precision.FP32, Backend.REFERENCE),
        (Backend.WINOGRAD, CPU, Precision.BF16, Backend.REFERENCE),
        (Backend.AUTO, CPU, Precision.BF16, Backend.REFERENCE),
        (Backend.CUDA, CPU, Precision.FP32, Backend.REFERENCE),
        (Backend.AUTO, CUDA, Precision.FP32, Backend.CUDA),
        (Backend.AUTO, CUDA, Precision.BF16, Backend.CUDA),
        (Backend.CUDA, CUDA, Precision.BF16, Backend.CUDA),
        (Backend.REFERENCE, CUDA, Precision.BF16, Backend.REFERENCE),
        (Backend.WINOGRAD, CUDA, Precision.FP32, Backend.REFERENCE),
    ],
)
def test_a_device_gets_the_fastest_backend_that_it_has_unless_told_otherwise(
    asked: Backend, device: torch.device, precision: Precision, got: Backend
) -> None:
    assert resolve_backend(asked, device, precision) is got


def test_the_reference_is_built_where_it_is_asked_for(weights: Weights) -> None:
    assert type(build_network(Backend.REFERENCE, weights, CPU, Precision.BF16)) is TorchNetwork
    assert type(build_network(Backend.WINOGRAD, weights, CPU, Precision.FP32)) is WinogradNetwork
