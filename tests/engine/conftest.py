"""The real network, decoded once: the tests measure what users get."""

from __future__ import annotations

import pytest
import torch

from stylized.engine.vgg import VGG19
from stylized.weights import Weights, load_weights


@pytest.fixture(scope="session")
def weights() -> Weights:
    return load_weights()


def _network(weights: Weights, dtype: torch.dtype) -> VGG19:
    return VGG19(weights.layers, mean_rgb=weights.mean_rgb, dtype=dtype)


@pytest.fixture(scope="session")
def network(weights: Weights) -> VGG19:
    return _network(weights, torch.float32)


@pytest.fixture(scope="session")
def bf16_network(weights: Weights) -> VGG19:
    return _network(weights, torch.bfloat16)


@pytest.fixture(scope="session")
def float64_network(weights: Weights) -> VGG19:
    return _network(weights, torch.float64)
