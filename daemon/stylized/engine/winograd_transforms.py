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
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, NamedTuple

import llvmlite.binding as llvm
import torch
from llvmlite import ir

from stylized.engine.winograd_costs import CHANNELS_AT_ONCE

TILE, STEP = 6, 4
PHI = (1 + 5**0.5) / 2
# The points are 0, p, -p, -q, q and infinity; q = 1 / p = p - 1.
P, Q = PHI, PHI - 1
_Function = Callable[..., None]
_INDEX = ir.IntType(64)
_POINTER = ir.PointerType()


class Transforms(NamedTuple):
    """Compiled for one type of numbers. Addresses and counts are plain integers; maps are [H, W, C] without gaps.

    evaluate(maps, seen, zeros, height, width, channels, columns, first, last): Bᵀ d B of the tiles from `first` to
    `last`, counted row by row with `columns` in a row, as [tiles, 36, C].

    interpolate(products, maps, waste, bias, floor, height, width, channels, columns, first, last): Aᵀ m A of the same
    tiles into the maps, plus a bias of C numbers, clamped below at `floor` (a float).

    zeros and waste: room for the C numbers of a cell.
    """

    evaluate: _Function
    interpolate: _Function


@cache
def compiled(dtype: torch.dtype, *, rounds_natively: bool | None = None) -> Transforms:
    """Compile for float32, bfloat16 (calculated in float32) or float64. It takes a tenth of a second.

    rounds_natively: whether to round to bfloat16 by the processor's own instruction; by default where it has one.
    """
    if rounds_natively is None:
        rounds_natively = any(llvm.get_host_cpu_features().get(name) for name in ("avx512bf16", "bf16"))
    numbers = _NUMBERS[dtype]._replace(rounds_natively=rounds_natively)
    module = ir.Module("winograd")
    _Evaluate(module, numbers).write()
    _Interpolate(module, numbers).write()
    plain = ctypes.c_double if dtype is torch.float64 else ctypes.c_float
    addresses, counts = [ctypes.c_void_p], [ctypes.c_int64]
    return Transforms(
        **_load(
            str(module),
            {"evaluate": addresses * 3 + counts * 6, "interpolate": addresses * 4 + [plain] + counts * 6},
        )
    )


class _BFloat(ir.Type):
    """LLVM's bfloat, which llvmlite has no name for."""

    def _to_string(self) -> str:
        return "bfloat"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _BFloat)

    def __hash__(self) -> int:
        return hash("bfloat")


class _Numbers(NamedTuple):
    """How numbers lie in memory, their bytes, how they are calculated with, and whether one instruction rounds them."""

    stored: ir.Type
    size: int
    computed: ir.Type
    rounds_natively: bool = True


_NUMBERS = {
    torch.float32: _Numbers(ir.FloatType(), 4, ir.FloatType()),
    torch.bfloat16: _Numbers(_BFloat(), 2, ir.FloatType()),
    torch.float64: _Numbers(ir.DoubleType(), 8, ir.DoubleType()),
}


