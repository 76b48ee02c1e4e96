"""A painting whose steps are repeated from a recording is, to the bit, the one whose steps are not.

The recorder repeats operations in the memory where they were recorded, as a CUDA graph does (`lanes.TapeRecorder`), so
what is kept beyond a repetition, or not put where the recording reads it, shows here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor

from stylized.engine.choices import Backbone, Iterate, Optimizer
from stylized.engine.iterates import LastIterate
from stylized.engine.network_cuda import CudaNetwork
from stylized.engine.objective import Objective, StyleTarget
from stylized.engine.optimizers import LBFGS, Descent, Memory, make_optimizer
from stylized.engine.parameters import LayerWeight, Parameters, Steering
from stylized.engine.stepping import Stepping
from stylized.engine.stylize import Finished, Planned, Request, StyleSource, stylize

from .lanes import AheadLane, TapeRecorder, use_lane
from .samples import parameters, random_weights, shapes

# Three steps before anything is recorded, the one that records, and 26 repetitions.
STEPS = 30
REPEATED = 26

LAYERS = tuple(LayerWeight(layer, 1.0) for layer in ("relu1_1", "relu2_1"))


@cache
def _network() -> CudaNetwork:
    return CudaNetwork(random_weights(Backbone.VGG19))


def _settings(**changes: Any) -> Parameters:
    chosen = {"size": 24, "iterations": STEPS, "style_layers": LAYERS, "content_layers": LAYERS[1:], **changes}
    return parameters("gatys", **chosen)


def _painted(
    settings: Parameters, steering: Steering | None = None, **request: Any
) -> tuple[list[Tensor], list[dict[str, float]]]:
    """What every step and the end look like, asked for when all is over."""
    events = stylize(
        _network(), Request(shapes(24, 24), (StyleSource(shapes(24, 24, 7), 1.0),), settings, seed=3, **request)
    )
    assert isinstance(next(events), Planned)
    seen: list[Any] = []
    while True:
        try:
            seen.append(events.send(steering if len(seen) == STEPS // 2 else None))
        except StopIteration:
            break
    *steps, finished = seen
    assert isinstance(finished, Finished)
    pictures = [step.picture() for step in steps]
    losses = [step.losses() for step in steps]
    return [*pictures, finished.picture, *finished.state.tensors], [*losses, finished.losses]


def _same(monkeypatch: pytest.MonkeyPatch, lane: AheadLane, *asked: Any, **request: Any) -> None:
    pictures, losses = _painted(*asked, **request)
    use_lane(monkeypatch, lane)
    ours, our_losses = _painted(*asked, **request)
    assert len(ours) == len(pictures)
    for one, other in zip(ours, pictures, strict=True):
        assert torch.equal(one, other)
    assert our_losses == losses
    assert isinstance(lane.recorder, TapeRecorder)
    assert not any(lane.recorder.holds(one) for one in ours)


@pytest.mark.parametrize("iterate", list(Iterate))
@pytest.mark.parametrize("optimizer", list(Optimizer))
def test_a_recorded_painting_is_the_same(
    optimizer: Optimizer, iterate: Iterate, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = TapeRecorder()
    _same(monkeypatch, AheadLane(recorder), _settings(optimizer=optimizer, iterate=iterate))
    assert (recorder.recordings, recorder.repetitions) == (1, 1 + REPEATED)


def test_each_size_has_its_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = TapeRecorder()
    settings = _settings(size=24, pyramid_min_size=16, pyramid_factor=1.5, optimizer=Optimizer.ADAM)
    _same(monkeypatch, AheadLane(recorder), settings)
    assert recorder.recordings == 2


def test_a_part_of_a_photo_is_painted_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = TapeRecorder()
    _same(monkeypatch, AheadLane(recorder), _settings(), mask=(shapes(30, 30, 4)[:, :1] > 0.5).float())
    assert recorder.recordings == 1


@pytest.mark.parametrize("optimizer", [Optimizer.LBFGS, Optimizer.ADAM])
def test_a_steered_painting_is_recorded_anew_and_the_same(
    optimizer: Optimizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = TapeRecorder()
    settings = _settings(optimizer=optimizer, iterations=2 * STEPS, iterate=Iterate.AVERAGE)
    _same(monkeypatch, AheadLane(recorder), settings, replace(Steering.of(settings), strength=0.8))
    assert recorder.recordings == 2


def test_what_differs_from_step_to_step_is_not_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = TapeRecorder()
    _same(monkeypatch, AheadLane(recorder), _settings(jitter=3))
    assert not recorder.recordings


def test_too_few_steps_are_not_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = TapeRecorder()
    _same(monkeypatch, AheadLane(recorder), _settings(iterations=STEPS - 10))
    assert not recorder.recordings


class _Refusing(TapeRecorder):
    """Does the work, notices that it cannot be recorded, and takes it back."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        super().record(work)
        raise self._error


