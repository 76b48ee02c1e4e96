"""What was measured of styles and photos, kept from one painting to the next: a style is the same in picture after
picture, and a photo is painted again and again until somebody likes it.

Promise: a painting with kept measurements is the same, to the bit, as one that measures anew.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

from torch import Tensor

from stylized.engine.choices import MaskPropagation, Padding, Pooling
from stylized.engine.losses.statistics import Moments
from stylized.engine.network import Network
from stylized.engine.pages import Pages

Found = TypeVar("Found", Moments, Tensor)

_LEAST_MAPPED_BYTES = 64 * 2**10


@dataclass(frozen=True)
class Measured(Generic[Found]):
    """All that a measurement of one layer's maps depends on.

    picture: names the pixels at their working size, and which of their cells count. measure: what of the maps is kept.
    block: side of the blocks in which it was looked at, which rounding depends on; None: as a whole.
    """

    network: Network
    picture: Hashable
    layer: str
    measure: Callable[[Tensor, Tensor | None], Found]
    pooling: Pooling
    padding: Padding
    pooling_scale: float
    propagation: MaskPropagation
    block: int | None = None


class Measurements:
    """Findings by what they were measured of, bounded in bytes; those that were asked for the longest ago go first.

    They stay on the device where they were measured. A Gram matrix of 512 channels is 1 MiB; a photo's maps of relu4_2
    at 512 x 384 pixels are 6 MiB. Not for several threads.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._found: OrderedDict[Hashable, Moments | Tensor] = OrderedDict()
        self._bytes = 0

    def get(self, key: Measured[Found]) -> Found | None:
        """Return what was measured, if it is kept."""
        found = self._found.get(key)
        if found is not None:
            self._found.move_to_end(key)
        return cast("Found | None", found)

    def keep(self, key: Measured[Found], found: Found) -> None:
        """Keep what was measured, for which older findings give way; nobody may change it from now on.

        What would take more than half the room is not kept: a large photo should not drive out all styles.
        """
        if key in self._found or _size_bytes(found) > self._max_bytes / 2:
            return
        self._found[key] = _apart(found)
        self._bytes += _size_bytes(found)
        while self._bytes > self._max_bytes:
            _, oldest = self._found.popitem(last=False)
            self._bytes -= _size_bytes(oldest)

    def clear(self) -> None:
        """Drop all of them."""
        self._found.clear()
        self._bytes = 0


def _apart(found: Moments | Tensor) -> Moments | Tensor:
    """A copy in memory of its own, if it is large enough to be worth a mapping and on a CPU."""
    if _size_bytes(found) < _LEAST_MAPPED_BYTES:
        return found
    tensors = (found.cells, found.mean, found.second) if isinstance(found, Moments) else (found,)
    if any(tensor.device.type != "cpu" for tensor in tensors):
        return found
    hold = Pages(tensors).hold
    return Moments(*map(hold, tensors)) if isinstance(found, Moments) else hold(found)


def _size_bytes(found: Moments | Tensor) -> int:
    return found.size_bytes if isinstance(found, Moments) else found.untyped_storage().nbytes()
