"""Roots of symmetric matrices that have no negative eigenvalue, such as covariances.

The style's root is taken once, exactly, by its eigenvalues. The painting's changes with every step and is only needed
as a trace, so it is found by a Newton-Schulz iteration: matrix products alone, nothing that waits for the device.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

# crowsonkb's number. More would not help in float32: what rounding leaves of an eigenvalue of 0, some -1e-7 of the
# largest, grows by 9/4 in each step, and the iteration diverges once it reaches -1.
_ITERATIONS = 12


def matrix_root(matrix: Tensor) -> Tensor:
    """The symmetric root R of a matrix [C, C], R R = matrix; waits for the device."""
    values, vectors = torch.linalg.eigh(matrix.double())
    return (vectors * values.clamp(min=0.0).sqrt() @ vectors.T).to(matrix.dtype)


def trace_of_root(matrix: Tensor) -> Tensor:
    """tr(M^½) of a symmetric matrix [C, C] without negative eigenvalues, 0-dim; differentiable, without synchronising.

    Eigenvalues that are small against the largest come out too small: below a 16,000th of the matrix' Frobenius norm
    (9/4 to the twelfth) their roots are by less than half found, so the trace is never too large, and its gradient,
    M^-½ / 2, stays bounded where M is singular. All zeros give 0 and a gradient of 0.
    """
    return _TraceOfRoot.apply(matrix)  # pyright: ignore[reportReturnType]


class _TraceOfRoot(torch.autograd.Function):
    """The coupled iteration (Higham 2008, "Functions of Matrices", equation 6.35) has M^½ and M^-½ at once, and the
    gradient of tr(M^½) is M^-½ / 2: no equation needs to be solved on the way back, as for the root itself."""

    @staticmethod
    def forward(ctx: Any, matrix: Tensor) -> Tensor:
        # In two steps, since squares of large elements overflow float32.
        tiny = torch.finfo(matrix.dtype).tiny
        peak = matrix.abs().amax().clamp(min=tiny)
        scaled = matrix / peak
        norm = torch.linalg.matrix_norm(scaled).clamp(min=tiny)
        identity = torch.eye(len(matrix), dtype=matrix.dtype, device=matrix.device)
        root, inverse = scaled / norm, identity
        for _ in range(_ITERATIONS):
            correction = 1.5 * identity - 0.5 * (inverse @ root)
            root, inverse = root @ correction, correction @ inverse
        size = (norm * peak).sqrt()
        ctx.save_for_backward(inverse / size)
        return root.trace() * size

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (gradient,) = gradients
        (inverse,) = ctx.saved_tensors
        return gradient / 2 * inverse
