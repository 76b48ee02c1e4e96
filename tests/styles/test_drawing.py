"""Promises of the drawing code: it makes the pictures that are committed, and the same ones every time."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from stylized.styles import builtin_styles
from stylized.styles.drawing import DRAWINGS
from stylized.styles.drawing.canvas import HEIGHT, WIDTH, distance_to_polygon, encode_jpeg, ribbon, smooth_noise


def _pixels(jpeg: bytes) -> NDArray[np.float64]:
    return np.asarray(Image.open(io.BytesIO(jpeg)), dtype=np.float64)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the command has drawn into, once for all tests: it takes about ten seconds."""
    folder = tmp_path_factory.mktemp("drawing") / "made" / "by the command"
    done = subprocess.run(
        [sys.executable, "-m", "stylized.styles.drawing", str(folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [str(folder / f"{name}.jpg") for name in DRAWINGS]
    return folder


def test_every_style_of_our_own_is_drawn() -> None:
    assert list(DRAWINGS) == [
        name for name, style in builtin_styles().items() if style.source.startswith("Drawn by stylized.styles.drawing.")
    ]


@pytest.mark.parametrize("name", DRAWINGS)
def test_the_drawing_reproduces_the_committed_picture(name: str, folder: Path) -> None:
    drawn, committed = _pixels((folder / f"{name}.jpg").read_bytes()), _pixels(builtin_styles()[name].read())
    assert drawn.shape == committed.shape == (HEIGHT, WIDTH, 3)
    # 0 with the libraries that drew it; 0.01 with NumPy 1.26 and Pillow 10.4. One stroke too many early in the ink
    # drawing, and all later ones fall differently: 24.
    assert np.abs(drawn - committed).mean() < 1.5


def test_drawing_again_gives_the_same_bytes(folder: Path) -> None:
    # The quickest of the three. It runs in another process than the fixture's: nothing hangs on hash seeds or ids.
    assert encode_jpeg(DRAWINGS["woodblock"]()) == (folder / "woodblock.jpg").read_bytes()


def test_distance_to_a_square_is_signed_and_euclidean() -> None:
    square = np.array([(0, 0), (10, 0), (10, 10), (0, 10)], dtype=np.float64)
    x = np.array([5.0, 5.0, -3.0, 13.0, 5.0])
    y = np.array([5.0, 9.0, 5.0, 14.0, 10.0])
    assert distance_to_polygon(x, y, square) == pytest.approx([-5.0, -1.0, 3.0, 5.0, 0.0], abs=1e-6)


def test_a_ribbon_reaches_its_half_width_to_either_side() -> None:
    line = np.array([(0, 0), (1, 0), (2, 0)], dtype=np.float64)
    outline = ribbon(line, np.array([1.0, 2.0, 3.0]))
    assert outline.tolist() == [[0, 1], [1, 2], [2, 3], [2, -3], [1, -2], [0, -1]]


def test_smooth_noise_is_smooth_and_fills_the_size() -> None:
    noise = smooth_noise(np.random.default_rng(1), height=400, width=800, cell=40)
    assert noise.shape == (400, 800)
    assert noise.std() > 0.2
    assert np.abs(np.diff(noise, axis=1)).max() < 4 / 40


def test_a_picture_that_cannot_be_kept_small_is_refused() -> None:
    # Noise does not compress: fail loudly rather than ship a large file.
    noise = np.random.default_rng(2).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    with pytest.raises(ValueError, match="bytes even at quality"):
        encode_jpeg(Image.fromarray(noise))
