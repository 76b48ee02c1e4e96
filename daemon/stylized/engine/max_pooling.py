"""Max pooling of rectified maps in windows of 2 x 2 cells, and its way back, in one pass over memory each.

torch keeps where each maximum was as an index of 8 bytes, and the way back needs the pooled map beside it: where the
strongest cell of a window is 0, all are, and the ReLU below passes nothing on. Here one byte says all that: which of
the four cells was the strongest, or that none passes a gradient on.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import torch
from llvmlite import ir
from torch import Tensor

from stylized.engine.crew import crew_of
from stylized.engine.kernel_costs import CHANNELS_AT_ONCE
from stylized.engine.layers import HALVING, PoolingWindow
from stylized.engine.llvm_code import INDEX, NUMBERS, POINTER, Function, Numbers, Writer, load, rounds_bfloat
from stylized.engine.recycled import empty_maps

SIDE = HALVING.side
# What stands for no cell of a window.
_NONE = SIDE * SIDE
# A thread takes so many parts, so that one that was held up does not hold up the others.
_PARTS = 4


def suits(maps: Tensor, window: PoolingWindow) -> bool:
    """Tell whether maps [1, C, H, W] are pooled here."""
    return (
        maps.device.type == "cpu"
        and window == HALVING
        and maps.dtype in NUMBERS
        and maps.shape[1] % CHANNELS_AT_ONCE == 0
    )


def pool_strongest(maps: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    """Pool rectified maps that it suits, [1, C, H, W], and multiply them by a scale.

    Returns the pooled maps, [1, C, H // 2, W // 2] in channels_last, and what `spread` asks for, uint8 in their shape.
    """
    maps = maps.contiguous(memory_format=torch.channels_last)
    _, channels, height, width = maps.shape
    shape = (1, channels, height // SIDE, width // SIDE)
    pooled, places = (empty_maps(shape, dtype, maps.device) for dtype in (maps.dtype, torch.uint8))
    pointers = (maps.data_ptr(), pooled.data_ptr(), places.data_ptr())
    _share(compiled(maps.dtype).pool, pointers, scale, shape, width)
    return pooled, places


def spread(gradient: Tensor, places: Tensor, scale: float, side: torch.Size) -> Tensor:
    """Return the gradient of what the maps were before their ReLU, from that of the pooled maps.

    gradient: in their shape; side: H and W of the maps.
    """
    gradient = gradient.contiguous(memory_format=torch.channels_last)
    height, width = side
    result = empty_maps((*gradient.shape[:2], height, width), gradient.dtype, gradient.device)
    result[:, :, SIDE * gradient.shape[2] :].zero_()
    result[..., SIDE * gradient.shape[3] :].zero_()
    pointers = (result.data_ptr(), gradient.data_ptr(), places.data_ptr())
    _share(compiled(gradient.dtype).spread, pointers, scale, gradient.shape, width)
    return result


def _share(
    work: Function, pointers: tuple[int, int, int], scale: float, shape: tuple[int, ...] | torch.Size, width: int
) -> None:
    _, channels, rows, columns = shape
    if not rows * columns:
        return
    crew = crew_of(torch.get_num_threads())
    parts = min(rows, _PARTS * len(crew))
    edges = [rows * part // parts for part in range(parts + 1)]

    def compute(mine: Iterator[int]) -> None:
        for part in mine:
            work(*pointers, scale, columns, width, channels, edges[part], edges[part + 1])

    crew.share(compute, range(parts))


class PoolingLoops(NamedTuple):
    """Compiled for one type of numbers; maps are [H, W, C] without gaps.

    pool(maps, pooled, places, scale, columns, width, channels, first, last): the rows of the pooled maps from `first`
    to `last`, at least one, with so many columns; width: of the maps.

    spread(maps, pooled, places, scale, columns, width, channels, first, last): the same way back, of their gradients.
    """

    pool: Function
    spread: Function


@cache
def compiled(dtype: torch.dtype, *, rounds_natively: bool | None = None) -> PoolingLoops:
    """Compile for float32, bfloat16 or float64; rounds_natively: as for `winograd_transforms.compiled`."""
    if rounds_natively is None:
        rounds_natively = rounds_bfloat()
    numbers = NUMBERS[dtype]._replace(rounds_natively=rounds_natively)
    module = ir.Module("max_pooling")
    _Pool(module, "pool", numbers).write()
    _Spread(module, "spread", numbers).write()
    plain = ctypes.c_double if dtype is torch.float64 else ctypes.c_float
    arguments = [ctypes.c_void_p] * 3 + [plain] + [ctypes.c_int64] * 5
    return PoolingLoops(**load(str(module), {"pool": arguments, "spread": arguments}))


class _Windows(Writer):
    """A loop over the windows, and over the channels in each."""

    def __init__(self, module: ir.Module, name: str, numbers: Numbers) -> None:
        super().__init__(module, name, numbers, [POINTER] * 3 + [numbers.computed] + [INDEX] * 5)
        self._bytes = ir.VectorType(ir.IntType(8), CHANNELS_AT_ONCE)

    def write(self) -> None:
        b = self.builder
        maps, pooled, places, scale, columns, width, channels, first, last = self.function.args
        factor = self.splat(scale)
        with (
            self.loop(first, last) as row,
            self.loop(self.index(0), columns) as column,
            self.loop(self.index(0), channels, CHANNELS_AT_ONCE) as channel,
        ):
            corner = b.add(b.mul(b.mul(row, self.index(SIDE)), width), b.mul(column, self.index(SIDE)))
            cells = []
            for below in range(SIDE):
                for beside in range(SIDE):
                    cell = b.add(b.add(corner, b.mul(width, self.index(below))), self.index(beside))
                    cells.append(self.at(maps, b.add(b.mul(cell, channels), channel)))
            offset = b.add(b.mul(b.add(b.mul(row, columns), column), channels), channel)
            place = b.gep(places, [offset], source_etype=ir.IntType(8))
            self.window(cells, self.at(pooled, offset), place, factor)
        b.ret_void()

    def window(self, cells: list[ir.Value], pooled: ir.Value, place: ir.Value, scale: ir.Value) -> None:
        """Write what is done with some channels of a window, given their addresses."""
        raise NotImplementedError

    def same(self, number: int) -> ir.Constant:
        return ir.Constant(self._bytes, [number] * CHANNELS_AT_ONCE)


class _Pool(_Windows):
    def window(self, cells: list[ir.Value], pooled: ir.Value, place: ir.Value, scale: ir.Value) -> None:
        b = self.builder
        strongest, which = self.load(cells[0]), self.same(0)
        for number, cell in enumerate(cells[1:], start=1):
            value = self.load(cell)
            # The first of several; what is not a number stays, as in torch.
            stronger = b.or_(b.fcmp_ordered(">", value, strongest), b.fcmp_unordered("uno", value, value))
            strongest, which = b.select(stronger, value, strongest), b.select(stronger, self.same(number), which)
        passes = b.fcmp_unordered(">", strongest, self.constant(0.0))
        b.store(b.select(passes, which, self.same(_NONE)), place, align=1)
        self.store(b.fmul(strongest, scale), pooled)


class _Spread(_Windows):
    def window(self, cells: list[ir.Value], pooled: ir.Value, place: ir.Value, scale: ir.Value) -> None:
        b = self.builder
        gradient = b.fmul(self.load(pooled), scale)
        which = b.load(place, align=1, typ=self._bytes)
        for number, cell in enumerate(cells):
            self.store(b.select(b.icmp_unsigned("==", which, self.same(number)), gradient, self.constant(0.0)), cell)
