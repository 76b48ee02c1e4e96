"""A fish under a setting sun, laid in tesserae.

The stones follow the lines of the picture, as in a Roman floor: rings about the sun, rows along the waves, outlines
about the fish. They are a Voronoi diagram under a square metric that is turned to the local line, evened out by
Lloyd's method, after A. Hausner, "Simulating Decorative Mosaics" (SIGGRAPH 2001). The `Cartoon` under the mosaic says
what lies where; the rest of the module cuts, colours and lights the stones.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from stylized.styles.drawing.canvas import (
    HEIGHT,
    WIDTH,
    Floats,
    Ints,
    Point,
    distance_to_polygon,
    pixel_grid,
    smooth_noise,
    to_picture,
)

Number = TypeVar("Number", np.float64, np.int64)

# The side of a stone, and the scale at which the stones are cut and lit.
TILE = 10.5
SCALE = 2

HORIZON = 372.0
SUN = (590.0, 372.0)
SUN_RADIUS = 104.0
# The ring of stones about the sun.
HALO_RADIUS = SUN_RADIUS + 10

MORTAR = np.array([62.0, 54.0, 50.0])


class Ground(IntEnum):
    """What a part of the cartoon shows; no stone lies across a border of two of them."""

    SKY = 0
    LONG_RAY = 1
    SHORT_RAY = 2
    SUN = 3
    HALO = 4
    SEA = 5
    BODY = 6
    TAIL = 7
    FIN = 8
    HEAD = 9


class Stone(IntEnum):
    """The kinds of stone: the rows of SHADES."""

    GOLD = 0
    TERRACOTTA = 1
    NIGHT = 2
    AZURE = 3
    DEEP = 4
    TEAL = 5
    CREAM = 6
    BLACK = 7


# [kind, shade, RGB]; no two stones of a quarry are alike.
SHADES = np.array(
    [
        [(226, 172, 58), (240, 196, 92), (206, 146, 38), (250, 222, 138)],
        [(178, 78, 42), (196, 98, 56), (150, 58, 34), (208, 122, 78)],
        [(30, 46, 98), (40, 60, 120), (24, 36, 78), (56, 82, 142)],
        [(70, 116, 168), (94, 142, 186), (56, 98, 152), (126, 168, 198)],
        [(14, 66, 96), (20, 84, 112), (10, 52, 80), (30, 98, 120)],
        [(38, 128, 138), (60, 150, 152), (28, 110, 124), (92, 174, 168)],
        [(238, 226, 196), (226, 210, 176), (246, 238, 216), (214, 198, 164)],
        [(34, 30, 36), (44, 38, 42), (26, 24, 32), (54, 44, 44)],
    ],
    dtype=np.float64,
)
SHADE_SHARES = (0.4, 0.27, 0.23, 0.1)


def draw_mosaic(seed: int = 7) -> Image.Image:
    """Draw the mosaic: a fish in the sea under a setting sun. RGB, twice the common size."""
    rng = np.random.default_rng(seed)
    cartoon = Cartoon()
    stones = _even_out(_first_places(cartoon, rng), cartoon)
    # No hand lays a stone quite in line.
    angles = look_up(cartoon.angle, stones) + rng.normal(0, 0.06, len(stones))
    colours = _colours(cartoon, stones, rng)
    ground = cartoon.ground.repeat(SCALE, axis=0).repeat(SCALE, axis=1)
    owner, first, second = nearest_stones(
        stones * SCALE, angles, look_up(cartoon.ground, stones), ground, reach=12 * SCALE
    )
    face = _faces(ground, owner, (second - first) / 2)
    return _light(stones * SCALE, colours, np.maximum(owner, 0), face, rng)


class Cartoon:
    """The drawing under the mosaic: what lies where, and along which lines the stones are laid. Fields [H, W].

    ground: what the place shows, see Ground. angle: the direction across the rows of stones, in radians.
    radius: the distance to the sun. wave: a height that grows downwards and whose level lines are the waves.
    body, fish: the distance to the fish's body, and to the fish with its tail and fin; negative inside.
    """

    def __init__(self) -> None:
        """Work the whole cartoon out."""
        x, y = pixel_grid()
        body, tail, fin = (distance_to_polygon(x, y, corners) for corners in _fish_outlines())
        self.body = body
        self.fish = np.minimum(np.minimum(body, tail), fin)
        self.radius = np.hypot(x - SUN[0], y - SUN[1])
        self.wave = _waves(x, y)

        sky = y < HORIZON
        self.ground = np.where(sky, _rays(x, y, self.radius), Ground.SEA)
        self.ground[sky & (self.radius < HALO_RADIUS)] = Ground.HALO
        self.ground[sky & (self.radius < SUN_RADIUS)] = Ground.SUN
        self.ground[fin < 0] = Ground.FIN
        self.ground[tail < 0] = Ground.TAIL
        self.ground[body < 0] = Ground.BODY
        self.ground[(body < 0) & (np.hypot(x - 72, y - 520) < 112)] = Ground.HEAD
        self.angle = self._angles(sky)

    def _angles(self, sky: NDArray[np.bool_]) -> Floats:
        """Return the direction across the rows: away from the sun, across the waves, or off the fish's outline."""
        gradient_y, gradient_x = np.gradient(np.where(sky, self.radius, self.wave))
        off_y, off_x = np.gradient(self.fish)
        in_y, in_x = np.gradient(np.where(self.body < 0, self.body, self.fish))
        inside, near = self.fish < 0, self.fish < 26
        across_x = np.where(inside, in_x, np.where(near, off_x, gradient_x))
        across_y = np.where(inside, in_y, np.where(near, off_y, gradient_y))
        return np.arctan2(across_y, across_x)


