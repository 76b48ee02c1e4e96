"""Which iterate is the painting: closed forms of the average, and the best of a walk that rises and falls."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from stylized.engine.choices import Iterate
from stylized.engine.iterates import Iterates, make_iterates
from stylized.engine.objective import Evaluation
from stylized.engine.optimizers import Descent

from .samples import noise, parameters


class Walk(Descent):
    """Stands where it is told, with the loss that it is told."""

    def __init__(self) -> None:
        super().__init__(torch.zeros(1, 3, 2, 2), 1.0)

    def at(self, point: Tensor, loss: float) -> Walk:
        self._point = point
        total = torch.tensor(loss)
        self._accepted = Evaluation({"content": total}, total, torch.full_like(point, loss))
        return self

    def _direction(self, point: Tensor, gradient: Tensor) -> Tensor:
        return gradient


POINTS = [255 * noise(2, 2, seed) for seed in range(12)]
LOSSES = [9.0, 7.0, 8.0, 3.0, 4.0, 3.5, 6.0, 3.1, 5.0, 5.0, 8.0, 4.0]


def walked(iterates: Iterates, count: int = len(POINTS)) -> Iterates:
    walk = Walk()
    for point, loss in zip(POINTS[:count], LOSSES[:count], strict=True):
        iterates.take(walk.at(point, loss))
    return iterates


def test_the_last_is_the_last() -> None:
    iterates = walked(make_iterates(parameters(iterate=Iterate.LAST)))
    assert torch.equal(iterates.point, POINTS[-1])
    assert iterates.evaluation is not None
    assert iterates.evaluation.total == LOSSES[-1]


def test_the_best_has_the_lowest_loss() -> None:
    iterates = walked(make_iterates(parameters(iterate=Iterate.BEST)))
    assert torch.equal(iterates.point, POINTS[3])
    assert iterates.evaluation is not None
    assert iterates.evaluation.terms["content"] == 3.0


def test_after_a_change_of_the_objective_the_best_is_sought_anew() -> None:
    iterates = walked(make_iterates(parameters(iterate=Iterate.BEST)))
    iterates.objective_changed()
    iterates.take(Walk().at(POINTS[0], 100.0))
    assert torch.equal(iterates.point, POINTS[0])


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.9, 0.9999])
@pytest.mark.parametrize("count", [1, 2, 12])
def test_the_average_is_the_sum_of_decaying_shares(decay: float, count: int) -> None:
    iterates = walked(make_iterates(parameters(iterate=Iterate.AVERAGE, average_decay=decay)), count)
    shares = [decay ** (count - 1 - age) for age in range(count)]
    expected = sum(share * point.double() for share, point in zip(shares, POINTS, strict=False)) / sum(shares)
    torch.testing.assert_close(iterates.point, torch.as_tensor(expected).float(), rtol=1e-3, atol=1e-2)


@pytest.mark.parametrize("iterate", Iterate)
def test_what_one_knows_another_can_take_up(iterate: Iterate) -> None:
    settings = parameters(iterate=iterate, average_decay=0.8)
    through = walked(make_iterates(settings))
    first = walked(make_iterates(settings), 7)
    second = make_iterates(settings)
    second.load_state(first.state(), torch.device("cpu"))
    walk = Walk()
    for point, loss in zip(POINTS[7:], LOSSES[7:], strict=True):
        second.take(walk.at(point, loss))
    assert torch.equal(second.point, through.point)


@pytest.mark.parametrize("iterate", Iterate)
def test_a_picture_is_never_written_into(iterate: Iterate) -> None:
    iterates = walked(make_iterates(parameters(iterate=iterate)), 5)
    shown = iterates.point
    copy = shown.clone()
    walked(iterates)
    assert torch.equal(shown, copy)
