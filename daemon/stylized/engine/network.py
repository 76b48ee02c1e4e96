"""The network as the rest of the engine sees it: a picture goes in, feature maps come out, a gradient comes back.

This is all that an objective asks of it, so that a faster way to compute the same can take its place.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from stylized.engine.choices import Backbone, Padding, Pooling


@dataclass(frozen=True)
class Weights:
    """A network's convolutions in canonical form.

    name: of the weight set, as presets name it. sha256: of the file, hexadecimal. layers: for each convolution of the
    backbone its weight [out, in of a group, kernel, kernel] and bias [out], float32; the first reads BGR 0..255 with
    the mean subtracted, as Caffe's models do. mean_rgb: what is subtracted, RGB 0..255.
    """

    name: str
    sha256: str
    backbone: Backbone
    layers: Mapping[str, tuple[Tensor, Tensor]]
    mean_rgb: tuple[float, float, float]


class Network(Protocol):
    """Feature maps of pictures, differentiable. It has no state, so one instance serves any number of jobs."""

    @property
    def backbone(self) -> Backbone:
        """Which network it is: its layers are those of `layers.CONVOLUTIONS[backbone]`."""
        ...

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        ...

    @property
    def dtype(self) -> torch.dtype:
        """The arithmetic: float32, bfloat16, or float64 for tests."""
        ...

    def features(
        self,
        image: Tensor,
        taps: Collection[str],
        pooling: Pooling = Pooling.MAX,
        padding: Padding = Padding.ZERO,
        pooling_scale: float = 1.0,
    ) -> dict[str, Tensor]:
        """Compute the feature maps of the layers named in `taps`, and nothing above the highest of them.

        image: float tensor [1, 3, H, W], RGB 0..255, both sides at least `layers.min_side(backbone)`. pooling: in the
        place of the network's own. padding: what lies around the picture for the first convolution. pooling_scale:
        factor on the maps after each pooling. Returns for each tap a tensor [1, C, H', W'] in the network's units, of
        its dtype: what sums over cells must widen them. Differentiable with respect to the image; its gradient
        is finite wherever the maps are. KeyError for a name that is not a layer.
        """
        ...
