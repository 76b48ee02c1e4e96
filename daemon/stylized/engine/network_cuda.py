"""The network on an NVIDIA GPU: channels_last convolutions by cuDNN, tuned to each size.

bf16, or fp32 that is rounded to TF32 where the GPU has it (compute capability 8.0): cuDNN's switch for that is of the
whole process, so it is turned for the convolutions, there and back, and nothing else is computed with it. What is made
of the maps, Gram matrices above all, stays in plain fp32: a loss compares two matrices that become alike, and TF32's
ten bits would leave of their difference little but rounding; it is a tenth of a step's time.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from stylized.engine.choices import Padding
from stylized.engine.layers import Convolution
from stylized.engine.network_torch import TorchNetwork, continued


class CudaNetwork(TorchNetwork):
    """A `Network` for CUDA devices. On others it computes as the reference does."""

    def _convolve(self, x: Tensor, layer: Convolution, padding: Padding, *, rectified: bool = False) -> Tensor:
        weight, bias = self._layers[layer.conv]
        around = layer.padding
        if padding is not Padding.ZERO:
            x, around = continued(x, layer, padding), 0
        return _Convolution.apply(x, weight, bias, layer, around, rectified)  # pyright: ignore[reportReturnType]


class _Convolution(torch.autograd.Function):
    """A convolution with constant weights and, if asked for, its ReLU: cuDNN's switches are the same both ways."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, layer: Convolution, around: int, rectified: bool
    ) -> Tensor:
        with _cudnn(x.dtype):
            result = F.conv2d(x, weight, bias, stride=layer.step, padding=around, groups=layer.groups)
        if rectified:
            F.relu_(result)
        ctx.save_for_backward(x, weight, result if rectified else None)
        ctx.layer, ctx.around = layer, around
        return result

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None, None, None]:
        (gradient,) = gradients
        x, weight, result = ctx.saved_tensors
        if result is not None:
            gradient = torch.ops.aten.threshold_backward(gradient, result, 0)
        step, around = [ctx.layer.step] * 2, [ctx.around] * 2
        with _cudnn(x.dtype):
            found, _, _ = torch.ops.aten.convolution_backward(
                gradient, x, weight, None, step, around, [1, 1], False, [0, 0], ctx.layer.groups, [True, False, False]
            )
        return found, None, None, None, None, None


def _cudnn(dtype: torch.dtype) -> Any:
    """cuDNN's switches for convolutions of a type.

    `torch.backends.cudnn.benchmark` says whether cuDNN shall try which way is the fastest for a size (`lane`). torch
    keeps the way it found for a size, under the switches and not under whether it was tried out (Conv_v8.cpp), so a
    size that was computed untried would stay so: to be tried it must come with another switch. For bf16 that is
    allow_tf32, which means nothing to it; fp32, where it does, is tried out from the first.
    """
    tried = torch.backends.cudnn.benchmark or dtype is torch.float32
    return torch.backends.cudnn.flags(enabled=True, benchmark=tried, deterministic=True, allow_tf32=tried)
