"""What is told of a painting while it is painted: how far it is, and what it looks like.

Both are made from what the device has, and sent when it has arrived; the next step does not wait for it. On a CPU it is
there at once.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from stylized.engine.job import SentLosses
from stylized.engine.lane import Arrival
from stylized.engine.resample import resample
from stylized.engine.stylize import Step
from stylized.service.messages import FrameBlock, FrameReady, JobStepped
from stylized.service.pixelblocks import PixelBlock


class Progress:
    """Tells how far a job is."""

    def __init__(self, job_id: str, min_interval_s: float, send: Callable[[JobStepped], None]) -> None:
        """min_interval_s: from one to the next, but for the first and the last."""
        self._job_id = job_id
        self._min_interval_s = min_interval_s
        self._send = send
        self._last = float("-inf")
        self._sent: tuple[Step, SentLosses] | None = None

    def follow(self, step: Step, now: float, *, last: bool) -> None:
        """A step is done. last: it is to be told in any case, before anything else is."""
        self._tell(wait=False)
        if last or (self._sent is None and now - self._last >= self._min_interval_s):
            self._last = now
            self._sent = step, step.send_losses()
            self._tell(wait=last)

    def _tell(self, *, wait: bool) -> None:
        if self._sent is None:
            return
        step, losses = self._sent
        if wait or losses.ready():
            self._sent = None
            self._send(JobStepped(self._job_id, step.iteration, step.iterations, losses.wait()))


class Viewer:
    """Makes preview frames for one job, one at a time."""

    def __init__(self, job_id: str, wanted: FrameBlock, slot: PixelBlock) -> None:
        self._job_id = job_id
        self._wanted = wanted
        self._slot = slot
        self._next = float("-inf")
        """When, or after which step, the next frame is due."""
        self._sent: tuple[FrameReady, Arrival] | None = None

    def is_due(self, iteration: int, now: float) -> bool:
        """Tell whether a frame is to be made after this step, and none is being made."""
        return self._sent is None and (iteration if self._wanted.every_iterations else now) >= self._next

    def make(self, step: Step, now: float) -> None:
        """Begin with a frame of the picture as it stands."""
        every = self._wanted.every_iterations
        # Of steps the next multiple, so that a frame that was late makes no other late.
        self._next = (step.iteration // every + 1) * every if every else now + self._wanted.min_interval_s
        picture = step.picture()
        height, width = picture.shape[2:]
        scale = min(1.0, self._wanted.max_side / max(width, height))
        width, height = max(1, round(width * scale)), max(1, round(height * scale))
        small = resample(picture, width, height)
        samples = (small[0].permute(1, 2, 0) * 255).round().to(torch.uint8)
        self._sent = FrameReady(self._job_id, step.iteration, width, height), step.send(samples.contiguous())

    def finished(self) -> FrameReady | None:
        """The frame that was begun, once the slot has been filled with it."""
        if self._sent is None or not self._sent[1].ready():
            return None
        (frame, arrival), self._sent = self._sent, None
        samples = arrival.wait().numpy()
        self._slot.array.reshape(-1)[: samples.size] = samples.reshape(-1)
        return frame
