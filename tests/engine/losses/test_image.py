"""What is asked of the picture itself, against numpy in float64 and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from stylized.engine.choices import TvLoss
from stylized.engine.losses.image import alpha_norm, out_of_range, total_variation

_ARRAY = np.random.default_rng(0).uniform(-20, 280, (1, 3, 6, 9))
_PICTURE = torch.from_numpy(_ARRAY)

_ROWS, _COLUMNS = np.mgrid[0:6, 0:9].astype(float)
# 2 a row and 5 a column.
_RAMP = torch.from_numpy(np.broadcast_to(2 * _ROWS + 5 * _COLUMNS, (1, 3, 6, 9)).copy())

_POWER = 0.75


def _formula(picture: np.ndarray, form: TvLoss) -> float:
    right = picture[:, :, :-1, 1:] - picture[:, :, :-1, :-1]
    down = picture[:, :, 1:, :-1] - picture[:, :, :-1, :-1]
    if form is TvLoss.NINE_POINT:
        framed = np.pad(picture, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
        total = 0.0
        # As crowsonkb 2022 has it: horizontal and vertical neighbours of each pixel, diagonals of each 2 x 2 block.
        for squares, divisor in (
            (np.diff(framed[:, :, 1:-1, 1:], axis=3), 3),
            (np.diff(framed[:, :, 1:, 1:-1], axis=2), 3),
            (framed[:, :, 1:, 1:] - framed[:, :, :-1, :-1], 12),
            (framed[:, :, 1:, :-1] - framed[:, :, :-1, 1:], 12),
        ):
            total += np.mean(squares**2) / divisor
        return 2 * total
    return {
        TvLoss.SQUARED: np.mean(right**2 + down**2),
        TvLoss.SQUARED_SUM: np.sum(right**2 + down**2),
        TvLoss.L1: np.mean(np.abs(right) + np.abs(down)),
        TvLoss.POWER: np.mean((right**2 + down**2) ** _POWER),
    }[form]


@pytest.mark.parametrize("form", list(TvLoss))
def test_total_variation_is_each_formula(form: TvLoss) -> None:
    assert total_variation(_PICTURE, form, _POWER).item() == pytest.approx(_formula(_ARRAY, form), rel=1e-12)


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        (TvLoss.SQUARED, 29),
        (TvLoss.SQUARED_SUM, 29 * 3 * 5 * 8),
        (TvLoss.L1, 7),
        (TvLoss.POWER, 29**_POWER),
    ],
)
def test_total_variation_of_a_ramp(form: TvLoss, expected: float) -> None:
    assert total_variation(_RAMP, form, _POWER).item() == pytest.approx(expected, rel=1e-12)


def test_nine_points_weigh_a_checkerboard_by_the_pixels_beside_each_other() -> None:
    # Its diagonals are equal, so only 2 / 3 (dx² + dy²) is left, but for the repeated edges.
    board = torch.from_numpy(np.broadcast_to((_ROWS + _COLUMNS) % 2, (1, 3, 6, 9)).copy())
    beside = 2 / 3 * (8 / 9 + 5 / 6)
    # Along the frame, of 8 x 11, a diagonal crosses from a pixel to its neighbour's repetition.
    across_the_edge = 2 / 12 * 2 * (2 * 8 + 2 * 5) / (7 * 10)
    assert total_variation(board, TvLoss.NINE_POINT).item() == pytest.approx(beside + across_the_edge)


@pytest.mark.parametrize("form", list(TvLoss))
@pytest.mark.parametrize("power", [0.5, 0.75, 1.0, 1.25, 4.0])
def test_one_colour_has_no_variation_and_no_gradient(form: TvLoss, power: float) -> None:
    picture = torch.full((1, 3, 8, 8), 200.0, requires_grad=True)
    loss = total_variation(picture, form, power)
    (gradient,) = torch.autograd.grad(loss, picture)
    assert loss.item() == 0
    assert torch.equal(gradient, torch.zeros_like(gradient))


def test_the_smallest_differences_have_a_finite_gradient_at_the_smallest_power() -> None:
    for size in (1e-18, 1e-22, 1e-30):
        picture = (size * torch.rand(1, 3, 8, 8)).requires_grad_()
        (gradient,) = torch.autograd.grad(total_variation(picture, TvLoss.POWER, 0.5), picture)
        assert torch.isfinite(gradient).all()


@pytest.mark.parametrize("form", list(TvLoss))
@pytest.mark.parametrize("power", [0.5, 1.25, 4.0])
def test_the_gradients_of_total_variation_are_those_of_finite_differences(form: TvLoss, power: float) -> None:
    picture = (_PICTURE / 100).requires_grad_()
    assert torch.autograd.gradcheck(lambda p: total_variation(p, form, power), (picture,))


def test_only_pixels_out_of_range_count_by_their_distance_squared() -> None:
    expected = np.mean(np.maximum(0, np.maximum(-_ARRAY, _ARRAY - 255)) ** 2)
    assert 0 < expected == pytest.approx(out_of_range(_PICTURE).item(), rel=1e-12)
    assert out_of_range(torch.tensor([0.0, 100.0, 255.0])).item() == 0
    assert torch.autograd.gradcheck(out_of_range, (_PICTURE.clone().requires_grad_(),))


@pytest.mark.parametrize("power", [1.0, 1.5, 6.0, 12.0])
def test_the_alpha_norm_is_its_formula(power: float) -> None:
    expected = np.mean(np.abs((_ARRAY - 127.5) / 127.5) ** power)
    assert alpha_norm(_PICTURE, power).item() == pytest.approx(expected, rel=1e-12)
    assert torch.autograd.gradcheck(lambda p: alpha_norm(p, power), (_PICTURE.clone().requires_grad_(),))
    gray = torch.full((1, 3, 4, 4), 127.5, requires_grad=True)
    (gradient,) = torch.autograd.grad(alpha_norm(gray, power), gray)
    assert torch.equal(gradient, torch.zeros_like(gradient))
