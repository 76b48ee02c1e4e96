"""A walk downhill in steps that can be refused: what all optimisers share.

A step evaluates the objective once, at the candidate, and either accepts it or goes back to the last accepted point;
then it chooses the next candidate. So the picture that is shown is always one whose losses are known, and the first
step tells the losses of the start. Every decision is a `torch.where` on device scalars: no step waits for the device,
as torch.optim.LBFGS does several times.

What can go wrong: the objective may be inf or NaN at a candidate (bf16, extreme weights), and L-BFGS without a line
search may leap. Such a candidate is rejected and the step shortened until one is accepted. `is_stuck` tells when none
was found for long; it synchronises, so callers ask now and then, or look at `rejections` later.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor

from stylized.engine.objective import Evaluation
from stylized.engine.optimizers.memory import Memory, copied, evaluation_in, of_evaluation

Evaluate = Callable[[Tensor], Evaluation]

# A rejected step is followed by a shorter one, an accepted one by one of four times the length up to the full step. A
# step that was refused since the loss rose costs more than the next one gives back: L-BFGS begins anew after it, and
# where its first full step is too long, as on strong style weights with normalized losses, it would otherwise overshoot
# at every second step for ever. A loss that is not finite says nothing of that kind.
# After ten rejections a step has shrunk to a millionth: no direction helps then.
_GROW = 4.0
_SHRINK = 1 / 4
_SHRINK_AT_A_RISE = 1 / 8
MAX_REJECTIONS = 10


class Descent(ABC):
    """A walk downhill in steps that can be refused."""

    in_place: frozenset[str] = frozenset()
    """What of `state` steps write into; all else they replace."""

    def __init__(self, start: Tensor, learning_rate: float, greatest_rise: float | None = None) -> None:
        """Begin at a picture, float [1, 3, H, W], RGB 0..255.

        greatest_rise: a candidate whose loss is higher than the accepted one by more than this share of it is
        rejected; None lets any finite loss pass.
        """
        self._learning_rate = learning_rate
        self._greatest_rise = greatest_rise
        self._point = self._project(start)
        self._candidate = self._point
        self._accepted: Evaluation | None = None
        self._stretch = torch.ones((), device=start.device)
        self._rejections = torch.zeros((), device=start.device)

    @property
    def point(self) -> Tensor:
        """The last accepted picture, float [1, 3, H, W], near 0..255. Steps replace it and never write into it."""
        return self._point

    @property
    def evaluation(self) -> Evaluation:
        """The objective at `point`, once a step is done. Losses are infinite while no candidate was accepted."""
        assert self._accepted is not None, "no step was done"
        return self._accepted

    def step(self, evaluate: Evaluate) -> None:
        """Evaluate the candidate once, move there or stay, and choose the next candidate."""
        found = evaluate(self._candidate)
        before = self._accepted or _unknown(found)
        finite = torch.isfinite(found.total) & torch.isfinite(found.gradient.abs().sum())
        accept = finite
        if self._greatest_rise is not None:
            accept = finite & (found.total - before.total <= self._greatest_rise * before.total.abs())
        now = select(accept, found, before)
        del found
        point = torch.where(accept, self._candidate, self._point)
        shorter = self._stretch * torch.where(finite, _SHRINK_AT_A_RISE, _SHRINK)
        self._stretch = torch.where(accept, (self._stretch * _GROW).clamp(max=1.0), shorter)
        self._rejections = torch.where(accept, torch.zeros_like(self._rejections), self._rejections + 1)
        self._learn(accept, point, point - self._point, now.gradient - before.gradient)
        move = self._direction(point, now.gradient).mul_(self._learning_rate * self._stretch)
        self._point, self._accepted = point, now
        self._candidate = self._project(move.add_(point))

    def objective_changed(self) -> None:
        """Go on from here under another objective: what was learnt of the old one no longer holds.

        The next step evaluates the same point again. Until then `evaluation` cannot be asked for.
        """
        self._candidate = self._point
        self._accepted = None
        self._rejections = torch.zeros_like(self._rejections)
        self.forget()

    def resample(self, start: Tensor) -> None:
        """Go on at another size from a picture, float [1, 3, H, W], RGB 0..255, with what holds at any size."""
        self._point = self._project(start)
        self._rescale()
        self.objective_changed()

    @property
    def rejections(self) -> Tensor:
        """How many of the last steps were rejected one after the other, 0-dim, on the device."""
        return self._rejections

    def forget(self) -> None:  # noqa: B027
        """Drop what was learnt of the objective and would mislead under another."""

    def is_stuck(self) -> bool:
        """Tell whether the last ten steps were all rejected. Synchronises."""
        return self._rejections.item() >= MAX_REJECTIONS

    def state(self) -> Memory:
        """Return all that the next steps depend on. The tensors are shared with this walk, which must end here."""
        walk = {
            "point": self._point,
            "candidate": self._candidate,
            "stretch": self._stretch,
            "rejections": self._rejections,
        }
        return {**walk, **of_evaluation(self._accepted), **self._knowledge()}

    def load_state(self, memory: Memory) -> None:
        """Stand where a walk of the same kind, size and history size stood. `memory` is left as it is."""
        self.adopt(copied(memory, self._point.device))

    def adopt(self, memory: Memory) -> None:
        """Stand there with these very tensors, which must be on the walk's device."""
        self._point, self._candidate = memory["point"], memory["candidate"]
        self._stretch, self._rejections = memory["stretch"], memory["rejections"]
        self._accepted = evaluation_in(memory)
        self._recall(memory)

    def _learn(self, accept: Tensor, point: Tensor, moved: Tensor, turned: Tensor) -> None:  # noqa: B027
        """Take note of a step: whether it was accepted, where it led, the change of point and gradient (else 0)."""

    def _rescale(self) -> None:  # noqa: B027
        """Bring what is kept for each pixel to the size of the new point."""

    def _knowledge(self) -> Memory:
        """What the method has learnt besides."""
        return {}

    def _recall(self, memory: Memory) -> None:  # noqa: B027
        """Take over what `_knowledge` returned."""

    @abstractmethod
    def _direction(self, point: Tensor, gradient: Tensor) -> Tensor:
        """Return the full step from an accepted point, given the gradient there; in memory of its own."""

    def _project(self, candidate: Tensor) -> Tensor:
        return candidate


def select(accept: Tensor, found: Evaluation, before: Evaluation) -> Evaluation:
    """Return `found` where a device boolean says so, else `before`; both have the same terms. Does not synchronise."""
    return Evaluation(
        {name: torch.where(accept, value, before.terms[name]) for name, value in found.terms.items()},
        torch.where(accept, found.total, before.total),
        torch.where(accept, found.gradient, before.gradient),
    )


def _unknown(like: Evaluation) -> Evaluation:
    """What is known before the first step: any finite loss is better, and there is no gradient to go by."""
    infinite = torch.full_like(like.total, float("inf"))
    return Evaluation(dict.fromkeys(like.terms, infinite), infinite, torch.zeros_like(like.gradient))
