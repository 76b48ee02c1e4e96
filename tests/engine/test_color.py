"""Keeping the photo's colours: against YIQ in float64, at the edges of what a screen can show, and for grays."""

from __future__ import annotations

import colorsys

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from stylized.engine.color import keep_colors

from .samples import noise, plain, shapes

# NTSC's matrix, as it is in textbooks: rows Y, I, Q.
YIQ = np.array([[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]])

SATURATED = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [0, 1, 1], [1, 0, 1], [1, 1, 1], [0, 0, 0]])


def yiq(picture: Tensor) -> NDArray[np.float64]:
    """[3, H, W]"""
    return np.einsum("ij,jhw->ihw", YIQ, picture[0].double().numpy())


def soft(height: int, width: int, seed: int) -> Tensor:
    """A picture of dull colours around mid-gray, so that any Y of another one fits any chroma."""
    return 0.5 + 0.2 * (shapes(height, width, seed) - 0.5)


def extremes() -> tuple[Tensor, Tensor]:
    """Paintings of every gray, and photos of every pure colour: [1, 3, 8, 21] each."""
    grays = torch.linspace(0, 1, 21).expand(1, 3, 8, 21).contiguous()
    return grays, SATURATED.T.reshape(1, 3, 8, 1).expand(1, 3, 8, 21).contiguous()


def test_full_colour_is_the_painting_itself() -> None:
    painting = noise(8, 8)
    assert keep_colors(painting, noise(8, 8, 1), 1.0) is painting


def test_no_colour_has_the_paintings_y_and_the_photos_i_and_q() -> None:
    painting, photo = soft(24, 32, 1), soft(24, 32, 5)
    y, i, q = yiq(keep_colors(painting, photo, 0.0))
    np.testing.assert_allclose(y, yiq(painting)[0], atol=1e-6)
    np.testing.assert_allclose((i, q), yiq(photo)[1:], atol=1e-6)


@pytest.mark.parametrize("color", [0.25, 0.5, 0.9])
def test_between_them_it_mixes_in_proportion(color: float) -> None:
    painting, photo = noise(24, 32), noise(24, 32, 7)
    expected = color * painting + (1 - color) * keep_colors(painting, photo, 0.0)
    torch.testing.assert_close(keep_colors(painting, photo, color), expected)


@pytest.mark.parametrize("color", [0.0, 0.3, 0.999])
def test_what_a_screen_cannot_show_loses_chroma_but_neither_brightness_nor_hue(color: float) -> None:
    for painting, photo in ((noise(64, 64), noise(64, 64, 7)), extremes()):
        mixed = keep_colors(painting, photo, color)
        assert mixed.min() >= 0
        assert mixed.max() <= 1
        np.testing.assert_allclose(yiq(mixed)[0], yiq(painting)[0], atol=1e-5)
    hues = keep_colors(*extremes(), 0.0)[0, :, :6, 2:-2]  # where Y leaves some room
    for row in range(6):
        wanted = colorsys.rgb_to_hsv(*SATURATED[row].tolist())[0]
        for column in range(hues.shape[2]):
            hue, saturation, _ = colorsys.rgb_to_hsv(*hues[:, row, column].tolist())
            assert saturation > 0.02
            assert abs((hue - wanted + 0.5) % 1 - 0.5) < 1e-3


def test_as_much_chroma_stays_as_can_be_shown() -> None:
    painting, photo = extremes()
    shown = keep_colors(painting, photo, 0.0)[:, :, :6]  # the last two are grays
    assert torch.minimum(shown.amin(1), 1 - shown.amax(1)).abs().max() < 1e-6


@pytest.mark.parametrize("value", [0.0, 0.2, 0.5, 1.0])
def test_a_gray_photo_stays_gray(value: float) -> None:
    for painting in (noise(32, 32), plain(32, 32, 0.0), plain(32, 32, 1.0)):
        for photo in (plain(32, 32, value), noise(32, 32, 9)[:, :1].expand(1, 3, 32, 32)):
            shown = keep_colors(painting, photo, 0.0)
            assert torch.equal(shown[:, 0], shown[:, 1])
            assert torch.equal(shown[:, 0], shown[:, 2])
            np.testing.assert_allclose(shown[:, 0], yiq(painting)[:1], atol=1e-6)


def test_what_is_not_a_number_stays_visible() -> None:
    broken = noise(4, 4)
    broken[0, 0, 1, 1] = float("nan")
    assert keep_colors(broken, noise(4, 4, 1), 0.0)[0, :, 1, 1].isnan().all()
