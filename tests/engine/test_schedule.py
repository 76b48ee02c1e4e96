"""Sizes: proportions kept, nothing enlarged, nothing too small for the network."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stylized.engine.layers import MIN_SIDE
from stylized.engine.schedule import (
    Level,
    PictureTooSmallError,
    fit_size,
    plan,
    plan_warnings,
    style_long_side,
    style_size,
)

from .samples import parameters


@pytest.mark.parametrize(
    ("width", "height", "long_side", "expected"),
    [
        (1024, 768, 512, (512, 384)),
        (768, 1024, 512, (384, 512)),
        (1024, 640, 384, (384, 240)),
        (600, 400, 1024, (600, 400)),  # never enlarged
        (1000, 333, 500, (500, 167)),  # 166.5 rounds up
        (16, 16, 16, (16, 16)),
    ],
)
def test_known_sizes(width: int, height: int, long_side: int, expected: tuple[int, int]) -> None:
    assert fit_size(width, height, long_side) == expected


sides = st.integers(1, 20_000)


@given(sides, sides, st.integers(16, 8192))
def test_a_fitted_picture_keeps_its_proportions(width: int, height: int, long_side: int) -> None:
    try:
        fitted = fit_size(width, height, long_side)
    except PictureTooSmallError:
        return
    assert max(fitted) == min(long_side, max(width, height))
    assert min(fitted) >= MIN_SIDE
    scale = max(fitted) / max(width, height)
    assert abs(fitted[0] - width * scale) <= 0.5 + 1e-9
    assert abs(fitted[1] - height * scale) <= 0.5 + 1e-9


@given(st.integers(400, 20_000), st.integers(1, 100), st.integers(16, 60))
def test_a_refused_strip_is_told_the_smallest_size_that_works(width: int, height: int, long_side: int) -> None:
    with pytest.raises(PictureTooSmallError) as caught:
        fit_size(width, height, long_side)
    smallest = caught.value.smallest_size
    if smallest is None:
        assert height < MIN_SIDE
        return
    assert str(smallest) in caught.value.message
    assert min(fit_size(width, height, smallest)) == MIN_SIDE
    with pytest.raises(PictureTooSmallError):
        fit_size(width, height, smallest - 1)


def test_a_strip_is_refused_in_a_sentence() -> None:
    with pytest.raises(PictureTooSmallError) as error:
        fit_size(4000, 100, 512)
    assert (
        error.value.message
        == "The picture of 4000 x 100 pixels would be 512 x 13 at size 512: choose a size of at least 620."
    )


def test_the_plan_has_all_iterations_at_the_size_asked_for() -> None:
    assert plan(1024, 768, parameters(size=512, iterations=7)) == (Level(512, 384, 7),)


def test_a_style_follows_the_results_long_side() -> None:
    level = Level(384, 512, 1)
    assert style_long_side(level, parameters(style_scale=0.5)) == 256
    assert style_size(1024, 640, level, parameters(style_scale=0.5)) == (256, 160)
    assert style_size(300, 200, level, parameters(style_scale=2.0)) == (300, 200)


def test_a_strip_of_a_style_keeps_a_short_side_the_network_can_see() -> None:
    assert min(style_size(4000, 100, Level(512, 384, 1), parameters())) == MIN_SIDE
    with pytest.raises(PictureTooSmallError, match="4000 x 10 pixels"):
        style_size(4000, 10, Level(512, 384, 1), parameters())


def test_the_user_is_told_what_is_not_enlarged() -> None:
    assert plan_warnings(1024, 768, ((1024, 640),), parameters(size=512)) == ()
    photo, style = plan_warnings(400, 300, ((1024, 640), (100, 90)), parameters(size=512))
    assert "400" in photo
    assert "512" in photo
    assert style.startswith("Style 2 has a long side of 100 pixels where 400 were asked for")
