"""L-BFGS against the recursion of the book in float64, and against scipy's minima, with and without bounds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import scipy.optimize
import torch
from numpy.typing import NDArray
from torch import Tensor

from stylized.engine.objective import Evaluation
from stylized.engine.optimizers import LBFGS, LBFGSB

from .samples import noise

Array = NDArray[np.float64]
SHAPE = (1, 3, 4, 5)
SIZE = 60


def evaluation(function: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Evaluation]:
    def evaluate(image: Tensor) -> Evaluation:
        image = image.detach().requires_grad_()
        total = function(image)
        (gradient,) = torch.autograd.grad(total, image)
        return Evaluation({"content": total.detach()}, total.detach(), gradient)

    return evaluate


def quadratic(seed: int, centre: float = 128.0, spread: float = 60.0) -> Callable[[Tensor], Tensor]:
    """½ (x - t)ᵀ A (x - t) with coupled variables and eigenvalues from 1 to 50, its minimum at t."""
    random = np.random.default_rng(seed)
    basis, _ = np.linalg.qr(random.normal(size=(SIZE, SIZE)))
    matrix = torch.tensor(basis @ np.diag(np.geomspace(1, 50, SIZE)) @ basis.T)
    target = torch.tensor(centre + spread * random.normal(size=SIZE))

    def value(image: Tensor) -> Tensor:
        distance = image.flatten().double() - target
        return 0.5 * distance @ matrix @ distance

    return value


def rosenbrock(image: Tensor) -> Tensor:
    """The chained banana valley, in hundreds of pixel values; its minimum 0 is at 1 everywhere."""
    x = image.flatten().double() / 100
    return (100 * (x[1:] - x[:-1].square()).square() + (1 - x[:-1]).square()).sum()


def scipys(function: Callable[[Tensor], Tensor], start: float, bounds: tuple[float, float] | None = None) -> Array:
    def both(x: Array) -> tuple[float, Array]:
        image = torch.tensor(x).requires_grad_()
        total = function(image)
        (gradient,) = torch.autograd.grad(total, image)
        return total.item(), gradient.numpy()

    point, _, _ = scipy.optimize.fmin_l_bfgs_b(
        both, np.full(SIZE, start), bounds=[bounds] * SIZE if bounds else None, factr=10, pgtol=1e-9, maxfun=100_000
    )
    return point


def two_loops(s: list[Array], y: list[Array], gradient: Array) -> Array:
    """Nocedal and Wright 2006, algorithm 7.4: the direction, oldest pairs first."""
    q = gradient.copy()
    alphas = []
    for step, turn in zip(reversed(s), reversed(y), strict=True):
        alphas.append(step @ q / (step @ turn))
        q -= alphas[-1] * turn
    q *= s[-1] @ y[-1] / (y[-1] @ y[-1])
    for step, turn, alpha in zip(s, y, reversed(alphas), strict=True):
        q += step * (alpha - turn @ q / (step @ turn))
    return -q


@pytest.mark.parametrize("history", [1, 2, 5, 20])
def test_its_steps_are_those_of_the_two_loop_recursion(history: int) -> None:
    evaluate = evaluation(quadratic(1))
    optimizer = LBFGS(torch.full(SHAPE, 50.0, dtype=torch.float64), 1.0, history)
    points: list[Array] = []
    gradients: list[Array] = []
    for _ in range(14):
        optimizer.step(evaluate)
        points.append(optimizer.point.numpy().ravel().copy())
        gradients.append(optimizer.evaluation.gradient.numpy().ravel().copy())
    for now in range(1, len(points) - 1):
        used = range(max(1, now - history + 1), now + 1)
        s = [points[i] - points[i - 1] for i in used]
        y = [gradients[i] - gradients[i - 1] for i in used]
        expected = points[now] + two_loops(s, y, gradients[now])
        np.testing.assert_allclose(points[now + 1], expected, rtol=0, atol=1e-7)


@pytest.mark.parametrize("method", [LBFGS, LBFGSB])
@pytest.mark.parametrize(("function", "start"), [(quadratic(2, spread=20.0), 0.0), (rosenbrock, 150.0)])
def test_it_finds_scipys_minimum(method: type[LBFGS], function: Callable[[Tensor], Tensor], start: float) -> None:
    # The minima lie within 0..255, so bounds change nothing.
    optimizer = method(torch.full(SHAPE, start), 1.0, 10)
    for _ in range(400):
        optimizer.step(evaluation(function))
    np.testing.assert_allclose(optimizer.point.numpy().ravel(), scipys(function, start), rtol=0, atol=0.05)


@pytest.mark.parametrize("seed", range(8))
def test_within_bounds_it_finds_scipys_optimum(seed: int) -> None:
    # A third to a half of the pixels end at a bound, and their neighbours shift because of it.
    function = quadratic(seed, spread=200.0)
    expected = scipys(function, 128.0, (0.0, 255.0))
    held = ((expected == 0) | (expected == 255)).mean()
    assert 0.3 < held < 0.8
    optimizer = LBFGSB(torch.full(SHAPE, 128.0), 1.0, 10)
    for _ in range(300):
        optimizer.step(evaluation(function))
        assert optimizer.point.min() >= 0
        assert optimizer.point.max() <= 255
    np.testing.assert_allclose(optimizer.point.numpy().ravel(), expected, rtol=0, atol=0.05)


def test_pixels_come_off_a_bound_again() -> None:
    # All start at 0, where the gradient of many points outward, until the others have moved.
    function = quadratic(5, spread=200.0)
    optimizer = LBFGSB(torch.zeros(SHAPE), 1.0, 10)
    for _ in range(300):
        optimizer.step(evaluation(function))
    expected = scipys(function, 128.0, (0.0, 255.0))
    np.testing.assert_allclose(optimizer.point.numpy().ravel(), expected, rtol=0, atol=0.05)


def test_another_objective_or_size_empties_the_history() -> None:
    optimizer = LBFGS(torch.full(SHAPE, 50.0), 1.0, 5)
    for _ in range(8):
        optimizer.step(evaluation(quadratic(1)))
    optimizer.objective_changed()
    _first_step_is_plain(optimizer, quadratic(3))
    optimizer.resample(100 + noise(8, 10))
    _first_step_is_plain(optimizer, lambda image: (image - 20).double().square().sum())


def _first_step_is_plain(optimizer: LBFGS, function: Callable[[Tensor], Tensor]) -> None:
    """One pixel value on average against the gradient."""
    optimizer.step(evaluation(function))
    at, gradient = optimizer.point, optimizer.evaluation.gradient
    optimizer.step(evaluation(function))
    torch.testing.assert_close(
        optimizer.point - at, (-gradient / gradient.abs().mean()).to(at.dtype), rtol=1e-4, atol=1e-4
    )
