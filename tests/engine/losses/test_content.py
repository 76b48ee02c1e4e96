"""Content losses against numpy in float64, their gradients against finite differences."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from stylized.engine.choices import ContentLoss
from stylized.engine.losses import content
from stylized.engine.losses.content import activation, content_loss

_RANDOM = np.random.default_rng(0)
_FEATURES, _TARGET = _RANDOM.normal(2, 3, (2, 1, 4, 5, 6))
_DIFFERENCE = _FEATURES - _TARGET

_EXPECTED = {
    ContentLoss.MEAN: np.mean(_DIFFERENCE**2),
    ContentLoss.SUM: np.sum(_DIFFERENCE**2),
    ContentLoss.HALF_SUM: np.sum(_DIFFERENCE**2) / 2,
    ContentLoss.NORMALIZED: np.mean(_DIFFERENCE**2) / np.mean(_TARGET**2),
    ContentLoss.RATIO: np.sum(_DIFFERENCE**2) / np.sum(np.abs(_DIFFERENCE)),
}


@pytest.fixture(params=[1, 2**20], ids=["row by row", "at once"], autouse=True)
def at_once(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """How many numbers are computed at a time."""
    monkeypatch.setattr(content, "_AT_ONCE", request.param)


@pytest.mark.parametrize("form", list(ContentLoss))
def test_each_form_is_its_formula(form: ContentLoss) -> None:
    loss = content_loss(torch.from_numpy(_FEATURES), torch.from_numpy(_TARGET), form)
    assert loss.item() == pytest.approx(_EXPECTED[form], rel=1e-9)


@pytest.mark.parametrize("form", list(ContentLoss))
def test_each_gradient_is_that_of_finite_differences(form: ContentLoss) -> None:
    target = torch.from_numpy(_TARGET)
    maps = torch.from_numpy(_FEATURES).requires_grad_()
    assert torch.autograd.gradcheck(lambda m: content_loss(m, target, form), (maps,))
    assert torch.autograd.gradcheck(activation, (maps,))


@pytest.mark.parametrize("form", list(ContentLoss))
@pytest.mark.parametrize("value", [0.0, 1e-30, 1e4])
def test_equal_maps_have_no_loss_and_no_gradient(form: ContentLoss, value: float) -> None:
    maps = torch.full((1, 4, 5, 6), value, requires_grad=True)
    loss = content_loss(maps, maps.detach().clone(), form)
    (gradient,) = torch.autograd.grad(loss, maps)
    assert loss.item() == 0
    assert torch.equal(gradient, torch.zeros_like(gradient))


def test_a_photo_without_features_counts_as_one_of_faint_ones() -> None:
    maps, nothing = torch.full((1, 4, 5, 6), 3.0), torch.zeros(1, 4, 5, 6)
    assert content_loss(maps, nothing, ContentLoss.NORMALIZED).item() == pytest.approx(3**2 / 1e-4)


def test_the_gradient_of_the_ratio_is_of_one_length_whatever_the_difference() -> None:
    for size in (1e-3, 1.0, 1e3):
        maps = torch.from_numpy(size * _FEATURES).requires_grad_()
        (gradient,) = torch.autograd.grad(content_loss(maps, torch.zeros_like(maps), ContentLoss.RATIO), maps)
        assert gradient.abs().sum().item() == pytest.approx(1, rel=0.25)


def test_activation_is_the_mean_of_squares() -> None:
    assert activation(torch.from_numpy(_FEATURES)).item() == pytest.approx(np.mean(_FEATURES**2), rel=1e-9)
