"""Keeping the photo's colours: after painting, against YIQ in float64, at the edges of what a screen can show, and for
grays; before, against moments and quantiles in float64.
"""

from __future__ import annotations

import colorsys

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from stylized.engine.choices import ColorMethod
from stylized.engine.color import keep_colors, match_colors

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


def weights_of(mask: Tensor | None, picture: Tensor) -> NDArray[np.float64]:
    """[H W], with sum 1."""
    weights = np.ones(picture.shape[-2:]) if mask is None else mask[0, 0].double().numpy()
    return (weights / weights.sum()).reshape(-1)


def moments(picture: Tensor, mask: Tensor | None = None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean [3] and covariance [3, 3] in float64."""
    colours = picture[0].double().flatten(1).numpy()
    weights = weights_of(mask, picture)
    return colours @ weights, np.cov(colours, aweights=weights, ddof=0)


def test_matched_by_covariance_a_style_has_the_photos_mean_and_covariance() -> None:
    style, photo = shapes(40, 56, 1), shapes(24, 32, 5)
    matched = match_colors(style, photo, ColorMethod.COVARIANCE, 0.0)
    for found, wanted in zip(moments(matched), moments(photo), strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-6)


def square_root(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """By the iteration of Denman and Beavers 1976, which knows nothing of eigenvectors."""
    root, inverse = matrix, np.eye(len(matrix))
    for _ in range(60):
        root, inverse = (root + np.linalg.inv(inverse)) / 2, (inverse + np.linalg.inv(root)) / 2
    return root


def test_matched_by_covariance_the_map_is_the_symmetric_one() -> None:
    style, photo = shapes(40, 56, 1), shapes(24, 32, 5)
    (style_mean, style_covariance), (photo_mean, photo_covariance) = moments(style), moments(photo)
    matrix = square_root(photo_covariance) @ np.linalg.inv(square_root(style_covariance))
    expected = np.einsum("ij,jhw->ihw", matrix, style[0].double().numpy() - style_mean[:, None, None])
    matched = match_colors(style, photo, ColorMethod.COVARIANCE, 0.0)[0].numpy()
    np.testing.assert_allclose(matched, expected + photo_mean[:, None, None], atol=2e-5)


def test_matched_within_masks_only_their_colours_count() -> None:
    style, photo = shapes(40, 56, 1), shapes(24, 32, 5)
    style_mask, photo_mask = noise(40, 56, 2)[:, :1], noise(24, 32, 3)[:, :1]
    matched = match_colors(style, photo, ColorMethod.COVARIANCE, 0.0, style_mask=style_mask, photo_mask=photo_mask)
    for found, wanted in zip(moments(matched, style_mask), moments(photo, photo_mask), strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-6)


@pytest.mark.parametrize("method", [ColorMethod.COVARIANCE, ColorMethod.HISTOGRAM])
@pytest.mark.parametrize("style", [0.0, 0.5, 1.0, None])
@pytest.mark.parametrize("photo", [0.0, 0.3, 1.0, None])
def test_one_colour_matches_without_nan(method: ColorMethod, style: float | None, photo: float | None) -> None:
    """Of a style, of a photo or of both; None is noise."""
    style_picture = noise(16, 16) if style is None else plain(16, 16, style)
    photo_picture = noise(20, 16, 4) if photo is None else plain(20, 16, photo)
    matched = match_colors(style_picture, photo_picture, method, 0.0)
    assert torch.isfinite(matched).all()
    if style is not None or photo is not None:
        assert matched.flatten(2).std(dim=2).max() < 1e-6
    torch.testing.assert_close(matched.mean(), photo_picture.mean(), atol=0.05, rtol=0)


def test_a_gray_photo_makes_a_style_gray() -> None:
    photo = shapes(24, 32, 5)[:, :1].expand(1, 3, 24, 32)
    matched = match_colors(shapes(24, 32, 1), photo, ColorMethod.COVARIANCE, 0.0)
    torch.testing.assert_close(matched.amax(dim=1), matched.amin(dim=1), atol=1e-5, rtol=0)


def test_matched_by_histogram_channels_of_one_size_have_exactly_the_photos_values() -> None:
    style, photo = noise(24, 32, 1), noise(32, 24, 5)
    matched = match_colors(style, photo, ColorMethod.HISTOGRAM, 0.0)
    for channel in range(3):
        assert torch.equal(matched[0, channel].flatten().sort().values, photo[0, channel].flatten().sort().values)
        assert torch.equal(matched[0, channel].flatten().argsort(), style[0, channel].flatten().argsort())


def test_matched_by_histogram_a_value_goes_where_its_quantile_is() -> None:
    style = (noise(24, 32, 1) * 255).round() / 255
    photo = (shapes(40, 40, 5) * 255).round() / 255
    matched = match_colors(style, photo, ColorMethod.HISTOGRAM, 0.0)
    for channel in range(3):
        values, wanted = style[0, channel].numpy().ravel(), photo[0, channel].numpy().ravel()
        _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
        targets, target_counts = np.unique(wanted, return_counts=True)
        middle = (np.cumsum(counts) - counts / 2) / values.size
        target_middle = (np.cumsum(target_counts) - target_counts / 2) / wanted.size
        expected = np.interp(middle, target_middle, targets)[places]
        np.testing.assert_allclose(matched[0, channel].numpy().ravel(), expected, atol=1e-6)


def test_a_histogram_within_a_mask_has_nothing_from_outside() -> None:
    photo = torch.cat([plain(16, 16, 0.2), plain(16, 16, 0.9)], dim=3)
    mask = torch.zeros(1, 1, 16, 32)
    mask[..., :16] = 1.0
    matched = match_colors(noise(16, 16), photo, ColorMethod.HISTOGRAM, 0.0, photo_mask=mask)
    torch.testing.assert_close(matched, plain(16, 16, 0.2))


@pytest.mark.parametrize("method", [ColorMethod.COVARIANCE, ColorMethod.HISTOGRAM])
def test_a_style_is_mixed_with_its_match_in_proportion(method: ColorMethod) -> None:
    style, photo = noise(24, 32), shapes(24, 32, 7)
    assert match_colors(style, photo, method, 1.0) is style
    expected = 0.3 * style + 0.7 * match_colors(style, photo, method, 0.0)
    torch.testing.assert_close(match_colors(style, photo, method, 0.3), expected)


def test_colours_laid_on_after_painting_leave_the_style_alone() -> None:
    style = noise(24, 32)
    assert match_colors(style, noise(8, 8), ColorMethod.LUMINANCE, 0.0) is style
