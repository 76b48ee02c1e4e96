"""The two transforms of Winograd's convolution, compiled for this processor by LLVM when they are first asked for.

Written as operations of torch each addition is a pass over memory, a dozen for one transform, and the transforms take
longer than the products between them. Here a tile of 6 x 6 cells is read once, transformed in both directions in
registers, and written once, for as many channels side by side as a register holds. `winograd` has the mathematics and
the names.

A place outside of the map is read from zeros and written to waste, so a tile at the border costs what others cost, and
a map needs no border of its own.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import torch
from llvmlite import ir

from stylized.engine.kernel_costs import CHANNELS_AT_ONCE
from stylized.engine.llvm_code import INDEX, NUMBERS, POINTER, Function, Numbers, Writer, load, rounds_bfloat

TILE, STEP = 6, 4
PHI = (1 + 5**0.5) / 2
# The points are 0, p, -p, -q, q and infinity; q = 1 / p = p - 1.
P, Q = PHI, PHI - 1


class Transforms(NamedTuple):
    """Compiled for one type of numbers. Addresses and counts are plain integers; maps are [H, W, C] without gaps.

    evaluate(maps, seen, zeros, height, width, channels, columns, first, last): Bᵀ d B of the tiles from `first` to
    `last`, counted row by row with `columns` in a row, as [tiles, 36, C].

    interpolate(products, maps, waste, bias, floor, height, width, channels, columns, first, last): Aᵀ m A of the same
    tiles into the maps, plus a bias of C numbers, clamped below at `floor` (a float).

    zeros and waste: room for the C numbers of a cell.
    """

    evaluate: Function
    interpolate: Function


@cache
def compiled(dtype: torch.dtype, *, rounds_natively: bool | None = None) -> Transforms:
    """Compile for float32, bfloat16 (calculated in float32) or float64. It takes a tenth of a second.

    rounds_natively: whether to round to bfloat16 by the processor's own instruction; by default where it has one.
    """
    if rounds_natively is None:
        rounds_natively = rounds_bfloat()
    numbers = NUMBERS[dtype]._replace(rounds_natively=rounds_natively)
    module = ir.Module("winograd")
    _Evaluate(module, numbers).write()
    _Interpolate(module, numbers).write()
    plain = ctypes.c_double if dtype is torch.float64 else ctypes.c_float
    addresses, counts = [ctypes.c_void_p], [ctypes.c_int64]
    return Transforms(
        **load(
            str(module),
            {"evaluate": addresses * 3 + counts * 6, "interpolate": addresses * 4 + [plain] + counts * 6},
        )
    )


class _TileWriter(Writer):
    """With the cells of a tile."""

    def plus(self, factor: float, x: ir.Value, y: ir.Value) -> ir.Value:
        """factor x + y."""
        return self.fma(self.constant(factor), x, y)

    def places(
        self, base: ir.Value, outside: ir.Value, tile: ir.Value, shift: int, side: int, shape: Sequence[ir.Value]
    ) -> list[list[ir.Value]]:
        """Addresses of the cells of a tile, [row][column]. shape: height, width, channels and columns of tiles."""
        b = self.builder
        height, width, channels, columns = shape

        def lines(number: ir.Value) -> list[ir.Value]:
            first = b.sub(b.mul(number, self.index(STEP)), self.index(shift))
            return [b.add(first, self.index(cell)) for cell in range(side)]

        rows = [(y, b.icmp_unsigned("<", y, height)) for y in lines(b.udiv(tile, columns))]
        across = [(x, b.icmp_unsigned("<", x, width)) for x in lines(b.urem(tile, columns))]
        return [
            [
                b.select(b.and_(above, beside), self.at(base, b.mul(b.add(b.mul(y, width), x), channels)), outside)
                for x, beside in across
            ]
            for y, above in rows
        ]


class _Evaluate(_TileWriter):
    def __init__(self, module: ir.Module, numbers: Numbers) -> None:
        super().__init__(module, "evaluate", numbers, [POINTER] * 3 + [INDEX] * 6)

    def write(self) -> None:
        b = self.builder
        maps, seen, zeros, *shape, first, last = self.function.args
        channels = shape[2]
        with self.loop(first, last) as tile:
            places = self.places(maps, zeros, tile, 1, TILE, shape)
            block = self.at(seen, b.mul(b.sub(tile, first), b.mul(channels, self.index(TILE * TILE))))
            with self.loop(self.index(0), channels, CHANNELS_AT_ONCE) as channel:
                cells = [[self.load(self.at(place, channel)) for place in row] for row in places]
                by_column = [self._line(column) for column in zip(*cells, strict=True)]
                for number, row in enumerate(zip(*by_column, strict=True)):
                    for place, value in enumerate(self._line(row)):
                        offset = b.add(b.mul(channels, self.index(number * TILE + place)), channel)
                        self.store(value, self.at(block, offset))
        b.ret_void()

    def _line(self, d: Sequence[ir.Value]) -> list[ir.Value]:
        """Bᵀ d for the six cells of a tile along one side."""
        pairs = []
        for point, other in ((P, Q), (Q, P)):
            even = self.plus(-(other**2), d[2], d[4])
            odd = self.plus(-(other**2), d[1], d[3])
            pairs.append((self.plus(point, odd, even), self.plus(-point, odd, even)))
        (plus_p, minus_p), (plus_q, minus_q) = pairs
        # 3 = p² + q².
        zero, infinity = (self.builder.fadd(self.plus(-3.0, d[first + 2], d[first]), d[first + 4]) for first in (0, 1))
        return [zero, plus_p, minus_p, minus_q, plus_q, infinity]


class _Interpolate(_TileWriter):
    def __init__(self, module: ir.Module, numbers: Numbers) -> None:
        super().__init__(module, "interpolate", numbers, [POINTER] * 4 + [numbers.computed] + [INDEX] * 6)

    def write(self) -> None:
        b = self.builder
        products, maps, waste, bias, floor, *shape, first, last = self.function.args
        channels = shape[2]
        lowest = self.splat(floor)
        with self.loop(first, last) as tile:
            places = self.places(maps, waste, tile, 0, STEP, shape)
            block = self.at(products, b.mul(b.sub(tile, first), b.mul(channels, self.index(TILE * TILE))))
            with self.loop(self.index(0), channels, CHANNELS_AT_ONCE) as channel:
                found = [
                    self.load(self.at(block, b.add(b.mul(channels, self.index(number)), channel)))
                    for number in range(TILE * TILE)
                ]
                by_row = [self._line(found[row : row + TILE]) for row in range(0, TILE * TILE, TILE)]
                added = self.load(self.at(bias, channel))
                by_column = [self._line(column) for column in zip(*by_row, strict=True)]
                for row, values in zip(places, zip(*by_column, strict=True), strict=True):
                    for place, value in zip(row, values, strict=True):
                        value = b.fadd(value, added)
                        # What is not a number stays so.
                        value = b.select(b.fcmp_ordered("<", value, lowest), lowest, value)
                        self.store(value, self.at(place, channel))
        b.ret_void()

    def _line(self, m: Sequence[ir.Value]) -> list[ir.Value]:
        """Aᵀ m for the six products of a tile along one side."""
        b = self.builder
        zero, plus_p, minus_p, minus_q, plus_q, infinity = m
        even_p, odd_p = b.fadd(plus_p, minus_p), b.fsub(plus_p, minus_p)
        even_q, odd_q = b.fadd(plus_q, minus_q), b.fsub(plus_q, minus_q)
        return [
            self.plus(-P, even_q, self.plus(Q, even_p, zero)),
            b.fsub(odd_p, odd_q),
            self.plus(P, even_p, b.fmul(self.constant(-Q), even_q)),
            self.plus(-(Q**2), odd_q, self.plus(P**2, odd_p, infinity)),
        ]
