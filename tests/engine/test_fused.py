"""The fused convolution against the direct one in float64, and what it relies on inside torch."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from stylized.engine import fused
from stylized.engine.fused import FusedConvolution, PackedWeights
from stylized.engine.layers import Convolution

MIB = 2**20

# As VGG and CaffeNet have them: kernel, step, padding, groups.
GEOMETRIES = [(3, 1, 1, 1), (3, 1, 0, 1), (3, 1, 1, 2), (5, 1, 2, 2), (11, 4, 0, 1), (11, 4, 5, 1)]


@pytest.fixture
def without_packing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fused, "is_available", lambda dtype: False)


def _layer(kernel: int = 3, step: int = 1, groups: int = 1) -> Convolution:
    return Convolution("conv", "relu", 8, 12, stride=1, kernel=kernel, step=step, groups=groups)


def _case(layer: Convolution, height: int = 23, width: int = 26) -> tuple[Tensor, Tensor, Tensor]:
    """Maps, weight and bias, float64."""
    generator = torch.Generator().manual_seed(height * width)

    def random(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    maps = random(1, layer.in_channels, height, width).to(memory_format=torch.channels_last)
    return maps, random(*layer.weight_shape) / layer.kernel, random(layer.channels)


def _both_ways(layer: Convolution, padding: int, rectified: bool, dtype: torch.dtype) -> list[Tensor]:
    """Relative errors of a result and of its gradient, in the direct way's float64."""
    maps, weight, bias = _case(layer)
    ours = FusedConvolution(layer, weight.to(dtype), bias.to(dtype), PackedWeights(MIB))
    before = maps.clone().requires_grad_()
    exact = F.conv2d(before, weight, bias, layer.step, padding, groups=layer.groups)
    gradient = torch.randn(exact.shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    (exact_back,) = torch.autograd.grad(exact, before, gradient)
    exact = exact.detach().relu() if rectified else exact.detach()
    found = ours.forward(maps.to(dtype), padding, rectified=rectified)
    back = ours.backward(gradient.to(dtype), maps.shape[2:], padding)
    assert found.dtype is back.dtype is dtype
    return [(one - other).norm() / other.norm() for one, other in ((found, exact), (back, exact_back))]


@pytest.mark.parametrize("rows", [1, 4, 5, 100])
@pytest.mark.parametrize(("kernel", "step", "padding", "groups"), GEOMETRIES)
def test_a_large_result_comes_in_bands_and_is_the_same(
    kernel: int, step: int, padding: int, groups: int, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fused, "LEAST_BYTES", 0)
    monkeypatch.setattr(fused, "_BAND_BYTES", rows * 4 * 12 * 26)
    errors = _both_ways(_layer(kernel, step, groups), padding, rectified=True, dtype=torch.float32)
    assert max(errors) < 1e-6


@pytest.mark.parametrize("rectified", [False, True])
@pytest.mark.parametrize(("kernel", "step", "padding", "groups"), GEOMETRIES)
def test_it_is_the_direct_convolution_and_so_is_its_way_back(
    kernel: int, step: int, padding: int, groups: int, rectified: bool
) -> None:
    layer = _layer(kernel, step, groups)
    assert max(_both_ways(layer, padding, rectified, torch.float32)) < 1e-6
    assert max(_both_ways(layer, padding, rectified, torch.float64)) < 1e-12
    assert max(_both_ways(layer, padding, rectified, torch.bfloat16)) < 5e-3


@pytest.mark.usefixtures("without_packing")
@pytest.mark.parametrize(("kernel", "step", "padding", "groups"), GEOMETRIES)
def test_without_the_internal_operations_it_is_the_same(kernel: int, step: int, padding: int, groups: int) -> None:
    assert max(_both_ways(_layer(kernel, step, groups), padding, True, torch.float32)) < 1e-6


def test_torch_has_the_internal_operations_as_they_are_used() -> None:
    # If this fails after an update of torch, every job still paints, by torch's own convolution: see what became of
    # the operations, and adapt `fused.py`.
    assert fused.is_available(torch.float32)
    schema = str(torch.ops.mkldnn._convolution_pointwise.default._schema)
    assert schema == (
        "mkldnn::_convolution_pointwise(Tensor X, Tensor W, Tensor? B, int[] padding, int[] stride, int[] dilation,"
        " int groups, str attr, Scalar?[] scalars, str? algorithm) -> Tensor Y"
    )


@pytest.mark.skipif(
    not torch.ops.mkldnn._is_mkldnn_bf16_supported(), reason="needs a processor with AVX-512 or AVX-NE-CONVERT"
)
def test_torch_has_them_in_bf16_where_the_processor_does() -> None:
    assert fused.is_available(torch.bfloat16)


def test_an_operation_that_does_something_else_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    fused.is_available.cache_clear()
    honest = fused._Geometry.fused
    monkeypatch.setattr(fused._Geometry, "fused", lambda *given: honest(*given) + 1.0)
    try:
        assert not fused.is_available(torch.float32)
    finally:
        fused.is_available.cache_clear()


def test_packed_weights_are_used_again_for_the_same_shape_and_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = _layer()
    maps, weight, bias = (one.float() for one in _case(layer))
    packed = PackedWeights(2 * weight.nbytes)
    ours = FusedConvolution(layer, weight, bias, packed)
    made = []
    honest = fused._Geometry.packed
    monkeypatch.setattr(fused._Geometry, "packed", lambda *given: (made.append(tuple(given[2])), honest(*given))[1])

    def shapes_packed(*sides: int) -> list[int]:
        made.clear()
        for side in sides:
            ours.forward(maps[:, :, :side], 1, rectified=True)
        return [shape[2] for shape in made]

    assert shapes_packed(10, 10, 11, 10) == [10, 11]
    assert shapes_packed(12, 10, 12) == [12]  # in the place of 11, which was used the longest ago
    assert shapes_packed(11) == [11]
    assert packed.size_bytes == 2 * weight.nbytes


def test_weights_larger_than_the_bound_are_packed_all_the_same() -> None:
    layer = _layer()
    maps, weight, bias = (one.float() for one in _case(layer))
    ours = FusedConvolution(layer, weight, bias, PackedWeights(1))
    torch.testing.assert_close(
        ours.forward(maps, 1, rectified=False), F.conv2d(maps, weight, bias, padding=1), rtol=1e-4, atol=1e-4
    )
