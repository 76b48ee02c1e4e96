"""Limited-memory BFGS on one flat history, without line search and without tolerances.

The history is one buffer of 2m rows, the steps s and the changes y of the gradient. All inner products of a step come
from one product of the buffer with (s, y, g), and the direction from one product of coefficients with the buffer:
the compact representation of the inverse Hessian (Byrd, Nocedal and Schnabel 1994, equation 3.1; Nocedal and Wright
2006, exercise 7.4 and section 7.2). So each step reads the history twice, where the two-loop recursion reads it four
times in 4m dependent operations. The algebra between is on m x m numbers, in float64 on the device.
"""

from __future__ import annotations

import torch
from torch import Tensor

from stylized.engine.optimizers.descent import Descent
from stylized.engine.optimizers.memory import Memory

# The m x m numbers cost nothing in this type, and triangular systems of near-parallel pairs need it.
_EXACT = torch.float64


class LBFGS(Descent):
    """L-BFGS (Liu and Nocedal 1989) that moves freely; the picture is clipped only where it is shown.

    No clamp to 0..255 inside: the stored pairs would no longer belong to the steps (the PyTorch tutorial's mistake).
    After a rejection the pairs are forgotten, since they led there, and the walk begins anew along the gradient.
    """

    in_place = frozenset({"pairs"})

    # The first step changes pixels by 1 of 255 on average: visible progress, far from any leap. (Crowson's
    # style_transfer scales by mean |g| in the same way; torch by 1 / Σ|g|, which loses a few iterations.)
    _FIRST_STEP = 1.0
    # Without a line search the loss may rise for a step and then fall further, so a rise to the double is let pass.
    _GREATEST_RISE = 1.0
    # Pairs need positive curvature; the bound is on the cosine of s and y, which no scale of the loss changes.
    _CURVATURE = 1e-4

    def __init__(self, start: Tensor, learning_rate: float, history_size: int) -> None:
        super().__init__(start, learning_rate, self._GREATEST_RISE)
        # One place more than pairs, so that a pair can be judged before the oldest gives way for it.
        self._places = history_size + 1
        self._begin()

    def _begin(self) -> None:
        like, places = self._point, self._places
        # Rows 0..p-1 hold the steps s, rows p..2p-1 the changes y of the gradient.
        self._pairs = torch.zeros(2 * places, like.numel(), device=like.device, dtype=like.dtype)
        self._gram = torch.zeros(2 * places, 2 * places, device=like.device, dtype=_EXACT)
        # Places without a usable pair add nothing to a direction.
        self._usable = torch.zeros(places, device=like.device, dtype=torch.bool)
        # sᵀy / yᵀy of the newest pair: the scale of the inverse Hessian where no pair says otherwise.
        self._gamma = torch.ones((), device=like.device, dtype=_EXACT)
        # The place for the next pair, [1], known to the device alone. It moves on only with a usable pair: a walk that
        # has arrived takes steps of length 0, which would else push out what is known of the valley.
        self._place = torch.zeros(1, device=like.device, dtype=torch.long)

    def _learn(self, accept: Tensor, point: Tensor, moved: Tensor, turned: Tensor) -> None:
        self._accept = accept
        self._newest = torch.stack((moved.flatten(), turned.flatten()))
        self._pairs.index_copy_(0, self._rows(), self._newest)

    def _direction(self, point: Tensor, gradient: Tensor) -> Tensor:
        g = gradient.flatten()
        products = (self._pairs @ torch.cat((self._newest, g[None])).T).to(_EXACT)
        del self._newest
        self._note(products)
        # A gradient of zero leaves the point where it is.
        first_step = self._FIRST_STEP / g.abs().mean().clamp(min=torch.finfo(g.dtype).tiny)
        scale = torch.where(self._usable.any(), self._gamma, first_step.to(_EXACT))
        coefficients = self._coefficients(products[:, 2], scale)
        step = scale.to(g.dtype) * g + coefficients.to(g.dtype) @ self._pairs
        return -step.view_as(gradient)

    def _rows(self) -> Tensor:
        """The rows of s and y at the place, [2]."""
        return torch.cat((self._place, self._places + self._place))

    def _note(self, products: Tensor) -> None:
        """Take the newest pair's products with all rows, [2p, 3] for s, y and g, and judge whether it is of use."""
        rows = self._rows()
        with_newest = products[:, :2]
        self._gram = self._gram.index_copy(0, rows, with_newest.T).index_copy(1, rows, with_newest)
        (ss, sy), (_, yy) = with_newest[rows]
        usable = self._accept & (sy > self._CURVATURE * (ss * yy).sqrt())
        self._gamma = torch.where(usable, sy / yy, self._gamma)
        held = (self._usable & self._accept).index_copy(0, self._place, usable[None])
        self._place = torch.where(usable, (self._place + 1) % self._places, self._place)
        self._usable = held.index_fill(0, self._place, False)

    def _coefficients(self, along: Tensor, scale: Tensor) -> Tensor:
        """Return what each row of the history adds to H g, [2p], given the rows' products with g, [2p].

        With R the upper triangle of SᵀY (older steps first), D its diagonal, and w = R⁻¹ Sᵀg:
        H g = γ g + S R⁻ᵀ((D + γ YᵀY) w - γ Yᵀg) - γ Y w.
        """
        size = self._places
        oldest_first = (self._place + torch.arange(size, device=along.device)) % size
        usable = self._usable[oldest_first]
        sy = self._gram[:size, size:][oldest_first][:, oldest_first]
        yy = self._gram[size:, size:][oldest_first][:, oldest_first]
        both = usable[:, None] & usable[None, :]
        # Rows without a pair become rows of the identity, and what they would add is 0.
        upper = torch.where(both, sy, torch.zeros_like(sy)).triu() + torch.diag(~usable)
        sg = torch.where(usable, along[:size][oldest_first], 0.0)
        yg = torch.where(usable, along[size:][oldest_first], 0.0)
        w = torch.linalg.solve_triangular(upper, sg[:, None], upper=True)[:, 0]
        curved = upper.diagonal() * w + scale * (torch.where(both, yy, torch.zeros_like(yy)) @ w)
        v = torch.linalg.solve_triangular(upper.T, (curved - scale * yg)[:, None], upper=False)[:, 0]
        coefficients = torch.empty_like(along)
        coefficients[oldest_first] = v
        coefficients[size + oldest_first] = -scale * w
        return coefficients

    def forget(self) -> None:
        self._usable = torch.zeros_like(self._usable)

    def _rescale(self) -> None:
        del self._pairs  # before as much again is taken
        self._begin()

    def _knowledge(self) -> Memory:
        return {
            "pairs": self._pairs,
            "gram": self._gram,
            "usable": self._usable,
            "gamma": self._gamma,
            "place": self._place,
        }

    def _recall(self, memory: Memory) -> None:
        self._pairs, self._gram = memory["pairs"], memory["gram"]
        self._usable, self._gamma = memory["usable"], memory["gamma"]
        self._place = memory["place"]


class LBFGSB(LBFGS):
    """L-BFGS within 0..255, by projection (after Bertsekas 1982, "Projected Newton methods", and Byrd et al. 1995).

    Pixels at a bound whose gradient points outward are held: they count neither in the direction nor in the pairs,
    which so describe the curvature of the free pixels. Candidates are clamped, and pairs are taken between the clamped
    points, so s and y belong together.
    """

    def _learn(self, accept: Tensor, point: Tensor, moved: Tensor, turned: Tensor) -> None:
        held = (moved == 0) & ((point <= 0) | (point >= 255))
        super()._learn(accept, point, moved, torch.where(held, torch.zeros_like(turned), turned))

    def _direction(self, point: Tensor, gradient: Tensor) -> Tensor:
        held = ((point <= 0) & (gradient > 0)) | ((point >= 255) & (gradient < 0))
        zero = torch.zeros_like(gradient)
        return torch.where(held, zero, super()._direction(point, torch.where(held, zero, gradient)))

    def _project(self, candidate: Tensor) -> Tensor:
        return candidate.clamp(0.0, 255.0)
