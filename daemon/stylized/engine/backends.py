"""Which way of computing the network a device gets. A new way is a `Network`, a `Backend`, and a line here."""

from __future__ import annotations

import torch

from stylized.engine.choices import Backend, Precision
from stylized.engine.network import Network, Weights
from stylized.engine.network_onednn import OnednnNetwork
from stylized.engine.network_torch import TorchNetwork
from stylized.engine.network_winograd import WinogradNetwork
from stylized.engine.precision import dtype_of

_NETWORKS = {
    Backend.REFERENCE: TorchNetwork,
    Backend.ONEDNN: OnednnNetwork,
    Backend.WINOGRAD: WinogradNetwork,
}

# Fastest first.
_ON_CPU = {Precision.FP32: (Backend.WINOGRAD, Backend.ONEDNN), Precision.BF16: (Backend.ONEDNN,)}


def resolve_backend(backend: Backend, device: torch.device, precision: Precision) -> Backend:
    """Return the backend that computes on a device in a resolved precision: never AUTO.

    What was asked for where it can be had, and for AUTO the fastest; else REFERENCE, which runs everywhere.
    """
    usable = _ON_CPU[precision] if device.type == "cpu" else ()
    if backend is Backend.AUTO and usable:
        return usable[0]
    return backend if backend in usable else Backend.REFERENCE


def build_network(backend: Backend, weights: Weights, device: torch.device, precision: Precision) -> Network:
    """Copy the weights to a device. backend, precision: resolved. KeyError for AUTO."""
    return _NETWORKS[backend](weights, device=device, dtype=dtype_of(precision))
