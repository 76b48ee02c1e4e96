"""The network with Winograd's convolutions where these are faster: fp32 on a CPU."""

from __future__ import annotations

import torch
from torch import Tensor

from stylized.engine import winograd
from stylized.engine.choices import Padding
from stylized.engine.layers import Convolution
from stylized.engine.network import Weights
from stylized.engine.network_torch import TorchNetwork
from stylized.engine.winograd_costs import suits


class WinogradNetwork(TorchNetwork):
    """A `Network` whose gradient has an error of about 1e-5 in fp32.

    The kernels of a layer are made when it is first computed, and kept.
    """

    def __init__(
        self,
        weights: Weights,
        *,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """Copy the weights to a device. dtype: float32, or float64 for tests."""
        super().__init__(weights, device=device, dtype=dtype)
        self._kernels: dict[str, Tensor] = {}

    def _convolve(self, x: Tensor, layer: Convolution, padding: Padding, *, rectified: bool = False) -> Tensor:
        if padding is not Padding.ZERO or not suits(layer, x.shape[2] * x.shape[3]):
            return super()._convolve(x, layer, padding, rectified=rectified)
        weight, bias = self._layers[layer.conv]
        if layer.conv not in self._kernels:
            self._kernels[layer.conv] = winograd.kernels(weight)
        return winograd.convolve(x, self._kernels[layer.conv], bias, rectified=rectified)