def _fish_outlines() -> tuple[Floats, Floats, Floats]:
    """Return the polygons of the fish's body, tail and fin."""
    t = np.linspace(0, 1, 60)
    spine_x = 90 + 300 * t
    spine_y = 535 - 34 * np.sin(np.pi * t * 0.9) + 10 * t
    half = 66 * np.sin(np.pi * t**0.72) ** 0.8 + 9 * t
    upper = np.stack([spine_x, spine_y - half], axis=1)
    lower = np.stack([spine_x, spine_y + half], axis=1)
    body = np.concatenate([upper, lower[::-1]])
    spine_end = np.array([spine_x[-1], spine_y[-1]])
    tail = np.array(
        [(-14, -10), (30, -36), (74, -76), (62, -30), (46, 0), (64, 32), (72, 72), (30, 32), (-14, 10)],
        dtype=np.float64,
    )
    fin = np.array([(186, 442), (236, 402), (306, 404), (290, 424), (312, 464), (250, 446)], dtype=np.float64)
    return body, tail + spine_end, fin


def _waves(x: Floats, y: Floats) -> Floats:
    """Return a height that grows downwards and whose level lines are waves, higher towards the viewer."""
    depth = np.clip((y - HORIZON) / (HEIGHT - HORIZON), 0, 1)
    swell = (3 + 11 * depth) * np.sin(x / 62 + 2.4 * depth)
    swell += (1 + 3 * depth) * np.sin(x / 23 + 1.3 - 3.0 * depth)
    return y - HORIZON + swell


def _rays(x: Floats, y: Floats, radius: Floats) -> Ints:
    """Return the grounds of a sky in which long and short rays alternate about the sun."""
    turn = np.arctan2(SUN[1] - y, x - SUN[0]) / np.pi * 15
    index = np.floor(turn).astype(np.int64)
    across = np.abs(turn - index - 0.5) * 2
    long = index % 2 == 0
    reach = np.where(long, 372.0, 250.0)
    width = np.where(long, 0.92, 0.8) * (1 - (radius - HALO_RADIUS) / (reach - HALO_RADIUS))
    on = (across < width) & (radius > HALO_RADIUS)
    return np.where(on, np.where(long, Ground.LONG_RAY, Ground.SHORT_RAY), Ground.SKY)


def _first_places(cartoon: Cartoon, rng: np.random.Generator) -> Floats:
    """Return first places [N, 2] for the stones, in rings about the sun and in rows along the waves."""
    places: list[Point] = []
    for ring in np.arange(TILE / 2, 760, TILE):
        steps = max(6, int(2 * np.pi * ring / TILE))
        for turn in (np.arange(steps) + rng.uniform()) / steps * 2 * np.pi:
            x, y = SUN[0] + ring * np.cos(turn), SUN[1] - ring * np.sin(turn)
            if y < HORIZON - 2:
                places.append((x, y))
    columns = np.arange(TILE / 2, WIDTH, TILE)
    for row in np.arange(TILE / 2, HEIGHT - HORIZON + 60, TILE):
        for x in columns + rng.uniform(0, TILE):
            line = cartoon.wave[int(HORIZON) :, int(np.clip(x, 0, WIDTH - 1))]
            offset = int(np.argmin(np.abs(line - row)))
            if abs(line[offset] - row) < 2:
                places.append((x, HORIZON + offset))
    all_places = np.array(places)
    x, y = all_places.T
    inside = all_places[(x >= 0) & (x < WIDTH) & (y >= 0) & (y < HEIGHT)]
    return inside + rng.normal(0, 0.5, inside.shape)


