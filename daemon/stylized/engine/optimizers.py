"""The methods that move the pixels: L-BFGS and Adam, resident on the device.

Both walk the same way. A step evaluates the objective once, at the candidate, and either accepts it or goes back to
the last accepted point; then it chooses the next candidate. So the picture that is shown is always one whose losses
are known, and the first step tells the losses of the start. Every decision is a `torch.where` on device scalars: no
step waits for the device, as torch.optim.LBFGS does several times.

What can go wrong: the objective may be inf or NaN at a candidate (bf16, extreme weights), and L-BFGS without a line
search may leap. Such a candidate is rejected and the step shortened until one is accepted. `check` raises
NotFiniteError when no candidate was found for long; it synchronises, so callers ask now and then.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor

from stylized.engine.choices import Optimizer
from stylized.engine.objective import Evaluation
from stylized.engine.parameters import Parameters

Evaluate = Callable[[Tensor], Evaluation]

# A rejected step is followed by one of a quarter, an accepted one by one of four times the length up to the full step.
# After ten rejections a step has shrunk to a millionth: no direction helps then.
_SHRINK = 0.25
_MAX_REJECTIONS = 10


class NotFiniteError(ArithmeticError):
    """The objective is not finite anywhere near the picture, so it cannot be painted further."""

    def __init__(self) -> None:
        super().__init__(
            "The losses are not finite numbers: use smaller weights, a smaller learning_rate or precision fp32."
        )


class Descent(ABC):
    """A walk downhill in steps that can be refused."""

    def __init__(self, start: Tensor, learning_rate: float, explosion: float) -> None:
        """Begin at a picture, float32 [1, 3, H, W], RGB 0..255.

        explosion: a candidate whose loss exceeds this many times the accepted loss is rejected.
        """
        self._learning_rate = learning_rate
        self._explosion = explosion
        self._point = start
        self._candidate = start
        self._accepted: Evaluation | None = None
        self._stretch = torch.ones((), device=start.device)
        self._rejections = torch.zeros((), device=start.device)

    @property
    def point(self) -> Tensor:
        """The last accepted picture, float32 [1, 3, H, W], near 0..255. Steps replace it and never write into it."""
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
        accept = (
            torch.isfinite(found.total)
            & torch.isfinite(found.gradient.abs().sum())
            # Divided, not multiplied: for a walk without a bound, inf times a loss of 0 would be NaN and refuse all.
            & (found.total / self._explosion <= before.total)
        )
        now = _choose(accept, found, before)
        point = torch.where(accept, self._candidate, self._point)
        self._stretch = torch.where(accept, (self._stretch / _SHRINK).clamp(max=1.0), self._stretch * _SHRINK)
        self._rejections = torch.where(accept, torch.zeros_like(self._rejections), self._rejections + 1)
        self._learn(accept, point - self._point, now.gradient - before.gradient)
        move = self._direction(now.gradient) * (self._learning_rate * self._stretch)
        self._point, self._accepted = point, now
        self._candidate = self._project(point + move)

    def objective_changed(self) -> None:
        """Go on from here under another objective: what was learnt of the old one no longer holds.

        The next step evaluates the same point again. Until then `evaluation` cannot be asked for.
        """
        self._candidate = self._point
        self._accepted = None
        self._rejections = torch.zeros_like(self._rejections)
        self._forget()

    def check(self) -> None:
        """Raise NotFiniteError if the last steps were all rejected. Synchronises."""
        if self._rejections.item() >= _MAX_REJECTIONS:
            raise NotFiniteError

    @abstractmethod
    def _learn(self, accept: Tensor, moved: Tensor, turned: Tensor) -> None:
        """Take note of a step: whether it was accepted, the change of the point and that of its gradient (else 0)."""

    @abstractmethod
    def _forget(self) -> None:
        """Drop what would mislead under another objective."""

    @abstractmethod
    def _direction(self, gradient: Tensor) -> Tensor:
        """Return the full step from an accepted point, given the gradient there."""

    def _project(self, candidate: Tensor) -> Tensor:
        return candidate


class LBFGS(Descent):
    """Limited-memory BFGS (Nocedal and Wright 2006, algorithm 7.4), without line search and without tolerances.

    No clamp to 0..255 inside: the stored pairs would no longer belong to the steps (the PyTorch tutorial's mistake).
    After a rejection the pairs are forgotten, since they led there, and the walk begins anew along the gradient.
    """

    # The first step changes pixels by 1 of 255 on average: visible progress, far from any leap. (Crowson's
    # style_transfer scales by mean |g| in the same way; torch by 1 / Σ|g|, which loses a few iterations.)
    _FIRST_STEP = 1.0
    # Without a line search the loss may rise for a step and then fall further, so some rise is let pass.
    _EXPLOSION = 2.0
    # Pairs need positive curvature; the bound is on the cosine of s and y, which no scale of the loss changes.
    _CURVATURE = 1e-4

    def __init__(self, start: Tensor, learning_rate: float, history_size: int) -> None:
        super().__init__(start, learning_rate, self._EXPLOSION)
        size = start.numel()
        self._s = torch.zeros(history_size, size, device=start.device)
        self._y = torch.zeros(history_size, size, device=start.device)
        # 1 / sᵀy; 0 marks a row without a pair, which then adds nothing to a direction.
        self._rho = torch.zeros(history_size, device=start.device)
        self._gamma = torch.ones((), device=start.device)
        self._row = 0

    def _learn(self, accept: Tensor, moved: Tensor, turned: Tensor) -> None:
        s, y = moved.flatten(), turned.flatten()
        sy, yy, ss = s @ y, y @ y, s @ s
        usable = accept & (sy > self._CURVATURE * (ss.sqrt() * yy.sqrt()))
        self._s[self._row] = s
        self._y[self._row] = y
        self._rho = torch.where(accept, self._rho, torch.zeros_like(self._rho))
        self._rho[self._row] = torch.where(usable, 1.0 / sy, torch.zeros_like(sy))
        self._gamma = torch.where(usable, sy / yy, self._gamma)
        self._row = (self._row + 1) % len(self._rho)

    def _forget(self) -> None:
        self._rho = torch.zeros_like(self._rho)

    def _direction(self, gradient: Tensor) -> Tensor:
        newest_first = [(self._row - 1 - age) % len(self._rho) for age in range(len(self._rho))]
        # A gradient of zero leaves the point where it is.
        first_step = self._FIRST_STEP / gradient.abs().mean().clamp(min=torch.finfo(gradient.dtype).tiny)
        scale = torch.where((self._rho > 0).any(), self._gamma, first_step)
        q = gradient.flatten().clone()
        alphas: dict[int, Tensor] = {}
        for row in newest_first:
            alphas[row] = self._rho[row] * (self._s[row] @ q)
            q.addcmul_(self._y[row], -alphas[row])
        q *= scale
        for row in reversed(newest_first):
            beta = self._rho[row] * (self._y[row] @ q)
            q.addcmul_(self._s[row], alphas[row] - beta)
        return -q.view_as(gradient)


class Adam(Descent):
    """Adam (Kingma and Ba 2015, algorithm 1), bias-corrected, clamped to 0..255 after each step.

    Epsilon is a fraction of the root mean square of the first gradient: gradients here scale with the weights and with
    1 / (H W), so a fixed number would mean something else at every size.
    """

    def __init__(
        self,
        start: Tensor,
        learning_rate: float,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-3,
    ) -> None:
        # Its loss may rise at any step without harm; only what is not finite is rejected.
        super().__init__(start, learning_rate, float("inf"))
        self._betas = betas
        self._epsilon = epsilon
        self._mean = torch.zeros_like(start)
        self._square = torch.zeros_like(start)
        self._first_rms: Tensor | None = None
        self._steps = 0

    def _learn(self, accept: Tensor, moved: Tensor, turned: Tensor) -> None:
        """Adam keeps nothing of how the gradient turned."""

    def _forget(self) -> None:
        """Adam keeps its averages: within some steps the new gradients outweigh the old ones."""

    def _direction(self, gradient: Tensor) -> Tensor:
        if self._first_rms is None:
            self._first_rms = gradient.square().mean().sqrt()
        self._steps += 1
        beta1, beta2 = self._betas
        self._mean = beta1 * self._mean + (1 - beta1) * gradient
        self._square = beta2 * self._square + (1 - beta2) * gradient.square()
        mean = self._mean / (1 - beta1**self._steps)
        square = self._square / (1 - beta2**self._steps)
        tiny = torch.finfo(gradient.dtype).tiny
        return -mean / (square.sqrt() + (self._epsilon * self._first_rms).clamp(min=tiny))

    def _project(self, candidate: Tensor) -> Tensor:
        return candidate.clamp(0.0, 255.0)


def make_optimizer(start: Tensor, parameters: Parameters) -> Descent:
    """Return the optimiser that the parameters name, at its start."""
    if parameters.optimizer is Optimizer.LBFGS:
        return LBFGS(start, parameters.learning_rate, parameters.history_size)
    return Adam(start, parameters.learning_rate)


def _unknown(like: Evaluation) -> Evaluation:
    """What is known before the first step: any finite loss is better, and there is no gradient to go by."""
    infinite = torch.full_like(like.total, float("inf"))
    return Evaluation(dict.fromkeys(like.terms, infinite), infinite, torch.zeros_like(like.gradient))


def _choose(accept: Tensor, found: Evaluation, before: Evaluation) -> Evaluation:
    return Evaluation(
        {name: torch.where(accept, value, before.terms[name]) for name, value in found.terms.items()},
        torch.where(accept, found.total, before.total),
        torch.where(accept, found.gradient, before.gradient),
    )
