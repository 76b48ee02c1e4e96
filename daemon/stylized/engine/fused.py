"""A convolution with its bias and its ReLU in one pass over memory, forward and back, with weights packed beforehand.

On a CPU torch's own convolution puts the weights into the order that oneDNN's kernel reads, at every call, and its way
back has the bias and the ReLU apart. Here the weights are put in order once for each shape of maps, and the way back is
a convolution too: that with the kernels turned by 180° and inputs and outputs exchanged, for which they are packed a
second time.

The operations are internal to torch (2.13: `mkldnn::_reorder_convolution_weight`, `mkldnn::_convolution_pointwise`,
`mkldnn::_get_mkldnn_serialized_md`), which promises nothing about them; only this module knows them. `is_available`
tells whether they are there, and do what they should, for an arithmetic on this processor; where they do not,
everything is computed by torch's own convolution.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import cache, partial
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from stylized.engine.kernel_costs import LEAST_BYTES
from stylized.engine.layers import Convolution
from stylized.engine.recycled import empty_maps

# Of a large result so much at a time: it still lies in the processor's cache when it is put in its place.
_BAND_BYTES = 2**21


@cache
def is_available(dtype: torch.dtype) -> bool:
    """Tell whether oneDNN's fused convolution works here: tried on a small one.

    bf16 needs a processor with AVX-512 (BW, VL and DQ) or AVX-NE-CONVERT.
    """
    generator = torch.Generator().manual_seed(0)
    maps, weight, bias = (
        torch.randn(shape, generator=generator).to(dtype) for shape in ((1, 16, 6, 5), (32, 8, 3, 3), (32,))
    )
    geometry = _Geometry(step=1, padding=(1, 1), groups=2)
    try:
        found = geometry.fused(maps, geometry.packed(weight, maps.shape), bias, rectified=True)
    except (AttributeError, RuntimeError, NotImplementedError, TypeError):
        return False
    expected = F.conv2d(maps.double(), weight.double(), bias.double(), padding=1, groups=2).relu()
    return found.dtype is dtype and torch.allclose(found.double(), expected, rtol=0.05, atol=0.05)


class PackedWeights:
    """Weights as a kernel reads them, bounded in bytes; those that were used the longest ago go first.

    Not for several threads.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._weights: OrderedDict[Hashable, Tensor] = OrderedDict()
        self._sizes: dict[Hashable, int] = {}

    @property
    def size_bytes(self) -> int:
        """How much they take, what a kernel adds to fill its registers left out."""
        return sum(self._sizes.values())

    def get(self, key: Hashable, make: Callable[[], Tensor]) -> Tensor:
        """Return the weights of this name, made if they are not kept."""
        if key not in self._weights:
            made = make()
            self._weights[key] = made
            self._sizes[key] = made.numel() * made.element_size()
            while self.size_bytes > self._max_bytes and len(self._weights) > 1:
                oldest, _ = self._weights.popitem(last=False)
                del self._sizes[oldest]
        self._weights.move_to_end(key)
        return self._weights[key]


