"""Which way of computing the network a device gets. A new way is a `Network`, a `Backend`, and a line here."""

from __future__ import annotations

import torch

from stylized.engine.choices import Backend, Precision
from stylized.engine.network import Network, Weights
from stylized.engine.network_torch import TorchNetwork
from stylized.engine.network_winograd import WinogradNetwork
from stylized.engine.precision import dtype_of

_NETWORKS = {Backend.REFERENCE: TorchNetwork, Backend.WINOGRAD: WinogradNetwork}


def resolve_backend(backend: Backend, device: torch.device, precision: Precision) -> Backend:
    """Return the backend that computes on a device in a resolved precision: never AUTO.

    What was asked for where it can be had, else REFERENCE, which runs everywhere.
    """
    fits = device.type == "cpu" and precision is Precision.FP32
    return Backend.WINOGRAD if fits and backend is not Backend.REFERENCE else Backend.REFERENCE


def build_network(backend: Backend, weights: Weights, device: torch.device, precision: Precision) -> Network:
    """Copy the weights to a device. backend, precision: resolved. KeyError for AUTO."""
    return _NETWORKS[backend](weights, device=device, dtype=dtype_of(precision))
