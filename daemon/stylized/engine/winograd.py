"""3 x 3 convolutions with a quarter of the multiplications: Winograd's F(4 x 4, 3 x 3).

Lavin and Gray 2015, "Fast Algorithms for Convolutional Neural Networks", arXiv:1509.09308. The map is cut into tiles of
6 x 6 cells that overlap by 2, and each tile d gives 4 x 4 cells of the result,

    Y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A,

so that of the sum over channels only 36 products of matrices are left, [tiles, in] by [in, out], where the direct way
has 144. G g Gᵀ is computed once for each layer, at 4 times the memory of its weight.

The matrices are those of Toom and Cook: both factors are polynomials, evaluated at 5 points and at infinity, multiplied
there, and interpolated. Here the points are 0, φ, -φ, -1/φ, 1/φ and infinity, φ the golden ratio, for these reasons:

* φ and -φ share what they make of even and of odd terms, and since φ - 1/φ = 1, coefficients become 1 or differ by 1:
  Bᵀ takes 12 additions and Aᵀ 10, each of whole maps, with a factor at most for one of the two summands. As products
  with 6 x 6 or 36 x 36 matrices they took longer than the products over the channels.
* x -> 1/x reverses their order. The kernels of the way back are the weights turned by 180°, polynomials with their
  coefficients reversed, so they are the same numbers in reverse order and need no memory of their own.
* Rounding in float32 is 3/4 of that of Lavin's points 0, ±1, ±2 (Barabasz et al. 2020, "Error Analysis and Improving
  the Accuracy of Winograd Convolution for Deep Neural Networks", on points that are each other's reciprocals):
  relative error 1e-6 with 512 channels; the direct way has 2e-7.

Each step is done for all shapes alike, so equal input gives equal output. Where it is worth it, `winograd_costs` tells.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from stylized.engine.winograd_costs import KERNEL, PRODUCTS, tiles_at_once

_TILE, _STEP = 6, 4
_PHI = (1 + 5**0.5) / 2
# p and q; q = 1 / p = p - 1.
_P, _Q = _PHI, _PHI - 1


class WinogradConvolution:
    """One layer of a network, both ways, with zeros around its maps."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        """Transform a weight [out, in, 3, 3]; bias: [out]."""
        self.kernels: Tensor = _transformed(weight)
        self._bias = bias

    def forward(self, maps: Tensor, padding: int = 1, *, rectified: bool) -> Tensor:
        """Convolve, add the bias, and if `rectified` clamp at 0.

        maps: [1, in, H, W], channels_last to be fast; padding: 1. Returns [1, out, H, W] in channels_last.
        """
        assert padding == KERNEL // 2
        return _correlate(maps, self.kernels.transpose(1, 2), self._bias, rectified=rectified, turned=False)

    def backward(self, gradient: Tensor, side: torch.Size, padding: int = 1) -> Tensor:
        """Return the gradient of the maps, [1, in, H, W] in channels_last, from the convolution's, [1, out, H, W].

        side: H and W; padding: 1.
        """
        assert padding == KERNEL // 2
        assert side == gradient.shape[2:]
        return _correlate(gradient, self.kernels, None, rectified=False, turned=True)


class _Band(NamedTuple):
    """Some rows of tiles: the cells of the result from `top` to `bottom`, in `rows` rows of tiles."""

    top: int
    bottom: int
    rows: int


def _correlate(maps: Tensor, kernels: Tensor, bias: Tensor | None, *, rectified: bool, turned: bool) -> Tensor:
    """kernels: [36, in, out]. turned: by 180°. Everything is written into two blocks of scratch memory in turn."""
    in_channels, channels = kernels.shape[1:]
    source = maps[0].permute(1, 2, 0)
    height, width = source.shape[:2]
    columns = -(-width // _STEP)
    bands = list(_bands(height, columns, max(in_channels, channels)))
    result = maps.new_empty(height, width, channels)
    one, other = maps.new_empty(2, PRODUCTS * bands[0].rows * columns * max(in_channels, channels))
    for band in bands:
        rows, tiles = band.rows, band.rows * columns
        around = _around(source, band, other)
        lines = _part(one, _TILE, rows, columns * _STEP + 2, in_channels)
        lines[:, :, :1].zero_()
        lines[:, :, 1 + width :].zero_()
        _evaluate(_windows(around, 0, rows), _places(lines[:, :, 1 : 1 + width], turned))
        seen = _part(other, _TILE, _TILE, rows, columns, in_channels)
        _evaluate(_windows(lines, 2, columns), _places(seen, turned))
        products = _part(one, PRODUCTS, tiles, channels)
        torch.bmm(seen.view(PRODUCTS, tiles, in_channels), kernels, out=products)
        found = _part(other, _TILE, rows, columns, _STEP, channels)
        _interpolate(_places(products.view(_TILE, _TILE, rows, columns, channels), turned), found.unbind(3))
        cells = result[band.top : band.bottom]
        lines = found.view(_TILE, rows, columns * _STEP, channels)[:, :, :width]
        _interpolate(_places(lines, turned), [cells[row::_STEP] for row in range(_STEP)])
        if bias is not None:
            cells.add_(bias)
        if rectified:
            cells.clamp_min_(0.0)
    return result.permute(2, 0, 1).unsqueeze(0)


def _around(source: Tensor, band: _Band, scratch: Tensor) -> Tensor:
    """The rows of the source that a band's tiles see, [4 rows + 2, W, C]; zeros where it has none."""
    first, count = band.top - 1, band.rows * _STEP + 2
    begin, end = max(first, 0), min(first + count, len(source))
    if end - begin == count:
        return source[begin:end]
    around = _part(scratch, count, *source.shape[1:])
    around[: begin - first].zero_()
    around[begin - first : end - first].copy_(source[begin:end])
    around[end - first :].zero_()
    return around


