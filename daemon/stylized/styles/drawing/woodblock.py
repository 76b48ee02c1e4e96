"""A mountain over a rough sea, in the manner of Japanese colour prints.

What makes it look printed: flat inks with hard edges, shaded blocks (bokashi: the ink is wiped off towards one side of
the block), dark key lines that swell as a knife leaves them, and the grain of wood and paper through all of it. It is
printed from the back to the front at three times the size: sky, mist, mountain, four rows of waves, a pine branch.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

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

Colour = tuple[int, int, int]

SCALE = 3

WASHI: Colour = (238, 226, 198)
KEY: Colour = (26, 34, 58)
PRUSSIAN: Colour = (28, 62, 116)
INDIGO: Colour = (18, 38, 84)
SKY_BLUE: Colour = (126, 166, 188)
FOAM: Colour = (244, 236, 216)
ROSE: Colour = (214, 142, 112)
VERMILION: Colour = (198, 72, 48)
PINE: Colour = (46, 84, 66)
DARK_PINE: Colour = (32, 62, 58)
NEEDLE: Colour = (20, 44, 44)
MOSS: Colour = (104, 132, 88)
BARK: Colour = (92, 66, 52)
EARTH: Colour = (206, 190, 150)
RED_EARTH: Colour = (184, 86, 58)
GULLY: Colour = (120, 54, 42)


def draw_woodblock(seed: int = 5) -> Image.Image:
    """Draw the print: a mountain behind a rough sea, a pine branch in front. RGB, twice the common size."""
    rng = np.random.default_rng(seed)
    sheet = Sheet(rng)
    sheet.shade(None, ROSE, HEIGHT * 0.9, 150)
    sheet.shade(None, PRUSSIAN, -10, 150)
    sheet.disc(402, 206, 46, VERMILION)
    for left, right, y, half, fill in (
        (500, 940, 120, 11, WASHI),
        (640, 960, 143, 11, WASHI),
        (330, 430, 228, 7, WASHI),
        (-30, 210, 286, 12, WASHI),
        (40, 330, 310, 12, FOAM),
    ):
        _print_mist(sheet, left, right, y, half, fill)
    _print_mountain(sheet)
    _print_mist(sheet, 420, 560, 384, 8, FOAM)
    _print_mist(sheet, 690, 960, 402, 9, FOAM)
    for base, height, length, shift, size in (
        (446, 16, 118, 20, 0.36),
        (486, 34, 196, -70, 0.56),
        (552, 66, 300, 60, 0.8),
        (664, 104, 430, -150, 1.12),
    ):
        _print_waves(sheet, base, height, length, shift, size)
    _print_pine_branch(sheet)
    for x, y, size in ((470, 176, 11), (496, 164, 9), (520, 154, 8), (486, 190, 7)):
        t = np.linspace(-1, 1, 15)
        wings = np.stack([x + size * t, y - size * 0.6 * np.sqrt(np.abs(np.sin(np.pi * t)))], axis=1)
        sheet.line(wings, 2.0)
    return _press(sheet)


class Sheet:
    """A sheet of paper under print: flat shapes, shaded shapes and key lines go on it, each over what is there."""

    def __init__(self, rng: np.random.Generator) -> None:
        """Take a fresh sheet; `rng` gives whoever prints on it their irregularities."""
        self.rng = rng
        self.picture = Image.new("RGB", (WIDTH * SCALE, HEIGHT * SCALE), WASHI)
        self._draw = ImageDraw.Draw(self.picture)

    def flat(self, corners: Floats, colour: Colour) -> None:
        """Print one flat shape."""
        self._draw.polygon(corner_list(corners * SCALE), fill=colour)

    def shade(self, corners: Floats | None, colour: Colour, full: float, none: float) -> None:
        """Print a shape (None: the whole sheet) whose ink fades from the height `full` to nothing at `none`."""
        mask = Image.new("L", self.picture.size, 255 if corners is None else 0)
        if corners is not None:
            ImageDraw.Draw(mask).polygon(corner_list(corners * SCALE), fill=255)
        y = np.arange(self.picture.height) / SCALE
        fade = np.clip((none - y) / (none - full), 0, 1) ** 1.3
        strength = np.asarray(mask, dtype=np.uint16) * (fade * 255).astype(np.uint16)[:, None] // 255
        self.picture.paste(colour, mask=Image.fromarray(strength.astype(np.uint8)))

    def line(self, points: Floats, width: float, colour: Colour = KEY) -> None:
        """Print a key line that swells in its middle, as a knife leaves it."""
        t = np.linspace(0, 1, len(points))
        swell = 0.55 + 0.55 * np.sin(np.pi * t) ** 0.6 + 0.12 * np.sin(t * 17 + self.rng.uniform(0, 6))
        self.flat(ribbon(points, width * swell / 2), colour)

    def disc(self, x: float, y: float, radius: float, fill: Colour, edge: float = 0.0) -> None:
        """Print a round spot, with a key line about it where `edge` is above 0."""
        box = [(x - radius) * SCALE, (y - radius) * SCALE, (x + radius) * SCALE, (y + radius) * SCALE]
        self._draw.ellipse(box, fill=fill, outline=KEY if edge else None, width=max(1, round(edge * SCALE)))


def _print_mist(sheet: Sheet, left: float, right: float, y: float, half: float, fill: Colour) -> None:
    """Print a flat bank of mist with round ends, as the old prints have it; `half` is half its height."""
    turn = np.linspace(np.pi / 2, 3 * np.pi / 2, 20)
    left_end = np.stack([left + half * np.cos(turn), y + half * np.sin(turn)], axis=1)
    right_end = np.stack([right + half * np.cos(turn + np.pi), y + half * np.sin(turn + np.pi)], axis=1)
    shape = np.concatenate([left_end, right_end])
    sheet.flat(shape, fill)
    sheet.line(np.concatenate([shape, shape[:1]]), 1.3)


def _print_mountain(sheet: Sheet) -> None:
    """Print the mountain: red flanks that fade into green woods, gullies, and a cap of snow."""
    rng = sheet.rng
    x = np.linspace(-20, 900, 230)
    peak, height = 560.0, 250.0
    away = np.abs(x - peak)
    y = 428 - height * np.exp(-np.maximum(away - 20, 0) / 130)
    y += 1.6 * np.sin(x / 7.0) * np.exp(-away / 90)
    skyline = np.stack([x, y], axis=1)
    shape = np.concatenate([skyline, [(900, 470), (-20, 470)]])
    sheet.flat(shape, EARTH)
    sheet.shade(shape, MOSS, 480, 370)
    sheet.shade(shape, RED_EARTH, 190, 420)
    _print_snow(sheet, skyline, peak)
    t = np.linspace(0, 1, 14)
    for top in np.linspace(peak - 150, peak + 160, 24):
        base = float(np.interp(top, x, y))
        lean = (top - peak) * 0.55
        start, length = rng.uniform(70, 105), rng.uniform(40, 80)
        down = base + start + length * t
        if down[-1] < 428:
            sheet.line(np.stack([top + lean * (0.4 + t * 0.5), down], axis=1), 1.5, GULLY)
    for _ in range(480):
        at_x, at_y = rng.uniform(0, WIDTH), rng.uniform(396, 440)
        if at_y > np.interp(at_x, x, y) + 8:
            fir = np.array([(at_x - 3.4, at_y + 5), (at_x, at_y - 5), (at_x + 3.4, at_y + 5)])
            sheet.flat(fir, PINE if rng.uniform() < 0.7 else DARK_PINE)
    sheet.line(skyline, 2.0)


def _print_snow(sheet: Sheet, skyline: Floats, peak: float) -> None:
    """Print the cap of snow, which runs down the gullies in tongues."""
    left, right = peak - 92, peak + 98
    top = skyline[(skyline[:, 0] > left) & (skyline[:, 0] < right)]
    hem: list[Point] = []
    for k, x in enumerate(np.linspace(right, left, 19)):
        base = float(np.interp(x, skyline[:, 0], skyline[:, 1]))
        inner = 1 - abs(x - peak) / 100
        # Every other place is the end of a tongue; between them the snow ends higher.
        depth = (14 + 58 * inner * sheet.rng.uniform(0.7, 1.2)) if k % 2 else 8 + 20 * inner
        hem.append((x + (x - peak) * 0.12 * (k % 2), base + depth * max(inner, 0.1) ** 0.3))
    edge = np.array(hem)
    sheet.flat(np.concatenate([top, edge]), FOAM)
    place = np.linspace(0, len(edge) - 1, 120)
    sheet.line(np.stack([np.interp(place, range(len(edge)), edge[:, k]) for k in (0, 1)], axis=1), 1.3)


def _print_waves(sheet: Sheet, base: float, height: float, length: float, shift: float, size: float) -> None:
    """Print one row of waves across the picture: striped bodies, pointed crests, clawed foam.

    `base` is the y of the troughs, `height` and `length` those of a wave, `size` how large its details are.
    """
    turn = np.linspace(-2 * np.pi, 2 * np.pi * (WIDTH / length + 2), 900)
    sway = 1 + 0.3 * np.sin(turn / 5.3 + shift)
    lift = (0.5 - 0.5 * np.cos(turn)) ** 1.25
    # A trochoid, pushed forward so that its crests nearly topple.
    x = shift + length / (2 * np.pi) * (turn - 0.92 * np.sin(turn) + 0.55 * np.cos(turn))
    y = base - height * sway * lift
    stripes: tuple[tuple[float, Colour], ...] = (
        (0, PRUSSIAN),
        (17, SKY_BLUE),
        (25, PRUSSIAN),
        (42, FOAM),
        (47, INDIGO),
        (66, SKY_BLUE),
        (76, PRUSSIAN),
        (98, SKY_BLUE),
        (106, INDIGO),
    )
    for depth, colour in stripes:
        drop = depth * size
        edge = np.stack([x - 0.25 * drop, y + drop + 0.10 * drop * np.cos(turn)], axis=1)
        sheet.flat(np.concatenate([edge, [(WIDTH + 300, HEIGHT + 300), (-300, HEIGHT + 300)]]), colour)
        sheet.line(edge, 1.1 * size + 0.4)
    front = np.sin(turn) > -0.25
    foamy = np.flatnonzero((lift > np.where(front, 0.22, 0.62)) & (x > -60) & (x < WIDTH + 60))
    crest = np.stack([x, y], axis=1)
    _print_foam(sheet, crest[foamy], lift[foamy], size)
    clawed = foamy[front[foamy] & (lift[foamy] > 0.3)]
    _print_claws(sheet, crest[clawed], lift[clawed], size)
    _print_spray(sheet, crest[foamy], lift[foamy], size)


def _print_foam(sheet: Sheet, crest: Floats, lift: Floats, size: float) -> None:
    """Print knobs of foam along the places `crest`, larger where the wave is higher, `lift` in 0..1."""
    rng = sheet.rng
    knobs: list[tuple[float, float, float]] = []
    last: Point = (-1e3, -1e3)
    for (x, y), high in zip(crest, lift, strict=True):
        radius = size * (2.6 + 6.4 * high) * rng.uniform(0.75, 1.15)
        if np.hypot(x - last[0], y - last[1]) < 0.62 * radius:
            continue
        last = (x, y)
        for deep in (0.2, 1.3):
            knobs.append((x + rng.normal(0, 0.15 * radius), y + deep * radius * rng.uniform(0.7, 1.2), radius))
    # All outlines first: the white that follows leaves them only at the rim of the whole mass.
    for x, y, radius in knobs:
        sheet.disc(x, y, radius, FOAM, 1.1 + 0.3 * size)
    for x, y, radius in knobs:
        sheet.disc(x, y + 0.1 * radius, radius * 0.82, FOAM)
    for x, y, radius in knobs:
        if rng.uniform() < 0.35:
            turn = np.linspace(0.2, 2.4, 10) + rng.uniform(0, 1.2)
            curl = np.stack([x + 0.6 * radius * np.cos(turn), y + 0.6 * radius * np.sin(turn)], axis=1)
            sheet.line(curl, 1.2 * size + 0.3, SKY_BLUE)


def _print_claws(sheet: Sheet, crest: Floats, lift: Floats, size: float) -> None:
    """Print the hooked claws of foam that fall over the front of the crests, which is their left."""
    rng = sheet.rng
    t = np.linspace(0, 1, 14)
    for (x, y), high in zip(crest[::9], lift[::9], strict=True):
        for _ in range(2):
            reach = size * rng.uniform(13, 24) * (0.5 + 0.6 * high)
            turn = np.pi * rng.uniform(0.95, 1.2) - rng.uniform(2.0, 2.9) * t
            spine = np.stack([np.cumsum(np.cos(turn)), np.cumsum(np.sin(turn))], axis=1) * reach / 14
            spine += np.array([x - 2 * size, y + size * rng.uniform(2, 14)])
            half = (1 - t) ** 0.8 * size * 3.4
            side = np.stack([-np.sin(turn), np.cos(turn)], axis=1) * half[:, None]
            sheet.flat(np.concatenate([spine + side, (spine - side)[::-1]]), FOAM)
            sheet.line(spine + side, 1.3 * size + 0.3)
            sheet.line(spine - side, 1.3 * size + 0.3)


def _print_spray(sheet: Sheet, crest: Floats, lift: Floats, size: float) -> None:
    """Print drops that the highest crests throw up."""
    rng = sheet.rng
    for _ in range(int(34 * size)):
        at = int(rng.integers(len(crest)))
        if lift[at] > 0.6:
            x = crest[at, 0] + rng.normal(10, 18) * size
            y = crest[at, 1] - abs(rng.normal(0, 20)) * size
            sheet.disc(x, y, rng.uniform(0.8, 2.2) * size, FOAM, 0.5)


def _print_pine_branch(sheet: Sheet) -> None:
    """Print a pine branch that hangs into the picture from the upper left, with fans of needles."""
    rng = sheet.rng
    t = np.linspace(0, 1, 60)
    spine = np.stack([-20 + 350 * t, 66 + 62 * t - 34 * np.sin(np.pi * t * 1.2) + 7 * np.sin(t * 14)], axis=1)
    half = 15 * (1 - t) + 2.2
    down = np.stack([0 * t, half], axis=1)
    under, over = spine + down, spine - down
    sheet.flat(np.concatenate([over, under[::-1]]), BARK)
    sheet.line(over, 1.8)
    sheet.line(under, 2.4)
    arc = np.linspace(-1, 1, 9)
    for k in range(3, 52, 3):
        sheet.line(np.stack([spine[k, 0] + 3 * (1 - arc**2), spine[k, 1] + arc * half[k] * 0.7], axis=1), 1.2)
    for x, y, radius in (
        (12, 34, 50),
        (64, 84, 46),
        (96, 24, 48),
        (150, 92, 44),
        (178, 36, 44),
        (222, 108, 42),
        (232, 58, 38),
        (282, 134, 38),
        (304, 96, 32),
        (332, 150, 28),
        (30, 128, 40),
        (118, 132, 34),
    ):
        turn = np.linspace(np.pi * 1.04, np.pi * 1.96, 40)
        rim = 1 + 0.07 * np.abs(np.sin(turn * 9))
        bow = np.stack([x + radius * rim * np.cos(turn), y + 14 + radius * 0.72 * rim * np.sin(turn)], axis=1)
        fan = np.concatenate([bow, [(x + radius * 0.5, y + 17), (x - radius * 0.5, y + 17)]])
        sheet.flat(fan, MOSS)
        sheet.shade(fan, PINE, y - radius * 0.5, y + 16)
        out = np.linspace(0.15, 1, 8)
        for angle in np.linspace(np.pi * 1.05, np.pi * 1.95, 19):
            reach = radius * rng.uniform(0.9, 1.12)
            needle = np.stack([x + reach * out * np.cos(angle), y + 14 + reach * 0.72 * out * np.sin(angle)], axis=1)
            sheet.line(needle, 1.3, NEEDLE)


def _press(sheet: Sheet) -> Image.Image:
    """Return the finished print: the block's grain and the paper's fibres show through the ink."""
    picture = sheet.picture.resize((WIDTH * 2, HEIGHT * 2), Image.Resampling.LANCZOS)
    rgb = np.asarray(picture, dtype=np.float64)
    height, width = rgb.shape[:2]
    rng = sheet.rng
    # The grain runs along the picture; each pixel reads its streak from a row that a slow noise bends.
    bend = smooth_noise(rng, height, width, 420) * 60 + np.arange(height)[:, None]
    streaks = smooth_noise(rng, height * 2, 24, 3)[:, 6]
    grain = streaks[np.clip(bend + 80, 0, height * 2 - 1).astype(int)]
    dark = 1 - rgb.mean(axis=2) / 255
    ink = 1 + (0.14 * grain + 0.06 * smooth_noise(rng, height, width, 5)) * dark
    paper = 1 + 0.018 * smooth_noise(rng, height, width, 4) + 0.02 * smooth_noise(rng, height, width, 200)
    return to_picture(rgb * (ink * paper)[..., None])
