"""What style pictures measured, kept from one painting to the next: a style is the same in picture after picture.

Promise: a painting with kept measurements is the same, to the bit, as one that measures anew.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from torch import Tensor

from stylized.engine.choices import MaskPropagation, Padding, Pooling
from stylized.engine.losses.statistics import Moments
from stylized.engine.network import Network


@dataclass(frozen=True)
class Measured:
    """All that the moments of one layer's maps depend on.

    picture: names the pixels at their working size, and which of their cells count. measure: the kind of moments.
    block: side of the blocks in which it was looked at, which rounding depends on; None: as a whole.
    """

    network: Network
    picture: Hashable
    layer: str
    measure: Callable[[Tensor, Tensor | None], Moments]
    pooling: Pooling
    padding: Padding
    pooling_scale: float
    propagation: MaskPropagation
    block: int | None = None


class Measurements:
    """Moments by what they were measured of, bounded in bytes; those that were asked for the longest ago go first.

    They stay on the device where they were measured: a Gram matrix of 512 channels is 1 MiB. Not for several threads.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._moments: OrderedDict[Measured, Moments] = OrderedDict()
        self._bytes = 0

    def get(self, key: Measured) -> Moments | None:
        """Return what was measured, if it is kept."""
        found = self._moments.get(key)
        if found is not None:
            self._moments.move_to_end(key)
        return found

    def keep(self, key: Measured, moments: Moments) -> None:
        """Keep what was measured, for which older ones give way. Nobody may change it from now on."""
        if key in self._moments:
            return
        self._moments[key] = moments
        self._bytes += moments.size_bytes
        while self._bytes > self._max_bytes:
            _, oldest = self._moments.popitem(last=False)
            self._bytes -= oldest.size_bytes

    def clear(self) -> None:
        """Drop all of them."""
        self._moments.clear()
        self._bytes = 0
