"""Looks at a walk now and then, without keeping its device from the next step."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from stylized.engine.lane import Arrival, Lane
from stylized.engine.optimizers import Descent


@dataclass(frozen=True)
class Look:
    """How a walk stood when it was looked at. total: its loss. rejections: as in `Descent`."""

    total: float
    rejections: float


class Looks:
    """Looks at one walk under one objective.

    Where the host goes on while the device works, a look shows what was looked at the time before: by then it has
    arrived, and which look shows what does not depend on how fast either is.
    """

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._sent: Arrival | None = None

    def look(self, walk: Descent, *, last: bool = False) -> Look | None:
        """Return how the walk stands, or stood at the look before; None if there was none. last: it is for now, and
        waits for the device.
        """
        now = self._lane.fetch(torch.stack((walk.evaluation.total.double(), walk.rejections.double())))
        shown, self._sent = (self._sent, now) if self._lane.ahead and not last else (now, None)
        return Look(*shown.wait().tolist()) if shown else None
