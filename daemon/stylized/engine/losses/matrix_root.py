"""Roots of symmetric matrices that have no negative eigenvalue, such as covariances.

The style's root is taken once, exactly, by its eigenvalues. The painting's covariance changes with every step, and is
only needed in tr((R Σ R)^½) with the style's root R: found by a Newton-Schulz iteration, in products of matrices alone,
with nothing that waits for the device.

crowsonkb/style-transfer-pytorch iterates on R Σ R itself, which has the square of the covariances' spread of
eigenvalues: in float32 the small ones are lost, and a style is at 2 to 8 % of the usual distance from itself. Here it
is a factor of that matrix, R L with L Lᵀ = Σ, whose singular values are the roots that are looked for.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

# Singular values down to this share of the largest are brought to 1 by the iteration; smaller ones come short.
_LEAST = 1e-4
_STEPS = 14
# What Chen and Chow 2014 find to be as far as the scaling may go without losing digits.
_MOST_SCALE = 1.69770248525577

# Of the trace, added to the diagonal where the matrix has no Cholesky factor.
_RESCUE = 1e-3


def matrix_root(matrix: Tensor) -> Tensor:
    """The symmetric root R of a matrix [C, C], R R = matrix; waits for the device."""
    values, vectors = torch.linalg.eigh(matrix.double())
    return (vectors * values.clamp(min=0.0).sqrt() @ vectors.T).to(matrix.dtype)


def trace_of_root(matrix: Tensor, root: Tensor) -> Tensor:
    """tr((R M R)^½), 0-dim, differentiable with respect to M, without synchronising.

    matrix: M, [C, C], symmetric, positive by more than its own rounding; where it is not, its diagonal is raised by a
    thousandth of its trace. root: R, [C, C], symmetric, a constant. (The fidelity of M and R², as physicists call it.)
    """
    return _TraceOfRoot.apply(matrix, root)  # pyright: ignore[reportReturnType]


class _TraceOfRoot(torch.autograd.Function):
    """With K = R L = U H, U orthogonal and H symmetric: (R M R)^½ = (K Kᵀ)^½ = K Uᵀ, and the gradient of its trace,
    R (R M R)^-½ R / 2, is R U L⁻¹ / 2."""

    @staticmethod
    def forward(ctx: Any, matrix: Tensor, root: Tensor) -> Tensor:
        factor = _cholesky(matrix)
        product = root @ factor
        direction = _polar(product)
        gradient = torch.linalg.solve_triangular(factor, root @ direction, upper=False, left=False) / 2
        ctx.save_for_backward((gradient + gradient.T) / 2)
        return (product * direction).sum()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (gradient,) = gradients
        (own,) = ctx.saved_tensors
        return gradient * own, None


def _cholesky(matrix: Tensor) -> Tensor:
    """Lower L with L Lᵀ = matrix. Whether it exists is not asked on the host: another is at hand where it does not."""
    identity = torch.eye(len(matrix), dtype=matrix.dtype, device=matrix.device)
    factor, failed = torch.linalg.cholesky_ex(matrix)
    rescue, _ = torch.linalg.cholesky_ex(matrix + _RESCUE * matrix.trace() * identity)
    return torch.where(failed > 0, rescue, factor)


def _polar(matrix: Tensor) -> Tensor:
    """The orthogonal factor U of a matrix U H [C, C] by Newton and Schulz' iteration (Higham 2008, "Functions of
    Matrices", equation 8.20), scaled (Chen and Chow 2014, "A stable scaling of Newton-Schulz for improving the sign
    function computation of a Hermitian matrix"). All zeros stay so."""
    # In two steps, since squares of large elements overflow float32; the second is 1 at least, unless all is 0.
    scaled = matrix / matrix.abs().amax().clamp(min=torch.finfo(matrix.dtype).tiny)
    x = scaled / torch.linalg.matrix_norm(scaled).clamp(min=1.0)
    for scale in _SCALES:
        x = torch.addmm(x, x, x.T @ x, beta=1.5 * scale, alpha=-0.5 * scale**3)
    return x


def _scales() -> tuple[float, ...]:
    """The scale of each step, from the least singular value that there may be."""
    least, scales = _LEAST, []
    for _ in range(_STEPS):
        scale = min(_MOST_SCALE, (3 / (1 + least + least**2)) ** 0.5)
        least = 0.5 * scale * least * (3 - scale**2 * least**2)
        scales.append(scale)
    return tuple(scales)


_SCALES = _scales()
