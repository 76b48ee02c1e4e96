"""Winograd's convolution against the direct one in float64."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from stylized.engine.kernel_costs import PRODUCTS
from stylized.engine.winograd import WinogradConvolution
from stylized.engine.winograd_transforms import compiled

# Less than a tile, whole tiles, tiles with a rest at either side, and more than are computed at a time.
SIDES = [(1, 1), (1, 9), (4, 4), (5, 3), (8, 12), (14, 7), (97, 66)]


def _case(in_channels: int, channels: int, height: int, width: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Maps, weight, bias, and a gradient of the result, float64."""
    generator = torch.Generator().manual_seed(height * width)

    def random(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    maps = random(1, in_channels, height, width).to(memory_format=torch.channels_last)
    weight = random(channels, in_channels, 3, 3) / (3 * in_channels**0.5)
    return maps, weight, random(channels), random(1, channels, height, width)


def _direct(maps: Tensor, weight: Tensor, bias: Tensor, gradient: Tensor, rectified: bool) -> tuple[Tensor, Tensor]:
    maps = maps.clone().requires_grad_()
    result = F.conv2d(maps, weight, bias, padding=1)
    result = result.relu() if rectified else result
    return result.detach(), torch.autograd.grad(result, maps, gradient)[0]


def _winograd(maps: Tensor, weight: Tensor, bias: Tensor, gradient: Tensor, rectified: bool) -> tuple[Tensor, Tensor]:
    convolution = WinogradConvolution(weight, bias)
    result = convolution.forward(maps, rectified=rectified)
    if rectified:
        gradient = torch.where(result > 0, gradient, 0.0)
    return result, convolution.backward(gradient, maps.shape[2:])


@pytest.mark.parametrize("rectified", [False, True])
@pytest.mark.parametrize("sides", SIDES)
@pytest.mark.parametrize(("in_channels", "channels"), [(16, 32), (48, 16)])
def test_it_is_the_direct_convolution_and_so_is_its_gradient(
    sides: tuple[int, int], in_channels: int, channels: int, rectified: bool
) -> None:
    case = _case(in_channels, channels, *sides)
    for ours, exact in zip(_winograd(*case, rectified=rectified), _direct(*case, rectified=rectified), strict=True):
        torch.testing.assert_close(ours, exact, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("rectified", [False, True])
def test_rounding_in_float32_is_small_also_with_many_channels(rectified: bool) -> None:
    case = _case(512, 512, 12, 12)
    single = (tensor.float() for tensor in case)
    for ours, exact in zip(_winograd(*single, rectified=rectified), _direct(*case, rectified=rectified), strict=True):
        assert ((ours - exact).norm() / exact.norm()).item() < 4e-6


def test_any_memory_layout_will_do() -> None:
    case = _case(16, 32, 11, 10)
    ours, gradient = _winograd(*(tensor.contiguous() for tensor in case), rectified=True)
    exact, exact_gradient = _direct(*case, rectified=True)
    torch.testing.assert_close(ours, exact, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(gradient, exact_gradient, rtol=1e-10, atol=1e-10)
    # Of one picture, torch tells the layout by the stride of pictures, too; a pooling copies what it mistakes.
    for maps in (ours, gradient):
        assert maps.stride() == torch.empty(maps.shape).contiguous(memory_format=torch.channels_last).stride()


def test_the_same_input_gives_the_same_bits() -> None:
    case = [tensor.float() for tensor in _case(128, 128, 40, 50)]
    first, second = _winograd(*case, rectified=True), _winograd(*case, rectified=True)
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))


def test_in_bfloat16_the_error_is_a_few_roundings() -> None:
    half = [tensor.bfloat16() for tensor in _case(128, 64, 40, 50)]
    exact = _direct(*(tensor.double() for tensor in half), rectified=False)
    for ours, wanted in zip(_winograd(*half, rectified=False), exact, strict=True):
        assert ours.dtype is torch.bfloat16
        # A rounding has 0.0017; random maps, without a smooth part, have the largest error.
        assert ((ours.double() - wanted).norm() / wanted.norm()).item() < 0.02


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_however_many_threads_share_it_the_result_is_the_same_up_to_rounding(dtype: torch.dtype) -> None:
    case = [tensor.to(dtype) for tensor in _case(64, 64, 70, 90)]
    found = []
    before = torch.get_num_threads()
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            found.append(_winograd(*case, rectified=True))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    for other in found[1:]:
        for one, same in zip(found[0], other, strict=True):
            torch.testing.assert_close(one, same, rtol=1e-5 if dtype is torch.float32 else 0.02, atol=1e-4)


@pytest.mark.skipif(not torch.cpu._is_avx512_bf16_supported(), reason="the processor has no instruction for it")
def test_processors_that_do_not_round_to_bfloat16_get_the_same_bits() -> None:
    maps = _case(32, 16, 21, 18)[0].bfloat16()
    maps[0, 0, 0, :4] = torch.tensor([torch.nan, torch.inf, -torch.inf, 3e38])
    _, channels, height, width = maps.shape
    columns, tiles = 5, 6 * 5
    found = []
    for natively in (True, False):
        seen, zeros = torch.empty(tiles, PRODUCTS, channels, dtype=maps.dtype), torch.zeros(channels, dtype=maps.dtype)
        evaluate = compiled(maps.dtype, rounds_natively=natively).evaluate
        evaluate(maps.data_ptr(), seen.data_ptr(), zeros.data_ptr(), height, width, channels, columns, 0, tiles)
        found.append(seen)
    native, ours = found
    assert native.isnan().any()
    torch.testing.assert_close(ours, native, rtol=0, atol=0, equal_nan=True)


def test_what_is_not_a_number_stays_so() -> None:
    maps, weight, bias, _ = _case(16, 16, 9, 9)
    maps[0, 3, 4, 4] = torch.nan
    found = WinogradConvolution(weight, bias).forward(maps, rectified=True)
    assert found[0, :, 3:6, 3:6].isnan().all()
    assert not found[0, :, 8:].isnan().any()
