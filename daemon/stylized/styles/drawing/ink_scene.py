"""The landscape that `ink` draws: hills, a lake, a village and a great tree, as fields that a pen can follow.

A pen drawing has neither colours nor greys. What the pen needs to know of a place is what stands there (strokes stop
where another thing begins), how dark it is (how many layers of strokes cross there), and which way the strokes run.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from stylized.styles.drawing.canvas import (
    HEIGHT,
    WIDTH,
    Floats,
    Point,
    distance_to_polygon,
    pixel_grid,
    smooth_noise,
)


class Thing(IntEnum):
    """What stands at a place."""

    SKY = 0
    FAR_HILLS = 1
    MIDDLE_HILLS = 2
    NEAR_GROUND = 3
    WATER = 4
    TRUNK = 5
    LIT_WALL = 6
    SHADED_WALL = 7
    ROOF = 8
    CROWN = 9
    OPENING = 10


class Ridge(NamedTuple):
    """The upper edge of hills: its y for every column, whose edge it is, and how thick a line it gets."""

    heights: Floats
    thing: Thing
    width: float


class Contour(NamedTuple):
    """An outline to draw: places [N, 2] and the width of its line."""

    points: Floats
    width: float


class Wave(NamedTuple):
    """One sine of a hill line."""

    size: float
    length: float
    shift: float


class Crown(NamedTuple):
    """A ball of leaves."""

    x: float
    y: float
    radius: float


BUSHES = (
    Crown(455, 428, 17),
    Crown(438, 436, 13),
    Crown(690, 430, 15),
    Crown(842, 436, 22),
    Crown(868, 430, 20),
    Crown(820, 444, 13),
    Crown(400, 440, 12),
    Crown(330, 432, 18),
    Crown(308, 438, 14),
    Crown(356, 440, 11),
)

GREAT_TREE = (
    Crown(150, 150, 92),
    Crown(70, 200, 76),
    Crown(232, 192, 74),
    Crown(40, 120, 70),
    Crown(120, 70, 74),
    Crown(214, 96, 76),
    Crown(288, 148, 52),
    Crown(20, 258, 48),
    Crown(286, 232, 42),
    Crown(84, 264, 50),
    Crown(252, 252, 34),
)

# From the left root up, round two forks, down to the right root, and back along the ground.
TRUNK: Sequence[Point] = (
    *((98, 640), (134, 600), (142, 520), (132, 440), (112, 350), (80, 280), (94, 270), (128, 324), (146, 372)),
    *((150, 300), (146, 220), (162, 218), (170, 300), (172, 350), (204, 290), (236, 250), (246, 260), (214, 312)),
    *((186, 380), (180, 440), (184, 520), (196, 596), (246, 640), (190, 624), (160, 632), (130, 628)),
)
# How many of its last corners lie on the ground, where grass hides the trunk's edge.
TRUNK_FOOT = 3

UPRIGHT = 1.5
STEEP = 1.25
ROOF_SLOPE = 1.05


class InkScene:
    """The landscape as fields [HEIGHT, WIDTH], and the outlines to draw over them.

    thing: what stands there, see Thing. tone: how dark it is, 0 to about 1. angle: the way strokes run, in radians.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        """Compose the scene."""
        x, y = pixel_grid()
        column = np.arange(WIDTH, dtype=np.float64)
        far = _hill_line(column, 268, Wave(34, 96, 0.6), Wave(15, 41, 2.0), Wave(5, 17, 0.3))
        middle = _hill_line(column, 352, Wave(26, 150, 2.6), Wave(9, 58, 1.0), Wave(3, 19, 0.0))
        near = _hill_line(column, 540, Wave(34, 210, 2.4), Wave(8, 71, 0.7)) - 0.06 * (column - 440)
        self.ridges = (
            Ridge(far, Thing.FAR_HILLS, 1.1),
            Ridge(middle, Thing.MIDDLE_HILLS, 1.4),
            Ridge(near, Thing.NEAR_GROUND, 1.8),
        )
        self.contours: list[Contour] = []
        self.tone = np.zeros((HEIGHT, WIDTH))
        self.angle = np.zeros((HEIGHT, WIDTH))
        self.thing = np.full((HEIGHT, WIDTH), Thing.SKY, dtype=np.int64)
        self.thing[y > far] = Thing.FAR_HILLS
        self.thing[y > middle] = Thing.MIDDLE_HILLS
        shore = 452 + 14 * np.sin(x / 90) + 5 * np.sin(x / 31 + 1)
        self.thing[(y > shore) & (x > 250 + (y - 452) * 0.4)] = Thing.WATER
        self.thing[y > near] = Thing.NEAR_GROUND

        noise = smooth_noise(rng, HEIGHT, WIDTH, 60) + 0.5 * smooth_noise(rng, HEIGHT, WIDTH, 26)
        self._shade_sky(rng, y)
        self._shade_hills(x, y, far, middle, noise)
        self._shade_water(x, y)
        self._shade_near_ground(x, y, near, noise)
        self._build_village()
        self._grow_trunk(x, y, noise)
        self._grow_crowns(rng, x, y)

    def _shade(self, where: NDArray[np.bool_], tone: Floats, angle: Floats) -> None:
        """Set the tone and the direction of the strokes at some places, from fields of the whole picture."""
        self.tone[where], self.angle[where] = tone[where], angle[where]

    def _shade_sky(self, rng: np.random.Generator, y: Floats) -> None:
        """Shade the sky: drifting clouds, paler towards the hills."""
        cloud = smooth_noise(rng, HEIGHT, WIDTH, 130) + 0.5 * smooth_noise(rng, HEIGHT, WIDTH, 58)
        cloud += 0.35 * smooth_noise(rng, HEIGHT, WIDTH, 24)
        tone = np.clip(0.30 - 0.0008 * y + 0.26 * cloud, 0, 0.47)
        self._shade(self.thing == Thing.SKY, tone, 0.05 + 0.16 * cloud)

    def _shade_hills(self, x: Floats, y: Floats, far: Floats, middle: Floats, noise: Floats) -> None:
        """Shade the hills from their slopes: gullies run down the far ones, folds along the middle ones."""
        slope, below = _slope(far), y - far
        gullies = 0.2 * np.sin(x / 23 + below / 34 + 2.2 * noise)
        tone = np.clip(0.36 + 0.5 * slope + gullies - 0.0022 * below, 0.02, 0.62)
        self._shade(self.thing == Thing.FAR_HILLS, tone, slope * 0.7 + 0.85 + 0.5 * gullies)

        slope, below = _slope(middle), y - middle
        folds = np.sin(below / 21 + 2 * noise + x / 60)
        tone = np.clip(0.26 + 0.8 * slope + 0.2 * folds, 0.0, 0.62)
        self._shade(self.thing == Thing.MIDDLE_HILLS, tone, slope + 0.25 * folds - 0.25)

    def _shade_water(self, x: Floats, y: Floats) -> None:
        """Shade the lake: ripples, and a glare in its middle."""
        ripple = np.sin(y / 7 + np.sin(x / 37) * 1.2) * 0.16
        glare = 0.3 * np.exp(-(((x - 520) / 110) ** 2))
        tone = np.clip(0.36 + ripple - glare + 0.0012 * (x - 440), 0, 0.75)
        self._shade(self.thing == Thing.WATER, tone, 0.05 * np.sin(x / 26))

    def _shade_near_ground(self, x: Floats, y: Floats, near: Floats, noise: Floats) -> None:
        """Shade the meadow in front, with a pale path that winds down to the lower left."""
        path_x = 520 - 260 * np.clip((y - 520) / 140, 0, 1) ** 0.8
        path = np.abs(x - path_x) < 12 + 0.5 * (y - 520)
        tone = np.clip(np.where(path, 0.10, 0.52 + 0.22 * noise) + 0.001 * (y - 560), 0, 0.9)
        self._shade(self.thing == Thing.NEAR_GROUND, tone, _slope(near) + 0.4 * noise - 0.1)

    def _build_village(self) -> None:
        """Build the church and the houses on the far shore, those behind first."""
        self._build_house(470, 428, 62, 30, 20)
        self._build_house(700, 424, 74, 34, 22)
        self._build_church()
        self._build_house(622, 436, 86, 42, 28)
        self._build_house(535, 440, 70, 32, 22)
        self._build_house(764, 440, 66, 30, 22)

    def _build_church(self) -> None:
        """Build the tower and its spire, each with a lit and a shaded side."""
        self._build_face([(590, 432), (590, 296), (612, 296), (612, 432)], Thing.LIT_WALL, 0.06)
        self._build_face([(612, 432), (612, 296), (632, 300), (632, 432)], Thing.SHADED_WALL, 0.62)
        self._build_face([(586, 298), (608, 204), (612, 298)], Thing.LIT_WALL, 0.2, STEEP)
        self._build_face([(608, 204), (612, 298), (637, 302)], Thing.ROOF, 0.82, STEEP)
        self._build_window(597, 605, 318, 342, 0.95)

    def _build_house(self, left: float, ground: float, width: float, height: float, roof: float) -> None:
        """Build a house with a lit gable at its left and a shaded side, with two windows, at its right."""
        gable, top, right = width * 0.42, ground - height, left + width
        corner, side = left + gable, width - gable
        ridge_left, ridge_right = (left + gable / 2, top - roof), (right - gable * 0.25, top - roof)
        shaded = [(corner, ground), (corner, top), (right, top), (right, ground)]
        self._build_face(shaded, Thing.SHADED_WALL, 0.55)
        self._build_face([ridge_left, ridge_right, (right + 3, top), (corner, top)], Thing.ROOF, 0.68, ROOF_SLOPE)
        lit = [(left, ground), (left, top), ridge_left, (corner, top), (corner, ground)]
        self._build_face(lit, Thing.LIT_WALL, 0.07)
        self._build_window(left + gable * 0.36, left + gable * 0.64, top + height * 0.2, top + height * 0.55, 0.95)
        for k in range(2):
            window = corner + side * (0.2 + 0.42 * k)
            self._build_window(window, window + side * 0.17, top + height * 0.3, top + height * 0.68, 0.97)

    def _build_window(self, left: float, right: float, top: float, bottom: float, tone: float) -> None:
        """Add a dark opening over a wall."""
        corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
        self._build_face(corners, Thing.OPENING, tone)

    def _build_face(self, corners: Sequence[Point], thing: Thing, tone: float, angle: float = UPRIGHT) -> None:
        """Add one flat, outlined face of a building over what is there."""
        mask = Image.new("1", (WIDTH, HEIGHT))
        ImageDraw.Draw(mask).polygon(corners, fill=1)
        # Pillow 10.4 and 11.0 (11.3 no more) paint a pixel beyond the corner of some polygons. It would matter: with a
        # stroke more or less here, the hand draws all later ones differently.
        here = np.asarray(mask) & (np.arange(WIDTH) <= max(x for x, _ in corners))
        self.thing[here], self.tone[here], self.angle[here] = thing, tone, angle
        self.contours.append(Contour(np.array([*corners, corners[0]], dtype=np.float64), 1.5))

    def _grow_trunk(self, x: Floats, y: Floats, noise: Floats) -> None:
        """Add the trunk of the great tree at the left, lit from its left."""
        corners = np.array(TRUNK, dtype=np.float64)
        inside = distance_to_polygon(x, y, corners) < 0
        middle = 158 + 12 * np.sin(y / 90)
        self.thing[inside] = Thing.TRUNK
        tone = np.clip(0.5 + (x - middle) * 0.011 + 0.12 * noise, 0.12, 0.97)
        self._shade(inside, tone, 1.45 + 0.25 * np.sin(y / 34 + x / 30))
        self.contours.append(Contour(corners[:-TRUNK_FOOT], 2.4))

    def _grow_crowns(self, rng: np.random.Generator, x: Floats, y: Floats) -> None:
        """Add the leaves of the bushes and of the great tree: ragged balls, darker below, with gaps in large ones."""
        ragged = 0.16 * smooth_noise(rng, HEIGHT, WIDTH, 16) + 0.12 * smooth_noise(rng, HEIGHT, WIDTH, 7)
        gaps = smooth_noise(rng, HEIGHT, WIDTH, 22)
        for crown in (*BUSHES, *GREAT_TREE):
            dx, dy = x - crown.x, y - crown.y
            away = np.hypot(dx, dy * 1.12) / crown.radius + ragged
            leafy = (away < 1) & ((gaps < 0.62) | (crown.radius < 30))
            shadow = (dx * 0.6 + dy * 0.8) / crown.radius
            self.thing[leafy] = Thing.CROWN
            tone = np.clip(0.42 + 0.46 * shadow + 0.18 * gaps, 0.08, 0.98)
            self._shade(leafy, tone, np.arctan2(dy, dx) + np.pi / 2)


def _hill_line(column: Floats, base: float, *waves: Wave) -> Floats:
    """Return the y of a line of hills for every column: `base` plus the waves."""
    return base + sum((wave.size * np.sin(column / wave.length + wave.shift) for wave in waves), np.zeros(column.shape))


def _slope(heights: Floats) -> Floats:
    """Return the direction of a hill line at its column, in radians, as a field of the whole picture."""
    return np.broadcast_to(np.arctan(np.gradient(heights)), (HEIGHT, WIDTH))
