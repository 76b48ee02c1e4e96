"""Optimisers: they arrive where a closed form says, survive what is not finite, and never wait for the device."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from stylized.engine.choices import Optimizer
from stylized.engine.network import Network
from stylized.engine.objective import Evaluation, Objective, StyleTarget
from stylized.engine.optimizers import LBFGS, Adam, Descent, make_optimizer

from .samples import noise, parameters, shapes

SHAPE = (1, 3, 4, 5)
TARGET = 100 + 50 * noise(4, 5, seed=1)
# Curvatures from 1 to 100: a valley that a plain gradient step crawls along.
CURVATURE = torch.logspace(0, 2, TARGET.numel()).view(SHAPE)


def quadratic(image: Tensor) -> Evaluation:
    """½ Σ c (x - t)², with its minimum 0 at TARGET."""
    distance = image - TARGET
    total = 0.5 * (CURVATURE * distance.square()).sum()
    return Evaluation({"content": total}, total, CURVATURE * distance)


def broken(value: float, when: Callable[[int], bool]) -> Callable[[Tensor], Evaluation]:
    """The quadratic, but `value` at the calls for which `when` holds."""
    calls = 0

    def evaluate(image: Tensor) -> Evaluation:
        nonlocal calls
        calls += 1
        found = quadratic(image)
        if not when(calls):
            return found
        total = torch.tensor(value)
        return Evaluation({"content": total}, total, torch.full(SHAPE, value))

    return evaluate


def walk(optimizer: Descent, evaluate: Callable[[Tensor], Evaluation], steps: int) -> Descent:
    for _ in range(steps):
        optimizer.step(evaluate)
    return optimizer


def start(value: float = 0.0) -> Tensor:
    return torch.full(SHAPE, value)


class TestLBFGS:
    def test_finds_the_minimum_of_a_quadratic(self) -> None:
        optimizer = walk(LBFGS(start(), 1.0, 10), quadratic, 80)
        torch.testing.assert_close(optimizer.point, TARGET, rtol=0, atol=1e-2)

    def test_is_far_faster_than_the_gradient_alone(self) -> None:
        # Steepest descent with the best constant step shrinks the error by (100 - 1) / (100 + 1) a step.
        point = start()
        for _ in range(40):
            point = point - 2 / 101 * quadratic(point).gradient
        ours = walk(LBFGS(start(), 1.0, 10), quadratic, 40).evaluation.total
        assert ours < 1e-3 * quadratic(point).total

    def test_more_pairs_than_rows_overwrite_the_oldest(self) -> None:
        optimizer = walk(LBFGS(start(), 1.0, 2), quadratic, 200)
        torch.testing.assert_close(optimizer.point, TARGET, rtol=0, atol=1e-2)

    def test_the_first_step_moves_pixels_by_one_on_average(self) -> None:
        optimizer = walk(LBFGS(start(), 1.0, 10), quadratic, 2)
        assert optimizer.point.abs().mean().item() == pytest.approx(1.0, rel=1e-5)

    def test_the_learning_rate_is_a_factor_on_the_step(self) -> None:
        optimizer = walk(LBFGS(start(), 0.25, 10), quadratic, 2)
        assert optimizer.point.abs().mean().item() == pytest.approx(0.25, rel=1e-5)

    def test_a_scale_of_the_loss_changes_nothing(self) -> None:
        def scaled(image: Tensor) -> Evaluation:
            found = quadratic(image)
            return Evaluation({}, 1e-4 * found.total, 1e-4 * found.gradient)

        plainly = walk(LBFGS(start(), 1.0, 10), quadratic, 15).point
        torch.testing.assert_close(walk(LBFGS(start(), 1.0, 10), scaled, 15).point, plainly, rtol=1e-3, atol=1e-2)

    def test_stays_at_a_minimum(self) -> None:
        optimizer = walk(LBFGS(TARGET, 1.0, 10), quadratic, 5)
        assert torch.equal(optimizer.point, TARGET)
        assert not optimizer.is_stuck()

    def test_a_leap_uphill_is_taken_back(self) -> None:
        # Beyond a wall at 60 the loss is a million times higher; the minimum of the quadratic lies behind it.
        def walled(image: Tensor) -> Evaluation:
            found = quadratic(image)
            wall = 1.0 + 1e6 * (image > 60).any()
            return Evaluation({"content": found.total * wall}, found.total * wall, found.gradient * wall)

        optimizer = LBFGS(start(), 1.0, 10)
        before = float("inf")
        rejected = 0
        for _ in range(60):
            point = optimizer.point
            optimizer.step(walled)
            now = optimizer.evaluation.total.item()
            assert now <= 2 * before
            rejected += torch.equal(point, optimizer.point)
            before = now
        assert rejected > 1
        assert bool((optimizer.point <= 60).all())

    def test_negative_curvature_gives_no_pair(self) -> None:
        def hill(image: Tensor) -> Evaluation:  # falls ever more steeply
            total = 1e6 - 0.5 * image.square().sum()
            return Evaluation({"content": total}, total, -image)

        optimizer = LBFGS(start(1.0), 1.0, 10)
        optimizer.step(hill)
        for _ in range(5):
            before = optimizer.point
            optimizer.step(hill)
            # Always the first step, of 1 on average, along the gradient.
            torch.testing.assert_close(optimizer.point - before, torch.ones(SHAPE))

    def test_a_rejection_clears_the_history(self) -> None:
        optimizer = walk(LBFGS(start(), 1.0, 10), quadratic, 6)
        optimizer.step(broken(float("nan"), lambda _: True))
        at, gradient = optimizer.point, optimizer.evaluation.gradient
        optimizer.step(quadratic)
        # A quarter of the first step, along the gradient alone.
        expected = -0.25 * gradient / gradient.abs().mean()
        torch.testing.assert_close(optimizer.point - at, expected, rtol=1e-3, atol=1e-4)

    def test_a_gradient_that_is_not_finite_is_rejected_under_a_finite_loss(self) -> None:
        def torn(image: Tensor) -> Evaluation:
            found = quadratic(image)
            gradient = found.gradient.clone()
            gradient[0, 0, 0, 0] = float("nan")
            return Evaluation(found.terms, found.total, gradient)

        optimizer = walk(LBFGS(start(), 1.0, 10), quadratic, 6)
        at = optimizer.point
        optimizer.step(torn)
        assert torch.equal(optimizer.point, at)
        assert torch.isfinite(walk(optimizer, quadratic, 5).point).all()


@pytest.mark.parametrize("make", [lambda: LBFGS(start(), 1.0, 10), lambda: Adam(start(), 10.0)], ids=["lbfgs", "adam"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
class TestWhatIsNotFinite:
    def test_is_passed_over(self, make: Callable[[], Descent], value: float) -> None:
        optimizer = walk(make(), broken(value, lambda call: call in (1, 2, 7, 8, 9, 20)), 150)
        assert not optimizer.is_stuck()
        assert torch.isfinite(optimizer.point).all()
        assert optimizer.evaluation.total < 1e-2 * quadratic(start()).total

    def test_at_every_second_step_still_leads_down(self, make: Callable[[], Descent], value: float) -> None:
        optimizer = walk(make(), broken(value, lambda call: call % 2 == 0), 100)
        assert not optimizer.is_stuck()
        assert optimizer.evaluation.total < 0.9 * quadratic(start()).total

    def test_for_good_is_told_when_asked(self, make: Callable[[], Descent], value: float) -> None:
        optimizer = walk(make(), broken(value, lambda call: call > 5), 5)
        at = optimizer.point
        walk(optimizer, broken(value, lambda _: True), 15)
        assert torch.equal(optimizer.point, at)
        assert optimizer.is_stuck()

    def test_from_the_first_step_is_told_when_asked(self, make: Callable[[], Descent], value: float) -> None:
        optimizer = walk(make(), broken(value, lambda _: True), 15)
        assert torch.equal(optimizer.point, start())
        assert optimizer.is_stuck()


class TestAdam:
    def test_walks_as_torchs_does(self) -> None:
        epsilon = 1e-3
        first = quadratic(start()).gradient
        theirs = start().requires_grad_()
        reference = torch.optim.Adam([theirs], lr=5.0, eps=epsilon * first.square().mean().sqrt().item())
        optimizer = Adam(start(), 5.0, epsilon=epsilon)
        optimizer.step(quadratic)  # evaluates the start
        for _ in range(30):
            theirs.grad = quadratic(theirs.detach()).gradient
            reference.step()
            with torch.no_grad():
                theirs.clamp_(0, 255)
            optimizer.step(quadratic)
            torch.testing.assert_close(optimizer.point, theirs.detach(), rtol=1e-5, atol=1e-3)

    def test_a_scale_of_the_loss_changes_nothing(self) -> None:
        def scaled(image: Tensor) -> Evaluation:
            found = quadratic(image)
            return Evaluation({}, 1e-4 * found.total, 1e-4 * found.gradient)

        plainly = walk(Adam(start(), 5.0), quadratic, 15).point
        torch.testing.assert_close(walk(Adam(start(), 5.0), scaled, 15).point, plainly)

    def test_stays_within_0_and_255(self) -> None:
        optimizer = walk(Adam(start(250.0), 255.0), quadratic, 3)
        assert optimizer.point.min() >= 0
        assert optimizer.point.max() <= 255


def test_a_step_never_writes_into_an_earlier_point() -> None:
    for optimizer in (LBFGS(start(), 1.0, 3), Adam(start(), 5.0)):
        walk(optimizer, quadratic, 3)
        point, evaluation = optimizer.point, optimizer.evaluation
        copies = point.clone(), evaluation.gradient.clone(), evaluation.total.clone()
        walk(optimizer, quadratic, 5)
        assert torch.equal(point, copies[0])
        assert torch.equal(evaluation.gradient, copies[1])
        assert torch.equal(evaluation.total, copies[2])


def test_the_parameters_choose_the_method() -> None:
    assert isinstance(make_optimizer(start(), parameters(optimizer=Optimizer.LBFGS)), LBFGS)
    assert isinstance(make_optimizer(start(), parameters(optimizer=Optimizer.ADAM)), Adam)


class _WaitingError(AssertionError):
    pass


@contextmanager
def _no_waiting() -> Iterator[None]:
    """Raise where a number of a tensor is brought to the host: item(), bool(), float(), comparisons in `if`."""

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if func in (torch.ops.aten._local_scalar_dense.default, torch.ops.aten.is_nonzero.default):
                raise _WaitingError
            return func(*args, **(kwargs or {}))

    with Watch():
        yield


@pytest.mark.parametrize("method", list(Optimizer))
def test_no_step_waits_for_the_device(network: Network, method: Optimizer) -> None:
    content = 255 * shapes(16, 16)
    settings = parameters(optimizer=method, tv_weight=1.0)
    objective = Objective(network, content, [StyleTarget(255 * shapes(16, 16, seed=3), 1.0)], settings)
    optimizer = make_optimizer(content, settings)
    with _no_waiting():
        walk(optimizer, objective.evaluate, 4)
        with pytest.raises(_WaitingError):  # the watch can see
            optimizer.is_stuck()
