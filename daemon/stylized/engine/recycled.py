"""Memory for large maps that is used again, instead of fresh pages for each of them.

A block this large comes from the system as pages that it has to clear first, and goes back as soon as it is dropped: at
2048 px that took longer than all arithmetic. Kept on the heap, blocks of many sizes would leave holes between each
other. Here a region that a map has left waits for the next map of about its size. No more is held than maps have taken
together at some moment: where a fresh region would be more, others are given back.
"""

from __future__ import annotations

import math
import mmap
import weakref
from collections import deque
from collections.abc import Sequence
from contextlib import suppress

import torch
from torch import Tensor

from stylized.engine.kernel_costs import LEAST_BYTES

# How many times as large a region may be as the map that it is used for.
_MOST_WASTE = 1.125
_HUGE_PAGE = 2 * 2**20


class _Regions:
    """Those that no map is in, the one that was left the longest ago first.

    What a finaliser calls may come in the midst of anything else, so nothing here holds a lock: each step is one of a
    deque, which are atomic.
    """

    def __init__(self) -> None:
        self._free: deque[mmap.mmap] = deque()
        self._held = 0
        """Bytes of all regions, free or not."""
        self._most = 0
        """Bytes that maps have taken together at most."""

    def take(self, size: int) -> memoryview:
        """Give a region of at least so many bytes; it comes back when nothing refers to what is returned."""
        region = self._fitting(size) or self._fresh(size)
        view = memoryview(region)
        weakref.finalize(view, self._free.append, region).atexit = False
        return view

    def clear(self) -> None:
        """Give back to the system what is free."""
        self._give_back(0)
        self._most = 0

    def _fitting(self, size: int) -> mmap.mmap | None:
        fitting = [region for region in list(self._free) if size <= len(region) <= _MOST_WASTE * size]
        for region in sorted(fitting, key=len):
            try:
                self._free.remove(region)
            except ValueError:  # another thread has taken it
                continue
            return region
        return None

    def _fresh(self, size: int) -> mmap.mmap:
        length = -(-size // _HUGE_PAGE) * _HUGE_PAGE
        taken = self._held - sum(map(len, list(self._free))) + length
        self._most = max(self._most, taken)
        self._give_back(self._most - length)
        try:
            region = _new(length)
        except OSError as error:
            raise MemoryError(f"There is no memory for a map of {length} bytes.") from error
        self._held += length
        return region

    def _give_back(self, most: int) -> None:
        """Hold no more than so many bytes, if that much is free."""
        while self._held > most and self._free:
            self._held -= len(self._free.popleft())


def _new(length: int) -> mmap.mmap:
    if not hasattr(mmap, "MAP_PRIVATE"):  # Windows
        return mmap.mmap(-1, length)
    # Shared memory, which Python makes else, has no huge pages.
    region = mmap.mmap(-1, length, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        # A kernel without them refuses, and gives small ones.
        with suppress(OSError):
            region.madvise(mmap.MADV_HUGEPAGE)
    return region


_regions = _Regions()


def empty_maps(shape: Sequence[int], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return maps [1, C, H, W] of any numbers, in channels_last. Raises MemoryError."""
    batch, channels, height, width = shape
    return empty_rows((batch, height, width, channels), dtype, device).permute(0, 3, 1, 2)


def empty_rows(shape: Sequence[int], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return a tensor of any numbers, without gaps. Raises MemoryError."""
    size = math.prod(shape) * dtype.itemsize
    if device.type != "cpu" or size < LEAST_BYTES:
        return torch.empty(*shape, dtype=dtype, device=device)
    return torch.frombuffer(_regions.take(size), dtype=dtype, count=math.prod(shape)).view(*shape)


def forget() -> None:
    """Give back to the system what no map is in: for when a painting is over and all of it is dropped."""
    _regions.clear()
