"""How much arithmetic an iteration is, and how much the machine does at its best.

The work is counted as if every convolution were computed directly. Winograd's way does less, so a share of the ceiling
is of the direct arithmetic, and can pass 1 where the convolutions are computed that way.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from stylized.engine.choices import Precision
from stylized.engine.layers import CONVOLUTIONS, Convolution, convolution_of
from stylized.engine.parameters import Parameters
from stylized.engine.precision import dtype_of

MATMUL_SIDE = 4096
MAPS_SIDE = 256
"""Large enough that starting it counts nothing."""

_MULTIPLY_AND_ADD = 2


def iteration_flop(width: int, height: int, parameters: Parameters) -> float:
    """Floating-point operations of one look at the objective: the network up to its highest tap, and the gradient back
    to the picture, both by convolutions; and the Gram matrices of the style layers with their gradients."""
    table = CONVOLUTIONS[parameters.backbone]
    taps = [entry.layer for entry in (*parameters.content_layers, *parameters.style_layers) if entry.weight > 0]
    last = max(table.index(convolution_of(tap, parameters.backbone)) for tap in taps)
    forward = sum(_convolution_flop(layer, width, height) for layer in table[: last + 1])
    styles = [convolution_of(entry.layer, parameters.backbone) for entry in parameters.style_layers if entry.weight > 0]
    gram = sum(_gram_flop(layer, width, height) for layer in styles)
    # The gradient to a layer's input is a convolution of the same cost; that of G = F Fᵀ, symmetric, one product.
    return 2 * forward + 2 * gram


def _cells(layer: Convolution, width: int, height: int) -> int:
    return (width // layer.stride) * (height // layer.stride)


def _convolution_flop(layer: Convolution, width: int, height: int) -> float:
    out, given, *kernel = layer.weight_shape
    return _MULTIPLY_AND_ADD * out * given * kernel[0] * kernel[1] * _cells(layer, width, height)


def _gram_flop(layer: Convolution, width: int, height: int) -> float:
    return _MULTIPLY_AND_ADD * layer.channels**2 * _cells(layer, width, height)


@dataclass(frozen=True)
class Ceiling:
    """Something large that is little else than arithmetic. run: does it once; flop: how much that is."""

    name: str
    precision: Precision
    flop: float
    run: Callable[[], Tensor]

    def rate(self, device: torch.device) -> float:
        """Do it once; return FLOP/s."""
        began = time.perf_counter()
        self.run()
        wait_for(device)
        return self.flop / (time.perf_counter() - began)


def ceilings(device: torch.device, precision: Precision, side: int, cells: int) -> tuple[Ceiling, Ceiling]:
    """A product of square matrices, and a convolution as VGG19's conv3_2, in what the device likes best.

    side: of the matrices. cells: side of the convolution's square map.
    """
    dtype, generator = dtype_of(precision), torch.Generator().manual_seed(0)

    def random(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator).to(device, dtype)

    left, right = random(side, side), random(side, side)
    layer = convolution_of("conv3_2", next(iter(CONVOLUTIONS)))
    maps = random(1, layer.in_channels, cells, cells).contiguous(memory_format=torch.channels_last)
    weight = random(*layer.weight_shape).contiguous(memory_format=torch.channels_last)
    flop = _MULTIPLY_AND_ADD * weight.numel() * cells**2
    return (
        Ceiling("matmul", precision, _MULTIPLY_AND_ADD * side**3, lambda: left @ right),
        Ceiling("convolution", precision, flop, lambda: F.conv2d(maps, weight, padding=layer.padding)),
    )


def wait_for(device: torch.device) -> None:
    """Until the device has done all that it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
