"""Devices that run ahead of the host, played on a CPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

from stylized.engine.lane import Arrival
from stylized.engine.network import Network
from stylized.engine.recorder import Recorder

# What tells the host a number that only the device knows, or makes a size of one.
_WAITING = {
    "aten::_local_scalar_dense",
    "aten::is_nonzero",
    "aten::nonzero",
    "aten::masked_select",
    "aten::equal",
    "aten::_unique2",
    "aten::unique_dim",
    "aten::bincount",
    "aten::repeat_interleave",
    "aten::_linalg_check_errors",
}


def waits(func: Any, args: Any, kwargs: Any) -> str | None:
    """Why an operation would wait if its tensors were on a GPU, or None.

    lift_fresh: a tensor made of the host's numbers, which would be copied to the device. Tensors of two devices in one
    operation: one of them is copied. A mask as an index: its size is only known when it has been counted.
    """
    name = func._schema.name
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
    if name in _WAITING:
        return f"{name} reads the device"
    if name == "aten::lift_fresh":
        return "a tensor is made of numbers of the host"
    if len({tensor.device for tensor in tensors}) > 1:
        return f"{name} brings a tensor of the host to the device"
    if name in ("aten::_to_copy", "aten::copy_") and kwargs.get("device", tensors[0].device) != tensors[0].device:
        return f"{name} copies between devices"
    if name in ("aten::index", "aten::index_put", "aten::index_put_", "aten::_index_put_impl_"):
        indices = [index for index in args[1] if index is not None]
        if any(index.dtype in (torch.bool, torch.uint8) for index in indices):
            return f"{name} counts a mask"
    return None


class NothingWaits(TorchDispatchMode):
    """Inside, whatever would make the host wait for a GPU raises AssertionError."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        reason = waits(func, args, kwargs or {})
        assert reason is None, reason
        return func(*args, **(kwargs or {}))


class _Tape(TorchDispatchMode):
    """Operations as they are done, each with the very tensors that it read and wrote."""

    def __init__(self) -> None:
        super().__init__()
        self._done: list[tuple[Any, Any, Any, list[Tensor]]] = []
        self._before: dict[int, tuple[torch.UntypedStorage, torch.UntypedStorage]] = {}
        self._made: dict[int, torch.UntypedStorage] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        reason = waits(func, args, kwargs)
        if reason:
            raise RuntimeError(f"CUDA error: operation not permitted when stream is capturing: {reason}")
        written = [
            value
            for argument, value in (*zip(func._schema.arguments, args, strict=False), *self._named(func, kwargs))
            if argument.alias_info and argument.alias_info.is_write and isinstance(value, Tensor)
        ]
        for tensor in written:
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in self._made:
                self._before.setdefault(storage.data_ptr(), (storage, storage.clone()))
        if func._schema.name in ("aten::squeeze_", "aten::unsqueeze_"):  # only how the tensor is looked at
            return func(*args, **kwargs)
        read = {leaf.untyped_storage().data_ptr() for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)}
        found = func(*args, **kwargs)
        results = [leaf for leaf in tree_leaves(found) if isinstance(leaf, Tensor)]
        # As they are now: the tensors themselves may later be looked at in other ways.
        args, kwargs = tree_map_only(Tensor, Tensor.detach, (args, kwargs))
        results = [result.detach() for result in results]
        if written:
            self._done.append((func, args, kwargs, []))
        elif not any(result.untyped_storage().data_ptr() in read for result in results):  # else a view
            self._done.append((func, args, kwargs, results))
            self._made.update((result.untyped_storage().data_ptr(), result.untyped_storage()) for result in results)
        return found

    def undo(self) -> None:
        """As if nothing had been done; what was allocated holds rubbish."""
        for storage, before in self._before.values():
            storage.copy_(before)
        for storage in self._made.values():
            torch.empty(0, dtype=torch.uint8).set_(storage).fill_(0xFF)  # NaN in every type of float

    @torch.no_grad()
    def play(self) -> None:
        for func, args, kwargs, results in self._done:
            found = [leaf for leaf in tree_leaves(func(*args, **kwargs)) if isinstance(leaf, Tensor)]
            for result, value in zip(results, found, strict=False):
                result.copy_(value)

    def holds(self, tensor: Tensor) -> bool:
        """Tell whether a tensor lies in memory that was allocated here."""
        return tensor.untyped_storage().data_ptr() in self._made

    def _named(self, func: Any, kwargs: Any) -> Iterator[tuple[Any, Any]]:
        return ((argument, kwargs[argument.name]) for argument in func._schema.arguments if argument.name in kwargs)


class TapeRecorder:
    """A recorder as CUDA graphs are one: it does nothing when it records, refuses what waits, and each repetition
    reads and writes the same memory."""

    def __init__(self) -> None:
        self.recordings = 0
        self.repetitions = 0
        self._tapes: list[_Tape] = []

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        tape = _Tape()
        with tape:
            work()
        tape.undo()
        self.recordings += 1
        self._tapes.append(tape)

        def again() -> None:
            self.repetitions += 1
            tape.play()

        return again

    def holds(self, tensor: Tensor) -> bool:
        """Tell whether a tensor lies in the memory of a recording, which goes when the recording goes."""
        return any(tape.holds(tensor) for tape in self._tapes)


class _Sent:
    def __init__(self, values: Tensor) -> None:
        self._values = values

    def ready(self) -> bool:
        return True

    def wait(self) -> Tensor:
        # A meta tensor has no numbers; what stands for them is a walk that gets on.
        return torch.tensor([1.0, 0.0]) if self._values.is_meta else self._values


class AheadLane:
    """Beside a device that runs ahead. recorder: of its work; None: it has none."""

    ahead = True

    def __init__(self, recorder: Recorder | None = None) -> None:
        self.recorder = recorder
        self.paced = 0

    def fetch(self, values: Tensor) -> Arrival:
        """A copy of them as they are now, as a stream makes it."""
        return _Sent(values.clone())

    def pace(self) -> None:
        self.paced += 1

    @contextmanager
    def tuned(self) -> Iterator[None]:
        yield


def use_lane(monkeypatch: pytest.MonkeyPatch, lane: AheadLane) -> None:
    """Have paintings paint beside it."""

    def lane_of(network: Network) -> AheadLane:
        return lane

    monkeypatch.setattr("stylized.engine.course.lane_of", lane_of)
