"""No step makes the host wait for a GPU: not of any optimiser, not of any preset.

Played without a GPU: with tensors that have no numbers (meta), from which nothing can be read and to which nothing of
the host may be added, while every operation is looked at; where a level cannot begin without numbers, on a CPU.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
import torch

from stylized.engine.choices import Backbone, Iterate, Optimizer, StyleStatistic, TvLoss
from stylized.engine.network_cuda import CudaNetwork
from stylized.engine.parameters import Parameters, Steering
from stylized.engine.presets import builtin_presets
from stylized.engine.stylize import Planned, Request, Step, StyleSource, stylize

from .lanes import AheadLane, NothingWaits, use_lane
from .samples import parameters, random_weights, shapes

# One more than from one look at the walk to the next.
STEPS = 11

PRESETS = sorted(builtin_presets())


@cache
def _network(backbone: Backbone, device: str) -> CudaNetwork:
    return CudaNetwork(random_weights(backbone), device=device)


@pytest.fixture(autouse=True)
def _ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    use_lane(monkeypatch, AheadLane())


def _paint(settings: Parameters, device: str, *, masked: bool = False) -> None:
    settings = replace(settings, size=32, coarsest_iterations=0, iterations=STEPS, pyramid_min_size=8192)
    mask = (shapes(30, 30, 4)[:, :1] > 0.5).float() if masked else None
    styles = (StyleSource(shapes(32, 36, 7), 1.0), StyleSource(shapes(34, 32, 8), 1.0, mask))
    request = Request(shapes(32, 30), styles, settings, seed=3, init_image=shapes(40, 50, 9), mask=mask)
    events = stylize(_network(settings.backbone, device), request)
    assert isinstance(next(events), Planned)
    next(events)  # the level begins: pictures are brought there
    steps = 1
    with NothingWaits():
        for event in events:
            assert isinstance(event, Step)
            event.send_losses()
            event.send(event.picture())
            steps += 1
            if steps == STEPS - 1:  # the last look of a level may wait
                break
    assert steps == STEPS - 1


@pytest.mark.parametrize("preset", PRESETS)
def test_no_preset_waits(preset: str) -> None:
    _paint(parameters(preset), "meta")


@pytest.mark.parametrize("iterate", list(Iterate))
@pytest.mark.parametrize("optimizer", list(Optimizer))
def test_no_optimizer_waits(optimizer: Optimizer, iterate: Iterate) -> None:
    _paint(parameters("gatys", optimizer=optimizer, iterate=iterate, backbone=Backbone.VGG19), "meta")


@pytest.mark.parametrize(
    ("statistic", "tv_loss"), list(zip([*StyleStatistic, StyleStatistic.GRAM], TvLoss, strict=True))
)
def test_no_loss_waits(statistic: StyleStatistic, tv_loss: TvLoss) -> None:
    _paint(parameters("gatys", style_statistic=statistic, tv_loss=tv_loss, tv_weight=1.0, alpha_weight=1.0), "meta")


def test_nothing_waits_where_a_part_is_painted_or_a_plateau_looked_for() -> None:
    _paint(parameters("gatys", plateau=1e-6), "cpu", masked=True)
    _paint(parameters("gatys", plateau=1e-6, jitter=4), "meta")


def test_a_step_after_steering_waits_no_more_than_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = parameters("gatys", size=32, iterations=STEPS)
    network = _network(Backbone.VGG19, "cpu")
    events = stylize(network, Request(shapes(32, 32), (StyleSource(shapes(32, 32, 7), 1.0),), settings, seed=0))
    next(events)
    next(events)
    events.send(replace(Steering.of(settings), strength=0.9))
    with NothingWaits():
        assert isinstance(next(events), Step)


def test_what_waits_is_seen() -> None:
    values = torch.ones(3)
    for wait in (
        lambda: values.sum().item(),
        lambda: bool(values.any()),
        lambda: values[values > 0],
        lambda: torch.tensor([1.0]),
    ):
        with pytest.raises(AssertionError), NothingWaits():
            wait()
    with pytest.raises((AssertionError, NotImplementedError)), NothingWaits():
        values.to("meta").cpu()
    with pytest.raises(AssertionError), NothingWaits():
        torch.ones(3, device="meta").add(torch.ones(()))
