"""The network for GPUs computes what the reference computes, and turns cuDNN's switches for its convolutions alone."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from stylized.engine.choices import Backbone, Padding, Pooling
from stylized.engine.network import Network
from stylized.engine.network_cuda import CudaNetwork
from stylized.engine.network_torch import TorchNetwork

from .samples import random_weights, shapes


def _gradient(network: Network, image: Tensor, taps: list[str], pooling: Pooling, padding: Padding) -> Tensor:
    image = image.detach().requires_grad_()
    maps = network.features(image, taps, pooling, padding)
    total = torch.stack([found.square().mean() for found in maps.values()]).sum()
    return torch.autograd.grad(total, image)[0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
@pytest.mark.parametrize(
    ("backbone", "pooling", "padding"),
    [
        (Backbone.VGG19, Pooling.MAX, Padding.ZERO),
        (Backbone.VGG16, Pooling.AVERAGE, Padding.REFLECT),
        (Backbone.CAFFENET, Pooling.L2, Padding.REPLICATE),
    ],
)
def test_maps_and_gradient_are_the_references_to_the_bit(
    backbone: Backbone, pooling: Pooling, padding: Padding, dtype: torch.dtype
) -> None:
    known = random_weights(backbone)
    ours, reference = CudaNetwork(known, dtype=dtype), TorchNetwork(known, dtype=dtype)
    image = 255 * shapes(39, 43).to(torch.float64 if dtype is torch.float64 else torch.float32)
    convolutions = list(known.layers)[:5]
    # A tap before its ReLU, one after, one of both, and layers between that are no tap.
    taps = [convolutions[0], convolutions[2].replace("conv", "relu"), convolutions[4]]
    taps.append(convolutions[4].replace("conv", "relu"))
    found, expected = (network.features(image, taps, pooling, padding) for network in (ours, reference))
    assert found.keys() == expected.keys()
    for tap in taps:
        assert torch.equal(found[tap], expected[tap])
    one, other = (_gradient(network, image, taps, pooling, padding) for network in (ours, reference))
    assert one.abs().sum() > 0
    assert torch.equal(one, other)


class _Switches(TorchDispatchMode):
    """(operation, cuDNN may use TF32, tries ways out, is deterministic) of what is computed."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[tuple[str, bool, bool, bool]] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        cudnn = torch.backends.cudnn
        self.seen.add((func._schema.name, cudnn.allow_tf32, cudnn.benchmark, cudnn.deterministic))
        return func(*args, **(kwargs or {}))

    def of(self, name: str) -> set[tuple[bool, bool, bool]]:
        return {switches for one, *switches in self.seen if one == name for switches in [tuple(switches)]}  # type: ignore[misc]


@pytest.mark.parametrize(
    ("dtype", "tuned", "tried"),
    [(torch.bfloat16, False, False), (torch.bfloat16, True, True), (torch.float32, False, True)],
)
def test_switches_are_turned_for_convolutions_alone(
    dtype: torch.dtype, tuned: bool, tried: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", tuned)
    network = CudaNetwork(random_weights(Backbone.VGG19), dtype=dtype)
    with _Switches() as switches:
        _gradient(network, 255 * shapes(32, 32), ["relu1_2"], Pooling.MAX, Padding.ZERO)
    for name in ("aten::convolution", "aten::convolution_backward"):
        assert switches.of(name) == {(tried, tried, True)}
    for name in ("aten::mean", "aten::threshold_backward"):
        assert switches.of(name) == {(False, tuned, False)}
    assert torch.backends.cudnn.allow_tf32 is False
