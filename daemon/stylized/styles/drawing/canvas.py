"""What the three drawings share: the size of the picture, noise, shapes, and the JPEG in which a picture is kept.

Coordinates are in pixels of the finished picture, x to the right and y down, whatever scale a technique works at.
"""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Point = tuple[float, float]

WIDTH, HEIGHT = 880, 660

_BEST_QUALITY, _LEAST_QUALITY = 90, 72
_MAX_BYTES = 290_000


def pixel_grid() -> tuple[Floats, Floats]:
    """Return the x and the y of every pixel, each [HEIGHT, WIDTH]."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float64)
    return x, y


def smooth_noise(rng: np.random.Generator, height: int, width: int, cell: float) -> Floats:
    """Return noise [height, width] in about -1..1 whose blobs are `cell` pixels wide."""
    rows, columns = int(height / cell) + 3, int(width / cell) + 3
    coarse = rng.uniform(-1, 1, (rows, columns)).astype(np.float32)
    image = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(image, dtype=np.float64)


def distance_to_polygon(x: Floats, y: Floats, corners: Floats) -> Floats:
    """Return the distance of the places (x, y) to a closed polygon, corners [N, 2]; negative inside it."""
    nearest = np.full(x.shape, np.inf)
    inside = np.zeros(x.shape, dtype=bool)
    for (ax, ay), (bx, by) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        ex, ey = bx - ax, by - ay
        along = np.clip(((x - ax) * ex + (y - ay) * ey) / (ex * ex + ey * ey + 1e-9), 0, 1)
        nearest = np.minimum(nearest, np.hypot(x - ax - along * ex, y - ay - along * ey))
        if ay != by:
            # A ray to the right crosses this edge: even-odd rule.
            inside ^= ((ay > y) != (by > y)) & (x < ex * (y - ay) / ey + ax)
    return np.where(inside, -nearest, nearest)


def ribbon(line: Floats, half_width: Floats) -> Floats:
    """Return the outline of a stroke along `line` [N, 2] that reaches `half_width` [N] to either side of it."""
    step = np.gradient(line, axis=0)
    normal = np.stack([-step[:, 1], step[:, 0]], axis=1)
    normal /= np.maximum(np.hypot(normal[:, 0], normal[:, 1]), 1e-6)[:, None]
    offset = normal * half_width[:, None]
    return np.concatenate([line + offset, (line - offset)[::-1]])


def corner_list(corners: Floats) -> list[Point]:
    """Return corners [N, 2] in the form in which Pillow takes a polygon."""
    return [(float(x), float(y)) for x, y in corners]


def to_picture(rgb: Floats) -> Image.Image:
    """Return an RGB picture of values [H, W, 3] in 0..255; what lies outside is clipped."""
    return Image.fromarray(np.clip(rgb, 0, 255).astype(np.uint8))


def encode_jpeg(picture: Image.Image) -> bytes:
    """Return `picture`, brought to the common size, as a JPEG of the best quality that is not too large."""
    small = picture.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    for quality in range(_BEST_QUALITY, _LEAST_QUALITY - 1, -2):
        stream = io.BytesIO()
        small.save(stream, format="JPEG", quality=quality, optimize=True)
        if stream.tell() < _MAX_BYTES:
            return stream.getvalue()
    raise ValueError(f"The picture takes more than {_MAX_BYTES} bytes even at quality {_LEAST_QUALITY}.")
