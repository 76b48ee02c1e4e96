"""Main memory that is not on the heap: for what stays when a painting is over, and for what goes at once."""

from __future__ import annotations

import math
import mmap
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

_ALIGNMENT = 64  # bytes: a line of the cache


class Pages:
    """Main memory of its own for some tensors, which goes back to the system with the last of them.

    On the heap, what stays would lie among what a painting needs for a step, and keep the heap from being used again
    and from being given back: the worker grew by a quarter of a mebibyte with each small job.
    """

    def __init__(self, tensors: Iterable[Tensor]) -> None:
        """Make room for copies of these, which have no gaps between their numbers."""
        self._pages = mmap.mmap(-1, sum(map(_aligned, tensors)))
        self._used = 0

    def hold(self, tensor: Tensor) -> Tensor:
        """Return a copy of one of them, whose numbers are in the same order: sums of them give the same bits."""
        place = torch.frombuffer(self._pages, dtype=tensor.dtype, count=tensor.numel(), offset=self._used)
        self._used += _aligned(tensor)
        return place.as_strided(tensor.shape, tensor.stride()).copy_(tensor)


def room(shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    """Return a tensor of zeros that leaves no hole in the heap when it is dropped."""
    pages = mmap.mmap(-1, math.prod(shape) * dtype.itemsize)
    return torch.frombuffer(pages, dtype=dtype).view(*shape)


def _aligned(tensor: Tensor) -> int:
    """Bytes from the beginning of a tensor to that of the next."""
    return -(-tensor.nbytes // _ALIGNMENT) * _ALIGNMENT