class FusedConvolution:
    """One layer of a network, both ways."""

    def __init__(self, layer: Convolution, weight: Tensor, bias: Tensor, packed: PackedWeights) -> None:
        """weight: [out, in of a group, kernel, kernel]; bias: [out]; packed: where the packed weights are kept."""
        self._layer = layer
        self._weight = weight
        self._bias = bias
        self._packed = packed
        self._packs = weight.device.type == "cpu" and is_available(weight.dtype)

    def forward(self, maps: Tensor, padding: int, *, rectified: bool) -> Tensor:
        """Convolve, add the bias, and if `rectified` clamp at 0.

        maps: [1, in, H, W], channels_last to be fast; padding: zeros around them. Returns [1, out, H', W'].
        """
        geometry = _Geometry(self._layer.step, (padding, padding), self._layer.groups)
        return self._correlate(False, maps, geometry, self._bias, rectified)

    def backward(self, gradient: Tensor, side: torch.Size, padding: int) -> Tensor:
        """Return the gradient of the maps, [1, in, H, W], from that of the convolution, [1, out, H', W'].

        side: the maps' H and W.
        """
        layer = self._layer
        if layer.step == 1:
            around = layer.kernel - 1 - padding
            geometry = _Geometry(1, (around, around), layer.groups)
            return self._correlate(True, gradient, geometry, None, rectified=False)
        # Between the cells of the gradient there would be zeros, which no kernel skips: torch's own way does.
        left = [
            all_cells + 2 * padding - layer.kernel - (cells - 1) * layer.step
            for all_cells, cells in zip(side, gradient.shape[2:], strict=True)
        ]
        return F.conv_transpose2d(gradient, self._weight, None, layer.step, padding, left, layer.groups)

    def _correlate(
        self, turned: bool, maps: Tensor, geometry: _Geometry, bias: Tensor | None, rectified: bool
    ) -> Tensor:
        def make() -> Tensor:
            return _turned(self._weight, self._layer.groups) if turned else self._weight

        if not self._packs:
            return geometry.plain(maps, make(), bias, rectified)

        def compute(some: Tensor, how: _Geometry) -> Tensor:
            # Which order is the fastest, oneDNN decides by the shape.
            key = (self._layer.conv, turned, some.shape, how)
            weight = self._packed.get(key, lambda: how.packed(make(), some.shape))
            return how.fused(some, weight, bias, rectified)

        kernel, out = self._layer.kernel, self._layer.in_channels if turned else self._layer.channels
        shape = (1, out, *geometry.cells(maps.shape[2:], kernel))
        row_bytes = shape[3] * out * maps.element_size()
        if geometry.step > 1 or shape[2] * row_bytes < LEAST_BYTES:
            return compute(maps, geometry)
        # torch has no way to say where the result goes.
        result = empty_maps(shape, maps.dtype, maps.device)
        above, beside = geometry.padding
        rows = max(1, _BAND_BYTES // row_bytes)
        for first, into in zip(range(0, shape[2], rows), result.split(rows, dim=2), strict=True):
            begin, end = first - above, first - above + into.shape[2] + kernel - 1
            band = maps[:, :, max(begin, 0) : end]
            if begin < 0 or end > maps.shape[2]:  # else it would be copied for nothing
                band = F.pad(band, (0, 0, max(-begin, 0), max(end - maps.shape[2], 0)))
            into.copy_(compute(band, geometry._replace(padding=(0, beside))))
        return result


class SideBySide:
    """Products of matrices side by side: of each row of numbers its parts, each with a matrix of its own.

    Computed as a convolution of 1 x 1 cells in groups, whose kernel reads the matrices in its own order.
    """

    def __init__(self, matrices: Tensor, min_rows: int) -> None:
        """matrices: [parts, out, in]; they are copied. min_rows: the fewest that there will be."""
        self.parts, self.columns, inside = matrices.shape
        geometry = _Geometry(step=1, padding=(0, 0), groups=self.parts)
        weight = matrices.reshape(self.parts * self.columns, inside, 1, 1)
        if (
            matrices.device.type == "cpu"
            and is_available(matrices.dtype)
            and _in_one_order(self.columns, inside, matrices.dtype, min_rows)
        ):
            weight = geometry.packed(weight, _as_maps(min_rows, self.parts * inside))
            self._compute = partial(geometry.fused, packed=weight, bias=None, rectified=False)
        else:
            self._compute = partial(geometry.plain, weight=weight, bias=None, rectified=False)

    def __call__(self, rows: Tensor) -> Tensor:
        """rows: [count, parts, in] without gaps. Returns [count, parts, out] without gaps."""
        count = len(rows)
        found = self._compute(rows.view(1, count, 1, -1).permute(0, 3, 1, 2))
        return found.permute(0, 2, 3, 1).reshape(count, self.parts, self.columns)


def _as_maps(rows: int, numbers: int) -> torch.Size:
    return torch.Size((1, numbers, rows, 1))


@cache
def _in_one_order(out: int, inside: int, dtype: torch.dtype, min_rows: int) -> bool:
    """Tell whether oneDNN wants matrices [out, in] side by side in the same order for few rows and for many.

    Matrices in another order than it wants are put into that at every call, a hundred times as slow.
    """
    parts = 2  # the fewest: that it is several decides
    geometry = _Geometry(step=1, padding=(0, 0), groups=parts)
    weight = torch.zeros(parts * out, inside, 1, 1, dtype=dtype)
    try:
        few, many = (
            torch.ops.mkldnn._get_mkldnn_serialized_md(geometry.packed(weight, _as_maps(rows, parts * inside)))
            for rows in (min_rows, 100 * min_rows)
        )
    except (AttributeError, RuntimeError):
        return False
    return torch.equal(few, many)


class _Geometry(NamedTuple):
    """How the kernel of a layer goes over the maps: cells from one place to the next, zeros above and below and at the
    sides, groups.
    """

    step: int
    padding: tuple[int, int]
    groups: int

    def cells(self, side: torch.Size, kernel: int) -> tuple[int, int]:
        """H and W of what comes of maps with these."""
        height, width = (
            (length + 2 * around - kernel) // self.step + 1 for length, around in zip(side, self.padding, strict=True)
        )
        return height, width

    def packed(self, weight: Tensor, shape: torch.Size) -> Tensor:
        """A weight in the order that is the fastest for maps of this shape."""
        steps, dense = (self.step,) * 2, (1, 1)
        return torch.ops.mkldnn._reorder_convolution_weight(
            weight, self.padding, steps, dense, self.groups, list(shape)
        )

    def fused(self, maps: Tensor, packed: Tensor, bias: Tensor | None, rectified: bool) -> Tensor:
        """In one pass, with a packed weight."""
        steps, dense = (self.step,) * 2, (1, 1)
        last = "relu" if rectified else "none"
        return torch.ops.mkldnn._convolution_pointwise(
            maps, packed, bias, self.padding, steps, dense, self.groups, last, [], ""
        )

    def plain(self, maps: Tensor, weight: Tensor, bias: Tensor | None, rectified: bool) -> Tensor:
        """By torch's own convolution, with a weight as it is."""
        result = F.conv2d(maps, weight, bias, self.step, self.padding, groups=self.groups)
        return F.relu_(result) if rectified else result


def _turned(weight: Tensor, groups: int) -> Tensor:
    """The kernels of the way back: turned by 180°, and in each group inputs and outputs exchanged."""
    out, in_channels = weight.shape[:2]
    by_group = weight.flip(2, 3).view(groups, out // groups, in_channels, *weight.shape[2:])
    return by_group.transpose(1, 2).reshape(groups * in_channels, out // groups, *weight.shape[2:])
