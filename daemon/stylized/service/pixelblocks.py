"""Pixels in shared memory: made and removed by the front end, filled or read by the worker.

The front end makes every block, also those that the worker fills, so a killed worker leaves nothing behind. If the
front end itself is killed, Python's resource tracker, a process of its own that both share, removes them.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from dataclasses import dataclass
from multiprocessing.shared_memory import SharedMemory

import numpy as np
from numpy.typing import NDArray

from neuralstyle.v1.reasons import Reason
from stylized.service.errors import ServiceError


@dataclass(frozen=True)
class BlockName:
    """How the other process finds a block."""

    name: str
    shape: tuple[int, ...]
    dtype: str


class PixelBlock:
    """An array in shared memory. Close it in both processes; the one that made it also removes it."""

    def __init__(self, memory: SharedMemory, name: BlockName, *, owner: bool) -> None:
        self._memory = memory
        self._owner = owner
        self.name = name

    @classmethod
    def make(cls, shape: tuple[int, ...], dtype: str) -> PixelBlock:
        """A new block of undefined content. Raises ServiceError OUT_OF_MEMORY if there is no shared memory left."""
        size = max(1, math.prod(shape) * np.dtype(dtype).itemsize)
        try:
            memory = SharedMemory(create=True, size=size)
        except OSError as error:
            raise _no_room(size) from error
        try:
            _reserve(memory, size)
        except OSError as error:
            memory.close()
            memory.unlink()
            raise _no_room(size) from error
        return cls(memory, BlockName(memory.name, shape, dtype), owner=True)

    @classmethod
    def holding(cls, array: NDArray[np.generic]) -> PixelBlock:
        """A new block with a copy of `array`."""
        block = cls.make(array.shape, array.dtype.str)
        block.array[...] = array
        return block

    @classmethod
    def open(cls, name: BlockName) -> PixelBlock:
        """The block that the other process made."""
        return cls(SharedMemory(name=name.name), name, owner=False)

    @property
    def array(self) -> NDArray[np.generic]:
        """The samples. Do not keep a view beyond `close`."""
        return np.ndarray(self.name.shape, self.name.dtype, buffer=self._memory.buf)

    def close(self) -> None:
        """Ends the use here; frees the memory if it was made here."""
        self._memory.close()
        if self._owner:
            self._memory.unlink()


def _reserve(memory: SharedMemory, size: int) -> None:
    """Takes the pages now: where /dev/shm is small (64 MB in a container), writing to a block that was only promised
    ends the process with SIGBUS."""
    descriptor = getattr(memory, "_fd", -1)  # absent on Windows, where creating the block commits it
    if descriptor >= 0 and hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)


def _no_room(size: int) -> ServiceError:
    return ServiceError(
        Reason.OUT_OF_MEMORY,
        f"The shared memory of this machine (/dev/shm) has no room for {size / 2**20:.0f} MiB; use a smaller picture or"
        " enlarge it.",
    )


def close_all(blocks: Iterable[PixelBlock]) -> None:
    """Closes every block."""
    for block in blocks:
        block.close()
