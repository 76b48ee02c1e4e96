"""What is kept of maps for the way back: it must give the gradient to the bit, in a fraction of the memory."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from stylized.engine import signs
from stylized.engine.choices import Backbone, Pooling
from stylized.engine.network import Network, Weights
from stylized.engine.network_onednn import OnednnNetwork
from stylized.engine.network_torch import TorchNetwork
from stylized.engine.signs import _Places, kept, maps_as_signs
from stylized.engine.tiles import signs_suffice

from .samples import random_weights, shapes

TAPS = ("relu1_1", "conv2_2", "relu3_4", "relu4_1")


def _gradient(network: Network, pooling: Pooling, *, signs: bool) -> Tensor:
    image = (255 * shapes(45, 58)).requires_grad_()
    if signs:
        with maps_as_signs():
            found = network.features(image, TAPS, pooling, pooling_scale=1.5)
    else:
        found = network.features(image, TAPS, pooling, pooling_scale=1.5)
    return torch.autograd.grad([found[tap].square().mean() for tap in TAPS], image)[0]


@pytest.mark.parametrize("pooling", [Pooling.MAX, Pooling.AVERAGE])
@pytest.mark.parametrize("kind", [TorchNetwork, OnednnNetwork])
def test_the_gradient_is_the_same_to_the_bit(kind: Any, pooling: Pooling) -> None:
    network = kind(random_weights(Backbone.VGG19))
    assert signs_suffice(Backbone.VGG19, pooling)
    assert torch.equal(_gradient(network, pooling, signs=True), _gradient(network, pooling, signs=False))


def test_where_slopes_depend_on_values_signs_do_not_suffice() -> None:
    network = TorchNetwork(random_weights(Backbone.VGG19))
    assert not signs_suffice(Backbone.VGG19, Pooling.L2)
    assert not signs_suffice(Backbone.CAFFENET, Pooling.MAX)
    with_signs, without = (_gradient(network, Pooling.L2, signs=signs) for signs in (True, False))
    assert not torch.allclose(with_signs, without, rtol=1e-2)


def test_a_map_takes_a_thirty_second_of_its_memory() -> None:
    maps = torch.randn(1, 64, 31, 47).contiguous(memory_format=torch.channels_last)
    with maps_as_signs():
        back = kept(maps)
    bits = back.__self__.bits  # pyright: ignore[reportFunctionMemberAccess]
    assert bits.nbytes * 32 == maps.nbytes
    assert torch.equal(back(), (maps > 0).float())
    assert back().is_contiguous(memory_format=torch.channels_last)


def test_what_is_kept_outside_is_the_map_itself() -> None:
    maps = torch.randn(1, 8, 3, 3)
    assert kept(maps)() is maps


@pytest.mark.parametrize("at_once", [1, 2**18])
@pytest.mark.parametrize("size", [(4, 6), (5, 7), (33, 2)])
def test_places_of_maxima_come_back(size: tuple[int, int], at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signs, "_AT_ONCE", at_once)
    maps = torch.randn(1, 16, *size).contiguous(memory_format=torch.channels_last)
    _, places = F.max_pool2d(maps, 2, return_indices=True)
    assert torch.equal(_Places.of(places, size[1]).indices(), places)


def test_a_pass_keeps_a_fraction(weights: Weights) -> None:
    """Of what autograd keeps, by its storages."""
    network, image = TorchNetwork(weights), (255 * shapes(64, 64)).requires_grad_()
    sizes: list[int] = []

    def note(tensor: Tensor) -> Tensor:
        sizes.append(tensor.nbytes if tensor.requires_grad else 0)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        network.features(image, ["relu4_1"])
    whole = sum(sizes)
    sizes.clear()
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor), maps_as_signs():
        network.features(image, ["relu4_1"])
    # The inner hooks replace the outer ones: nothing is kept as a map.
    assert sum(sizes) == 0 < whole
