"""Roots of matrices against numpy's eigenvalues in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from stylized.engine.losses.matrix_root import matrix_root, trace_of_root


def _with_eigenvalues(*values: float, seed: int = 0) -> np.ndarray:
    """A symmetric matrix of these eigenvalues, in no special directions."""
    directions, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(len(values), len(values))))
    return directions * np.array(values) @ directions.T


def _root(matrix: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(matrix)
    return vectors * np.sqrt(values.clip(0)) @ vectors.T


# Two covariances of other shapes.
_MATRIX = _with_eigenvalues(4.0, 9.0, 16.0, 2.0)
_STYLE = _with_eigenvalues(1.0, 25.0, 3.0, 0.5, seed=1)
_ROOT = _root(_STYLE)


def _tensor(array: np.ndarray, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.from_numpy(array).to(dtype)


def test_the_root_times_itself_is_the_matrix() -> None:
    matrix = _tensor(_with_eigenvalues(0.0, 1e-6, 1.0, 30.0, 4e5))
    root = matrix_root(matrix)
    torch.testing.assert_close(root @ root, matrix)
    torch.testing.assert_close(root, root.T)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-9), (torch.float32, 1e-5)])
def test_the_trace_is_that_of_the_eigenvalues_roots(dtype: torch.dtype, tolerance: float) -> None:
    expected = np.trace(_root(_ROOT @ _MATRIX @ _ROOT))
    found = trace_of_root(_tensor(_MATRIX, dtype), _tensor(_ROOT, dtype))
    assert found.item() == pytest.approx(expected, rel=tolerance)


@pytest.mark.parametrize("size", [1e-20, 1e-8, 1e8, 1e30])
def test_the_size_of_a_matrix_does_not_matter_in_float32(size: float) -> None:
    matrix = _tensor(size * _MATRIX, torch.float32).requires_grad_()
    trace = trace_of_root(matrix, _tensor(_ROOT, torch.float32))
    (gradient,) = torch.autograd.grad(trace, matrix)
    inner = _root(_ROOT @ _MATRIX @ _ROOT)
    assert trace.item() == pytest.approx(size**0.5 * np.trace(inner), rel=1e-4)
    expected = _ROOT @ np.linalg.inv(inner) @ _ROOT / 2
    np.testing.assert_allclose(gradient.double() * size**0.5, expected, rtol=1e-3, atol=1e-4)


def test_the_gradient_is_that_of_finite_differences() -> None:
    matrix = _tensor(_MATRIX).requires_grad_()
    # A difference that is not symmetric leaves the matrices that the trace is made for.
    assert torch.autograd.gradcheck(lambda m: trace_of_root((m + m.T) / 2, _tensor(_ROOT)), (matrix,))


def test_eigenvalues_far_apart_are_found_in_float32() -> None:
    # As those of a covariance of deep features: 512 of them over seven powers of ten.
    values = np.logspace(-2, 5, 512)
    matrix = _with_eigenvalues(*values)
    own = trace_of_root(_tensor(matrix, torch.float32), _tensor(_root(matrix), torch.float32)).item()
    assert own == pytest.approx(values.sum(), rel=2e-4)


@pytest.mark.parametrize("rank", [1, 16])
def test_where_there_is_no_factor_the_trace_and_its_gradient_are_finite(rank: int) -> None:
    # The zeros below zero, as rounding may leave them.
    matrix = _tensor(_with_eigenvalues(*[4e6] * rank, *[-1.0] * (64 - rank)), torch.float32).requires_grad_()
    trace = trace_of_root(matrix, 1e3 * torch.eye(64))
    (gradient,) = torch.autograd.grad(trace, matrix)
    # Each zero counts as a thousandth of the trace.
    expected = 2e6 * rank * 1.0005 + 1e3 * (64 - rank) * (4e6 * rank / 1e3) ** 0.5
    assert trace.item() == pytest.approx(expected, rel=0.02)
    assert torch.isfinite(gradient).all()