@pytest.mark.parametrize("error", [RuntimeError("CUDA error: no\nC++ stack"), torch.OutOfMemoryError("full")])
@pytest.mark.parametrize("optimizer", list(Optimizer))
def test_where_recording_is_refused_the_painting_goes_on(
    optimizer: Optimizer, error: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = _Refusing(error)
    with caplog.at_level(logging.WARNING):
        _same(monkeypatch, AheadLane(recorder), _settings(optimizer=optimizer, iterate=Iterate.AVERAGE))
    assert recorder.recordings == 1
    assert [record.getMessage() for record in caplog.records] == [
        f"steps are not recorded: {str(error).splitlines()[0]}"
    ]


class _Wrong(TapeRecorder):
    """Its repetitions leave something else than they should."""

    def __init__(self, spoil: Callable[[], object]) -> None:
        super().__init__()
        self._spoil = spoil

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        right = super().record(work)

        def again() -> None:
            right()
            self._spoil()

        return again


def test_a_recording_that_is_wrong_is_not_used(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    walks: list[LBFGS] = []
    adopt = LBFGS.adopt

    def adopting(self: LBFGS, memory: Any) -> None:
        walks.append(self)
        adopt(self, memory)

    monkeypatch.setattr(LBFGS, "adopt", adopting)
    settings = _settings(optimizer=Optimizer.LBFGS)
    _, losses = _painted(settings)
    use_lane(monkeypatch, AheadLane(_Wrong(lambda: walks[-1].evaluation.gradient.neg_())))
    _, ours = _painted(settings)
    assert [record.getMessage() for record in caplog.records] == [
        "steps are not recorded: the recording gives another walk evaluation gradient"
    ]
    assert ours[:4] == losses[:4]  # as far as the step that was looked at
    assert sum(ours[-1].values()) < sum(ours[3].values())


def test_a_recording_that_cannot_be_repeated_is_not_used(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise RuntimeError("CUDA error: no")

    settings = _settings(optimizer=Optimizer.ADAM, iterate=Iterate.AVERAGE)
    _same(monkeypatch, AheadLane(_Wrong(fail)), settings)
    assert [record.getMessage() for record in caplog.records] == ["steps are not recorded: CUDA error: no"]


class _BeforeLast(LastIterate):
    """The point before the last, which a step puts where the last was."""

    def __init__(self) -> None:
        super().__init__()
        self._kept: tuple[Tensor, Tensor] | None = None

    def take(self, walk: Descent) -> None:
        super().take(walk)
        self._kept = (walk.point if self._kept is None else self._kept[1], walk.point)

    @property
    def point(self) -> Tensor:
        assert self._kept is not None
        return self._kept[0]

    def state(self) -> Memory:
        assert self._kept is not None
        return {"last": self._kept[1], "before": self._kept[0]}

    def adopt(self, memory: Memory) -> None:
        self._kept = memory["before"], memory["last"]


def test_what_a_step_moves_from_one_place_to_another_is_moved_before_it_is_overwritten() -> None:
    def points(recorder: TapeRecorder | None) -> list[Tensor]:
        objective = Objective(
            _network(), 255 * shapes(24, 24), [StyleTarget(255 * shapes(24, 24, 7), 1.0)], _settings()
        )
        walk = make_optimizer(255 * shapes(24, 24), _settings(optimizer=Optimizer.ADAM))
        stepping = Stepping(walk, _BeforeLast(), AheadLane(recorder), repeats=True)
        found = []
        for left in range(STEPS, 0, -1):
            stepping.step(objective.evaluate, left)
            found.append(stepping.point)
        return found

    recorder = TapeRecorder()
    for ours, expected in zip(points(recorder), points(None), strict=True):
        assert torch.equal(ours, expected)
    assert recorder.repetitions == 1 + REPEATED


def test_the_host_keeps_pace_with_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    lane = AheadLane(TapeRecorder())
    use_lane(monkeypatch, lane)
    _painted(_settings())
    assert lane.paced == STEPS
