"""Draws the plug-in's icon: `python gimp_plugin/icon.py`, or `make icon`.

A framed sky of swirling strokes, and the brush that paints it. GIMP shows it at 16 to 24 pixels in its menus and its
search, at 48 in lists; so there are few shapes, strong colours, and an outline that holds on light and dark grounds.
"""

from __future__ import annotations

import math
from pathlib import Path

from PIL import Image, ImageDraw

SIDE = 64
"""Of the file: GIMP scales it down."""
FINER = 16
"""Each pixel is the mean of so many by so many."""
FILE = Path(__file__).resolve().parent / "neural-style" / "icons" / "neural-style.png"

OUTLINE = "#3a2407"
GOLD = "#e3ad43"
GOLD_SHADOW = "#a8731c"
NIGHT = "#173a80"
SKY = ("#2c67bd", "#5b9be0", "#a9d3f5", "#3d7fd1")
HILL = "#12294f"
SUN = "#ffd84d"
SUN_CORE = "#fff3bd"
PAINT = "#d9f0ff"
HANDLE = "#b5372c"
HANDLE_LIGHT = "#e0604f"
FERRULE = "#e8b45a"

Point = tuple[float, float]


class Drawing:
    """A square of SIDE units, drawn FINER times larger."""

    def __init__(self) -> None:
        self.image = Image.new("RGBA", (SIDE * FINER, SIDE * FINER))
        self._draw = ImageDraw.Draw(self.image)

    def box(self, left: float, top: float, right: float, bottom: float, radius: float, color: str) -> None:
        corners = [side * FINER for side in (left, top, right, bottom)]
        self._draw.rounded_rectangle(corners, radius * FINER, fill=color)

    def disc(self, center: Point, radius: float, color: str) -> None:
        x, y = center
        self._draw.ellipse([side * FINER for side in (x - radius, y - radius, x + radius, y + radius)], fill=color)

    def stroke(self, points: list[Point], width: float, color: str) -> None:
        """A line with round ends and joints."""
        self._draw.line([(x * FINER, y * FINER) for x, y in points], fill=color, width=round(width * FINER))
        for point in points:
            self.disc(point, width / 2, color)

    def polygon(self, points: list[Point], color: str) -> None:
        self._draw.polygon([(x * FINER, y * FINER) for x, y in points], fill=color)


def arc(center: Point, radius: float, start: float, end: float) -> list[Point]:
    """Points of a circle between two angles in degrees, clockwise from the right."""
    steps = max(2, round(abs(end - start) / 6))
    angles = (math.radians(start + (end - start) * step / steps) for step in range(steps + 1))
    return [(center[0] + radius * math.cos(angle), center[1] + radius * math.sin(angle)) for angle in angles]


def sky() -> Image.Image:
    """What is in the frame."""
    drawing = Drawing()
    drawing.box(0, 0, SIDE, SIDE, 0, NIGHT)
    sun = (21.5, 25.5)
    # Strokes on rings around the sun: each ring is turned against the last, so that they swirl.
    for ring in range(1, 9):
        radius = 5.6 + 4.6 * ring
        strokes = 3 + ring
        for place in range(strokes):
            start = 360 / strokes * place + 37 * ring
            drawing.stroke(arc(sun, radius, start, start + 300 / strokes), 2.9, SKY[(place + ring) % len(SKY)])
    drawing.disc(sun, 7.4, SUN)
    drawing.stroke(arc(sun, 4.4, 200, 420), 2.0, SUN_CORE)
    drawing.polygon([(0, 53), (12, 48), (24, 50), (38, 54), (64, 46), (64, 64), (0, 64)], HILL)
    return drawing.image


def icon() -> Image.Image:
    """The whole, SIDE pixels wide."""
    drawing = Drawing()
    drawing.box(2, 6, 56, 61, 4, OUTLINE)
    drawing.box(3.5, 7.5, 54.5, 59.5, 3, GOLD)
    drawing.box(8, 12, 50, 55, 1.5, GOLD_SHADOW)
    left, top, right, bottom = (round(side * FINER) for side in (9.5, 13.5, 48.5, 53.5))
    drawing.image.paste(sky().crop((left, top, right, bottom)), (left, top))
    brush(drawing)
    return drawing.image.resize((SIDE, SIDE), Image.Resampling.BOX)


def brush(drawing: Drawing) -> None:
    """From the upper right corner to the middle of the picture."""
    top, neck, tip = (59.0, 5.0), (44.0, 26.5), (34.0, 41.5)
    for grown, handle, ferrule, hair in ((2.6, OUTLINE, OUTLINE, OUTLINE), (0.0, HANDLE, FERRULE, PAINT)):
        drawing.polygon(hairs(neck, tip, grown), hair)
        drawing.stroke([top, neck], 5.4 + grown, handle)
        drawing.stroke([between(top, neck, 0.72), neck], 6.8 + grown, ferrule)
    drawing.stroke([between(top, neck, 0.02), between(top, neck, 0.62)], 1.6, HANDLE_LIGHT)


def hairs(neck: Point, tip: Point, grown: float) -> list[Point]:
    """A drop from the neck to the tip, wider by `grown`."""
    along = math.atan2(tip[1] - neck[1], tip[0] - neck[0])
    length = math.dist(neck, tip) + grown
    points: list[Point] = []
    for side, shares in ((1, range(0, 21)), (-1, range(20, -1, -1))):
        for share in shares:
            part = share / 20
            half = (3.4 + 2.6 * math.sin(math.pi * min(1.0, part * 1.5))) * (1 - part**3) + grown / 2
            half *= 1.0 if part < 0.97 else 0.4
            x, y = neck[0] + length * part * math.cos(along), neck[1] + length * part * math.sin(along)
            points.append((x - side * half * math.sin(along), y + side * half * math.cos(along)))
    return points


def between(start: Point, end: Point, part: float) -> Point:
    """A point on the way."""
    return (start[0] + (end[0] - start[0]) * part, start[1] + (end[1] - start[1]) * part)


if __name__ == "__main__":
    FILE.parent.mkdir(exist_ok=True)
    icon().save(FILE, optimize=True)
