"""How a side of a picture is cut."""

from __future__ import annotations

import pytest

from stylized.engine.choices import Backbone, Padding
from stylized.engine.layers import receptive_field
from stylized.engine.tiles import Grain, grain, spans

DEEP = grain(frozenset({"relu1_1", "relu5_1"}), Backbone.VGG19, Padding.ZERO)


def test_margins_are_what_the_deepest_cells_see() -> None:
    assert Grain(step=16, margin=80) == DEEP  # 156 pixels, of which 16 are its own
    assert grain(frozenset({"relu1_1"}), Backbone.VGG19, Padding.ZERO) == Grain(1, 1)


@pytest.mark.parametrize("side", [16, 100, 512, 10_000])
@pytest.mark.parametrize("length", [16, 17, 333, 1000, 1040, 4096])
def test_blocks_have_each_pixel_once_and_see_all_they_need(length: int, side: int) -> None:
    cut = spans(length, side, DEEP)
    assert [pixel for span in cut for pixel in range(span.begin, span.end)] == list(range(length))
    assert [span.last for span in cut] == [*[False] * (len(cut) - 1), True]
    field = receptive_field("relu5_1", Backbone.VGG19)
    for span in cut:
        assert span.begin % DEEP.step == span.outer_begin % DEEP.step == 0
        first, last = span.begin // field.stride, (span.end - 1) // field.stride
        assert span.outer_begin <= max(0, field.span(first)[0])
        assert span.outer_end >= min(length, field.span(last)[1])


def test_blocks_are_about_as_large_as_asked_for() -> None:
    for length in (2000, 4096, 8192):
        for side in (256, 512, 1024, 2048):
            longest = max(span.end - span.begin for span in spans(length, side, DEEP))
            assert 0.6 * side < longest < 1.5 * side + DEEP.step
