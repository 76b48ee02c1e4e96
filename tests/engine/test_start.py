"""Starts: their colours and spectra are those that the parameters say, and the seed decides them alone."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
import scipy.stats
import torch
from torch import Tensor

from stylized.engine.choices import Init
from stylized.engine.objective import StyleTarget
from stylized.engine.start import pink_noise, start_picture, style_noise, white_noise

from .samples import noise, parameters, plain, shapes

SHAPE = (48, 64)
PHOTO = 255 * shapes(*SHAPE)
STYLES = [StyleTarget(255 * shapes(40, 30, seed=3), 1.0)]
OWN = 255 * noise(*SHAPE, seed=9)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def start(seed: int = 0, **changes: object) -> Tensor:
    return start_picture(SHAPE, parameters(**changes), seed, PHOTO, STYLES, OWN)


@pytest.mark.parametrize("init", Init)
def test_the_seed_decides(init: Init) -> None:
    random = {"init": init, "init_noise": 0.5, "noise_spread": 20.0}
    assert torch.equal(start(1, **random), start(1, **random))
    assert not torch.equal(start(1, **random), start(2**64 - 1, **random))
    picture = start(1, **random)
    assert picture.shape == PHOTO.shape
    assert picture.dtype == torch.float32
    assert picture.min() >= 0
    assert picture.max() <= 255


def test_a_picture_is_taken_as_it_is() -> None:
    assert torch.equal(start(init=Init.CONTENT), PHOTO)
    assert torch.equal(start(init=Init.IMAGE), OWN)


def test_a_share_of_noise_is_mixed_in() -> None:
    mixed = start(init=Init.CONTENT, init_noise=0.3, noise_spread=25.0)
    left = (mixed - 0.7 * PHOTO) / 0.3
    assert left.mean().item() == pytest.approx(127.5, abs=2)
    assert left.std().item() == pytest.approx(25.0, rel=0.05)
    assert torch.equal(start(init=Init.IMAGE, init_noise=1.0), start(init=Init.CONTENT, init_noise=1.0))
    # Noise has its share already.
    assert torch.equal(start(init=Init.PINK, init_noise=0.5), start(init=Init.PINK))


def _pink(shape: tuple[int, int], spread: float, random: torch.Generator) -> Tensor:
    return pink_noise(shape, spread, 1.0, random)


@pytest.mark.parametrize("spread", [0.0, 2.55, 30.0])
@pytest.mark.parametrize("make", [white_noise, _pink])
def test_noise_lies_around_mid_gray(
    make: Callable[[tuple[int, int], float, torch.Generator], Tensor], spread: float
) -> None:
    picture = make((200, 300), spread, generator())
    assert picture.mean().item() == pytest.approx(127.5, abs=0.5)
    assert picture.std().item() == pytest.approx(spread, rel=0.02)


def _slope(picture: Tensor) -> float:
    """Of log power over log frequency, in cycles per pixel, between those that the picture's frame and grid falsify."""
    channel = picture[0, 0].double().numpy() - 127.5
    power = np.abs(np.fft.fft2(channel)) ** 2
    frequency = np.hypot(np.fft.fftfreq(channel.shape[0])[:, None], np.fft.fftfreq(channel.shape[1])[None, :])
    edges = np.geomspace(0.02, 0.5, 12)
    middles = np.sqrt(edges[1:] * edges[:-1])
    means = [power[(frequency >= low) & (frequency < high)].mean() for low, high in pairwise(edges)]
    return float(np.polyfit(np.log(middles), np.log(means), 1)[0])


@pytest.mark.parametrize("exponent", [0.0, 1.0, 2.0])
def test_the_power_of_pink_noise_falls_with_frequency(exponent: float) -> None:
    # Of a spread that is not clipped at 0 and 255.
    picture = pink_noise((256, 384), 10.0, exponent, generator(4))
    assert _slope(picture) == pytest.approx(-exponent, abs=0.1)


def test_style_noise_has_the_colours_of_the_style() -> None:
    style = 255 * noise(60, 60, seed=2) * torch.tensor([0.2, 0.5, 0.9]).view(1, 3, 1, 1)
    picture = style_noise((300, 300), [StyleTarget(style, 1.0)], generator())
    for channel in range(3):
        mean, deviation = style[0, channel].mean().item(), style[0, channel].std(correction=0).item()
        bounds = ((0 - mean) / deviation, (255 - mean) / deviation)
        expected = scipy.stats.truncnorm(*bounds, loc=mean, scale=deviation)
        drawn = picture[0, channel].double().numpy().ravel()
        assert scipy.stats.kstest(drawn, expected.cdf).statistic < 0.01  # of 90,000 samples


def test_style_noise_of_several_styles_is_that_of_all_their_pixels() -> None:
    one, other = plain(40, 40, 0.25), plain(30, 50, 0.75)
    picture = style_noise((300, 300), [StyleTarget(255 * one, 3.0), StyleTarget(255 * other, 1.0)], generator())
    # Mean ¾ · ¼ + ¼ · ¾ and variance ¾ · ¼ · (¾ - ¼)² of the range; 0 and 255 are far.
    assert picture.mean().item() / 255 == pytest.approx(0.375, abs=0.02)
    assert picture.std().item() / 255 == pytest.approx((0.75 * 0.25) ** 0.5 * 0.5, rel=0.1)


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_a_style_of_one_colour_makes_a_start_of_that_colour(value: float) -> None:
    picture = style_noise(SHAPE, [StyleTarget(255 * plain(20, 20, value), 1.0)], generator())
    torch.testing.assert_close(picture, 255 * plain(*SHAPE, value), rtol=0, atol=1.5)
    assert torch.isfinite(picture).all()
