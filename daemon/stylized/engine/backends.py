"""Which way of computing the network a device gets. A new way is a `Network`, a `Backend`, and a line here."""

from __future__ import annotations

import torch

from stylized.engine.choices import Backend, Precision
from stylized.engine.gram_product import compiled
from stylized.engine.lane import CudaLane, HostLane, Lane
from stylized.engine.network import Network, Weights
from stylized.engine.network_cuda import CudaNetwork
from stylized.engine.network_onednn import OnednnNetwork
from stylized.engine.network_torch import TorchNetwork
from stylized.engine.network_winograd import WinogradNetwork
from stylized.engine.precision import dtype_of

_NETWORKS = {
    Backend.REFERENCE: TorchNetwork,
    Backend.ONEDNN: OnednnNetwork,
    Backend.WINOGRAD: WinogradNetwork,
    Backend.CUDA: CudaNetwork,
}

# By device, fastest first.
_USABLE = {
    "cpu": {Precision.FP32: (Backend.WINOGRAD, Backend.ONEDNN), Precision.BF16: (Backend.WINOGRAD, Backend.ONEDNN)},
    "cuda": {Precision.FP32: (Backend.CUDA,), Precision.BF16: (Backend.CUDA,)},
}


def resolve_backend(backend: Backend, device: torch.device, precision: Precision) -> Backend:
    """Return the backend that computes on a device in a resolved precision: never AUTO.

    What was asked for where it can be had, and for AUTO the fastest; else REFERENCE, which runs everywhere.
    """
    usable = _USABLE.get(device.type, {}).get(precision, ())
    if backend is Backend.AUTO and usable:
        return usable[0]
    return backend if backend in usable else Backend.REFERENCE


def build_network(backend: Backend, weights: Weights, device: torch.device, precision: Precision) -> Network:
    """Copy the weights to a device. backend, precision: resolved. KeyError for AUTO."""
    network = _NETWORKS[backend](weights, device=device, dtype=dtype_of(precision))
    if device.type == "cpu":
        compiled(network.dtype)  # what Gram matrices are made with, so that no painting waits for it
    return network


def lane_of(network: Network) -> Lane:
    """Return how the host works beside a network's device."""
    on_gpu = isinstance(network, CudaNetwork) and network.device.type == "cuda"
    return CudaLane(network.device) if on_gpu else HostLane()
