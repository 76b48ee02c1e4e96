"""The compiled pooling against torch's own, to the bit."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from stylized.engine.layers import HALVING, PoolingWindow
from stylized.engine.max_pooling import compiled, pool_strongest, spread, suits

# One window, a rest at either side, and more rows than there are parts for threads.
SIDES = [(2, 2), (5, 7), (33, 18)]
DTYPES = [torch.float32, torch.bfloat16, torch.float64]


def _maps(height: int, width: int, dtype: torch.dtype) -> Tensor:
    generator = torch.Generator().manual_seed(height * width)
    maps = torch.randn(1, 32, height, width, generator=generator).relu().to(dtype)
    return maps.contiguous(memory_format=torch.channels_last)


def _torchs(maps: Tensor, scale: float) -> tuple[Tensor, Tensor, Tensor]:
    """Pooled maps, a gradient of them, and what comes of it before the ReLU."""
    maps = maps.clone().requires_grad_()
    pooled = F.max_pool2d(maps, 2) * scale
    gradient = torch.randn(pooled.shape, generator=torch.Generator().manual_seed(1)).to(maps.dtype)
    (before,) = torch.autograd.grad(pooled, maps, gradient)
    return pooled.detach(), gradient, torch.where(maps > 0, before, 0.0)


@pytest.mark.parametrize("scale", [1.0, 1.5])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("sides", SIDES)
def test_maps_and_gradients_are_torchs(sides: tuple[int, int], dtype: torch.dtype, scale: float) -> None:
    maps = _maps(*sides, dtype)
    pooled, gradient, before = _torchs(maps, scale)
    ours, places = pool_strongest(maps, scale)
    assert places.dtype is torch.uint8
    assert torch.equal(ours, pooled)
    back = spread(gradient, places, scale, maps.shape[2:])
    assert torch.equal(back, before)
    assert back.stride() == maps.stride()


def test_any_memory_layout_will_do() -> None:
    maps = _maps(6, 8, torch.float32)
    pooled, gradient, before = _torchs(maps, 1.0)
    ours, places = pool_strongest(maps.contiguous(), 1.0)
    assert torch.equal(ours, pooled)
    assert torch.equal(spread(gradient.contiguous(), places, 1.0, maps.shape[2:]), before)


def test_of_equal_cells_the_first_passes_the_gradient_on_as_in_torch() -> None:
    maps = torch.full((1, 16, 4, 4), 2.0).contiguous(memory_format=torch.channels_last)
    _, gradient, before = _torchs(maps, 1.0)
    _, places = pool_strongest(maps, 1.0)
    assert torch.equal(spread(gradient, places, 1.0, maps.shape[2:]), before)


def test_a_window_without_a_positive_cell_passes_nothing_on() -> None:
    maps = torch.zeros(1, 16, 2, 2).contiguous(memory_format=torch.channels_last)
    pooled, places = pool_strongest(maps, 1.0)
    assert not pooled.any()
    assert not spread(torch.ones_like(pooled), places, 1.0, maps.shape[2:]).any()


@pytest.mark.parametrize("cell", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_what_is_not_a_number_stays_so_both_ways(cell: tuple[int, int]) -> None:
    maps = torch.ones(1, 16, 2, 2).contiguous(memory_format=torch.channels_last)
    maps[0, 3, cell[0], cell[1]] = torch.nan
    pooled, places = pool_strongest(maps, 1.0)
    assert pooled.isnan().nonzero().tolist() == [[0, 3, 0, 0]]
    back = spread(torch.full_like(pooled, torch.nan), places, 1.0, maps.shape[2:])
    assert back[0, 3, cell[0], cell[1]].isnan()


def test_bfloat16_works_on_a_processor_without_instructions_for_it() -> None:
    maps = _maps(4, 6, torch.bfloat16)
    found, places = torch.empty(1, 2, 3, 32, dtype=maps.dtype), torch.empty(1, 2, 3, 32, dtype=torch.uint8)
    loops = compiled(torch.bfloat16, rounds_natively=False)
    loops.pool(maps.data_ptr(), found.data_ptr(), places.data_ptr(), 1.0, 3, 6, 32, 0, 2)
    assert torch.equal(found.permute(0, 3, 1, 2), F.max_pool2d(maps, 2))


@pytest.mark.parametrize(
    ("maps", "window"),
    [
        (torch.ones(1, 16, 4, 4), PoolingWindow(3, 2, covers_rest=True)),
        (torch.ones(1, 24, 4, 4), HALVING),
        (torch.ones(1, 16, 4, 4, dtype=torch.float16), HALVING),
        (torch.ones(1, 16, 4, 4, device="meta"), HALVING),
    ],
    ids=["other windows", "24 channels", "float16", "elsewhere"],
)
def test_what_it_does_not_suit_is_left_to_torch(maps: Tensor, window: PoolingWindow) -> None:
    assert not suits(maps, window)


def test_it_suits_what_vgg_has() -> None:
    assert suits(torch.ones(1, 64, 4, 4), HALVING)
