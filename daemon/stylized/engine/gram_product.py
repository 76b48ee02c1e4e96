"""Fᵀ F of the cells of feature maps: half of the multiplications, since it is symmetric, and of bfloat16 with sums in
float32.

torch multiplies both halves, and gives a product of bfloat16 in bfloat16, three digits of a Gram matrix whose
difference from another is wanted; so the maps would have to be written out in float32 first. Here a processor's
instruction for pairs of bfloat16 (AVX512-BF16) takes them as they are: a product of two is exact in float32.

The cells are put in order block by block, those of 64 channels side by side, so that what is multiplied is read from
the nearest cache; then each 4 x 64 numbers of the result stay in registers for a block of cells (Goto and van de Geijn
2008, "Anatomy of High-Performance Matrix Multiplication").
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from functools import cache

import torch
from llvmlite import ir
from torch import Tensor

from stylized.engine.crew import crew_of
from stylized.engine.kernel_costs import CHANNELS_AT_ONCE, PANEL
from stylized.engine.llvm_code import INDEX, NUMBERS, POINTER, BFloat, Function, Numbers, Writer, load, processor_has

# Of cells, or of pairs of them, in a block: two panels of 16 KiB lie in the nearest cache.
_STEPS = 64
_ROWS = 4


def suits(rows: Tensor) -> bool:
    """Tell whether cells [N, C] are multiplied here."""
    return (
        rows.device.type == "cpu"
        and rows.dtype in (torch.float32, torch.bfloat16)
        and rows.shape[1] % PANEL == 0
        and len(rows) > 0
        and rows.is_contiguous()
    )


def gram_product(rows: Tensor) -> Tensor:
    """Return Fᵀ F, float32 [C, C], of rows F [N, C] that it suits.

    Equal input gives equal output with equally many threads, among which the cells are divided.
    """
    return torch.ops.stylized.gram_product(rows)


def _gram_product(rows: Tensor) -> Tensor:
    count, channels = rows.shape
    crew = crew_of(torch.get_num_threads())
    edges = [count * share // len(crew) for share in range(len(crew) + 1)]
    shares = [number for number in range(len(crew)) if edges[number] < edges[number + 1]]
    sums = rows.new_zeros(len(crew), channels, channels, dtype=torch.float32)
    zeros = rows.new_zeros(channels)
    multiply = compiled(rows.dtype)

    def compute(mine: Iterator[int]) -> None:
        scratch = rows.new_empty(channels * _STEPS, dtype=torch.float32)
        for share in mine:
            pointers = (rows.data_ptr(), zeros.data_ptr(), scratch.data_ptr(), sums[share].data_ptr())
            multiply(*pointers, edges[share], edges[share + 1], channels)

    crew.share(compute, shares)
    upper = sums.sum(dim=0)
    return upper.triu() + upper.triu(1).T


# An operation of torch's: so it has a name in a profile, and a step that has it can be recorded.
_operations = torch.library.Library("stylized", "DEF")
_operations.define("gram_product(Tensor rows) -> Tensor")
_operations.impl("gram_product", _gram_product, "CPU")


@cache
def compiled(dtype: torch.dtype, *, in_pairs: bool | None = None) -> Function:
    """Compile for float32 or bfloat16. It takes a tenth of a second.

    Returns multiply(rows, zeros, scratch, sums, first, last, channels), of addresses and counts: adds Fᵀ F of the rows
    from `first` to `last`, at least one, to the sums [C, C], in its part above the diagonal and in some below. zeros:
    C of them. scratch: room for 64 C float32. in_pairs: whether by the processor's instruction for pairs of bfloat16;
    by default where it has one.
    """
    if in_pairs is None:
        in_pairs = dtype is torch.bfloat16 and processor_has("avx512bf16")
    module = ir.Module("gram_product")
    (_MultiplyPairs if in_pairs else _Multiply)(module, NUMBERS[dtype]).write()
    return load(str(module), {"multiply": [ctypes.c_void_p] * 4 + [ctypes.c_int64] * 3})["multiply"]


class _Multiply(Writer):
    """Cell by cell, in float32."""

    cells = 1
    """That one step multiplies."""

    def __init__(self, module: ir.Module, numbers: Numbers) -> None:
        super().__init__(module, "multiply", numbers, [POINTER] * 4 + [INDEX] * 3)
        self.rows, self.zeros, self.scratch, self.sums, self.first, self.last, self.channels = self.function.args
        # So many vectors and _ROWS times as many sums are to fit into the processor's registers.
        self._vectors = PANEL // CHANNELS_AT_ONCE if processor_has("avx512f") else 1
        self._panels = self.builder.udiv(self.channels, self.index(PANEL))

    def write(self) -> None:
        with self.loop(self.first, self.last, _STEPS * self.cells) as begin:
            with self.loop(self.index(0), self.index(_STEPS)) as step:
                self._order(begin, step)
            with (
                self.loop(self.index(0), self._panels) as beside,
                self.loop(self.index(0), self.builder.add(beside, self.index(1))) as above,
                self.loop(self.index(0), self.index(PANEL), _ROWS) as row,
                self.loop(self.index(0), self.index(PANEL), self._vectors * CHANNELS_AT_ONCE) as column,
            ):
                self._multiply(above, row, beside, column)
        self.builder.ret_void()

    def packed(self, cells: list[ir.Value]) -> ir.Value:
        """A vector of what one step multiplies, from the addresses of its channels in each cell."""
        return self.load(cells[0])

    def multiplied(self, one: ir.Value, other: ir.Value, total: ir.Value) -> ir.Value:
        """A step's part added to the sums."""
        return self.fma(one, other, total)

    def _order(self, begin: ir.Value, step: ir.Value) -> None:
        """Put a step's cells in order: zeros behind the last."""
        b = self.builder
        cells = []
        for number in range(self.cells):
            cell = b.add(b.add(begin, b.mul(step, self.index(self.cells))), self.index(number))
            place = self.at(self.rows, b.mul(cell, self.channels))
            cells.append(b.select(b.icmp_signed("<", cell, self.last), place, self.zeros))
        with (
            self.loop(self.index(0), self._panels) as panel,
            self.loop(self.index(0), self.index(PANEL), CHANNELS_AT_ONCE) as channel,
        ):
            offset = b.add(b.mul(panel, self.index(PANEL)), channel)
            found = self.packed([self.at(cell, offset) for cell in cells])
            b.store(found, self._place(panel, step, channel), align=4)

    def _multiply(self, above: ir.Value, row: ir.Value, beside: ir.Value, column: ir.Value) -> None:
        """_ROWS x so many vectors of the result, for all steps of a block."""
        b = self.builder
        sums = []
        for number in range(_ROWS):
            line = b.add(b.mul(above, self.index(PANEL)), b.add(row, self.index(number)))
            first = b.add(b.mul(line, self.channels), b.add(b.mul(beside, self.index(PANEL)), column))
            for vector in range(self._vectors):
                offset = b.add(first, self.index(vector * CHANNELS_AT_ONCE))
                sums.append(b.gep(self.sums, [offset], source_etype=ir.FloatType()))
        before = b.block
        with self.loop(self.index(0), self.index(_STEPS)) as step:
            totals = [b.phi(self.vector) for _ in sums]
            other = [
                b.load(
                    self._place(beside, step, b.add(column, self.index(vector * CHANNELS_AT_ONCE))),
                    align=4,
                    typ=self.vector,
                )
                for vector in range(self._vectors)
            ]
            found = []
            for number in range(_ROWS):
                place = self._place(above, step, b.add(row, self.index(number)))
                one = self.splat(b.load(place, align=4, typ=ir.FloatType()))
                for vector in other:
                    found.append(self.multiplied(one, vector, totals[len(found)]))
            for total, value in zip(totals, found, strict=True):
                total.add_incoming(self.constant(0.0), before)
                total.add_incoming(value, b.block)
        # A block's sums are added to those before it, so that few small numbers are added to a large one.
        for place, value in zip(sums, found, strict=True):
            b.store(b.fadd(b.load(place, align=4, typ=self.vector), value), place, align=4)

    def _place(self, panel: ir.Value, step: ir.Value, channel: ir.Value) -> ir.Value:
        """Where the scratch has a step's channel."""
        b = self.builder
        line = b.add(b.mul(panel, self.index(_STEPS)), step)
        return b.gep(self.scratch, [b.add(b.mul(line, self.index(PANEL)), channel)], source_etype=ir.FloatType())


class _MultiplyPairs(_Multiply):
    """Two cells at a time: a number of the scratch is the bfloat16 of both, as one instruction multiplies them."""

    cells = 2

    def packed(self, cells: list[ir.Value]) -> ir.Value:
        b = self.builder
        halves = ir.VectorType(ir.IntType(16), CHANNELS_AT_ONCE)
        whole = ir.VectorType(ir.IntType(32), CHANNELS_AT_ONCE)
        low, high = (b.zext(b.load(cell, align=2, typ=halves), whole) for cell in cells)
        bits = ir.Constant(whole, [16] * CHANNELS_AT_ONCE)
        return b.bitcast(b.or_(low, b.shl(high, bits)), self.vector)

    def multiplied(self, one: ir.Value, other: ir.Value, total: ir.Value) -> ir.Value:
        pairs = ir.VectorType(BFloat(), 2 * CHANNELS_AT_ONCE)
        multiply = self.intrinsic("llvm.x86.avx512bf16.dpbf16ps.512", [self.vector, pairs, pairs])
        b = self.builder
        return b.call(multiply, [total, b.bitcast(one, pairs), b.bitcast(other, pairs)])
