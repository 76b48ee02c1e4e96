"""The last few paintings as the engine left them, in the worker, so that one of them can be painted on."""

from __future__ import annotations

import mmap
from collections import OrderedDict

import torch
from torch import Tensor

from stylized.engine.job import State
from stylized.service.limits import MOST_STATES

_ALIGNMENT = 64  # bytes: a line of the cache


class KeptStates:
    """States by job id, in main memory, bounded in bytes; those that were used longest ago go first."""

    def __init__(self) -> None:
        self._states: OrderedDict[str, State] = OrderedDict()

    @property
    def job_ids(self) -> tuple[str, ...]:
        """Whose state is kept."""
        return tuple(self._states)

    def keep(self, job_id: str, state: State, max_bytes: int) -> None:
        """Keeps a state, for which older ones give way. One that is too large is kept without what the optimiser knows,
        and not at all if that is still too large.
        """
        if state.size_bytes > max_bytes:
            state = state.without_memory()
        if state.size_bytes > max_bytes:
            return
        self._states[job_id] = state.copied(_Pages(state).hold)
        while len(self._states) > MOST_STATES or self._size_bytes > max_bytes:
            self._states.popitem(last=False)

    def get(self, job_id: str) -> State | None:
        """A job's state, if it is kept."""
        if job_id in self._states:
            self._states.move_to_end(job_id)
        return self._states.get(job_id)

    def clear(self) -> None:
        """Drops all of them."""
        self._states.clear()

    @property
    def _size_bytes(self) -> int:
        return sum(kept.size_bytes for kept in self._states.values())


class _Pages:
    """Main memory for one state's tensors, which goes back to the system with the last of them.

    On the heap, what stays would lie among what a painting needs for a step, and keep the heap from being used again
    and from being given back: the worker grew by a quarter of a mebibyte with each small job.
    """

    def __init__(self, state: State) -> None:
        self._pages = mmap.mmap(-1, sum(_aligned(tensor) for tensor in state.tensors))
        self._used = 0

    def hold(self, tensor: Tensor) -> Tensor:
        """A copy of a tensor of the state."""
        place = torch.frombuffer(self._pages, dtype=tensor.dtype, count=tensor.numel(), offset=self._used)
        self._used += _aligned(tensor)
        return place.view(tensor.shape).copy_(tensor)


def _aligned(tensor: Tensor) -> int:
    """Bytes from the beginning of a tensor to that of the next."""
    return -(-tensor.nbytes // _ALIGNMENT) * _ALIGNMENT