def _even_out(stones: Floats, cartoon: Cartoon) -> Floats:
    """Return the stones after Lloyd's method: each moves to the middle of what it holds; those crowded out go."""
    x, y = pixel_grid()
    for _ in range(9):
        angles, grounds = look_up(cartoon.angle, stones), look_up(cartoon.ground, stones)
        owner, _, _ = nearest_stones(stones, angles, grounds, cartoon.ground, reach=13)
        held = owner >= 0
        holder = owner[held]
        count = np.bincount(holder, minlength=len(stones))
        sum_x = np.bincount(holder, x[held] + 0.5, len(stones))
        sum_y = np.bincount(holder, y[held] + 0.5, len(stones))
        middle = np.stack([sum_x, sum_y], axis=1) / np.maximum(count, 1)[:, None]
        stones = middle[count > 12]
    return stones


def nearest_stones(
    stones: Floats, angles: Floats, grounds: Ints, ground: Ints, reach: int
) -> tuple[Ints, Floats, Floats]:
    """Find for each pixel of `ground` its stone (-1: none), and the distances to the two nearest stones.

    The metric is near the square (Chebyshev) one, turned by each stone's angle. A stone claims pixels up to `reach`
    away, and only those of its own ground, so that no stone crosses a border.
    """
    height, width = ground.shape
    owner = np.full((height, width), -1, dtype=np.int64)
    first = np.full((height, width), 1e9)
    second = np.full((height, width), 1e9)
    column, row = stones[:, 0].astype(np.int64), stones[:, 1].astype(np.int64)
    cos, sin = np.cos(angles), np.sin(angles)
    indices = np.arange(len(stones))
    # All stones claim at once, each the pixel at the same offset from itself: that is one array operation per offset.
    for offset_y in range(-reach, reach + 1):
        for offset_x in range(-reach, reach + 1):
            x, y = column + offset_x, row + offset_y
            claims = (x >= 0) & (x < width) & (y >= 0) & (y < height)
            claims[claims] = ground[y[claims], x[claims]] == grounds[claims]
            x, y, who = x[claims], y[claims], indices[claims]
            dx, dy = x + 0.5 - stones[who, 0], y + 0.5 - stones[who, 1]
            u = np.abs(dx * cos[who] + dy * sin[who])
            v = np.abs(dy * cos[who] - dx * sin[who])
            distance = np.maximum(u, v) + 0.12 * np.minimum(u, v)
            wins = distance < first[y, x]
            won_x, won_y = x[wins], y[wins]
            second[won_y, won_x] = first[won_y, won_x]
            first[won_y, won_x] = distance[wins]
            owner[won_y, won_x] = who[wins]
            comes_second = ~wins & (distance < second[y, x])
            second[y[comes_second], x[comes_second]] = distance[comes_second]
    return owner, first, second


def look_up(field: NDArray[Number], points: Floats) -> NDArray[Number]:
    """Return the values of `field` [H, W] at `points` [N, 2]."""
    column = np.clip(points[:, 0].astype(int), 0, WIDTH - 1)
    row = np.clip(points[:, 1].astype(int), 0, HEIGHT - 1)
    return field[row, column]


