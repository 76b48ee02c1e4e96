"""Winograd's convolution against the direct one in float64."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from stylized.engine.choices import Backbone
from stylized.engine.layers import convolution_of
from stylized.engine.winograd import WinogradConvolution
from stylized.engine.winograd_costs import kernel_numbers

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
@pytest.mark.parametrize(("in_channels", "channels"), [(3, 5), (7, 2)])
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
    case = _case(5, 4, 11, 10)
    ours, gradient = _winograd(*(tensor.contiguous() for tensor in case), rectified=True)
    exact, exact_gradient = _direct(*case, rectified=True)
    torch.testing.assert_close(ours, exact, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(gradient, exact_gradient, rtol=1e-10, atol=1e-10)
    assert ours.is_contiguous(memory_format=torch.channels_last)


def test_the_same_input_gives_the_same_bits() -> None:
    case = [tensor.float() for tensor in _case(128, 128, 40, 50)]
    first, second = _winograd(*case, rectified=True), _winograd(*case, rectified=True)
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))


def test_the_kernels_take_the_memory_that_is_told() -> None:
    layer = convolution_of("conv3_1", Backbone.VGG19)
    kernels = WinogradConvolution(torch.rand(layer.weight_shape), torch.rand(layer.channels)).kernels
    assert kernels.untyped_storage().nbytes() == 4 * kernel_numbers(layer)
