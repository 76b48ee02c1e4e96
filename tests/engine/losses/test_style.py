"""Distances between styles against numpy in float64 and closed forms."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from stylized.engine.choices import GramScale, StyleLoss, StyleStatistic
from stylized.engine.losses.statistics import Moments, covariance_moments
from stylized.engine.losses.style import statistic, wasserstein_distance

Array = np.ndarray

_RANDOM = np.random.default_rng(0)
# The painting and a style of another size: C = 4.
_PAINTING = _RANDOM.normal(2, 3, (4, 5, 6))
_STYLE = _RANDOM.normal(1, 2, (4, 7, 5))


def _maps(array: Array) -> Tensor:
    return torch.from_numpy(array)[None]


def _distance(
    kind: StyleStatistic,
    form: StyleLoss,
    scale: GramScale = GramScale.ELEMENTS,
    *,
    painting: Tensor | None = None,
    style: Tensor | None = None,
) -> Tensor:
    part = statistic(kind, form, scale)
    painting, style = (_maps(_PAINTING) if painting is None else painting, _maps(_STYLE) if style is None else style)
    return part.distance(part.measure(style, None))(part.measure(painting, None))


_DIVISOR: dict[GramScale, Callable[[Array], float]] = {
    GramScale.ELEMENTS: lambda maps: maps.size,
    GramScale.PIXELS: lambda maps: maps[0].size,
    GramScale.NONE: lambda maps: 1,
}

_MATRIX_LOSS: dict[StyleLoss, Callable[[Array, Array], np.floating]] = {
    StyleLoss.MEAN: lambda g, a: np.mean((g - a) ** 2),
    StyleLoss.SUM: lambda g, a: np.sum((g - a) ** 2),
    StyleLoss.PAPER: lambda g, a: np.sum((g - a) ** 2) / (4 * 4**2 * 30**2),
    StyleLoss.NORMALIZED: lambda g, a: np.mean((g - a) ** 2) / np.mean(a**2),
    StyleLoss.RATIO: lambda g, a: np.sum((g - a) ** 2) / np.sum(np.abs(g - a)),
}


def _matrix(maps: Array, kind: StyleStatistic, scale: GramScale) -> Array:
    cells = maps.reshape(len(maps), -1)
    if kind is StyleStatistic.COVARIANCE:
        cells = cells - cells.mean(axis=1, keepdims=True)
    return cells @ cells.T / _DIVISOR[scale](maps)


@pytest.mark.parametrize("kind", [StyleStatistic.GRAM, StyleStatistic.COVARIANCE])
@pytest.mark.parametrize("scale", list(GramScale))
@pytest.mark.parametrize("form", list(StyleLoss))
def test_matrices_are_compared_by_each_formula(kind: StyleStatistic, scale: GramScale, form: StyleLoss) -> None:
    expected = _MATRIX_LOSS[form](_matrix(_PAINTING, kind, scale), _matrix(_STYLE, kind, scale))
    assert _distance(kind, form, scale).item() == pytest.approx(expected, rel=1e-8)


def _means_and_deviations(maps: Array) -> Array:
    cells = maps.reshape(len(maps), -1)
    return np.stack((cells.mean(axis=1), cells.std(axis=1)))


def _mean_std_loss(form: StyleLoss) -> float:
    difference = _means_and_deviations(_PAINTING) - _means_and_deviations(_STYLE)
    if form is StyleLoss.RATIO:
        return np.sum(difference**2) / np.sum(np.abs(difference))
    squared = np.mean(difference[0] ** 2) + np.mean(difference[1] ** 2)
    return squared / np.mean(_STYLE**2) if form is StyleLoss.NORMALIZED else squared


@pytest.mark.parametrize("form", list(StyleLoss))
def test_means_and_deviations_are_compared_by_each_formula(form: StyleLoss) -> None:
    # The 1e-5 that keeps the root's gradient finite is not in the formula.
    assert _distance(StyleStatistic.MEAN_STD, form).item() == pytest.approx(_mean_std_loss(form), rel=1e-5)


def _root(matrix: Array) -> Array:
    values, vectors = np.linalg.eigh(matrix)
    return vectors * np.sqrt(values) @ vectors.T


def _wasserstein_loss(form: StyleLoss) -> float:
    painting, style = (maps.reshape(4, -1) for maps in (_PAINTING, _STYLE))
    ours, theirs = (np.cov(cells, bias=True) + 1e-4 * np.eye(4) for cells in (painting, style))
    shared = _root(_root(theirs) @ ours @ _root(theirs))
    squared = np.mean((painting.mean(axis=1) - style.mean(axis=1)) ** 2) + np.mean(
        np.diagonal(ours + theirs - 2 * shared)
    )
    if form is StyleLoss.RATIO:
        return np.sqrt(squared)
    return squared / np.mean(_STYLE**2) if form is StyleLoss.NORMALIZED else squared


@pytest.mark.parametrize("form", list(StyleLoss))
def test_gaussians_are_compared_by_each_formula(form: StyleLoss) -> None:
    assert _distance(StyleStatistic.WASSERSTEIN, form).item() == pytest.approx(_wasserstein_loss(form), rel=1e-6)


def _gaussian(mean: Array, covariance: Array) -> Moments:
    return Moments(torch.tensor(1.0).double(), torch.from_numpy(mean), torch.from_numpy(covariance))


def test_wasserstein_of_commuting_covariances_is_that_of_their_deviations() -> None:
    directions, _ = np.linalg.qr(_RANDOM.normal(size=(4, 4)))
    one, other = np.array([1.0, 4.0, 2.0, 9.0]), np.array([3.0, 1.0, 2.0, 5.0])
    mean = np.zeros(4)
    target, found = (_gaussian(mean, directions * values @ directions.T) for values in (one, other))
    expected = np.mean((np.sqrt(one + 1e-4) - np.sqrt(other + 1e-4)) ** 2)
    assert wasserstein_distance(target, StyleLoss.MEAN)(found).item() == pytest.approx(expected, rel=1e-6)


def test_wasserstein_of_one_shape_elsewhere_is_the_distance_of_the_means() -> None:
    covariance = np.cov(_STYLE.reshape(4, -1))
    target, found = _gaussian(np.zeros(4), covariance), _gaussian(np.array([1.0, 2.0, 3.0, 4.0]), covariance)
    assert wasserstein_distance(target, StyleLoss.MEAN)(found).item() == pytest.approx(30 / 4, rel=1e-6)


@pytest.mark.parametrize("kind", list(StyleStatistic))
@pytest.mark.parametrize("form", list(StyleLoss))
def test_a_style_is_at_no_distance_from_itself(kind: StyleStatistic, form: StyleLoss) -> None:
    # The root of a rounding error is larger than the error.
    tolerance = 1e-4 if (kind, form) == (StyleStatistic.WASSERSTEIN, StyleLoss.RATIO) else 1e-9
    assert _distance(kind, form, style=_maps(_PAINTING)).item() == pytest.approx(0, abs=tolerance)


@pytest.mark.parametrize("kind", list(StyleStatistic))
@pytest.mark.parametrize("form", list(StyleLoss))
def test_the_gradients_are_those_of_finite_differences(kind: StyleStatistic, form: StyleLoss) -> None:
    maps = _maps(_PAINTING).requires_grad_()
    assert torch.autograd.gradcheck(lambda m: _distance(kind, form, GramScale.PIXELS, painting=m), (maps,), rtol=1e-3)


@pytest.mark.parametrize("kind", list(StyleStatistic))
@pytest.mark.parametrize("form", list(StyleLoss))
@pytest.mark.parametrize("scale", list(GramScale))
@pytest.mark.parametrize("painting", [0.0, 1e-20, 1e4])
@pytest.mark.parametrize("style", [0.0, 1e4])
def test_maps_of_one_value_give_finite_losses_and_gradients(
    kind: StyleStatistic, form: StyleLoss, scale: GramScale, painting: float, style: float
) -> None:
    maps = torch.full((1, 64, 4, 4), painting, requires_grad=True)
    loss = _distance(kind, form, scale, painting=maps, style=torch.full((1, 64, 4, 4), style))
    (gradient,) = torch.autograd.grad(loss, maps)
    assert torch.isfinite(loss)
    assert torch.isfinite(gradient).all()


def test_a_style_of_one_colour_does_not_outweigh_everything_when_normalised() -> None:
    # Its covariance is 0; a thousandth of its power, 100², stands in for it.
    loss = _distance(
        StyleStatistic.COVARIANCE,
        StyleLoss.NORMALIZED,
        GramScale.PIXELS,
        style=torch.full((1, 4, 7, 5), 100.0).double(),
    )
    ours = covariance_moments(_maps(_PAINTING)).second
    assert loss.item() == pytest.approx(ours.square().mean().item() / 10.0**2, rel=1e-6)
