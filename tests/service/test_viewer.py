"""What is told of a painting waits for no device: it is told when it has arrived, the newest of what there is."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from stylized.engine.job import SentLosses
from stylized.engine.stylize import Step
from stylized.service.messages import FrameBlock, JobStepped
from stylized.service.pixelblocks import BlockName, PixelBlock
from stylized.service.viewer import Progress, Viewer


class _Copier:
    """Copies as they are ordered, each there when `arrive` is called."""

    def __init__(self) -> None:
        self.sent: list[_Copy] = []

    def send(self, values: Tensor) -> _Copy:
        self.sent.append(_Copy(values.clone()))
        return self.sent[-1]

    def arrive(self) -> None:
        for copy in self.sent:
            copy.there = True


class _Copy:
    def __init__(self, values: Tensor) -> None:
        self._values = values
        self.there = self.waited = False

    def ready(self) -> bool:
        return self.there

    def wait(self) -> Tensor:
        self.waited = not self.there
        return self._values


def _step(copier: _Copier, iteration: int, value: float = 0.0) -> Step:
    step = SimpleNamespace(
        iteration=iteration,
        iterations=9,
        picture=lambda: torch.full((1, 3, 8, 4), value),
        send=copier.send,
        send_losses=lambda: SentLosses(("style",), copier.send(torch.tensor([float(iteration)]))),
    )
    return cast(Step, step)


def _viewer() -> tuple[Viewer, Any]:
    slot = SimpleNamespace(array=np.zeros(3 * 4 * 4, np.uint8))
    return Viewer("job", FrameBlock(cast(BlockName, None), 4, 1.0, 0), cast(PixelBlock, slot)), slot


def test_a_frame_is_shown_when_it_has_arrived_and_none_is_made_before() -> None:
    copier = _Copier()
    viewer, slot = _viewer()
    assert viewer.is_due(1, now=0.0)
    viewer.make(_step(copier, 1, value=0.2), now=0.0)
    assert viewer.finished() is None
    assert not slot.array.any()
    assert not viewer.is_due(2, now=100.0)
    copier.arrive()
    frame = viewer.finished()
    assert frame is not None
    assert (frame.iteration, frame.width, frame.height) == (1, 2, 4)
    assert slot.array[: 3 * 2 * 4].tolist() == [51] * 24
    assert not copier.sent[0].waited
    assert viewer.finished() is None
    assert viewer.is_due(3, now=100.0)


def test_a_frame_crosses_as_bytes_of_its_own_size() -> None:
    copier = _Copier()
    _viewer()[0].make(_step(copier, 1), now=0.0)
    (copy,) = copier.sent
    assert copy.wait().dtype is torch.uint8
    assert copy.wait().shape == (4, 2, 3)


def test_progress_is_told_when_it_has_arrived_and_the_last_in_any_case() -> None:
    told: list[JobStepped] = []
    copier = _Copier()
    progress = Progress("job", 1.0, told.append)
    progress.follow(_step(copier, 1), 0.0, last=False)
    progress.follow(_step(copier, 2), 5.0, last=False)  # one is on its way: nothing new is sent for
    assert not told
    assert len(copier.sent) == 1
    copier.arrive()
    progress.follow(_step(copier, 3), 5.1, last=False)
    assert [(one.iteration, one.terms) for one in told] == [(1, {"style": 1.0})]
    assert len(copier.sent) == 2
    progress.follow(_step(copier, 4), 5.2, last=True)
    assert [one.iteration for one in told] == [1, 4]  # what came too late is not told after it
    assert copier.sent[-1].waited
    assert not copier.sent[0].waited


def test_what_is_there_at_once_is_told_at_once() -> None:
    told: list[JobStepped] = []
    progress = Progress("job", 1.0, told.append)
    for iteration, now in ((1, 0.0), (2, 0.5), (3, 1.0), (4, 1.2)):
        copier = _Copier()
        step = _step(copier, iteration)
        send = step.send_losses
        step.send_losses = lambda send=send, copier=copier: (send(), copier.arrive())[0]  # pyright: ignore
        progress.follow(step, now, last=iteration == 4)
    assert [one.iteration for one in told] == [1, 3, 4]
