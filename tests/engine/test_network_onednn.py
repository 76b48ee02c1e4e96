"""What the written-out way back keeps, and for how long."""

from __future__ import annotations

import gc

import pytest
import torch
from torch import Tensor

from stylized.engine.choices import Backbone, Padding, Pooling
from stylized.engine.network_onednn import OnednnNetwork
from stylized.engine.network_torch import TorchNetwork

from .samples import random_weights, shapes

TAPS = ["relu1_1", "relu2_1", "relu3_1"]


@pytest.fixture(scope="module")
def onednn_network() -> OnednnNetwork:
    return OnednnNetwork(random_weights(Backbone.VGG19))


@pytest.fixture
def image() -> Tensor:
    gc.collect()
    return (255 * shapes(64, 64)).requires_grad_()


def _map_bytes() -> int:
    """Memory of all maps that are alive, each counted once."""
    storages = {
        one.untyped_storage().data_ptr(): one.nbytes
        for one in gc.get_objects()
        if issubclass(type(one), Tensor) and one.dim() == 4 and one.shape[2] > 3 and not one.is_mkldnn
    }
    return sum(storages.values())


def test_the_gradient_can_be_asked_for_once(onednn_network: OnednnNetwork, image: Tensor) -> None:
    total = onednn_network.features(image, TAPS)["relu3_1"].sum()
    torch.autograd.grad(total, image, retain_graph=True)
    with pytest.raises(RuntimeError, match="can be asked for once"):
        torch.autograd.grad(total, image)


def test_without_taps_nothing_is_computed(onednn_network: OnednnNetwork, image: Tensor) -> None:
    assert onednn_network.features(image, ()) == {}


def test_taps_without_a_gradient_do_not_count(onednn_network: OnednnNetwork, image: Tensor) -> None:
    (all_taps,) = torch.autograd.grad(onednn_network.features(image, TAPS)["relu2_1"].sum(), image)
    (one_tap,) = torch.autograd.grad(onednn_network.features(image, ["relu2_1"])["relu2_1"].sum(), image)
    assert torch.equal(all_taps, one_tap)


def test_the_gradients_of_the_losses_are_left_as_they_are(onednn_network: OnednnNetwork, image: Tensor) -> None:
    maps = onednn_network.features(image, TAPS)
    gradients = [torch.ones_like(maps[tap]) for tap in TAPS]
    before = [maps[tap].clone() for tap in TAPS]
    torch.autograd.grad([maps[tap] for tap in TAPS], image, gradients)
    assert all(torch.equal(one, torch.ones_like(one)) for one in gradients)
    assert all(torch.equal(maps[tap], one) for tap, one in zip(TAPS, before, strict=True))


def test_nothing_is_kept_where_there_is_no_way_back(onednn_network: OnednnNetwork, image: Tensor) -> None:
    before = _map_bytes()
    with torch.no_grad():
        maps = onednn_network.features(image, TAPS)
    assert _map_bytes() == before + sum(one.nbytes for one in maps.values())
    maps = onednn_network.features(image.detach(), TAPS)
    assert _map_bytes() == before + sum(one.nbytes for one in maps.values())


def test_what_was_kept_is_dropped_with_the_gradient_or_with_the_maps(
    onednn_network: OnednnNetwork, image: Tensor
) -> None:
    before = _map_bytes()
    maps = onednn_network.features(image, TAPS)
    (gradient,) = torch.autograd.grad(sum(one.sum() for one in maps.values()), image)  # pyright: ignore
    assert _map_bytes() == before + gradient.nbytes + sum(one.nbytes for one in maps.values())
    maps = onednn_network.features(image, TAPS)
    del maps, gradient
    assert _map_bytes() == before  # without a run of the garbage collector


def test_a_map_that_was_pooled_is_not_kept(onednn_network: OnednnNetwork, image: Tensor) -> None:
    before = _map_bytes()
    maps = onednn_network.features(image, ["conv2_1"])
    tapped = maps["conv2_1"].nbytes
    # relu1_1 with 64 channels, and for relu1_2 a byte for each window of its pooling.
    assert _map_bytes() == before + tapped + 4 * 64 * 64 * 64 + 64 * 32 * 32


@pytest.mark.parametrize("padding", list(Padding))
@pytest.mark.parametrize("pooling", list(Pooling))
@pytest.mark.parametrize(
    ("backbone", "taps"),
    [
        (Backbone.VGG16, ["relu1_2", "relu3_1"]),  # one that is pooled, one that is not
        (Backbone.VGG16, ["conv1_2", "conv2_1", "relu2_1"]),
        (Backbone.CAFFENET, ["relu1", "conv3"]),
        (Backbone.CAFFENET, ["conv1", "relu2"]),
        (Backbone.CAFFENET, ["conv2"]),
    ],
)
def test_whatever_is_tapped_the_gradient_is_the_references(
    backbone: Backbone, taps: list[str], pooling: Pooling, padding: Padding
) -> None:
    known = random_weights(backbone)
    picture = 255 * shapes(37, 42).double()
    gradients = []
    for network in (OnednnNetwork(known, dtype=torch.float64), TorchNetwork(known, dtype=torch.float64)):
        image = picture.clone().requires_grad_()
        maps = network.features(image, taps, pooling, padding, pooling_scale=1.5)
        generator = torch.Generator().manual_seed(11)
        pulls = [torch.rand(maps[tap].shape, generator=generator, dtype=torch.float64) for tap in taps]
        gradients += torch.autograd.grad([maps[tap] for tap in taps], image, pulls)
    torch.testing.assert_close(*gradients, rtol=1e-9, atol=1e-9)
