"""The real network, decoded once: the tests measure what users get."""

from __future__ import annotations

import pytest
import torch

from stylized.engine.network import Network, Weights
from stylized.engine.network_torch import TorchNetwork
from stylized.weights import load_weights


@pytest.fixture(scope="session")
def weights() -> Weights:
    return load_weights()


@pytest.fixture(scope="session")
def network(weights: Weights) -> Network:
    return TorchNetwork(weights, dtype=torch.float32)


@pytest.fixture(scope="session")
def bf16_network(weights: Weights) -> Network:
    return TorchNetwork(weights, dtype=torch.bfloat16)


@pytest.fixture(scope="session")
def float64_network(weights: Weights) -> Network:
    return TorchNetwork(weights, dtype=torch.float64)
