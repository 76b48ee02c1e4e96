"""Roots of matrices against numpy's eigenvalues in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from stylized.engine.losses.matrix_root import matrix_root, trace_of_root


def _with_eigenvalues(*values: float) -> np.ndarray:
    """A symmetric matrix of these eigenvalues, in no special directions."""
    directions, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(len(values), len(values))))
    return directions * np.array(values) @ directions.T


def test_the_root_times_itself_is_the_matrix() -> None:
    matrix = torch.from_numpy(_with_eigenvalues(0.0, 1e-6, 1.0, 30.0, 4e5))
    root = matrix_root(matrix)
    torch.testing.assert_close(root @ root, matrix)
    torch.testing.assert_close(root, root.T)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-9), (torch.float32, 1e-5)])
def test_the_trace_is_the_sum_of_the_eigenvalues_roots(dtype: torch.dtype, tolerance: float) -> None:
    matrix = torch.from_numpy(_with_eigenvalues(4.0, 9.0, 16.0, 2.0)).to(dtype)
    assert trace_of_root(matrix).item() == pytest.approx(2 + 3 + 4 + 2**0.5, rel=tolerance)


@pytest.mark.parametrize("size", [1e-30, 1e-8, 1e8, 1e30])
def test_the_size_of_a_matrix_does_not_matter_in_float32(size: float) -> None:
    matrix = torch.from_numpy(size * _with_eigenvalues(4.0, 9.0, 16.0, 2.0)).float().requires_grad_()
    trace = trace_of_root(matrix)
    (gradient,) = torch.autograd.grad(trace, matrix)
    assert trace.item() == pytest.approx(size**0.5 * (9 + 2**0.5), rel=1e-4)
    inverse_root = np.linalg.inv(matrix_root(matrix.detach().double() / size).numpy())
    np.testing.assert_allclose(gradient.double() * size**0.5, inverse_root / 2, rtol=1e-3, atol=1e-5)


def test_the_gradient_is_that_of_finite_differences() -> None:
    matrix = torch.from_numpy(_with_eigenvalues(4.0, 9.0, 16.0, 2.0)).requires_grad_()
    # A difference that is not symmetric leaves the matrices that the trace is made for.
    assert torch.autograd.gradcheck(lambda m: trace_of_root((m + m.T) / 2), (matrix,), atol=1e-6)


def test_small_eigenvalues_are_found_too_small_never_too_large() -> None:
    values = np.logspace(-12, 0, 13)
    trace = trace_of_root(torch.from_numpy(_with_eigenvalues(*values)).float()).item()
    assert 0.99 * np.sqrt(values).sum() < trace <= 1.0001 * np.sqrt(values).sum()


@pytest.mark.parametrize("rank", [0, 1])
def test_a_singular_matrix_has_a_finite_gradient(rank: int) -> None:
    matrix = torch.from_numpy(_with_eigenvalues(*[4e6] * rank, *[0.0] * (64 - rank))).float().requires_grad_()
    trace = trace_of_root(matrix)
    (gradient,) = torch.autograd.grad(trace, matrix)
    assert trace.item() == pytest.approx(2e3 * rank, rel=0.05)
    assert torch.isfinite(gradient).all()
