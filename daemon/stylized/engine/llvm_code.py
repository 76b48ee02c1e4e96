"""Small loops over numbers, compiled for this processor by LLVM when they are first asked for.

What torch has no operation for would be several of them, each a pass over memory. Here a loop is written down in LLVM's
intermediate representation: numbers are read once, calculated with in registers, for as many side by side as a register
holds, and written once.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import llvmlite.binding as llvm
import torch
from llvmlite import ir

from stylized.engine.kernel_costs import CHANNELS_AT_ONCE

Function = Callable[..., None]
INDEX = ir.IntType(64)
POINTER = ir.PointerType()


def processor_has(*features: str) -> bool:
    """Tell whether this processor has one of these instructions, by LLVM's names for them."""
    known = llvm.get_host_cpu_features()
    return any(known.get(name) for name in features)


def rounds_bfloat() -> bool:
    """Tell whether this processor has an instruction that rounds to bfloat16."""
    return processor_has("avx512bf16", "bf16")


class BFloat(ir.Type):
    """LLVM's bfloat, which llvmlite has no name for."""

    def _to_string(self) -> str:
        return "bfloat"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BFloat)

    def __hash__(self) -> int:
        return hash("bfloat")


class Numbers(NamedTuple):
    """How numbers lie in memory, their bytes, how they are calculated with, and whether one instruction rounds them."""

    stored: ir.Type
    size: int
    computed: ir.Type
    rounds_natively: bool = True


NUMBERS = {
    torch.float32: Numbers(ir.FloatType(), 4, ir.FloatType()),
    torch.bfloat16: Numbers(BFloat(), 2, ir.FloatType()),
    torch.float64: Numbers(ir.DoubleType(), 8, ir.DoubleType()),
}


class Writer:
    """A function in LLVM's intermediate representation."""

    def __init__(self, module: ir.Module, name: str, numbers: Numbers, arguments: Sequence[ir.Type]) -> None:
        self.numbers = numbers
        self.vector = ir.VectorType(numbers.computed, CHANNELS_AT_ONCE)
        self.memory = ir.VectorType(numbers.stored, CHANNELS_AT_ONCE)
        self.function = ir.Function(module, ir.FunctionType(ir.VoidType(), arguments), name)
        # llvmlite's annotations would have each instruction be None.
        self.builder: Any = ir.IRBuilder(self.function.append_basic_block())
        name = f"llvm.fmuladd.v{CHANNELS_AT_ONCE}f{'64' if numbers.size == 8 else '32'}"
        self._fma = self.intrinsic(name, [self.vector] * 3)

    def intrinsic(self, name: str, arguments: Sequence[ir.Type]) -> ir.Function:
        """One of LLVM's own functions, that gives a vector."""
        module = self.function.module
        return module.globals.get(name) or ir.Function(module, ir.FunctionType(self.vector, arguments), name)

    def index(self, value: int) -> ir.Constant:
        return ir.Constant(INDEX, value)

    def constant(self, value: float) -> ir.Constant:
        """A vector of one number."""
        return ir.Constant(self.vector, [value] * CHANNELS_AT_ONCE)

    def splat(self, value: ir.Value) -> ir.Value:
        """A vector of one number that is known only when it runs."""
        undefined = ir.Constant(self.vector, ir.Undefined)
        alone = self.builder.insert_element(undefined, value, ir.Constant(ir.IntType(32), 0))
        same = ir.Constant(ir.VectorType(ir.IntType(32), CHANNELS_AT_ONCE), [0] * CHANNELS_AT_ONCE)
        return self.builder.shuffle_vector(alone, undefined, same)

    @contextmanager
    def loop(self, first: ir.Value, last: ir.Value, step: int = 1) -> Iterator[ir.Value]:
        """Run what is written inside for first, first + step and so on up to last; at least once."""
        b = self.builder
        before, body, after = b.block, b.append_basic_block(), b.append_basic_block()
        b.branch(body)
        b.position_at_end(body)
        counter = b.phi(INDEX)
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

    def fma(self, x: ir.Value, y: ir.Value, z: ir.Value) -> ir.Value:
        """x y + z of vectors, rounded once where the processor does so in one instruction."""
        return self.builder.call(self._fma, [x, y, z])


def load(text: str, arguments: Mapping[str, Sequence[Any]]) -> dict[str, Function]:
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