def _evaluate(d: Sequence[Tensor], places: Sequence[Tensor]) -> None:
    """Write Bᵀ d into six places; d: the six cells of each tile along one side."""
    zero, plus_p, minus_p, minus_q, plus_q, infinity = places
    for plus, minus, point, other in ((plus_p, minus_p, _P, _Q), (plus_q, minus_q, _Q, _P)):
        torch.add(d[4], d[2], alpha=-(other**2), out=plus)
        torch.add(d[3], d[1], alpha=-(other**2), out=minus)
        plus.add_(minus, alpha=point)
        torch.add(plus, minus, alpha=-2 * point, out=minus)
    for ends, first in ((zero, 0), (infinity, 1)):
        torch.add(d[first], d[first + 2], alpha=-3.0, out=ends)  # p² + q²
        ends.add_(d[first + 4])


def _interpolate(places: Sequence[Tensor], results: Sequence[Tensor]) -> None:
    """Write Aᵀ m into the four cells of each tile along one side, and destroy m, the six places.

    A result may have fewer rows than they; it has the first of them.
    """
    for plus, minus in (places[1:3], (places[4], places[3])):
        plus.add_(minus)
        torch.add(plus, minus, alpha=-2.0, out=minus)
    for power, result in enumerate(results):
        zero, even_p, odd_p, odd_q, even_q, infinity = (place[: len(result)] for place in places)
        match power:
            case 0:
                torch.add(zero, even_p, alpha=_Q, out=result).add_(even_q, alpha=-_P)
            case 1:
                torch.sub(odd_p, odd_q, out=result)
            case 2:
                torch.lerp(even_q, even_p, _P, out=result)  # p even_p - q even_q, as q = p - 1
            case _:
                torch.add(infinity, odd_p, alpha=_P**2, out=result).add_(odd_q, alpha=-(_Q**2))


def _windows(maps: Tensor, dim: int, tiles: int) -> list[Tensor]:
    """The first cells of all tiles along one side, the second ones, and so on."""
    length = (tiles - 1) * _STEP + 1
    return [maps.narrow(dim, cell, length)[(slice(None),) * dim + (slice(None, None, _STEP),)] for cell in range(_TILE)]


def _places(blocks: Tensor, turned: bool) -> Sequence[Tensor]:
    """The blocks of the six points, for kernels turned round in reverse."""
    return blocks.unbind(0)[:: -1 if turned else 1]


def _bands(height: int, columns: int, channels: int) -> Iterator[_Band]:
    """The rows of tiles in bands of about as many; the first is the largest."""
    total = -(-height // _STEP)
    rows = -(-total // -(-total * columns // max(1, tiles_at_once(channels))))
    for first in range(0, total, rows):
        last = min(first + rows, total)
        yield _Band(first * _STEP, min(last * _STEP, height), last - first)


def _part(scratch: Tensor, *shape: int) -> Tensor:
    """The beginning of a block of memory in a shape."""
    return scratch[: torch.Size(shape).numel()].view(shape)


def _transformed(weight: Tensor) -> Tensor:
    """G g Gᵀ, [36, out, in], rounded once from float64."""
    out, in_channels = weight.shape[:2]
    # G: a kernel's polynomial at the points, over |x| and what interpolating would divide by.
    scale = 2 * (_P**2 - _Q**2)
    rows = [[1 / (scale * abs(point)) * point**power for power in range(KERNEL)] for point in (_P, -_P, -_Q, _Q)]
    line = torch.tensor([[1.0, 0.0, 0.0], *rows, [0.0, 0.0, 1.0]], dtype=torch.float64, device=weight.device)
    # The horizontal place counts most, as in the blocks of `_correlate`.
    found = torch.kron(line, line) @ weight.double().permute(3, 2, 0, 1).reshape(KERNEL**2, -1)
    return found.to(weight.dtype).view(PRODUCTS, out, in_channels)
