"""A finished painting can be painted on: as if it had never ended, or with other wishes from where it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from stylized.engine.choices import Iterate, Optimizer
from stylized.engine.network import Network
from stylized.engine.parameters import Steering
from stylized.engine.stylize import EndNow, Finished, Planned, Request, ResumeError, State, Step, StyleSource, stylize

from .samples import parameters, shapes

PHOTO = shapes(36, 48)
STYLE = shapes(40, 40, seed=3)
RATES = {Optimizer.ADAM: 4.0, Optimizer.GRADIENT_DESCENT: 1e-7, Optimizer.NORMALIZED_DESCENT: 100.0}


def job(resume: State | None = None, style: Tensor = STYLE, photo: Tensor = PHOTO, **changes: Any) -> Request:
    optimizer = changes.get("optimizer", Optimizer.LBFGS)
    settings = {"size": 32, "iterations": 20, "learning_rate": RATES.get(optimizer, 1.0), **changes}
    return Request(photo, (StyleSource(style, 1.0),), parameters(**settings), seed=3, resume=resume)


def painted(network: Network, request: Request) -> tuple[list[Step], Finished]:
    _, *steps, finished = stylize(network, request)
    assert isinstance(finished, Finished)
    return [step for step in steps if isinstance(step, Step)], finished


@pytest.mark.parametrize(
    ("optimizer", "iterate"),
    [
        (Optimizer.LBFGS, Iterate.LAST),
        (Optimizer.LBFGS, Iterate.AVERAGE),
        (Optimizer.LBFGSB, Iterate.BEST),
        (Optimizer.ADAM, Iterate.LAST),
        (Optimizer.ADAM, Iterate.AVERAGE),
        (Optimizer.SCALED_DESCENT, Iterate.BEST),
    ],
)
def test_twenty_steps_and_twenty_more_are_forty(network: Network, optimizer: Optimizer, iterate: Iterate) -> None:
    settings = {"optimizer": optimizer, "iterate": iterate, "average_decay": 0.9, "jitter": 2}
    _, whole = painted(network, job(iterations=40, **settings))
    _, half = painted(network, job(**settings))
    steps, other_half = painted(network, job(half.state, **settings))
    assert [step.iteration for step in steps] == list(range(1, 21))
    assert torch.equal(other_half.picture, whole.picture)
    assert other_half.losses == whole.losses
    assert other_half.state.steps == 40
    # And the state can be gone on from again.
    _, again = painted(network, job(half.state, **settings))
    assert torch.equal(again.picture, whole.picture)


@pytest.mark.parametrize("optimizer", Optimizer)
def test_with_other_weights_it_goes_on_from_the_same_picture(network: Network, optimizer: Optimizer) -> None:
    _, first = painted(network, job(optimizer=optimizer))
    steps, _ = painted(network, job(first.state, optimizer=optimizer, content_weight=2.0, iterations=3))
    torch.testing.assert_close(steps[0].picture(), first.picture)
    assert steps[0].losses()["content"] == pytest.approx(2.0 * first.losses["content"], rel=1e-4)


def second_step(steps: list[Step]) -> float:
    """How far the second step led, in pixel values on average."""
    return 255 * (steps[1].picture() - steps[0].picture()).abs().mean().item()


@pytest.mark.parametrize(
    "change", [{"content_weight": 2.0}, {"style": shapes(40, 40, seed=9)}, {"photo": shapes(72, 96)}]
)
def test_pairs_of_another_objective_are_dropped(network: Network, change: dict[str, Any]) -> None:
    _, first = painted(network, job(optimizer=Optimizer.LBFGSB))
    # Without pairs the step is 1 pixel value on average, less what is clipped at 0 and 255.
    steps, _ = painted(network, job(first.state, optimizer=Optimizer.LBFGSB, **{"iterations": 2, **change}))
    assert second_step(steps) == pytest.approx(1.0, abs=0.05)
    steps, _ = painted(network, job(first.state, optimizer=Optimizer.LBFGSB, iterations=2))
    assert second_step(steps) != pytest.approx(1.0, abs=0.05)


def test_adam_keeps_its_averages_under_another_objective(network: Network) -> None:
    settings: dict[str, Any] = {"optimizer": Optimizer.ADAM}
    _, first = painted(network, job(**settings))
    steps, _ = painted(network, job(first.state, content_weight=2.0, iterations=2, **settings))
    # Anew, Adam's first step is learning_rate for every pixel.
    assert second_step(steps) < 0.8 * RATES[Optimizer.ADAM]
    steps, _ = painted(network, job(first.state.without_memory(), content_weight=2.0, iterations=2, **settings))
    assert second_step(steps) == pytest.approx(RATES[Optimizer.ADAM], rel=0.1)


def test_another_optimiser_begins_anew_from_the_picture(network: Network) -> None:
    _, first = painted(network, job())
    steps, finished = painted(network, job(first.state, optimizer=Optimizer.ADAM))
    torch.testing.assert_close(steps[0].picture(), first.picture)
    assert sum(finished.losses.values()) < sum(first.losses.values())
    steps, _ = painted(network, job(first.state, history_size=3))
    torch.testing.assert_close(steps[0].picture(), first.picture)


def test_what_was_steered_at_the_last_step_counts_as_another_objective(network: Network) -> None:
    painting = stylize(network, job(optimizer=Optimizer.LBFGSB))
    for _ in range(21):
        next(painting)
    finished = painting.send(replace(Steering.of(job().parameters), content_weight=2.0))
    assert isinstance(finished, Finished)
    steps, _ = painted(network, job(finished.state, optimizer=Optimizer.LBFGSB, content_weight=2.0, iterations=2))
    assert second_step(steps) == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("optimizer", [Optimizer.LBFGS, Optimizer.ADAM])
def test_it_may_go_on_larger(network: Network, optimizer: Optimizer) -> None:
    _, first = painted(network, job(optimizer=optimizer))
    steps, finished = painted(network, job(first.state, optimizer=optimizer, size=48))
    assert finished.picture.shape == (1, 3, 36, 48)
    grown = torch.nn.functional.interpolate(first.picture, size=(36, 48), mode="bicubic", antialias=True)
    torch.testing.assert_close(steps[0].picture(), grown.clamp(0, 1), rtol=0, atol=0.05)  # points may leave 0..255
    assert sum(finished.losses.values()) < sum(steps[0].losses().values())


def test_it_goes_on_at_its_full_size_alone(network: Network) -> None:
    settings: dict[str, Any] = {"pyramid_factor": 2.0, "pyramid_min_size": 16, "coarsest_iterations": 5, "size": 48}
    settings["optimizer"] = Optimizer.ADAM
    painting = stylize(network, job(**settings))
    coarse = [next(painting) for _ in range(3)][-1]
    assert isinstance(coarse, Step)
    assert coarse.level.width == 24
    ended = painting.send(EndNow())
    assert isinstance(ended, Finished)
    planned, first, *_ = stylize(network, job(ended.state, **settings))
    assert isinstance(planned, Planned)
    assert isinstance(first, Step)
    assert [(level.width, level.iterations) for level in planned.levels] == [(48, 20)]
    torch.testing.assert_close(first.picture(), ended.picture, rtol=0, atol=1e-5)


def test_a_photo_of_other_proportions_is_refused(network: Network) -> None:
    _, first = painted(network, job())
    with pytest.raises(ResumeError, match="32 x 24"):
        next(stylize(network, job(first.state, photo=shapes(48, 48))))


def test_a_state_tells_its_size_and_can_be_cut_down_to_the_painting(network: Network) -> None:
    _, first = painted(network, job(history_size=5))
    picture = 3 * 32 * 24 * 4
    assert first.state.size_bytes >= (2 * 6 + 3) * picture  # the pairs, the point, the candidate, the gradient
    assert first.state.without_memory().size_bytes == picture
    steps, _ = painted(network, job(first.state.without_memory(), history_size=5, iterations=2))
    torch.testing.assert_close(steps[0].picture(), first.picture)
