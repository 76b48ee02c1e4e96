"""The generator: its events, its promises of sameness and finiteness, and how it stops."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from stylized.engine.choices import Init, Optimizer
from stylized.engine.network import Network, Weights
from stylized.engine.network_torch import TorchNetwork
from stylized.engine.objective import Objective
from stylized.engine.parameters import ParameterError, Steering
from stylized.engine.schedule import Level, PictureTooSmallError
from stylized.engine.stylize import Finished, NotFiniteError, Planned, Request, Step, StyleSource, stylize

from .samples import parameters, plain, recolored, shapes


def job(content: Tensor | None = None, style: Tensor | None = None, seed: int = 0, **changes: Any) -> Request:
    content = shapes(36, 48) if content is None else content
    style = shapes(40, 40, seed=3) if style is None else style
    settings = {"size": 48, "iterations": 6, **changes}
    return Request(content, (StyleSource(style, 1.0),), parameters(**settings), seed)


def painted(network: Network, request: Request) -> Finished:
    *_, last = stylize(network, request)
    assert isinstance(last, Finished)
    return last


def steered(painting: Any, **changes: float) -> Step:
    """The step after a change of what was asked for."""
    step = painting.send(replace(Steering.of(parameters()), **changes))
    assert isinstance(step, Step)
    return step


def test_events_come_in_order(network: Network) -> None:
    planned, *steps, finished = stylize(network, job(content=shapes(72, 96)))
    assert isinstance(planned, Planned)
    assert planned.levels == (Level(48, 36, 6),)
    assert [step.iteration for step in steps if isinstance(step, Step)] == [1, 2, 3, 4, 5, 6]
    assert all(isinstance(step, Step) and step.iterations == 6 for step in steps)
    assert isinstance(finished, Finished)
    assert finished.iterations == 6
    assert finished.picture.shape == (1, 3, 36, 48)


def test_the_losses_fall_and_belong_to_the_picture(network: Network) -> None:
    _, *steps, finished = stylize(network, job(iterations=25))
    assert isinstance(finished, Finished)
    totals = [sum(step.losses().values()) for step in steps if isinstance(step, Step)]
    assert totals[-1] < 0.3 * totals[0]
    last = steps[-1]
    assert isinstance(last, Step)
    assert last.losses() == finished.losses
    assert torch.equal(last.picture(), finished.picture)


def test_the_first_step_shows_the_start(network: Network) -> None:
    request = job()
    _, first, *_ = stylize(network, request)
    assert isinstance(first, Step)
    torch.testing.assert_close(first.picture(), request.content)
    assert first.losses()["content"] == 0


def test_a_step_may_be_read_later(network: Network) -> None:
    events = stylize(network, job())
    next(events)
    early = next(events)
    assert isinstance(early, Step)
    losses, picture = early.losses(), early.picture()
    list(events)
    assert early.losses() == losses
    assert torch.equal(early.picture(), picture)


def test_the_users_picture_is_not_changed(network: Network) -> None:
    content, style = shapes(36, 48), shapes(40, 40, seed=3)
    copies = content.clone(), style.clone()
    painted(network, job(content, style))
    assert torch.equal(content, copies[0])
    assert torch.equal(style, copies[1])


# An optimiser sees nothing of the network's arithmetic, and bf16 is slow where it is emulated: one is enough there.
PRECISIONS_AND_OPTIMIZERS = [*(("network", optimizer) for optimizer in Optimizer), ("bf16_network", Optimizer.LBFGS)]


@pytest.mark.parametrize(("precision", "optimizer"), PRECISIONS_AND_OPTIMIZERS)
def test_the_same_seed_gives_the_same_bytes(
    request: pytest.FixtureRequest, precision: str, optimizer: Optimizer
) -> None:
    network: Network = request.getfixturevalue(precision)
    rate = 1.0 if optimizer is Optimizer.LBFGS else 5.0
    once, again, other = (
        painted(network, job(seed=seed, size=32, init=Init.NOISE, optimizer=optimizer, learning_rate=rate))
        for seed in (5, 5, 6)
    )
    assert once.picture.numpy().tobytes() == again.picture.numpy().tobytes()
    assert not torch.equal(once.picture, other.picture)


def test_a_start_at_the_photo_does_not_depend_on_the_seed(network: Network) -> None:
    once, other = (painted(network, job(seed=seed)) for seed in (1, 2**64 - 1))
    assert torch.equal(once.picture, other.picture)


def test_closing_between_steps_stops_the_work(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = 0
    features = TorchNetwork.features

    def counted(*args: Any, **kwargs: Any) -> dict[str, Tensor]:
        nonlocal calls
        calls += 1
        return features(*args, **kwargs)

    monkeypatch.setattr(TorchNetwork, "features", counted)
    events = stylize(network, job(iterations=1000))
    for _ in range(4):  # Planned and three steps
        next(events)
    at = calls
    events.close()  # pyright: ignore[reportAttributeAccessIssue]
    assert calls == at == 2 + 3  # two targets, three steps
    assert next(events, None) is None


@pytest.mark.parametrize(("precision", "optimizer"), PRECISIONS_AND_OPTIMIZERS)
@pytest.mark.parametrize("content", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("style", [0.0, 1.0])
def test_pictures_of_one_colour_can_be_painted(
    request: pytest.FixtureRequest, precision: str, optimizer: Optimizer, content: float, style: float
) -> None:
    finished = painted(
        request.getfixturevalue(precision),
        job(plain(16, 16, content), plain(16, 16, style), size=16, iterations=12, optimizer=optimizer),
    )
    assert torch.isfinite(finished.picture).all()
    assert finished.picture.min() >= 0
    assert finished.picture.max() <= 1


@pytest.mark.parametrize("optimizer", Optimizer)
def test_a_photo_in_its_own_style_is_left_alone_however_long_it_takes(network: Network, optimizer: Optimizer) -> None:
    # Both losses are exactly 0 from the start, which leaves nothing to compare a step with.
    photo = shapes(40, 40)
    finished = painted(network, job(content=photo, style=photo, size=40, optimizer=optimizer, iterations=25))
    assert finished.losses == {"content": 0.0, "style": 0.0}
    torch.testing.assert_close(finished.picture, photo)


def test_only_content_from_the_photo_leaves_the_photo(network: Network) -> None:
    request = job(style_weight=0.0)
    torch.testing.assert_close(painted(network, request).picture, request.content)


def test_only_style_works_too(network: Network) -> None:
    assert set(painted(network, job(content_weight=0.0)).losses) == {"style"}


@pytest.mark.parametrize(("iterations", "steps"), [(1, 1), (30, 9)])
def test_losses_that_are_never_finite_end_in_an_error_and_no_picture(
    weights: Weights, iterations: int, steps: int
) -> None:
    weight, bias = weights.layers["conv1_1"]
    layers = {**weights.layers, "conv1_1": (1e20 * weight, bias)}
    network = TorchNetwork(replace(weights, layers=layers))  # Gram matrices beyond fp32's 3e38
    seen = []
    with pytest.raises(NotFiniteError):
        seen.extend(stylize(network, job(iterations=iterations)))
    assert [type(event) for event in seen] == [Planned, *[Step] * steps]


def test_bad_requests_are_refused_before_the_first_event(network: Network) -> None:
    with pytest.raises(ParameterError, match="iterations is 0"):
        next(stylize(network, job(iterations=0)))
    with pytest.raises(PictureTooSmallError, match="40 x 15"):
        next(stylize(network, job(content=shapes(15, 40))))
    with pytest.raises(PictureTooSmallError, match="40 x 8"):
        next(stylize(network, job(style=shapes(8, 40))))


def test_the_user_is_warned_of_what_is_not_enlarged(network: Network) -> None:
    planned = next(stylize(network, job(size=100, style_scale=2.0)))
    assert isinstance(planned, Planned)
    photo, style = planned.warnings
    assert "photos are not enlarged" in photo
    assert "40 pixels where 96 were asked for" in style


def test_new_weights_hold_from_the_next_step_on_and_the_picture_stays(network: Network) -> None:
    painting = stylize(network, job(iterations=12))
    steps = [event for event in (next(painting) for _ in range(7)) if isinstance(event, Step)]
    last = steps[-1]
    first = steered(painting, content_weight=2.0, style_weight=1.0, tv_weight=3.0)
    assert (last.iteration, first.iteration) == (6, 7)
    torch.testing.assert_close(first.picture(), last.picture())
    before, after = last.losses(), first.losses()
    assert after["content"] == pytest.approx(2.0 * before["content"], rel=1e-5)
    assert after["style"] == pytest.approx(before["style"] / parameters("gatys").style_weight, rel=1e-5)
    assert after["tv"] > 0
    *_, finished = painting
    assert isinstance(finished, Finished)
    assert sum(finished.losses.values()) < sum(after.values())


def test_weights_that_cannot_be_used_are_refused(network: Network) -> None:
    painting = stylize(network, job())
    next(painting)
    next(painting)
    with pytest.raises(ParameterError):
        steered(painting, content_weight=0.0, style_weight=0.0, tv_weight=1.0)


def test_strength_is_a_factor_of_the_style_from_a_hundredth_to_a_hundred(network: Network) -> None:
    for strength, weight in ((0.5, 1000.0), (1.0, 1000.0 * 100), (0.0, 1000.0 / 100), (0.75, 1000.0 * 10)):
        by_strength = painted(network, job(style_weight=1000.0, strength=strength))
        by_weight = painted(network, job(style_weight=weight, strength=0.5))
        assert by_strength.picture.numpy().tobytes() == by_weight.picture.numpy().tobytes()
        assert by_strength.losses == by_weight.losses


def test_strength_can_be_steered_apart_from_the_weight(network: Network) -> None:
    painting = stylize(network, job(iterations=8))
    last = [next(painting) for _ in range(5)][-1]
    assert isinstance(last, Step)
    stronger = steered(painting, strength=1.0)
    assert stronger.losses()["style"] == pytest.approx(100 * last.losses()["style"], rel=1e-5)
    assert stronger.losses()["content"] == pytest.approx(last.losses()["content"], rel=1e-5)
    # And the weight keeps what the strength makes of it.
    heavier = steered(painting, strength=1.0, style_weight=2000.0)
    assert heavier.losses()["style"] > 100 * last.losses()["style"]


def test_a_change_of_colour_alone_leaves_the_walk_alone(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    left_alone = painted(network, job(iterations=12))
    captured = 0
    build = Objective.__init__

    def counted(*args: Any, **kwargs: Any) -> None:
        nonlocal captured
        captured += 1
        build(*args, **kwargs)

    monkeypatch.setattr(Objective, "__init__", counted)
    painting = stylize(network, job(iterations=12))
    last = [next(painting) for _ in range(5)][-1]
    assert isinstance(last, Step)
    photos = steered(painting, color=0.0)
    assert not torch.equal(photos.picture(), recolored(photos, 1.0).picture())
    full = steered(painting, color=1.0)
    assert torch.equal(full.picture(), recolored(full, 1.0).picture())
    assert not torch.equal(full.picture(), recolored(full, 0.0).picture())
    *_, finished = painting
    assert isinstance(finished, Finished)
    assert captured == 1
    assert finished.picture.numpy().tobytes() == left_alone.picture.numpy().tobytes()
    assert finished.losses == left_alone.losses


@pytest.mark.parametrize("at", [1, 4, 6])
def test_the_painting_that_is_returned_has_the_last_colour_that_was_asked_for(network: Network, at: int) -> None:
    painting = stylize(network, job(iterations=6))
    for _ in range(at + 1):  # Planned and so many steps
        next(painting)
    first = painting.send(replace(Steering.of(parameters()), color=0.25))
    last = first if isinstance(first, Finished) else [*painting][-1]
    assert isinstance(last, Finished)
    asked = painted(network, job(iterations=6, color=0.25))
    assert last.picture.numpy().tobytes() == asked.picture.numpy().tobytes()


def test_steps_show_the_colours_that_the_painting_will_have(network: Network) -> None:
    *_, last, finished = stylize(network, job(color=0.0))
    assert isinstance(last, Step)
    assert isinstance(finished, Finished)
    assert torch.equal(last.picture(), finished.picture)