class _Writer:
    """A function in LLVM's intermediate representation."""

    def __init__(self, module: ir.Module, name: str, numbers: _Numbers, arguments: Sequence[ir.Type]) -> None:
        self.numbers = numbers
        self.vector = ir.VectorType(numbers.computed, CHANNELS_AT_ONCE)
        self.memory = ir.VectorType(numbers.stored, CHANNELS_AT_ONCE)
        self.function = ir.Function(module, ir.FunctionType(ir.VoidType(), arguments), name)
        # llvmlite's annotations would have each instruction be None.
        self.builder: Any = ir.IRBuilder(self.function.append_basic_block())
        name = f"llvm.fmuladd.v{CHANNELS_AT_ONCE}f{'64' if numbers.size == 8 else '32'}"
        self._fma = module.globals.get(name) or ir.Function(
            module, ir.FunctionType(self.vector, [self.vector] * 3), name
        )

    def index(self, value: int) -> ir.Constant:
        return ir.Constant(_INDEX, value)

    def splat(self, value: float) -> ir.Constant:
        return ir.Constant(self.vector, [value] * CHANNELS_AT_ONCE)

    @contextmanager
    def loop(self, first: ir.Value, last: ir.Value, step: int = 1) -> Iterator[ir.Value]:
        """Run what is written inside for first, first + step and so on up to last; at least once."""
        b = self.builder
        before, body, after = b.block, b.append_basic_block(), b.append_basic_block()
        b.branch(body)
        b.position_at_end(body)
        counter = b.phi(_INDEX)
        counter.add_incoming(first, before)
        yield counter
        following = b.add(counter, self.index(step))
        counter.add_incoming(following, b.block)
        b.cbranch(b.icmp_signed("<", following, last), body, after)
        b.position_at_end(after)

    def at(self, base: ir.Value, offset: ir.Value) -> ir.Value:
        """Address so many numbers after another."""
        return self.builder.gep(base, [offset], source_etype=self.numbers.stored)

    def load(self, pointer: ir.Value) -> ir.Value:
        found = self.builder.load(pointer, align=self.numbers.size, typ=self.memory)
        return found if self.memory == self.vector else self.builder.fpext(found, self.vector)

    def store(self, value: ir.Value, pointer: ir.Value) -> None:
        if self.memory != self.vector:
            native = self.numbers.rounds_natively
            value = self.builder.fptrunc(value, self.memory) if native else self._rounded(value)
        self.builder.store(value, pointer, align=self.numbers.size)

    def _rounded(self, value: ir.Value) -> ir.Value:
        """float32 to bfloat16, to the nearest and of two the even one.

        Where there is no instruction for it, LLVM would call a function of the compiler's library, which is not there.
        """
        b = self.builder
        bits_type = ir.VectorType(ir.IntType(32), CHANNELS_AT_ONCE)

        def same(number: int) -> ir.Constant:
            return ir.Constant(bits_type, [number] * CHANNELS_AT_ONCE)

        bits = b.bitcast(value, bits_type)
        upper = b.lshr(bits, same(16))
        nearest = b.lshr(b.add(b.add(bits, same(0x7FFF)), b.and_(upper, same(1))), same(16))
        # Adding would carry what is not a number over to a number.
        found = b.select(b.fcmp_unordered("uno", value, value), b.or_(upper, same(0x40)), nearest)
        return b.bitcast(b.trunc(found, ir.VectorType(ir.IntType(16), CHANNELS_AT_ONCE)), self.memory)

    def fma(self, factor: float, x: ir.Value, y: ir.Value) -> ir.Value:
        """factor x + y, rounded once where the processor does so in one instruction."""
        return self.builder.call(self._fma, [self.splat(factor), x, y])

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


class _Evaluate(_Writer):
    def __init__(self, module: ir.Module, numbers: _Numbers) -> None:
        super().__init__(module, "evaluate", numbers, [_POINTER] * 3 + [_INDEX] * 6)

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
            even = self.fma(-(other**2), d[2], d[4])
            odd = self.fma(-(other**2), d[1], d[3])
            pairs.append((self.fma(point, odd, even), self.fma(-point, odd, even)))
        (plus_p, minus_p), (plus_q, minus_q) = pairs
        # 3 = p² + q².
        zero, infinity = (self.builder.fadd(self.fma(-3.0, d[first + 2], d[first]), d[first + 4]) for first in (0, 1))
        return [zero, plus_p, minus_p, minus_q, plus_q, infinity]


class _Interpolate(_Writer):
    def __init__(self, module: ir.Module, numbers: _Numbers) -> None:
        super().__init__(module, "interpolate", numbers, [_POINTER] * 4 + [numbers.computed] + [_INDEX] * 6)

    def write(self) -> None:
        b = self.builder
        products, maps, waste, bias, floor, *shape, first, last = self.function.args
        channels = shape[2]
        start = ir.Constant(self.vector, ir.Undefined)
        lowest = b.insert_element(start, floor, ir.Constant(ir.IntType(32), 0))
        same = ir.Constant(ir.VectorType(ir.IntType(32), CHANNELS_AT_ONCE), [0] * CHANNELS_AT_ONCE)
        lowest = b.shuffle_vector(lowest, start, same)
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
            self.fma(-P, even_q, self.fma(Q, even_p, zero)),
            b.fsub(odd_p, odd_q),
            self.fma(P, even_p, b.fmul(self.splat(-Q), even_q)),
            self.fma(-(Q**2), odd_q, self.fma(P**2, odd_p, infinity)),
        ]


def _load(text: str, arguments: Mapping[str, Sequence[Any]]) -> dict[str, _Function]:
    """Compile for this processor. arguments: of each function, as ctypes has them."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=3
    )
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(text), machine)
    engine.finalize_object()
    _engines.append(engine)
    return {
        name: ctypes.CFUNCTYPE(None, *types)(engine.get_function_address(name)) for name, types in arguments.items()
    }


# What was compiled goes with its engine.
_engines: list[Any] = []
