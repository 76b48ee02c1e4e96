"""A painting on its way from coarse to fine: what passes from size to size, and how each size ends."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from stylized.engine.choices import Init, Iterate, Optimizer
from stylized.engine.network import Network
from stylized.engine.objective import Evaluation, Objective, StyleTarget
from stylized.engine.parameters import Steering
from stylized.engine.resample import resample
from stylized.engine.stylize import (
    EndNow,
    Finished,
    NotFiniteError,
    Planned,
    Request,
    Step,
    StyleSource,
    stylize,
)

from .samples import parameters, recolored, shapes

PHOTO = shapes(36, 48)
STYLE = shapes(60, 60, seed=3)
SIZES = [(24, 18), (34, 26), (48, 36)]


def pyramid(**changes: Any) -> Request:
    """24, 34 and 48 pixels, with 2, 3 and 3 steps of Adam, whose points stay within what a picture can show."""
    settings: dict[str, Any] = {
        "size": 48,
        "iterations": 3,
        "coarsest_iterations": 2,
        "pyramid_factor": 2**0.5,
        "pyramid_min_size": 24,
        "optimizer": Optimizer.ADAM,
        "learning_rate": 4.0,
        **changes,
    }
    return Request(PHOTO, (StyleSource(STYLE, 1.0),), parameters(**settings), seed=0)


def events(network: Network, request: Request) -> tuple[Planned, list[Step], Finished]:
    planned, *steps, finished = stylize(network, request)
    assert isinstance(planned, Planned)
    assert isinstance(finished, Finished)
    return planned, [step for step in steps if isinstance(step, Step)], finished


def enlarged(picture: Tensor, width: int, height: int) -> Tensor:
    """By Pillow, in floats."""
    channels = [
        Image.fromarray(channel.numpy()).resize((width, height), Image.Resampling.BICUBIC) for channel in picture[0]
    ]
    return torch.stack([torch.tensor(np.array(channel)) for channel in channels])[None]


def test_steps_count_through_all_sizes(network: Network) -> None:
    planned, steps, finished = events(network, pyramid())
    assert [(level.width, level.height, level.iterations) for level in planned.levels] == [
        (24, 18, 2),
        (34, 26, 3),
        (48, 36, 3),
    ]
    assert [step.iteration for step in steps] == list(range(1, 9))
    assert {step.iterations for step in steps} == {8}
    assert [step.picture().shape[-1] for step in steps] == [24, 24, 34, 34, 34, 48, 48, 48]
    assert finished.picture.shape == (1, 3, 36, 48)
    assert finished.iterations == 8
    assert not finished.stopped_early


def test_each_size_starts_from_the_painting_of_the_one_before(network: Network) -> None:
    _, steps, _ = events(network, pyramid())
    expected = enlarged(steps[1].picture(), 34, 26).clamp(0, 1)
    torch.testing.assert_close(steps[2].picture(), expected, rtol=0, atol=1e-5)


def test_the_photos_fine_detail_can_be_put_back(network: Network) -> None:
    settings = {"coarsest_iterations": 1, "iterations": 1, "init": Init.CONTENT}
    _, steps, _ = events(network, pyramid(pyramid_detail=1.0, **settings))
    # The start of a size whose coarser one has moved nothing is the photo itself,
    torch.testing.assert_close(steps[-1].picture(), PHOTO, rtol=0, atol=1e-5)
    # and with half of the detail it lies between.
    _, steps, _ = events(network, pyramid(pyramid_detail=0.5, **settings))
    _, without, _ = events(network, pyramid(**settings))
    middle = (steps[1].picture() - without[1].picture()) / (resample(PHOTO, 34, 26) - without[1].picture())
    assert middle.median().item() == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("iterate", Iterate)
def test_the_iterate_that_is_shown_is_handed_on(network: Network, iterate: Iterate) -> None:
    _, steps, finished = events(network, pyramid(iterate=iterate, average_decay=0.5, learning_rate=20.0))
    handed_on = enlarged(steps[1].picture(), 34, 26).clamp(0, 1)
    torch.testing.assert_close(steps[2].picture(), handed_on, rtol=0, atol=1e-5)
    torch.testing.assert_close(finished.picture, steps[-1].picture())


def test_an_average_lies_between_the_points_of_its_size_alone(network: Network) -> None:
    request = pyramid(iterate=Iterate.AVERAGE, average_decay=0.5, iterations=2)
    _, steps, _ = events(network, request)
    _, last, _ = events(network, replace(request, parameters=replace(request.parameters, iterate=Iterate.LAST)))
    # Up to the first point of the second size both walks start from other pictures, so only the first size compares.
    first, second = last[0].picture(), last[1].picture()
    torch.testing.assert_close(steps[1].picture(), (0.5 * first + second) / 1.5, rtol=0, atol=1e-5)
    # The first point of a size is its average.
    torch.testing.assert_close(steps[2].picture(), enlarged(steps[1].picture(), 34, 26).clamp(0, 1), rtol=0, atol=1e-5)


def test_the_losses_told_at_the_end_are_those_of_the_average(network: Network) -> None:
    request = pyramid(iterate=Iterate.AVERAGE, average_decay=0.9)
    _, _, finished = events(network, request)
    objective = Objective(network, 255 * PHOTO, [StyleTarget(255 * resample(STYLE, 48, 48), 1.0)], request.parameters)
    evaluation = objective.evaluate(255 * finished.picture)
    assert finished.losses == pytest.approx({name: value.item() for name, value in evaluation.terms.items()}, rel=1e-4)


def test_targets_are_captured_at_each_size_once_the_last_ones_are_gone(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    captured: list[tuple[Any, Any]] = []
    living: list[weakref.ref[Objective]] = []
    build = Objective.__init__

    def watched(self: Objective, network: Any, content: Tensor, styles: Any, *rest: Any) -> None:
        assert all(objective() is None for objective in living)
        living.append(weakref.ref(self))
        captured.append((content.shape[-2:][::-1], [style.image.shape[-1] for style in styles]))
        build(self, network, content, styles, *rest)

    monkeypatch.setattr(Objective, "__init__", watched)
    events(network, pyramid(style_scale=0.75))
    # No side is below what the network can see.
    assert captured == [(size, [max(16, round(0.75 * size[0]))]) for size in SIZES]
    captured.clear()
    events(network, pyramid(style_size=40))
    assert [styles for _, styles in captured] == [[20], [28], [40]]


def test_adam_knows_at_each_size_what_it_learnt_before(network: Network) -> None:
    _, steps, _ = events(network, pyramid(iterations=2, epsilon=1e-3))
    moved = (steps[3].picture() - steps[2].picture()).abs().mean().item() * 255
    # Anew, Adam's first step is learning_rate for every pixel, the sign of its gradient alone.
    assert moved < 0.9 * 4.0


@pytest.mark.parametrize("optimizer", Optimizer)
def test_all_optimisers_grow(network: Network, optimizer: Optimizer) -> None:
    rate = {Optimizer.GRADIENT_DESCENT: 1e-7, Optimizer.NORMALIZED_DESCENT: 100.0}.get(optimizer, 1.0)
    _, steps, finished = events(network, pyramid(optimizer=optimizer, learning_rate=rate, iterations=5))
    assert torch.isfinite(finished.picture).all()
    assert sum(finished.losses.values()) < sum(steps[-5].losses().values())


def test_a_plateau_ends_a_size_and_the_count_of_steps_falls(network: Network) -> None:
    # No ten steps lower a loss by all of it, so each size ends when its first ten steps can be compared.
    settings = {"iterations": 35, "coarsest_iterations": 25, "pyramid_factor": 2.0}
    _, steps, finished = events(network, pyramid(plateau=1.0, **settings))
    assert [step.iteration for step in steps] == list(range(1, 41))
    assert [step.iterations for step in steps] == [60] * 19 + [55] * 20 + [40]
    shares = [step.iteration / step.iterations for step in steps]
    assert shares == sorted(shares)
    assert finished.iterations == 40
    assert not finished.stopped_early
    _, steps, _ = events(network, pyramid(plateau=0.0, **settings))
    assert len(steps) == 60


def test_new_weights_hold_at_the_next_sizes_too(network: Network) -> None:
    request = pyramid()
    painting = stylize(network, request)
    next(painting)
    next(painting)
    painting.send(replace(Steering.of(request.parameters), tv_weight=5.0))
    *_, finished = painting
    assert isinstance(finished, Finished)
    assert finished.losses["tv"] > 0


@pytest.mark.parametrize("at", [1, 4, 7])
def test_it_can_be_ended_at_any_size_and_has_the_full_one(network: Network, at: int) -> None:
    painting = stylize(network, pyramid())
    last = [next(painting) for _ in range(at + 1)][-1]
    assert isinstance(last, Step)
    finished = painting.send(EndNow())
    assert isinstance(finished, Finished)
    assert (finished.iterations, finished.stopped_early) == (at, True)
    torch.testing.assert_close(finished.picture, enlarged(last.picture(), 48, 36).clamp(0, 1), rtol=0, atol=1e-5)
    assert next(painting, None) is None


def test_ended_after_its_last_step_it_is_not_early_and_may_still_change_colour(network: Network) -> None:
    painting = stylize(network, pyramid())
    last = [next(painting) for _ in range(9)][-1]
    assert isinstance(last, Step)
    finished = painting.send(EndNow(color=0.0))
    assert isinstance(finished, Finished)
    assert not finished.stopped_early
    torch.testing.assert_close(finished.picture, recolored(last, 0.0).picture())


def broken_after(calls: int, monkeypatch: pytest.MonkeyPatch, mended_at_size: int = 0) -> None:
    """From this call on, the losses are NaN; not for pictures of `mended_at_size`."""
    evaluate: Callable[[Objective, Tensor], Evaluation] = Objective.evaluate
    count = 0

    def torn(self: Objective, image: Tensor) -> Evaluation:
        nonlocal count
        count += 1
        found = evaluate(self, image)
        if count <= calls or image.shape[-1] == mended_at_size:
            return found
        nan = torch.tensor(float("nan"))
        return Evaluation(dict.fromkeys(found.terms, nan), nan, found.gradient)

    monkeypatch.setattr(Objective, "evaluate", torn)


@pytest.mark.parametrize("iterate", Iterate)
def test_losses_that_cease_to_be_finite_leave_the_last_good_picture_and_a_warning(
    network: Network, monkeypatch: pytest.MonkeyPatch, iterate: Iterate
) -> None:
    request = pyramid(pyramid_factor=1.0, iterations=60, iterate=iterate)
    broken_after(15, monkeypatch)
    _, steps, finished = events(network, request)
    assert finished.iterations == 30  # at 20 it was not yet known that ten in a row lead nowhere
    assert steps[-1].iterations == 30
    (warning,) = finished.warnings
    assert "48 x 36" in warning
    assert "finite" in warning
    assert torch.isfinite(finished.picture).all()
    assert all(0 < loss < float("inf") for loss in finished.losses.values())
    if iterate is not Iterate.AVERAGE:
        assert finished.losses == steps[14].losses()
        torch.testing.assert_close(finished.picture, steps[14].picture())


def test_a_size_that_leads_nowhere_is_passed_over(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    request = pyramid(pyramid_factor=2.0, coarsest_iterations=60)
    broken_after(4, monkeypatch, mended_at_size=48)
    _, steps, finished = events(network, request)
    assert [step.iterations for step in steps][-1] == finished.iterations == 23
    (warning,) = finished.warnings
    assert "24 x 18" in warning
    assert "next size" in warning


def test_a_full_size_that_is_never_finite_leaves_the_painting_of_the_coarser_one(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = pyramid(pyramid_factor=2.0, coarsest_iterations=5, iterations=30)
    broken_after(5, monkeypatch)
    _, steps, finished = events(network, request)
    assert finished.losses == steps[4].losses()
    torch.testing.assert_close(finished.picture, enlarged(steps[4].picture(), 48, 36).clamp(0, 1), rtol=0, atol=1e-5)
    assert len(finished.warnings) == 1


def test_losses_that_were_never_finite_are_an_error(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    broken_after(0, monkeypatch)
    with pytest.raises(NotFiniteError):
        events(network, pyramid(iterations=30))


def test_jitter_shifts_the_picture_before_a_step_and_the_step_back_after_it(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    def one_pixel(self: Objective, image: Tensor) -> Evaluation:
        """The value of the pixel at row 10, column 20: its gradient is there alone."""
        gradient = torch.zeros_like(image)
        gradient[..., 10, 20] = 1.0
        return Evaluation({"style": image[..., 10, 20].mean()}, image[..., 10, 20].mean(), gradient)

    monkeypatch.setattr(Objective, "evaluate", one_pixel)

    def moved(seed: int) -> tuple[int, int]:
        request = pyramid(
            pyramid_factor=1.0, iterations=2, jitter=3, optimizer=Optimizer.NORMALIZED_DESCENT, learning_rate=50.0
        )
        _, (before, after), _ = events(network, replace(request, seed=seed))
        row, column = (after.picture() - before.picture()).abs().sum(1)[0].nonzero()[0].tolist()
        return row, column

    places = [moved(seed) for seed in range(40)]
    assert places == [moved(seed) for seed in range(40)]
    assert {row - 10 for row, _ in places} == set(range(-3, 4))
    assert {column - 20 for _, column in places} == set(range(-3, 4))


def test_without_a_photo_the_painting_has_the_shape_of_the_style(network: Network) -> None:
    request = replace(pyramid(content_weight=0.0, init=Init.PINK, noise_spread=20.0), content=None)
    request = replace(request, styles=(StyleSource(shapes(30, 60, seed=3), 1.0),))
    _, steps, finished = events(network, request)
    assert finished.picture.shape == (1, 3, 24, 48)
    assert set(finished.losses) == {"style"}
    assert finished.losses["style"] < steps[-3].losses()["style"]


def test_it_starts_from_an_image_of_the_users(network: Network) -> None:
    request = replace(pyramid(init=Init.IMAGE), init_image=shapes(200, 100, seed=8))
    _, steps, _ = events(network, request)
    torch.testing.assert_close(steps[0].picture(), resample(shapes(200, 100, seed=8), 24, 18), rtol=0, atol=1e-6)
