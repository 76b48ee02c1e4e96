"""Hills, a village and a tree in pen and sepia ink.

Tone is made by hatching alone: strokes run along the scene's field of directions, and dark places get further layers
that cross the first; compare M. Salisbury et al., "Orientable Textures for Image-Based Pen-and-Ink Illustration"
(SIGGRAPH 1997). Leaves are scribbled loops, outlines are several short, shaky strokes, as a hand draws them.
`ink_scene` says what stands where.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from stylized.styles.drawing.canvas import (
    HEIGHT,
    WIDTH,
    Floats,
    Point,
    corner_list,
    ribbon,
    smooth_noise,
    to_picture,
)
from stylized.styles.drawing.ink_scene import InkScene, Thing

SCALE = 3

SEPIA = np.array([46.0, 32.0, 22.0])
PAPER = np.array([240.0, 229.0, 205.0])
# Paper is yellower where it is darker.
PAPER_GRAIN = np.array([1.0, 1.05, 1.25])


def draw_ink(seed: int = 11) -> Image.Image:
    """Draw the landscape in pen and ink. RGB, twice the common size."""
    rng = np.random.default_rng(seed)
    scene, pen = InkScene(rng), Pen(rng)
    _hatch(pen, scene, turn=0.0, floor=0.13, gap=4.2, width=0.85)
    _hatch(pen, scene, turn=0.55, floor=0.36, gap=4.2, width=0.85)
    _hatch(pen, scene, turn=-0.6, floor=0.56, gap=3.8, width=0.95)
    _hatch(pen, scene, turn=1.25, floor=0.74, gap=3.4, width=1.1)
    _scribble_leaves(pen, scene)
    _draw_ridges(pen, scene)
    for contour in scene.contours:
        pen.contour(contour.points, contour.width)
    _draw_grass(pen, scene)
    for x, y, size in ((372, 122, 11), (398, 108, 8), (424, 126, 7), (352, 98, 6), (446, 92, 6)):
        t = np.linspace(-1, 1, 13)
        wings = np.stack([x + size * t, y - size * 0.7 * np.sqrt(np.abs(np.sin(np.pi * t)))], axis=1)
        pen.stroke(wings, 1.5, 0.7)
    return _soak(pen)


class Pen:
    """A pen that draws strokes of changing width, and the sheet that it draws on: grey, 255 where there is most ink."""

    def __init__(self, rng: np.random.Generator) -> None:
        """Take a fresh sheet; `rng` gives the hand its irregularities."""
        self.rng = rng
        self.sheet = Image.new("L", (WIDTH * SCALE, HEIGHT * SCALE), 0)
        self._draw = ImageDraw.Draw(self.sheet)

    def stroke(self, points: Floats, width: float, taper: float = 0.75) -> None:
        """Draw a line through `points` [N, 2] that gets thinner towards its ends by the share `taper`."""
        if len(points) < 2:
            return
        t = np.linspace(0, 1, len(points))
        press = (1 - taper) + taper * np.sin(np.pi * np.clip(t * 0.86 + 0.1, 0, 1)) ** 0.7
        press *= 1 + 0.12 * np.sin(t * 9 + self.rng.uniform(0, 6))
        half = np.maximum(width * press, 0.35) * SCALE / 2
        shade = int(self.rng.uniform(205, 255))
        self._draw.polygon(corner_list(ribbon(points * SCALE, half)), fill=shade)

    def contour(self, points: Floats, width: float) -> None:
        """Draw an outline through `points` [N, 2] by hand: overlapping, slightly shaky strokes."""
        steps = np.hypot(*np.diff(points, axis=0).T)
        along = np.concatenate([[0.0], np.cumsum(steps)])
        place = np.arange(0, along[-1], 2.5)
        fine = np.stack([np.interp(place, along, points[:, k]) for k in (0, 1)], axis=1)
        start = 0
        while start < len(fine) - 2:
            end = start + int(self.rng.integers(14, 44))
            part = fine[start:end]
            shake = np.cumsum(self.rng.normal(0, 0.14, part.shape), axis=0)
            self.stroke(part + shake - shake.mean(axis=0), width * self.rng.uniform(0.8, 1.25), 0.55)
            start = end - int(self.rng.integers(1, 5))


def _shaken_grid(rng: np.random.Generator, gap: float) -> Floats:
    """Return places [N, 2] all over the picture, one in each cell of `gap` pixels."""
    x, y = np.meshgrid(np.arange(0, WIDTH, gap), np.arange(0, HEIGHT, gap))
    return np.stack([x.ravel(), y.ravel()], axis=1) + rng.uniform(0, gap, (x.size, 2))


def _hatch(pen: Pen, scene: InkScene, turn: float, floor: float, gap: float, width: float) -> None:
    """Draw one layer of hatching wherever the tone is above `floor`.

    Strokes start on a shaken grid of `gap` pixels, follow the scene's directions turned by `turn`, and stop where the
    tone falls, where another thing begins, or where they would crowd a stroke of the same layer.
    """
    rng = pen.rng
    starts = _shaken_grid(rng, gap)
    rng.shuffle(starts)
    crowded = np.zeros((HEIGHT, WIDTH), dtype=bool)
    radius = max(1, int(gap * 0.5))
    for x, y in starts.tolist():
        if x >= WIDTH or y >= HEIGHT:
            continue
        row, column = int(y), int(x)
        thing, tone = scene.thing[row, column], scene.tone[row, column]
        if thing == Thing.CROWN or crowded[row, column]:
            continue
        least = floor + rng.normal(0, 0.045)
        if tone < least:
            continue
        reach = rng.uniform(12, 40) * (1.6 if thing in (Thing.SKY, Thing.WATER) else 1.0)
        bend = turn + rng.normal(0, 0.05)
        forth, back = (
            list(_trace(scene, crowded, (x, y), least * 0.85, bend, sign * 2.0, int(reach / 2))) for sign in (1, -1)
        )
        points = np.array(back[::-1] + forth[1:])
        if len(points) < 3:
            continue
        pen.stroke(points, width * (0.55 + 0.9 * tone))
        for px, py in points[::2]:
            row, column = int(py), int(px)
            crowded[max(0, row - radius) : row + radius + 1, max(0, column - radius) : column + radius + 1] = True


def _trace(
    scene: InkScene,
    crowded: NDArray[np.bool_],
    start: Point,
    least: float,
    bend: float,
    step: float,
    count: int,
) -> Iterator[Point]:
    """Follow the scene's directions, turned by `bend`, from `start`: yield up to `count` places, `step` apart.

    The trace ends at the picture's edge, where another thing begins, where the tone is below `least`, or where it is
    crowded.
    """
    x, y = start
    thing = scene.thing[int(y), int(x)]
    for _ in range(count):
        if not (0 <= x < WIDTH and 0 <= y < HEIGHT):
            return
        row, column = int(y), int(x)
        if scene.thing[row, column] != thing or scene.tone[row, column] < least or crowded[row, column]:
            return
        yield x, y
        angle = scene.angle[row, column] + bend
        x, y = x + step * np.cos(angle), y + step * np.sin(angle)


def _scribble_leaves(pen: Pen, scene: InkScene) -> None:
    """Fill the crowns of trees with small looping scribbles, denser in the dark."""
    rng = pen.rng
    t = np.linspace(0, 1, 13)
    for x, y in _shaken_grid(rng, 4.4):
        if x >= WIDTH or y >= HEIGHT or scene.thing[int(y), int(x)] != Thing.CROWN:
            continue
        tone = scene.tone[int(y), int(x)]
        if rng.uniform() > 0.12 + 1.15 * tone:
            continue
        size, lean = rng.uniform(2.6, 5.0), scene.angle[int(y), int(x)] + rng.normal(0, 0.5)
        loops = rng.uniform(1.2, 2.2) * 2 * np.pi
        u = size * (2.2 * t - 1.1) + size * 0.75 * np.cos(loops * t)
        v = size * 0.8 * np.sin(loops * t)
        scribble = np.stack([u * np.cos(lean) - v * np.sin(lean), u * np.sin(lean) + v * np.cos(lean)], axis=1)
        pen.stroke(np.array([x, y]) + scribble, 0.55 + 1.15 * tone, 0.5)


def _draw_ridges(pen: Pen, scene: InkScene) -> None:
    """Draw the upper edges of the hills, where nothing stands before them."""
    x = np.arange(0, WIDTH, 2)
    for heights, thing, width in scene.ridges:
        y = heights[x]
        just_below = np.minimum(y.astype(int) + 3, HEIGHT - 1)
        in_sight = scene.thing[just_below, x] == thing
        line = np.stack([x.astype(np.float64), y], axis=1)
        breaks = np.flatnonzero(np.diff(in_sight)) + 1
        for start, end in pairwise([0, *breaks.tolist(), len(x)]):
            if in_sight[start] and end - start > 3:
                pen.contour(line[start:end], width)


def _draw_grass(pen: Pen, scene: InkScene) -> None:
    """Draw tufts of grass on the near ground, larger towards the viewer."""
    rng = pen.rng
    t = np.linspace(0, 1, 9)
    for _ in range(520):
        x, y = rng.uniform(0, WIDTH), rng.uniform(500, HEIGHT + 10)
        row, column = min(int(y), HEIGHT - 1), int(x)
        if scene.thing[row, column] != Thing.NEAR_GROUND or scene.tone[row, column] < 0.3:
            continue
        size = 5 + 20 * (y - 500) / 160
        for _ in range(int(rng.integers(3, 8))):
            lean, height = rng.normal(0.1, 0.45), size * rng.uniform(0.6, 1.3)
            root = x + rng.normal(0, size * 0.3)
            blade = np.stack([root + lean * height * t**2, y - height * t], axis=1)
            pen.stroke(blade, 0.7 + 0.05 * size, 0.8)


def _soak(pen: Pen) -> Image.Image:
    """Return the finished drawing: the ink sinks into the paper, softens a little, and its strength wanders."""
    soft = pen.sheet.filter(ImageFilter.GaussianBlur(0.8))
    cover = np.asarray(soft.resize((WIDTH * 2, HEIGHT * 2), Image.Resampling.LANCZOS), dtype=np.float64) / 255
    height, width = cover.shape
    cover *= 0.93 + 0.07 * smooth_noise(pen.rng, height, width, 40)
    cover = cover[..., None]
    grain = 1.4 * smooth_noise(pen.rng, height, width, 3) + 3.5 * smooth_noise(pen.rng, height, width, 130)
    paper = PAPER + grain[..., None] * PAPER_GRAIN
    return to_picture(paper * (1 - cover) + SEPIA * cover)
