"""Promise: whatever the layer and the selection, the daemon gets a picture that it can paint, and no less of it than
the painting needs."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from neural_style import geometry
from neural_style.geometry import Rect, framing

from stylized.engine import layers
from stylized.engine.schedule import fit_size

SIDES = st.integers(1, 20_000)
SIZES = st.integers(64, 8192)


@st.composite
def selections(draw: st.DrawFn) -> tuple[Rect, Rect]:
    """A layer, and a part of it."""
    layer = Rect(0, 0, draw(SIDES), draw(SIDES))
    x, y = draw(st.integers(0, layer.width - 1)), draw(st.integers(0, layer.height - 1))
    return layer, Rect(x, y, draw(st.integers(1, layer.width - x)), draw(st.integers(1, layer.height - y)))


def contains(outer: Rect, inner: Rect) -> bool:
    return outer.x <= inner.x and outer.y <= inner.y and inner.right <= outer.right and inner.bottom <= outer.bottom


@given(selections(), SIZES)
def test_the_target_lies_in_the_region(selected: tuple[Rect, Rect], size: int) -> None:
    layer, target = selected
    frame = framing(target, layer, size)
    assert frame.target == target
    assert contains(frame.region, target)


@given(selections(), SIZES)
def test_halving_the_region_leaves_whole_pixels(selected: tuple[Rect, Rect], size: int) -> None:
    layer, target = selected
    frame = framing(target, layer, size)
    step = 2**frame.halvings
    region, sent = frame.region, frame.sent
    assert (region.x, region.y, region.width, region.height) == (
        sent.x * step,
        sent.y * step,
        sent.width * step,
        sent.height * step,
    )


@given(selections(), SIZES)
@example((Rect(0, 0, 4000, 4000), Rect(1500, 1500, 1000, 1000)), 600)
def test_no_pixel_that_the_painting_needs_is_halved_away(selected: tuple[Rect, Rect], size: int) -> None:
    layer, target = selected
    frame = framing(target, layer, size)
    if frame.halvings:
        assert frame.sent.long_side >= frame.long_side(size)
        assert frame.target.long_side / 2**frame.halvings >= size


@given(selections(), SIZES)
def test_no_more_than_twice_of_what_the_painting_needs_is_sent(selected: tuple[Rect, Rect], size: int) -> None:
    layer, target = selected
    frame = framing(target, layer, size)
    assert target.long_side / 2**frame.halvings < 2 * size


@given(selections(), SIZES)
@example((Rect(0, 0, 1, 1), Rect(0, 0, 1, 1)), 64)
@example((Rect(0, 0, 20_000, 1), Rect(0, 0, 20_000, 1)), 64)
@example((Rect(0, 0, 20_000, 1), Rect(0, 0, 20_000, 1)), 1000)
@example((Rect(0, 0, 20_000, 20_000), Rect(10, 10_000, 19_000, 1)), 512)
def test_the_daemon_can_paint_what_it_is_sent(selected: tuple[Rect, Rect], size: int) -> None:
    layer, target = selected
    frame = framing(target, layer, size)
    # The daemon's own rule, which refuses what would be too narrow.
    width, height = fit_size(frame.sent.width, frame.sent.height, min(8192, frame.long_side(size)))
    assert min(width, height) >= geometry.MIN_SIDE


@given(selections(), SIZES)
def test_the_target_is_painted_at_the_size_that_was_asked_for(selected: tuple[Rect, Rect], size: int) -> None:
    layer, target = selected
    frame = framing(target, layer, size)
    painted = min(frame.long_side(size), frame.sent.long_side)
    across = target.long_side * painted / frame.region.long_side
    # The daemon counts whole pixels of the region, so of the target it is a pixel more or less.
    assert across == pytest.approx(min(size, target.long_side), abs=1.0)


@given(SIDES, SIDES, SIZES)
def test_without_a_selection_the_layer_alone_is_sent_unless_it_is_too_narrow(
    width: int, height: int, size: int
) -> None:
    layer = Rect(0, 0, width, height)
    frame = framing(layer, layer, size)
    scale = min(1.0, size / layer.long_side)
    if min(width, height) * scale > geometry.MIN_SIDE + 1:
        assert frame.region == layer.aligned(2**frame.halvings)


@given(selections(), SIZES)
def test_the_context_ends_at_the_layer_unless_it_is_too_narrow(selected: tuple[Rect, Rect], size: int) -> None:
    layer, target = selected
    frame = framing(target, layer, size)
    scale = min(1.0, size / layer.long_side)
    if min(layer.width, layer.height, *((target.width, target.height))) * scale > geometry.MIN_SIDE + 1:
        assert contains(layer.aligned(2**frame.halvings), frame.region)


def test_a_selection_is_painted_with_what_lies_around_it() -> None:
    frame = framing(Rect(500, 400, 200, 160), Rect(0, 0, 1000, 1000), 512)
    assert frame.region == Rect(475, 375, 250, 210)
    assert frame.halvings == 0


def test_a_small_selection_gets_sixteen_pixels_of_context() -> None:
    frame = framing(Rect(500, 400, 4, 4), Rect(0, 0, 1000, 1000), 512)
    assert frame.region == Rect(484, 384, 36, 36)


def test_a_narrow_layer_is_widened_about_its_middle() -> None:
    frame = framing(Rect(0, 0, 300, 4), Rect(0, 0, 300, 4), 512)
    assert frame.region == Rect(0, -6, 300, 16)
    frame = framing(Rect(0, 0, 4, 300), Rect(0, 0, 4, 300), 512)
    assert frame.region == Rect(-6, 0, 16, 300)


def test_the_least_side_is_that_of_the_network() -> None:
    assert geometry.MIN_SIDE == layers.MIN_SIDE


@given(st.integers(-50, 50), st.integers(-50, 50), st.integers(1, 99), st.integers(1, 999), st.integers(1, 300))
def test_bands_cover_a_rectangle_once_from_the_top(x: int, y: int, width: int, height: int, lines: int) -> None:
    bands = list(Rect(x, y, width, height).bands(lines))
    assert [band.y for band in bands] == [y, *(band.bottom for band in bands[:-1])]
    assert bands[-1].bottom == y + height
    assert all((band.x, band.width) == (x, width) and 0 < band.height <= lines for band in bands)