def _colours(cartoon: Cartoon, stones: Floats, rng: np.random.Generator) -> Floats:
    """Choose a colour [N, 3] for each stone, by what it shows."""
    n = len(stones)
    x, y = stones.T
    ground = look_up(cartoon.ground, stones)
    radius, wave = look_up(cartoon.radius, stones), look_up(cartoon.wave, stones)
    body, fish = look_up(cartoon.body, stones), look_up(cartoon.fish, stones)
    chance = rng.uniform(size=n)

    # Sky: night blue far from the sun, azure near it, here and there a star.
    kind = np.where(radius + 70 * rng.normal(size=n) < 300, Stone.AZURE, Stone.NIGHT)
    kind[(ground == Ground.SKY) & (radius > 330) & (chance < 0.035)] = Stone.CREAM
    kind[ground == Ground.LONG_RAY] = Stone.GOLD
    kind[(ground == Ground.SHORT_RAY) | (ground == Ground.HALO)] = Stone.TERRACOTTA
    ring = np.floor(radius / TILE).astype(np.int64)
    sun = ground == Ground.SUN
    kind[sun] = np.where(ring[sun] % 4 == 2, Stone.CREAM, Stone.GOLD)
    kind[sun & (ring == 5)] = Stone.TERRACOTTA

    # Sea: bands from crest to trough, the sun's path on the water, and an outline about the fish.
    sea = ground == Ground.SEA
    band = np.mod(wave, 5 * TILE) / TILE
    bands = np.select([band < 1, band < 2, band < 3.4], [Stone.CREAM, Stone.TEAL, Stone.AZURE], Stone.DEEP)
    kind[sea] = bands[sea]
    kind[sea & (band < 1) & (chance < 0.3)] = Stone.TEAL
    half_path = 66 + 0.32 * (y - HORIZON)
    path = sea & (np.abs(x - SUN[0]) < half_path * rng.uniform(0.35, 1.1, n)) & (band < 3)
    kind[path] = np.where(chance[path] < 0.22, Stone.TERRACOTTA, Stone.GOLD)
    kind[sea & (fish < 21)] = Stone.CREAM
    kind[sea & (fish < 11)] = Stone.BLACK

    # Fish: dark edge, pale belly, bands of scales, red head.
    depth = np.floor(-body / TILE).astype(np.int64)
    stripe = np.floor((x + 0.5 * np.abs(y - 510)) / (2 * TILE)) % 3
    scales = np.select([depth == 0, stripe == 0, stripe == 1], [Stone.BLACK, Stone.CREAM, Stone.TERRACOTTA], Stone.GOLD)
    on_body = ground == Ground.BODY
    kind[on_body] = scales[on_body]
    belly = on_body & (y > 552) & (depth > 0)
    kind[belly] = np.where(chance[belly] < 0.75, Stone.CREAM, Stone.GOLD)
    head = ground == Ground.HEAD
    kind[head] = np.where(depth[head] == 0, Stone.BLACK, Stone.TERRACOTTA)
    fins = (ground == Ground.TAIL) | (ground == Ground.FIN)
    fin_rays = np.mod(y + 0.4 * x, 3 * TILE) < TILE
    kind[fins] = np.where(fin_rays[fins], Stone.GOLD, Stone.TERRACOTTA)
    eye = np.hypot(x - 144, y - 506)
    kind[eye < 23] = Stone.CREAM
    kind[eye < 10] = Stone.BLACK

    rgb = SHADES[kind, rng.choice(len(SHADE_SHARES), size=n, p=SHADE_SHARES)]
    return np.clip(rgb * rng.normal(1, 0.07, (n, 1)) + rng.normal(0, 5, (n, 3)), 0, 255)


def _faces(ground: Ints, owner: Ints, edge: Floats) -> Floats:
    """Return how high the stones stand above the mortar: from 0 in a joint to 1 on a face.

    `edge` is about the distance to the next stone's border; a border of two grounds is a joint as well.
    """
    border = np.zeros(ground.shape, dtype=bool)
    for axis in (0, 1):
        change = ground != np.roll(ground, 1, axis=axis)
        border |= change | np.roll(change, -1, axis=axis)
    border[[0, -1], :] = border[:, [0, -1]] = False
    clear = Image.fromarray((~border * 255).astype(np.uint8)).filter(ImageFilter.MinFilter(3))
    face = np.clip((edge - 0.75) / 1.6, 0, 1) * (np.asarray(clear, dtype=np.float64) / 255)
    face[owner < 0] = 0
    rounded = Image.fromarray((face * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(1.2))
    return np.asarray(rounded, dtype=np.float64) / 255


def _light(stones: Floats, colours: Floats, owner: Ints, face: Floats, rng: np.random.Generator) -> Image.Image:
    """Light the stones from the upper left, each tilted in its own way, and fill the joints with mortar."""
    height, width = face.shape
    slope_y, slope_x = np.gradient(face)
    tilt = rng.normal(0, 1, (len(stones), 2))
    y, x = np.mgrid[0:height, 0:width]
    across = (x - stones[owner, 0]) * tilt[owner, 0] + (y - stones[owner, 1]) * tilt[owner, 1]
    light = 1 + 0.012 * across + 0.62 * (slope_x + slope_y)
    light += 0.05 * smooth_noise(rng, height, width, 5) + 0.03 * rng.normal(size=face.shape)
    # What is brighter than the stone's own colour is a glint of the sky: white.
    glint = np.maximum(light - 1.14, 0)[..., None] * 90
    stone = colours[owner] * light[..., None] + glint
    mortar = MORTAR * (1 + 0.12 * rng.normal(size=face.shape))[..., None]
    cover = np.clip(face * 1.7, 0, 1)[..., None]
    return to_picture(stone * cover + mortar * (1 - cover))
