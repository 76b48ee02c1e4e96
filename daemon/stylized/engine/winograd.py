"""3 x 3 convolutions with a quarter of the multiplications: Winograd's F(4 x 4, 3 x 3).

Lavin and Gray 2015, "Fast Algorithms for Convolutional Neural Networks", arXiv:1509.09308. The map is cut into tiles of
6 x 6 cells that overlap by 2, and each tile d gives 4 x 4 cells of the result,

    Y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A,

so that of the sum over channels only 36 products of matrices are left, [tiles, in] by [in, out], where the direct way
has 144. G g Gᵀ is computed once for each layer, at 4 times the memory of its weight.

The matrices are those of Toom and Cook: both factors are polynomials, evaluated at 5 points and at infinity, multiplied
there, and interpolated. Here the points are 0, φ, -φ, -1/φ, 1/φ and infinity, φ the golden ratio, for these reasons:

* φ and -φ share what they make of even and of odd terms, and since φ - 1/φ = 1, coefficients become 1 or differ by 1:
  a side of a tile takes 12 instructions to Bᵀ d and 11 to Aᵀ m.
* Rounding in float32 is 3/4 of that of Lavin's points 0, ±1, ±2 (Barabasz et al. 2020, "Error Analysis and Improving
  the Accuracy of Winograd Convolution for Deep Neural Networks", on points that are each other's reciprocals):
  relative error 1e-6 with 512 channels; the direct way has 2e-7.

The tiles are computed in bands, each by one thread from end to end, so that what lies between the transforms stays in
that core's caches. Of few tiles the threads share each step. Which thread computes what makes no difference, so equal
input gives equal output. Where it is worth it, `kernel_costs` tells.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

import torch
from torch import Tensor

from stylized.engine.crew import crew_of
from stylized.engine.fused import SideBySide
from stylized.engine.kernel_costs import KERNEL, MIN_TILES, PRODUCTS, share_products, tiles_at_once
from stylized.engine.pages import room
from stylized.engine.recycled import empty_maps
from stylized.engine.winograd_transforms import STEP, P, Q, compiled


class WinogradConvolution:
    """One layer of a network, both ways, with zeros around its maps.

    The channels must be multiples of `kernel_costs.CHANNELS_AT_ONCE`.
    """

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        """Transform a weight, [out, in, 3, 3] in float32, bfloat16 or float64; bias: [out]."""
        self._bias = bias
        self._no_bias = bias.new_zeros(weight.shape[1])
        self._forward = _products(weight)
        # Turned by 180°, and inputs and outputs exchanged.
        self._backward = _products(weight.flip(2, 3).transpose(0, 1))

    def forward(self, maps: Tensor, padding: int = 1, *, rectified: bool) -> Tensor:
        """Convolve, add the bias, and if `rectified` clamp at 0.

        maps: [1, in, H, W], channels_last to be fast; padding: 1. Returns [1, out, H, W] in channels_last.
        """
        assert padding == KERNEL // 2
        return _correlate(maps, self._forward, self._bias, 0.0 if rectified else -math.inf)

    def backward(self, gradient: Tensor, side: torch.Size, padding: int = 1) -> Tensor:
        """Return the gradient of the maps, [1, in, H, W] in channels_last, from the convolution's, [1, out, H, W].

        side: H and W; padding: 1.
        """
        assert padding == KERNEL // 2
        assert side == gradient.shape[2:]
        return _correlate(gradient, self._backward, self._no_bias, -math.inf)


# A name in a profile, whose own time is that of the transforms.
@torch.profiler.record_function("stylized::winograd_convolution")
def _correlate(maps: Tensor, products: SideBySide, bias: Tensor, floor: float) -> Tensor:
    maps = maps.contiguous(memory_format=torch.channels_last)
    _, in_channels, height, width = maps.shape
    channels = products.columns
    result = empty_maps((1, channels, height, width), maps.dtype, maps.device)
    transforms = compiled(maps.dtype)
    zeros = maps.new_zeros(in_channels)
    across = -(-width // STEP)
    tiles = across * -(-height // STEP)
    crew = crew_of(torch.get_num_threads())

    def evaluate(tiles: range, seen: Tensor) -> None:
        pointers = (maps.data_ptr(), seen.data_ptr(), zeros.data_ptr())
        transforms.evaluate(*pointers, height, width, in_channels, across, tiles.start, tiles.stop)

    def interpolate(tiles: range, found: Tensor) -> None:
        waste = maps.new_empty(channels)
        pointers = (found.data_ptr(), result.data_ptr(), waste.data_ptr(), bias.data_ptr())
        transforms.interpolate(*pointers, floor, height, width, channels, across, tiles.start, tiles.stop)

    def compute(bands: Iterator[range]) -> None:
        scratch = maps.new_empty(most, PRODUCTS, in_channels)
        for band in bands:
            seen = scratch[: max(MIN_TILES, len(band))]
            seen[len(band) :].zero_()
            evaluate(band, seen)
            interpolate(band, products(seen))

    if not share_products(maps.element_size(), tiles, len(crew)):
        each = -(-tiles // (tiles_at_once(max(in_channels, channels)) * len(crew)))
        bands = _shares(tiles, min(tiles, each * len(crew)))
        most = max(MIN_TILES, *map(len, bands))
        crew.share(compute, bands)
        return result
    seen = maps.new_empty(max(tiles, MIN_TILES), PRODUCTS, in_channels)
    seen[tiles:].zero_()
    shares = _shares(tiles, min(tiles, len(crew)))
    crew.share(lambda mine: [evaluate(share, seen[share.start :]) for share in mine], shares)
    found = products(seen)
    crew.share(lambda mine: [interpolate(share, found[share.start :]) for share in mine], shares)
    return result


def _shares(tiles: int, count: int) -> list[range]:
    """All tiles in so many parts of about as many."""
    edges = [tiles * part // count for part in range(count + 1)]
    return [range(*edge) for edge in pairwise(edges)]


def _products(weight: Tensor) -> SideBySide:
    """The products with G g Gᵀ, rounded once from float64; weight: [out, in, 3, 3]."""
    # G: a kernel's polynomial at the points, over |x| and what interpolating would divide by.
    scale = 2 * (P**2 - Q**2)
    rows = [[1 / (scale * abs(point)) * point**power for power in range(KERNEL)] for point in (P, -P, -Q, Q)]
    line = torch.tensor([[1.0, 0.0, 0.0], *rows, [0.0, 0.0, 1.0]], dtype=torch.float64, device=weight.device)
    both = torch.kron(line, line)
    kernels = room((PRODUCTS, *weight.shape[:2]), weight.dtype)
    # Row by row: in float64 a whole layer would take 8 times the memory of its weight.
    for row, kernel in enumerate(weight):
        kernels[:, row] = both @ kernel.double().permute(1, 2, 0).reshape(KERNEL**2, -1)
    return SideBySide(kernels, MIN_TILES)
