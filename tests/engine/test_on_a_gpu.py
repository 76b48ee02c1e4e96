"""What only a GPU can show of the backend `cuda`. Elsewhere all of it is skipped; it has not been run yet."""

from __future__ import annotations

import logging

import pytest
import torch
from torch import Tensor

from stylized.engine.backends import build_network
from stylized.engine.choices import Backend, Iterate, Optimizer, Precision
from stylized.engine.network import Network, Weights
from stylized.engine.network_torch import TorchNetwork
from stylized.engine.objective import Objective, StyleTarget
from stylized.engine.stylize import Finished, Planned, Request, Step, StyleSource, stylize

from .samples import parameters, shapes

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no NVIDIA GPU that PyTorch can use")

GPU = torch.device("cuda", 0)
STEPS = 60


def _network(weights: Weights, precision: Precision) -> Network:
    return build_network(Backend.CUDA, weights, GPU, precision)


def _gradient(network: Network, image: Tensor) -> Tensor:
    image = image.to(network.device)
    objective = Objective(network, image, [StyleTarget(255 * shapes(120, 132, 9).to(image), 1.0)], parameters())
    other = 255 * shapes(image.shape[2], image.shape[3], 5).to(image)
    return objective.evaluate(image + 10 * (other - image).sign()).gradient.cpu().double()


@pytest.mark.parametrize(("precision", "error"), [(Precision.FP32, 0.01), (Precision.BF16, 0.15)])
def test_the_gradient_is_that_of_float64(weights: Weights, precision: Precision, error: float) -> None:
    image = 255 * shapes(119, 133)
    exact = _gradient(TorchNetwork(weights, dtype=torch.float64), image.double())
    ours = _gradient(_network(weights, precision), image)
    assert ((ours - exact).norm() / exact.norm()).item() < error


def _request(optimizer: Optimizer, iterate: Iterate) -> Request:
    settings = parameters("gatys", size=128, iterations=STEPS, optimizer=optimizer, iterate=iterate)
    return Request(shapes(128, 128), (StyleSource(shapes(128, 128, 7), 1.0),), settings, seed=0)


@pytest.mark.parametrize("iterate", list(Iterate))
@pytest.mark.parametrize("optimizer", list(Optimizer))
def test_steps_are_recorded_and_none_waits(
    weights: Weights, optimizer: Optimizer, iterate: Iterate, caplog: pytest.LogCaptureFixture
) -> None:
    events = stylize(_network(weights, Precision.BF16), _request(optimizer, iterate))
    assert isinstance(next(events), Planned)
    for _ in range(5):  # the fifth is the first that is repeated
        next(events)
    torch.cuda.set_sync_debug_mode("error")
    try:
        for _ in range(STEPS - 6):
            step = next(events)
            assert isinstance(step, Step)
            step.send_losses()
            step.send(step.picture())
    finally:
        torch.cuda.set_sync_debug_mode("default")
    *_, finished = events
    assert isinstance(finished, Finished)
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_a_painting_is_as_good_as_the_references(weights: Weights) -> None:
    losses = {}
    request = _request(Optimizer.LBFGS, Iterate.LAST)
    for backend in (Backend.CUDA, Backend.REFERENCE):
        *_, finished = stylize(build_network(backend, weights, GPU, Precision.FP32), request)
        assert isinstance(finished, Finished)
        losses[backend] = sum(finished.losses.values())
    assert losses[Backend.CUDA] < 1.1 * losses[Backend.REFERENCE]
