"""Blocks of a picture that are computed one after the other: arithmetic on sides. Free of torch.

A block has a margin, so that its own cells see all that they would see in the whole picture. Blocks begin where the
poolings' windows begin, so that these are the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from stylized.engine.choices import Backbone, Padding, Pooling
from stylized.engine.layers import CONVOLUTIONS, receptive_field


@dataclass(frozen=True)
class Tiling:
    """How a picture is cut.

    side: of a block in pixels, without its margin, about. kept: of how many blocks the way back is kept in memory from
    the first look at them; the others are computed a second time.
    """

    side: int
    kept: int = 0


@dataclass(frozen=True)
class Span:
    """A block along one side of the picture, in pixels: its own from `begin` to `end`, with its margins from
    `outer_begin` to `outer_end`. `last`: it ends where the picture does.
    """

    begin: int
    end: int
    outer_begin: int
    outer_end: int
    last: bool

    @property
    def outer_length(self) -> int:
        """Pixels with margins."""
        return self.outer_end - self.outer_begin

    def cells(self, stride: int) -> slice:
        """The block's own cells of a layer among those of the whole picture."""
        return slice(self.begin // stride, None if self.last else self.end // stride)

    def inner_cells(self, stride: int) -> slice:
        """The same among the cells that the block with its margins has."""
        first = self.outer_begin // stride
        return slice(self.begin // stride - first, None if self.last else self.end // stride - first)


@dataclass(frozen=True)
class Grain:
    """step: blocks begin at multiples of so many pixels. margin: how far a block's cells see beyond it, rounded up."""

    step: int
    margin: int


@lru_cache(maxsize=64)
def grain(taps: frozenset[str], backbone: Backbone, padding: Padding) -> Grain:
    """What the cells of some layers of a network need. KeyError for a name that is not a layer."""
    fields = [receptive_field(tap, backbone) for tap in taps]
    step = max((field.stride for field in fields), default=1)
    first = CONVOLUTIONS[backbone][0]
    # Other paddings than zeros centre the first kernel on the picture's edge, as `network_torch` does it.
    shift = 0 if padding is Padding.ZERO else first.kernel // 2 - first.padding
    reach = max((max(shift - field.start, field.start + field.side - field.stride) for field in fields), default=0)
    return Grain(step, _up(max(reach, 0), step))


@lru_cache(maxsize=256)
def spans(length: int, side: int, grain: Grain) -> tuple[Span, ...]:
    """Cut a side of the picture into blocks of about as many pixels, `side` if it can be divided so."""
    count = max(1, round(length / max(side, grain.step)))
    own = _up(-(-length // count), grain.step)
    begins = list(range(0, length, own))
    # A rest of a few pixels may have no cell of a deep layer.
    if len(begins) > 1 and length - begins[-1] < max(grain.margin, grain.step):
        begins.pop()
    found = []
    for begin, end in zip(begins, [*begins[1:], length], strict=True):
        last = end == length
        outer_end = length if last else min(end + grain.margin, length)
        found.append(Span(begin, end, max(0, begin - grain.margin), outer_end, last))
    return tuple(found)


def signs_suffice(backbone: Backbone, pooling: Pooling) -> bool:
    """Tell whether a network's gradient needs nothing of its maps but their signs (`signs`)."""
    windows = {(layer.pooling.side, layer.pooling.step) for layer in CONVOLUTIONS[backbone] if layer.pooling}
    normalized = any(layer.normalized for layer in CONVOLUTIONS[backbone])
    return pooling is not Pooling.L2 and windows == {(2, 2)} and not normalized


def _up(number: int, step: int) -> int:
    return -(-number // step) * step
