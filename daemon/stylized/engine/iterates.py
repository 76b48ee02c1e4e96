"""Which of the iterates is the painting: the last, the best, or an average. None of them waits for the device."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from stylized.engine.choices import Iterate
from stylized.engine.objective import Evaluation
from stylized.engine.optimizers import Descent, Memory, select
from stylized.engine.optimizers.memory import copied, evaluation_in, of_evaluation
from stylized.engine.parameters import Parameters


class Iterates(ABC):
    """Sees each step of a walk at one size, and says which picture stands for it."""

    @abstractmethod
    def take(self, walk: Descent) -> None:
        """Take note of the point that a step led to."""

    @property
    @abstractmethod
    def point(self) -> Tensor:
        """The picture so far, float [1, 3, H, W], near 0..255, once a step was taken; never written into again."""

    @property
    @abstractmethod
    def evaluation(self) -> Evaluation | None:
        """The objective at `point`; None if it was never evaluated there."""

    @abstractmethod
    def objective_changed(self) -> None:
        """Losses from here on cannot be compared with those before."""

    def state(self) -> Memory:
        """Return all that the next steps depend on, as `Descent.state` does."""
        return {}

    def load_state(self, memory: Memory, device: torch.device) -> None:
        """Stand where another of the same kind stood. `memory` is left as it is."""
        self.adopt(copied(memory, device))

    def adopt(self, memory: Memory) -> None:  # noqa: B027
        """Stand there with these very tensors."""


class LastIterate(Iterates):
    """The last accepted point."""

    def __init__(self) -> None:
        self._walk: Descent | None = None

    def take(self, walk: Descent) -> None:
        self._walk = walk

    @property
    def point(self) -> Tensor:
        assert self._walk is not None, "no step was taken"
        return self._walk.point

    @property
    def evaluation(self) -> Evaluation | None:
        assert self._walk is not None, "no step was taken"
        return self._walk.evaluation

    def objective_changed(self) -> None:
        """The last is the last."""


class BestIterate(Iterates):
    """The point of the lowest loss."""

    def __init__(self) -> None:
        self._point: Tensor | None = None
        self._evaluation: Evaluation | None = None

    def take(self, walk: Descent) -> None:
        if self._point is None or self._evaluation is None:
            self._point, self._evaluation = walk.point, walk.evaluation
            return
        better = walk.evaluation.total < self._evaluation.total
        self._point = torch.where(better, walk.point, self._point)
        self._evaluation = select(better, walk.evaluation, self._evaluation)

    @property
    def point(self) -> Tensor:
        assert self._point is not None, "no step was taken"
        return self._point

    @property
    def evaluation(self) -> Evaluation | None:
        return self._evaluation

    def objective_changed(self) -> None:
        self._point = self._evaluation = None

    def state(self) -> Memory:
        return {} if self._point is None else {"point": self._point, **of_evaluation(self._evaluation)}

    def adopt(self, memory: Memory) -> None:
        if "point" in memory:
            self._point, self._evaluation = memory["point"], evaluation_in(memory)


class AverageIterate(Iterates):
    """An exponential average of the accepted points, corrected for its start.

    Σ decayⁿ⁻ⁱ xᵢ / Σ decayⁿ⁻ⁱ over the points x₁ .. xₙ, as Adam corrects its averages (Kingma and Ba 2015, section 3).
    """

    def __init__(self, decay: float) -> None:
        self._decay = decay
        self._sum: Tensor | None = None
        # decayⁿ, counted on the device as Adam does it.
        self._power: Tensor | None = None

    def take(self, walk: Descent) -> None:
        share = 1 - self._decay
        self._sum = share * walk.point if self._sum is None else torch.lerp(self._sum, walk.point, share)
        if self._power is None:
            self._power = torch.ones((), device=walk.point.device, dtype=torch.float64)
        self._power = self._power * self._decay

    @property
    def point(self) -> Tensor:
        assert self._sum is not None, "no step was taken"
        assert self._power is not None
        return self._sum / (1 - self._power)

    @property
    def evaluation(self) -> Evaluation | None:
        return None

    def objective_changed(self) -> None:
        """The average slides over to what comes."""

    def state(self) -> Memory:
        return {} if self._sum is None or self._power is None else {"sum": self._sum, "power": self._power}

    def adopt(self, memory: Memory) -> None:
        if "sum" in memory:
            self._sum, self._power = memory["sum"], memory["power"]


def make_iterates(parameters: Parameters) -> Iterates:
    """Return what the parameters name, at the start of a size."""
    match parameters.iterate:
        case Iterate.LAST:
            return LastIterate()
        case Iterate.BEST:
            return BestIterate()
        case Iterate.AVERAGE:
            return AverageIterate(parameters.average_decay)
