"""Moments of feature maps against numpy in float64 and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from stylized.engine.choices import GramScale
from stylized.engine.losses.statistics import (
    channel_moments,
    covariance_moments,
    gram_matrix,
    gram_moments,
    mix,
    scaled,
)

MEASURES = [gram_moments, covariance_moments, channel_moments]

_RANDOM = np.random.default_rng(0)
_ARRAY = _RANDOM.normal(2, 3, (4, 5, 6))
_CELLS = _ARRAY.reshape(4, 30)
_MAPS = torch.from_numpy(_ARRAY)[None]
_WEIGHTS = torch.from_numpy(_RANDOM.uniform(0, 1, (5, 6)))


def test_gram_of_a_constant_map() -> None:
    # F = value everywhere: (F Fᵀ)_ij = v_i v_j H W, so G_ij = v_i v_j / C.
    values = torch.tensor([1.0, 2.0, -3.0])
    maps = values.view(1, 3, 1, 1).expand(1, 3, 4, 5)
    torch.testing.assert_close(gram_matrix(maps), torch.outer(values, values) / 3)


@pytest.mark.parametrize(
    ("scale", "divisor"), [(GramScale.ELEMENTS, 4 * 30), (GramScale.PIXELS, 30), (GramScale.NONE, 1)]
)
def test_each_scale_divides_the_products_by_what_it_says(scale: GramScale, divisor: int) -> None:
    centred = _CELLS - _CELLS.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(gram_matrix(_MAPS, scale=scale), _CELLS @ _CELLS.T / divisor, rtol=1e-12)
    np.testing.assert_allclose(scaled(covariance_moments(_MAPS), scale), centred @ centred.T / divisor, rtol=1e-12)


def test_means_covariances_and_variances_are_numpys() -> None:
    whole, diagonal = covariance_moments(_MAPS), channel_moments(_MAPS)
    np.testing.assert_allclose(whole.second, np.cov(_CELLS, bias=True), rtol=1e-12)
    np.testing.assert_allclose(diagonal.second, _CELLS.var(axis=1), rtol=1e-12)
    for moments in (whole, diagonal):
        np.testing.assert_allclose(moments.mean, _CELLS.mean(axis=1), rtol=1e-12)


@pytest.mark.parametrize("measure", MEASURES)
def test_the_power_is_the_mean_of_squares(measure) -> None:
    assert measure(_MAPS).power.item() == pytest.approx(np.mean(_ARRAY**2))


@pytest.mark.parametrize("measure", MEASURES)
def test_the_memory_layout_does_not_matter(measure) -> None:
    one, other = measure(_MAPS), measure(_MAPS.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(one.second, other.second)


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("weights", [None, _WEIGHTS])
def test_the_gradients_are_those_of_finite_differences(measure, weights: Tensor | None) -> None:
    maps = _MAPS.clone().requires_grad_()
    # Not symmetric, to tell D from its transpose.
    pull = torch.from_numpy(_RANDOM.normal(size=(4, 4)))
    assert torch.autograd.gradcheck(lambda m: (measure(m, weights).second * pull).sum(), (maps,))
    assert torch.autograd.gradcheck(lambda m: (measure(m, weights).mean * pull[0]).sum(), (maps,))


def test_weighted_moments_are_numpys() -> None:
    weights = _WEIGHTS.numpy().reshape(30)
    whole, diagonal = covariance_moments(_MAPS, _WEIGHTS), channel_moments(_MAPS, _WEIGHTS)
    covariance = np.cov(_CELLS, aweights=weights, bias=True)
    np.testing.assert_allclose(whole.second, covariance, rtol=1e-12)
    np.testing.assert_allclose(diagonal.second, np.diagonal(covariance), rtol=1e-12)
    for moments in (whole, diagonal):
        np.testing.assert_allclose(moments.mean, np.average(_CELLS, axis=1, weights=weights), rtol=1e-12)
    np.testing.assert_allclose(gram_moments(_MAPS, _WEIGHTS).second, _CELLS * weights @ _CELLS.T / weights.sum())


@pytest.mark.parametrize("measure", MEASURES)
def test_cells_of_weight_0_do_not_count_and_equal_weights_change_nothing(measure) -> None:
    left = torch.zeros(5, 6, dtype=torch.float64)
    left[:, :3] = 0.7
    torch.testing.assert_close(measure(_MAPS, left).second, measure(_MAPS[..., :3]).second)
    equal = measure(_MAPS, torch.ones(5, 6, dtype=torch.float64))
    torch.testing.assert_close(equal.second, measure(_MAPS).second)
    torch.testing.assert_close(equal.cells, measure(_MAPS).cells)


@pytest.mark.parametrize("measure", MEASURES)
def test_where_no_cell_counts_the_moments_are_0(measure) -> None:
    nowhere = measure(_MAPS, torch.zeros(5, 6, dtype=torch.float64))
    assert not nowhere.second.any()
    assert not nowhere.mean.any()


@pytest.mark.parametrize("measure", [covariance_moments, channel_moments])
def test_a_spread_that_is_small_against_the_mean_is_not_lost_in_float32(measure) -> None:
    # Means of 1e4 and deviations of 3: the squares are equal to eight digits, of which float32 has seven.
    maps = (_MAPS + 1e4).float()
    exact = measure(maps.double()).second
    torch.testing.assert_close(measure(maps).second.double(), exact, rtol=1e-3, atol=1e-3)
    assert not measure(torch.full((1, 4, 5, 6), 1e4)).second.any()


@pytest.mark.parametrize("measure", MEASURES)
def test_a_mix_is_what_the_cells_of_all_would_give_together(measure) -> None:
    # Maps of one size in shares 1 : 2 are like all their cells side by side, the second's twice.
    other = torch.from_numpy(_RANDOM.normal(-1, 2, (1, 4, 5, 6)))
    mixed = mix([measure(_MAPS), measure(other)], [1 / 3, 2 / 3])
    together = measure(torch.cat((_MAPS, other, other), dim=3))
    torch.testing.assert_close(mixed.mean, together.mean)
    torch.testing.assert_close(mixed.second, together.second)
