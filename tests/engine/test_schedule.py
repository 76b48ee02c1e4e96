"""Sizes: proportions kept, nothing enlarged, nothing too small for the network."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stylized.engine.layers import MIN_SIDE
from stylized.engine.schedule import (
    Level,
    PictureSizes,
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


def photo(width: int, height: int) -> PictureSizes:
    return PictureSizes((width, height), ((1024, 640),))


def test_without_a_pyramid_all_iterations_are_at_the_size_asked_for() -> None:
    assert plan(photo(1024, 768), parameters(size=512, iterations=7)) == (Level(512, 384, 7),)


def pyramid(**changes: float) -> dict[str, float]:
    """crowsonkb/style-transfer-pytorch with --end-scale 512: its --min-scale, --iterations and --initial-iterations."""
    return {
        "size": 512,
        "iterations": 500,
        "coarsest_iterations": 1000,
        "pyramid_factor": 2**0.5,
        "pyramid_min_size": 128,
        "iterations_growth": 1.0,
        **changes,
    }


def test_a_pyramid_grows_by_its_factor_and_keeps_the_proportions() -> None:
    assert plan(photo(1024, 768), parameters(**pyramid())) == (
        Level(128, 96, 1000, 128 / 512),
        Level(181, 136, 500, 181 / 512),
        Level(256, 192, 500, 256 / 512),
        Level(362, 272, 500, 362 / 512),
        Level(512, 384, 500, 1.0),
    )


@pytest.mark.parametrize("steps", [0, 1, 2, 3, 4, 5])
def test_crowsons_schedule_costs_a_thousand_full_iterations_at_any_size(steps: int) -> None:
    # 500 (1 + 1/2 + ... + 2^-(n-1)) + 1000 2^-n = 1000, a step costing as much as its level has pixels.
    size = round(128 * 2 ** (steps / 2))
    levels = plan(photo(4096, 4096), parameters(**pyramid(size=size)))
    assert len(levels) == steps + 1
    cost = sum(level.iterations * (level.width * level.height) / size**2 for level in levels)
    assert cost == pytest.approx(1000, rel=0.01)  # sides are whole pixels


def test_coarser_sizes_have_growing_iterations() -> None:
    # neural-style's starry_stanford.sh doubles them for each halving.
    settings = pyramid(pyramid_factor=2.0, iterations=100, iterations_growth=2.0, coarsest_iterations=0)
    levels = plan(photo(512, 512), parameters(**settings))
    assert [(level.width, level.iterations) for level in levels] == [(128, 400), (256, 200), (512, 100)]
    levels = plan(photo(512, 512), parameters(**{**settings, "coarsest_iterations": 7}))
    assert [level.iterations for level in levels] == [7, 200, 100]


def test_iterations_stay_within_what_a_request_may_ask_for() -> None:
    settings = pyramid(iterations=90_000, iterations_growth=10.0, coarsest_iterations=0)
    assert max(level.iterations for level in plan(photo(512, 512), parameters(**settings))) == 100_000
    settings = pyramid(iterations=1, iterations_growth=0.1, coarsest_iterations=0)
    assert min(level.iterations for level in plan(photo(512, 512), parameters(**settings))) == 1


@given(sides, sides, st.floats(1, 4), st.integers(16, 4000), st.integers(16, 8192))
def test_no_size_of_a_pyramid_is_too_small_or_comes_twice(
    width: int, height: int, factor: float, minimum: int, size: int
) -> None:
    settings = parameters(**pyramid(size=size, pyramid_factor=factor, pyramid_min_size=minimum))
    try:
        *coarser, full = plan(photo(width, height), settings)
    except PictureTooSmallError:
        return
    assert (full.width, full.height) == fit_size(width, height, size)
    longs = [max(level.width, level.height) for level in (*coarser, full)]
    assert longs == sorted(set(longs))
    for level in coarser:
        assert max(level.width, level.height) >= minimum
        assert min(level.width, level.height) >= MIN_SIDE
        scale = max(level.width, level.height) / max(width, height)
        assert abs(level.width - width * scale) <= 0.5 + 1e-9
        assert abs(level.height - height * scale) <= 0.5 + 1e-9


def test_a_painting_that_goes_on_stays_at_its_full_size() -> None:
    assert plan(photo(1024, 768), parameters(**pyramid()), resumed=True) == (Level(512, 384, 500),)


def test_without_a_photo_the_painting_takes_the_shape_of_the_first_style_at_any_size() -> None:
    settings = parameters(size=512, iterations=7)
    sizes = PictureSizes(None, ((100, 50), (300, 300)), (64, 64))
    assert plan(sizes, settings) == (Level(512, 256, 7),)
    assert plan(PictureSizes(None, (), (64, 32)), settings) == (Level(512, 256, 7),)
    assert plan(PictureSizes(None, ()), settings) == (Level(512, 512, 7),)


def test_a_style_follows_the_results_long_side() -> None:
    level = Level(384, 512, 1)
    assert style_long_side(level, parameters(style_scale=0.5)) == 256
    assert style_size(1024, 640, level, parameters(style_scale=0.5)) == (256, 160)
    assert style_size(300, 200, level, parameters(style_scale=2.0)) == (300, 200)


def test_a_style_with_a_size_of_its_own_shrinks_with_the_level() -> None:
    settings = parameters(style_size=300, style_scale=0.1)
    assert style_long_side(Level(512, 384, 1), settings) == 300
    assert style_long_side(Level(256, 192, 1, 0.5), settings) == 150


def test_a_strip_of_a_style_keeps_a_short_side_the_network_can_see() -> None:
    assert min(style_size(4000, 100, Level(512, 384, 1), parameters())) == MIN_SIDE
    with pytest.raises(PictureTooSmallError, match="4000 x 10 pixels"):
        style_size(4000, 10, Level(512, 384, 1), parameters())


def test_the_user_is_told_what_is_not_enlarged() -> None:
    def told(sizes: PictureSizes, **changes: float) -> tuple[str, ...]:
        settings = parameters(size=512, **changes)
        return plan_warnings(sizes, plan(sizes, settings), settings)

    assert told(photo(1024, 768)) == ()
    small, style = told(PictureSizes((400, 300), ((1024, 640), (100, 90))))
    assert "400" in small
    assert "512" in small
    assert style.startswith("Style 2 has a long side of 100 pixels where 400 were asked for")
    assert style.endswith("a smaller style_scale.")
    (style,) = told(PictureSizes((1024, 768), ((200, 90),)), style_size=300)
    assert style.endswith("a smaller style_size.")
    assert told(PictureSizes(None, ((1024, 640),))) == ()
