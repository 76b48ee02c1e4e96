"""Frames by steps come after the first step and every N-th, whatever the clock says, and disturb no viewer by time."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
import torch

from neuralstyle.v1 import stylize_pb2 as pb
from stylized.engine.lane import HostLane
from stylized.engine.stylize import Step
from stylized.service.jobs import Job
from stylized.service.messages import FrameBlock
from stylized.service.outbox import Outbox, Preview, RawFrame
from stylized.service.pixelblocks import BlockName, PixelBlock
from stylized.service.viewer import Viewer
from tests.service.test_queue import SPEC

BY_STEPS = Preview(64, 0.5, pb.FRAME_FORMAT_JPEG, 10)
BY_TIME = Preview(64, 0.5, pb.FRAME_FORMAT_JPEG)
LATER = 0.01
"""Seconds between two frames, much less than a viewer by time wants."""


def shown_steps(every: int, steps: int, slot_taken_at: set[int]) -> list[int]:
    """The steps after which the worker makes a frame."""
    slot = cast(PixelBlock, SimpleNamespace(array=np.zeros(3 * 4 * 4, np.uint8)))
    viewer = Viewer("job", FrameBlock(cast(BlockName, None), 4, 1000.0, every), slot)
    shown = []
    for iteration in range(1, steps + 1):
        if viewer.is_due(iteration, now=0.0) and iteration not in slot_taken_at:
            step = SimpleNamespace(iteration=iteration, picture=lambda: torch.zeros(1, 3, 4, 4), send=HostLane().fetch)
            viewer.make(cast(Step, step), now=0.0)
            frame = viewer.finished()
            assert frame is not None
            shown.append(frame.iteration)
    return shown


def test_they_come_after_the_first_step_and_every_tenth() -> None:
    assert shown_steps(10, 45, set()) == [1, 10, 20, 30, 40]
    assert shown_steps(1, 4, set()) == [1, 2, 3, 4]


def test_one_that_is_late_makes_no_other_late() -> None:
    assert shown_steps(10, 45, {20, 21, 30}) == [1, 10, 22, 31, 40]


@pytest.mark.parametrize(
    ("made", "wanted", "got"),
    [(BY_STEPS, BY_STEPS, 3), (BY_STEPS, replace(BY_STEPS, every_iterations=999), 3), (BY_STEPS, BY_TIME, 1)],
)
def test_a_viewer_by_time_is_not_flooded(made: Preview, wanted: Preview, got: int) -> None:
    job = Job("job", replace(SPEC, preview=made), created=0.0, on_end=lambda job: None)
    outbox = job.attach(wanted)
    taken = 0
    for sequence in range(1, 4):
        job.broadcast.put(RawFrame(sequence, sequence, np.zeros((2, 2, 3), np.uint8)))
        taken += _take(outbox)
    assert taken == got


def _take(outbox: Outbox) -> int:
    return len(list(iter(outbox._next, None)))
