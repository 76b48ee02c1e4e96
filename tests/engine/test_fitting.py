"""What is decided before a painting starts: as a whole, in blocks, or not at all."""

from __future__ import annotations

from typing import Any

import pytest

from stylized.engine.choices import Backend, Optimizer, Precision
from stylized.engine.fitting import DoesNotFitError, Fit, Means, fit
from stylized.engine.memory import block_pixels
from stylized.engine.schedule import PictureSizes

from .samples import parameters

GIB = 2**30
MEANS = Means(Precision.FP32, Backend.REFERENCE, 1)


def _fit(side: int, max_bytes: int | None, **changes: Any) -> Fit:
    chosen = parameters(size=side, **{"optimizer": Optimizer.ADAM, **changes})
    return fit(PictureSizes((side, side), ((1024, 1024),)), chosen, MEANS, max_bytes)


def test_what_fits_is_painted_as_a_whole() -> None:
    whole = _fit(1024, None)
    assert not whole.tilings
    assert _fit(1024, whole.peak_bytes) == whole


def test_what_does_not_fit_is_cut_into_blocks_that_do() -> None:
    for share in (0.9, 0.6, 0.4):
        limit = int(share * _fit(2048, None).peak_bytes)
        found = _fit(2048, limit)
        assert found.tilings.keys() == {(2048, 2048)}
        assert found.peak_bytes <= limit


def test_more_memory_never_means_more_work() -> None:
    work = []
    for gib in (4, 6, 8, 12, 16, 20):
        tiling = _fit(4096, gib * GIB).tilings[(4096, 4096)]
        blocks = block_pixels(4096, 4096, tiling, parameters())
        work.append(2 * sum(blocks) + sum(blocks[tiling.kept :]))
    assert work == sorted(work, reverse=True)
    # With room enough each block is computed once, and margins are less than a tenth.
    assert work[-1] < 2 * 1.1 * 4096**2


def test_only_the_levels_that_are_too_large_are_cut() -> None:
    found = _fit(2048, 4 * GIB, pyramid_factor=2.0, pyramid_min_size=256)
    assert found.tilings.keys() == {(2048, 2048)}


def test_a_picture_of_8192_pixels_fits_into_16_gib_with_adam() -> None:
    assert _fit(8192, 16 * GIB).peak_bytes <= 16 * GIB


@pytest.mark.parametrize(("side", "gib"), [(4096, 2), (8192, 8)])
def test_the_refusal_names_the_largest_size_that_fits(side: int, gib: int) -> None:
    with pytest.raises(DoesNotFitError) as caught:
        _fit(side, gib * GIB)
    largest = caught.value.largest_size
    assert largest
    assert f"a size of at most {largest}." in caught.value.message
    sizes, chosen = PictureSizes((side, side), ((1024, 1024),)), parameters(size=largest, optimizer=Optimizer.ADAM)
    assert fit(sizes, chosen, MEANS, gib * GIB).peak_bytes <= gib * GIB
    chosen = parameters(size=largest + 16, optimizer=Optimizer.ADAM)
    with pytest.raises(DoesNotFitError):
        fit(sizes, chosen, MEANS, gib * GIB)


def test_the_refusal_says_when_it_is_the_optimiser_that_takes_too_much() -> None:
    with pytest.raises(DoesNotFitError, match=r"a size of at most \d+, or the optimizer adam, as the pairs"):
        _fit(8192, 16 * GIB, optimizer=Optimizer.LBFGS)
    with pytest.raises(DoesNotFitError, match=r"a size of at most \d+\."):
        _fit(8192, 8 * GIB, optimizer=Optimizer.LBFGS)


def test_where_nothing_fits_no_size_is_named() -> None:
    with pytest.raises(DoesNotFitError, match="no size fits") as caught:
        _fit(512, 10 * 2**20)
    assert caught.value.largest_size is None
