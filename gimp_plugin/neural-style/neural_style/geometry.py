"""Rectangles: what part of a layer is painted, how much is sent, and where the painting goes.

All of it in whole pixels of the layer, whose upper left corner is (0, 0).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

MIN_SIDE = 16
"""Least sides of a picture that the network can look at: its fifth block sees a sixteenth of each."""
CONTEXT = 1 / 8
"""What is painted around a selection on each side, in parts of its longer side: about the reach of the largest strokes,
so that the texture at its edge is one of a picture that goes on."""


@dataclass(frozen=True)
class Rect:
    """A rectangle of pixels, not empty."""

    x: int
    y: int
    width: int
    height: int

    @property
    def right(self) -> int:
        return self.x + self.width

    @property
    def bottom(self) -> int:
        return self.y + self.height

    @property
    def long_side(self) -> int:
        return max(self.width, self.height)

    def grown(self, margin: int) -> Rect:
        """This rectangle with a margin on all sides."""
        return Rect(self.x - margin, self.y - margin, self.width + 2 * margin, self.height + 2 * margin)

    def clipped(self, other: Rect) -> Rect:
        """What is common to both, which must meet."""
        x, y = max(self.x, other.x), max(self.y, other.y)
        return Rect(x, y, min(self.right, other.right) - x, min(self.bottom, other.bottom) - y)

    def widened(self, least: int) -> Rect:
        """This rectangle about its middle with both sides at least this long."""
        width, height = max(self.width, least), max(self.height, least)
        return Rect(self.x - (width - self.width) // 2, self.y - (height - self.height) // 2, width, height)

    def bands(self, lines: int) -> Iterator[Rect]:
        """This rectangle in pieces of at most so many lines, from the top."""
        for y in range(self.y, self.bottom, lines):
            yield Rect(self.x, y, self.width, min(lines, self.bottom - y))

    def aligned(self, step: int) -> Rect:
        """The smallest rectangle around this one whose edges are multiples of `step`."""
        x, y = self.x // step * step, self.y // step * step
        return Rect(x, y, -(-(self.right - x) // step) * step, -(-(self.bottom - y) // step) * step)


@dataclass(frozen=True)
class Framing:
    """How a part of a layer is painted.

    target: what the user wants painted. region: what is sent, around it; may reach beyond the layer, whose edge pixels
    are then repeated. halvings: how often the region is halved before it is sent, because the painting will be smaller.
    """

    target: Rect
    region: Rect
    halvings: int

    @property
    def sent(self) -> Rect:
        """The region in halved coordinates."""
        step = 2**self.halvings
        return Rect(self.region.x // step, self.region.y // step, self.region.width // step, self.region.height // step)

    def long_side(self, size: int) -> int:
        """Long side of the region's painting in which the target has a long side of `size` pixels."""
        return round(size * self.region.long_side / self.target.long_side)


def framing(target: Rect, layer: Rect, size: int) -> Framing:
    """How to paint `target`, a part of `layer`, at a long side of `size` pixels.

    The context around the target ends at the layer. What is too narrow for the network even then, as a layer of one
    pixel or of 10,000 x 10, is widened beyond the layer.
    """
    region = target.grown(max(MIN_SIDE, round(target.long_side * CONTEXT))).clipped(layer) if target != layer else layer
    # After scaling the long side to `size` the short one needs MIN_SIDE pixels; one more, since scaling rounds.
    least = -(-region.long_side * (MIN_SIDE + 1) // size) if region.long_side > size else MIN_SIDE
    region = region.widened(max(MIN_SIDE, least))
    # By the target, whose painting has `size` pixels; that of the region is larger by the context.
    halvings = 0
    while target.long_side >= 2 ** (halvings + 1) * size:
        halvings += 1
    return Framing(target, region.aligned(2**halvings), halvings)
