"""The network: VGG19's convolutions with named taps.

Promises: nothing above the highest tap is computed; taps come as float32 whatever the arithmetic (float64 stays
float64, for tests); the network has no trainable state, so one instance serves any number of jobs.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from stylized.engine.choices import Padding, Pooling
from stylized.engine.layers import CONVOLUTIONS, convolution_of

# Mean colour of the pictures that the Oxford network was trained on, RGB 0..255 (the authors' gist ksimonyan/3785162f
# gives it as BGR: 103.939, 116.779, 123.68).
CAFFE_MEAN_RGB = (123.68, 116.779, 103.939)


class VGG19:
    """VGG19 up to relu5_4, for pictures in RGB 0..255."""

    def __init__(
        self,
        layers: Mapping[str, tuple[Tensor, Tensor]],
        *,
        mean_rgb: tuple[float, float, float] = CAFFE_MEAN_RGB,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """Build the network from decoded weights.

        layers: for each of conv1_1 .. conv5_4 its weight [out, in, 3, 3] and bias [out]; conv1_1 reads BGR 0..255 with
        the mean subtracted, as the Caffe model does. mean_rgb: what is subtracted, RGB 0..255. dtype: float32,
        bfloat16, or float64 for tests.
        """
        self._layers = {
            name: _frozen(weight.flip(1) if name == "conv1_1" else weight, bias, device, dtype)
            for name, (weight, bias) in layers.items()
        }
        self._mean = torch.tensor(mean_rgb, device=device, dtype=_wide(dtype)).view(1, 3, 1, 1)
        self.dtype = dtype

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
    ) -> dict[str, Tensor]:
        """Compute the feature maps of the layers named in `taps`.

        image: float tensor [1, 3, H, W], RGB 0..255, both sides at least 16. Returns for each tap a tensor
        [1, C, H', W'] of float32 in the network's units. Differentiable with respect to the image. KeyError for a name
        that is not a layer.
        """
        last = max((CONVOLUTIONS.index(convolution_of(tap)) for tap in taps), default=-1)
        found: dict[str, Tensor] = {}
        # The mean goes before the padding, so that zeros around the picture mean "average colour", as in training.
        x = (image - self._mean).to(self.dtype, memory_format=torch.channels_last)
        for layer in CONVOLUTIONS[: last + 1]:
            if layer.pooled:
                x = F.max_pool2d(x, 2) if pooling is Pooling.MAX else F.avg_pool2d(x, 2)
            weight, bias = self._layers[layer.conv]
            if layer.conv == "conv1_1" and padding is Padding.REPLICATE:
                # Deeper layers keep zeros: their maps are those that the network was trained on, and there is no edge
                # of the picture to continue.
                x = F.conv2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), weight, bias)
            else:
                x = F.conv2d(x, weight, bias, padding=1)
            if layer.conv in taps:
                found[layer.conv] = x.to(_wide(self.dtype))
                x = F.relu(x)
            else:
                x = F.relu_(x)
            if layer.relu in taps:
                found[layer.relu] = x.to(_wide(self.dtype))
        return found


def _wide(dtype: torch.dtype) -> torch.dtype:
    """The type in which losses are computed: Gram sums overflow 16-bit floats (neural-style #425)."""
    return torch.float64 if dtype is torch.float64 else torch.float32


def _frozen(weight: Tensor, bias: Tensor, device: torch.device | str, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    weight = weight.detach().to(device, dtype, copy=True).contiguous(memory_format=torch.channels_last)
    return weight, bias.detach().to(device, dtype, copy=True)
