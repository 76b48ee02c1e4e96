"""The tables of the networks' layers."""

from __future__ import annotations

import itertools

import pytest

from stylized.engine.choices import Backbone
from stylized.engine.layers import CONVOLUTIONS, MIN_SIDE, convolution_of, is_layer, layer_examples, min_side

VGG_LENGTHS = {Backbone.VGG19: (2, 2, 4, 4, 4), Backbone.VGG16: (2, 2, 3, 3, 3)}


@pytest.mark.parametrize("backbone", list(VGG_LENGTHS))
def test_vggs_have_their_convolutions_in_order(backbone: Backbone) -> None:
    names = [layer.conv for layer in CONVOLUTIONS[backbone]]
    assert names == [
        f"conv{block}_{position}"
        for block, length in enumerate(VGG_LENGTHS[backbone], start=1)
        for position in range(1, length + 1)
    ]
    assert [layer.channels for layer in CONVOLUTIONS[backbone] if layer.conv.endswith("_1")] == [64, 128, 256, 512, 512]
    pooled = [layer.conv for layer in CONVOLUTIONS[backbone] if layer.pooling]
    assert pooled == ["conv2_1", "conv3_1", "conv4_1", "conv5_1"]


def test_caffenet_has_the_blobs_that_its_description_has() -> None:
    table = CONVOLUTIONS[Backbone.CAFFENET]
    # C. Hodapp's notebook prints weights as channels x channels of a group and the sides of the maps at 227 x 227.
    assert {layer.conv: layer.weight_shape for layer in table} == {
        "conv1": (96, 3, 11, 11),
        "conv2": (256, 48, 5, 5),
        "conv3": (384, 256, 3, 3),
        "conv4": (384, 192, 3, 3),
        "conv5": (256, 192, 3, 3),
    }
    cells, sides = 227, []
    for layer in table:
        if layer.pooling:
            sides.append(layer.pooling.cells(cells))
        cells = layer.cells(cells)
        sides.append(cells)
    assert sides == [55, 27, 27, 13, 13, 13, 13]


@pytest.mark.parametrize("backbone", list(Backbone))
def test_channels_and_cells_follow_each_other(backbone: Backbone) -> None:
    table = CONVOLUTIONS[backbone]
    assert table[0].in_channels == 3
    for before, after in itertools.pairwise(table):
        assert after.in_channels == before.channels
        assert after.stride == before.stride * after.step * (after.pooling.step if after.pooling else 1)


def test_the_least_side_is_that_of_the_network_and_never_under_16() -> None:
    assert {backbone: min_side(backbone) for backbone in Backbone} == {
        Backbone.VGG19: 16,
        Backbone.VGG16: 16,
        Backbone.CAFFENET: 23,
    }
    assert MIN_SIDE == 16


@pytest.mark.parametrize(
    ("name", "backbones"),
    [
        ("relu4_2", {Backbone.VGG19, Backbone.VGG16}),
        ("conv5_4", {Backbone.VGG19}),
        ("relu5_3", {Backbone.VGG19, Backbone.VGG16}),
        ("relu3", {Backbone.CAFFENET}),
        ("conv5", {Backbone.CAFFENET}),
        *((name, set()) for name in ("relu1_3", "relu6_1", "RELU4_2", "pool1", "norm1", "", "block4_relu2", "relu6")),
    ],
)
def test_each_network_knows_its_own_layers(name: str, backbones: set[Backbone]) -> None:
    assert {backbone for backbone in Backbone if is_layer(name, backbone)} == backbones


@pytest.mark.parametrize("backbone", list(Backbone))
def test_both_names_of_a_convolution_lead_to_it(backbone: Backbone) -> None:
    for layer in CONVOLUTIONS[backbone]:
        assert convolution_of(layer.conv, backbone) is convolution_of(layer.relu, backbone) is layer


@pytest.mark.parametrize("backbone", list(Backbone))
def test_examples_are_layers(backbone: Backbone) -> None:
    assert layer_examples(backbone)
    assert all(is_layer(name, backbone) for name in layer_examples(backbone))
