"""The table of VGG19's layers."""

from __future__ import annotations

import itertools

import pytest

from stylized.engine.choices import Backbone
from stylized.engine.layers import CONVOLUTIONS, MIN_SIDE, convolution_of, is_layer


def test_vgg19_has_sixteen_convolutions_in_its_order() -> None:
    names = [layer.conv for layer in CONVOLUTIONS]
    assert names == [
        *("conv1_1", "conv1_2", "conv2_1", "conv2_2"),
        *("conv3_1", "conv3_2", "conv3_3", "conv3_4"),
        *("conv4_1", "conv4_2", "conv4_3", "conv4_4"),
        *("conv5_1", "conv5_2", "conv5_3", "conv5_4"),
    ]
    assert all(
        is_layer(name, Backbone.VGG19) and is_layer(name.replace("conv", "relu"), Backbone.VGG19) for name in names
    )


def test_channels_follow_each_other() -> None:
    assert CONVOLUTIONS[0].in_channels == 3
    for before, after in itertools.pairwise(CONVOLUTIONS):
        assert after.in_channels == before.channels
    assert [layer.channels for layer in CONVOLUTIONS if layer.conv.endswith("_1")] == [64, 128, 256, 512, 512]


def test_a_pooling_stands_before_each_block_but_the_first() -> None:
    assert [layer.conv for layer in CONVOLUTIONS if layer.pooled] == ["conv2_1", "conv3_1", "conv4_1", "conv5_1"]


def test_a_picture_of_the_least_side_has_one_cell_in_block_5() -> None:
    assert MIN_SIDE // convolution_of("relu5_1").stride == 1


@pytest.mark.parametrize("name", ["relu1_3", "relu6_1", "RELU4_2", "pool1", "", "block4_relu2"])
def test_other_names_are_not_layers(name: str) -> None:
    assert not is_layer(name, Backbone.VGG19)


def test_both_names_of_a_convolution_lead_to_it() -> None:
    assert is_layer("relu4_2", Backbone.VGG19)
    assert is_layer("conv4_2", Backbone.VGG19)
    assert convolution_of("relu4_2") is convolution_of("conv4_2")
