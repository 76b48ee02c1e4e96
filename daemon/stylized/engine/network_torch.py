"""The network in plain PyTorch operations: runs wherever torch does, and is what every other way is compared with."""

from __future__ import annotations

from collections.abc import Collection

import torch
import torch.nn.functional as F
from torch import Tensor

from stylized.engine.choices import Backbone, Padding, Pooling
from stylized.engine.lane import upload
from stylized.engine.layers import CONVOLUTIONS, Convolution, PoolingWindow, convolution_of
from stylized.engine.network import Weights
from stylized.engine.precision import wide

# Of the local response normalisation, from bvlc_reference_caffenet's deploy.prototxt.
_LRN_SIZE, _LRN_ALPHA, _LRN_BETA = 5, 1e-4, 0.75

_PAD_MODES = {Padding.REPLICATE: "replicate", Padding.REFLECT: "reflect"}


class TorchNetwork:
    """A `Network` up to its last ReLU."""

    def __init__(
        self,
        weights: Weights,
        *,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """Copy the weights to a device. dtype: float32, bfloat16, or float64 for tests."""
        self.backbone: Backbone = weights.backbone
        self.dtype: torch.dtype = dtype
        first = CONVOLUTIONS[weights.backbone][0].conv
        # From Caffe's BGR to the pictures' RGB.
        self._layers = {
            name: _frozen(weight.flip(1) if name == first else weight, bias, device, dtype)
            for name, (weight, bias) in weights.layers.items()
        }
        self._mean = torch.tensor(weights.mean_rgb, device=device, dtype=wide(dtype)).view(1, 3, 1, 1)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self._mean.device

    def features(
        self,
        image: Tensor,
        taps: Collection[str],
        pooling: Pooling = Pooling.MAX,
        padding: Padding = Padding.ZERO,
        pooling_scale: float = 1.0,
    ) -> dict[str, Tensor]:
        """As `Network` says."""
        found: dict[str, Tensor] = {}
        x = self._entry(image)
        for layer in self._needed(taps):
            if layer.pooling:
                x = pool(x, layer.pooling, pooling, pooling_scale)
            if layer.normalized:
                x = normalize_responses(x)
            # Deeper layers keep zeros: their maps are those that the network was trained on, and there is no edge of
            # the picture to continue.
            around = padding if layer is CONVOLUTIONS[self.backbone][0] else Padding.ZERO
            if layer.conv in taps:
                x = self._convolve(x, layer, around)
                found[layer.conv] = x
                x = F.relu(x)
            else:
                x = self._convolve(x, layer, around, rectified=True)
            if layer.relu in taps:
                found[layer.relu] = x
        return found

    def _needed(self, taps: Collection[str]) -> tuple[Convolution, ...]:
        """The layers up to the highest tap."""
        table = CONVOLUTIONS[self.backbone]
        last = max((table.index(convolution_of(tap, self.backbone)) for tap in taps), default=-1)
        return table[: last + 1]

    def _entry(self, image: Tensor) -> Tensor:
        """What the first layer reads."""
        # The mean goes before the padding, so that zeros around the picture mean "average colour", as in training.
        return (image - self._mean).to(self.dtype, memory_format=torch.channels_last)

    def _convolve(self, x: Tensor, layer: Convolution, padding: Padding, *, rectified: bool = False) -> Tensor:
        """One layer, with its ReLU if `rectified`. What another way of computing overrides."""
        weight, bias = self._layers[layer.conv]
        around = layer.padding
        if padding is not Padding.ZERO:
            x, around = continued(x, layer, padding), 0
        result = F.conv2d(x, weight, bias, stride=layer.step, padding=around, groups=layer.groups)
        return F.relu_(result) if rectified else result


def continued(x: Tensor, layer: Convolution, padding: Padding) -> Tensor:
    """The picture with as much around it as centres the kernel on its edge."""
    # That is what VGG pads; CaffeNet, trained without any, would otherwise have nothing to put there, and would leave
    # the last pixels of most pictures unseen.
    return F.pad(x, (layer.kernel // 2,) * 4, mode=_PAD_MODES[padding])


def pool(x: Tensor, window: PoolingWindow, pooling: Pooling, scale: float) -> Tensor:
    """The maps after a pooling, times a scale.

    Windows that lie partly outside have the mean of what is inside, as in Caffe.
    """
    pooled = _pool(x, window, pooling)
    return pooled if scale == 1.0 else pooled * scale


def _pool(x: Tensor, window: PoolingWindow, pooling: Pooling) -> Tensor:
    if pooling is Pooling.MAX:
        return F.max_pool2d(x, window.side, window.step, ceil_mode=window.covers_rest)
    if pooling is Pooling.AVERAGE:
        return F.avg_pool2d(x, window.side, window.step, ceil_mode=window.covers_rest)
    mean = F.avg_pool2d(x * x, window.side, window.step, ceil_mode=window.covers_rest)
    # The root's slope has no bound at 0, where all of a window is 0 or its squares underflow; the clamp passes none on.
    return mean.clamp(min=torch.finfo(x.dtype).tiny).sqrt()


def normalize_responses(x: Tensor) -> Tensor:
    """x / (1 + alpha / size Σ x²)^beta, the sum over neighbouring channels.

    Krizhevsky et al. 2012, section 3.3, with alpha divided by the size as in Caffe. torch's own knows no bfloat16.
    """
    channels, reach = x.shape[1], _LRN_SIZE // 2
    squares = F.pad(x * x, (0, 0, 0, 0, reach, reach))
    total = squares[:, :channels]
    for shift in range(1, _LRN_SIZE):
        total = total + squares[:, shift : shift + channels]
    return x / (1.0 + _LRN_ALPHA / _LRN_SIZE * total) ** _LRN_BETA


def _frozen(weight: Tensor, bias: Tensor, device: torch.device | str, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    weight = weight.detach().to(dtype, copy=True).contiguous(memory_format=torch.channels_last)
    return upload(weight, device), upload(bias.detach().to(dtype, copy=True), device)
