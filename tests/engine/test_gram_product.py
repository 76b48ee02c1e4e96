"""Fᵀ F against float64, and where it comes from in a Gram matrix."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from stylized.engine.gram_product import compiled, gram_product, suits
from stylized.engine.llvm_code import processor_has
from stylized.engine.losses import statistics
from stylized.engine.losses.statistics import gram_moments

DTYPES = [torch.float32, torch.bfloat16]
# One cell, an odd number, less than a block, whole blocks, and blocks with a rest.
COUNTS = [1, 2, 63, 128, 4097]


def _rows(count: int, channels: int, dtype: torch.dtype) -> Tensor:
    generator = torch.Generator().manual_seed(count + channels)
    return torch.randn(count, channels, generator=generator).add_(0.5).to(dtype)


def _error(found: Tensor, exact: Tensor) -> float:
    return ((found.double() - exact).norm() / exact.norm()).item()


@pytest.mark.parametrize("channels", [64, 192, 512])
@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_products_are_exact_but_for_the_rounding_of_float32_sums(dtype: torch.dtype, count: int, channels: int) -> None:
    rows = _rows(count, channels, dtype)
    exact = rows.double().T @ rows.double()
    found = gram_product(rows)
    assert found.dtype is torch.float32
    assert _error(found, exact) < 3e-7


@pytest.mark.parametrize("dtype", DTYPES)
def test_of_a_million_cells_small_numbers_are_not_lost_in_a_large_sum(dtype: torch.dtype) -> None:
    rows = torch.rand(2**20, 64, generator=torch.Generator().manual_seed(0)).to(dtype)
    exact = rows.double().T @ rows.double()
    # One after the other in float32 would be wrong by 1e-4 and more.
    torch.testing.assert_close(gram_product(rows).double(), exact, rtol=1e-5, atol=0.0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_it_is_symmetric_and_the_same_to_the_bit_each_time(dtype: torch.dtype) -> None:
    rows = _rows(4097, 192, dtype)
    found = gram_product(rows)
    assert torch.equal(found, found.T)
    assert all(torch.equal(gram_product(rows), found) for _ in range(3))


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_any_number_of_threads_will_do(threads: int) -> None:
    rows = _rows(130, 64, torch.float32)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        found = gram_product(rows)
    finally:
        torch.set_num_threads(before)
    assert _error(found, rows.double().T @ rows.double()) < 3e-7


@pytest.mark.skipif(not processor_has("avx512bf16"), reason="no instruction for pairs of bfloat16")
def test_pairs_of_bfloat16_are_what_they_are_one_by_one() -> None:
    rows = _rows(131, 128, torch.bfloat16)
    sums = [torch.zeros(128, 128) for _ in range(2)]
    zeros, scratch = torch.zeros(128, dtype=torch.bfloat16), torch.empty(64 * 128)
    for total, in_pairs in zip(sums, (False, True), strict=True):
        pointers = (rows.data_ptr(), zeros.data_ptr(), scratch.data_ptr(), total.data_ptr())
        compiled(torch.bfloat16, in_pairs=in_pairs)(*pointers, 0, len(rows), 128)
    assert _error(sums[1].triu(), sums[0].double().triu()) < 1e-6


def test_bfloat16_works_on_a_processor_without_instructions_for_it() -> None:
    rows = _rows(131, 64, torch.bfloat16)
    total, zeros, scratch = torch.zeros(64, 64), torch.zeros(64, dtype=torch.bfloat16), torch.empty(64 * 64)
    pointers = (rows.data_ptr(), zeros.data_ptr(), scratch.data_ptr(), total.data_ptr())
    compiled(torch.bfloat16, in_pairs=False)(*pointers, 0, len(rows), 64)
    exact = rows.double().T @ rows.double()
    assert _error(total.triu(), exact.triu()) < 3e-7


@pytest.mark.parametrize(
    "rows",
    [
        torch.ones(4, 96),
        torch.ones(0, 64),
        torch.ones(4, 64, dtype=torch.float64),
        torch.ones(64, 4).T,
        torch.ones(4, 64, device="meta"),
    ],
    ids=["96 channels", "no cells", "float64", "turned", "elsewhere"],
)
def test_what_it_does_not_suit_is_left_to_torch(rows: Tensor) -> None:
    assert not suits(rows)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.bfloat16, 6e-3)])
@pytest.mark.parametrize("at_once", [1, 64, 4096])
@pytest.mark.parametrize("channels", [64, 96])
def test_a_gram_matrix_and_its_gradient_are_those_of_float64(
    dtype: torch.dtype, tolerance: float, channels: int, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statistics, "_AT_ONCE", at_once)
    rows = _rows(35 * 20, channels, dtype)
    slope = torch.randn(channels, channels, generator=torch.Generator().manual_seed(1))
    maps = rows.view(1, 35, 20, channels).permute(0, 3, 1, 2).detach().requires_grad_()
    moments = gram_moments(maps)
    (gradient,) = torch.autograd.grad((moments.second * slope).sum(), maps)
    assert moments.cells == 35 * 20
    assert moments.second.dtype is torch.float32
    assert gradient.dtype is dtype
    exact = rows.double()
    assert _error(moments.second.detach(), exact.T @ exact / len(rows)) < 1e-6
    both = slope.double() + slope.double().T
    found = gradient.permute(0, 2, 3, 1).reshape(len(rows), channels)
    assert _error(found, exact @ both / len(rows)) < tolerance
