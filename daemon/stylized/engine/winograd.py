"""3 x 3 convolutions with a quarter of the multiplications: Winograd's F(4 x 4, 3 x 3).

Lavin and Gray 2015, "Fast Algorithms for Convolutional Neural Networks", arXiv:1509.09308. The map is cut into tiles of
6 x 6 cells that overlap by 2, and each tile d gives 4 x 4 cells of the result,

    Y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A,

so that of the sum over channels only 36 products of matrices are left, [tiles, in] by [in, out], where the direct way
has 144. G g Gᵀ is computed once for each layer, at 4 times the memory of its weight.

The matrices are those of Toom and Cook: both factors are polynomials, evaluated at 5 points and at infinity, multiplied
there, and interpolated. The points 0, 1, -1, 1/2, -2 and infinity were chosen for two reasons. Rounding in float32 is
2/3 of that of Lavin's 0, ±1, ±2 (relative error 1.5e-6 with 512 channels; the direct way has 2e-7). And x -> -1/x
permutes them, so the kernels of the way back, which are the weights turned by 180°, are a permutation of the same
numbers: they need no memory of their own (`_turned`).

Each step is done for all shapes alike, so equal input gives equal output. Where it is worth it, `winograd_costs` tells.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from stylized.engine.winograd_costs import KERNEL, PRODUCTS, TILES_AT_ONCE

_TILE, _STEP = 6, 4
_POINTS = (0.0, 1.0, -1.0, 0.5, -2.0, inf)


def kernels(weight: Tensor) -> Tensor:
    """Transform a weight [out, in, 3, 3] once, for `convolve`: G g Gᵀ, [36, out, in], rounded once from float64."""
    out, in_channels = weight.shape[:2]
    transform = torch.kron(_G, _G).to(weight.device)
    found = transform @ weight.double().permute(2, 3, 0, 1).reshape(KERNEL**2, -1)
    return found.to(weight.dtype).view(PRODUCTS, out, in_channels)


def convolve(maps: Tensor, kernels: Tensor, bias: Tensor, *, rectified: bool) -> Tensor:
    """Convolve maps with zeros around them, add the bias, and if `rectified` clamp at 0.

    maps: [1, in, H, W], channels_last to be fast; kernels: from `kernels`; bias: [out]. Returns [1, out, H, W] in
    channels_last. Differentiable once, with respect to the maps alone.
    """
    return _Convolution.apply(maps, kernels, bias, rectified)  # pyright: ignore[reportReturnType]


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, maps: Tensor, kernels: Tensor, bias: Tensor, rectified: bool) -> Tensor:
        result = _correlate(maps, None, kernels.transpose(1, 2), bias, _FORWARD, rectified)
        ctx.save_for_backward(kernels, result if rectified else None)
        return result

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride] (the decorator hides the name of ctx)
        ctx: Any, *gradients: Tensor
    ) -> tuple[Tensor, None, None, None]:
        (gradient,) = gradients
        kernels, result = ctx.saved_tensors
        return _correlate(gradient, result, kernels, None, _BACKWARD, rectified=False), None, None, None


@dataclass(frozen=True)
class _Transforms:
    """input: Bᵀ ⊗ Bᵀ, [36, 36]. output: Aᵀ ⊗ Aᵀ, [16, 36]. Both float64."""

    input: Tensor
    output: Tensor


class _Band(NamedTuple):
    """Some rows of tiles: the cells of the result from `top` to `bottom`, in `rows` rows of tiles."""

    top: int
    bottom: int
    rows: int


def _correlate(
    maps: Tensor,
    positive: Tensor | None,
    kernels: Tensor,
    bias: Tensor | None,
    transforms: _Transforms,
    rectified: bool,
) -> Tensor:
    """kernels: [36, in, out]. positive: of the maps, only cells where this is above 0 count (the way back of a ReLU).

    Everything is written into two blocks of scratch memory in turn.
    """
    into, out_of = transforms.input.to(maps), transforms.output.to(maps)
    in_channels, channels = kernels.shape[1:]
    source, allowed = _cells(maps), None if positive is None else _cells(positive)
    height, width = source.shape[:2]
    columns = -(-width // _STEP)
    bands = list(_bands(height, columns))
    result = maps.new_empty(height, width, channels)
    tiles = bands[0].rows * columns
    scratch = maps.new_empty(2, PRODUCTS * tiles * max(in_channels, channels))
    one, other = scratch
    padded = maps.new_zeros(bands[0].rows * _STEP + 2, columns * _STEP + 2, in_channels)
    for band in bands:
        tiles = band.rows * columns
        around = padded[: band.rows * _STEP + 2]
        _fill(around, source, allowed, band.top - 1)
        gathered = _part(one, _TILE, _TILE, band.rows, columns, in_channels)
        row, column, channel = around.stride()
        gathered.copy_(around.as_strided(gathered.shape, (row, column, _STEP * row, _STEP * column, channel)))
        seen = torch.mm(into, gathered.view(PRODUCTS, -1), out=_part(other, PRODUCTS, tiles * in_channels))
        products = torch.bmm(seen.view(PRODUCTS, tiles, -1), kernels, out=_part(one, PRODUCTS, tiles, channels))
        found = torch.mm(out_of, products.view(PRODUCTS, -1), out=_part(other, _STEP**2, tiles * channels))
        placed = _part(one, band.rows, _STEP, columns, _STEP, channels)
        patches = found.view(_STEP, _STEP, band.rows, columns, channels).permute(2, 0, 3, 1, 4)
        if bias is None:
            placed.copy_(patches)
        else:
            torch.add(patches, bias, out=placed)
        rows = placed.view(-1, columns * _STEP, channels)[: band.bottom - band.top, :width]
        if rectified:
            torch.clamp_min(rows, 0.0, out=result[band.top : band.bottom])
        else:
            result[band.top : band.bottom].copy_(rows)
    return result.permute(2, 0, 1).unsqueeze(0)


def _fill(around: Tensor, source: Tensor, allowed: Tensor | None, first: int) -> None:
    """Copy the rows of the source from `first` on, one column in; zeros where it has no rows."""
    begin, end = max(first, 0), min(first + len(around), len(source))
    around[: begin - first].zero_()
    around[end - first :].zero_()
    inside = around[begin - first : end - first, 1 : 1 + source.shape[1]]
    if allowed is None:
        inside.copy_(source[begin:end])
    else:
        torch.ops.aten.threshold_backward.grad_input(source[begin:end], allowed[begin:end], 0, grad_input=inside)


def _bands(height: int, columns: int) -> Iterator[_Band]:
    """The rows of tiles in bands of about as many; the first is the largest."""
    total = -(-height // _STEP)
    rows = -(-total // -(-total * columns // TILES_AT_ONCE))
    for first in range(0, total, rows):
        last = min(first + rows, total)
        yield _Band(first * _STEP, min(last * _STEP, height), last - first)


def _cells(maps: Tensor) -> Tensor:
    """[H, W, C]."""
    return maps[0].permute(1, 2, 0)


def _part(scratch: Tensor, *shape: int) -> Tensor:
    """The beginning of a block of memory in a shape."""
    return scratch[: torch.Size(shape).numel()].view(shape)


def _evaluation(terms: int, *, scaled: bool) -> Tensor:
    """What evaluates a polynomial of so many terms at the points, [6, terms]: powers of each; at infinity the highest.

    scaled: by 1 / |p|, which makes a kernel's values of one size, and their permutation free of factors.
    """
    rows = torch.zeros(len(_POINTS), terms, dtype=torch.float64)
    for row, point in zip(rows, _POINTS, strict=True):
        if point == inf:
            row[-1] = 1.0
        else:
            factor = 1.0 / abs(point) if scaled and point else 1.0
            row.copy_(torch.tensor([factor * point**power for power in range(terms)], dtype=torch.float64))
    return rows


def _turned(transforms: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Bᵀ and Aᵀ for the kernel turned by 180°, with the transformed kernel as it is.

    With J that turns a kernel round, P that exchanges the points p and -1/p, and D = diag(1, -1, 1, ...): G J = P G D.
    A kernel with every second sign changed, g D, gives every second result with its sign changed if the input has the
    same. So P Bᵀ D and D Aᵀ P do.
    """
    into, out_of = transforms
    order = [_POINTS.index(-1.0 / point if point else inf) if point != inf else 0 for point in _POINTS]
    signs = torch.tensor([1.0, -1.0] * (_TILE // 2), dtype=torch.float64)
    return into[order] * signs, signs[:_STEP, None] * out_of[:, order]


def _two_dimensional(transforms: tuple[Tensor, Tensor]) -> _Transforms:
    into, out_of = transforms
    return _Transforms(torch.kron(into, into), torch.kron(out_of, out_of))


_G = _evaluation(KERNEL, scaled=True)
# Evaluating the product of two polynomials is the product of their values, so Bᵀ inverts what evaluates the product.
_LINE = torch.linalg.inv(_evaluation(_TILE, scaled=True).T), _evaluation(_STEP, scaled=False).T
_FORWARD = _two_dimensional(_LINE)
_BACKWARD = _two_dimensional(_turned(_LINE))
