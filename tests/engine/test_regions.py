"""Masks: carried to feature cells as brute force in numpy finds them, and divided among styles without a remainder."""

from __future__ import annotations

import functools
from collections.abc import Collection

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from stylized.engine import regions
from stylized.engine.choices import Backbone, MaskPropagation, Padding
from stylized.engine.layers import CONVOLUTIONS
from stylized.engine.network_torch import TorchNetwork
from stylized.engine.regions import divide, is_black, scale_mask

from .samples import random_weights

LAYERS = ("relu1_1", "conv2_1", "relu3_1", "relu4_2", "relu5_1")

# What stands before a layer, from the picture on: "c" a 3 x 3 convolution, "p" a 2 x 2 pooling (Simonyan and Zisserman
# 2015, table 1, column E).
PATHS = {
    "relu1_1": "c",
    "conv2_1": "ccpc",
    "relu3_1": "ccpccpc",
    "relu4_2": "ccpccpccccpcc",
    "relu5_1": "ccpccpccccpccccpc",
}


@functools.cache
def random_network(backbone: Backbone) -> TorchNetwork:
    return TorchNetwork(random_weights(backbone))


def cell_weights(mask: Tensor, layers: Collection[str], how: MaskPropagation) -> dict[str, Tensor]:
    """With the network and padding of `PATHS`."""
    return regions.cell_weights(mask, layers, how, Backbone.VGG19, Padding.ZERO)


def fields(path: str, length: int) -> list[NDArray[np.int64]]:
    """For each cell of a layer along one side of a picture, the pixels that it sees."""
    seen = [np.array([pixel]) for pixel in range(length)]
    for window in path:
        if window == "p":
            seen = [np.concatenate(seen[2 * cell : 2 * cell + 2]) for cell in range(len(seen) // 2)]
        else:
            seen = [np.concatenate(seen[max(0, cell - 1) : cell + 2]) for cell in range(len(seen))]
        seen = [np.unique(pixels) for pixels in seen]
    return seen


def seen(mask: Tensor, path: str, reduce: np.ufunc) -> NDArray[np.float64]:
    """[H', W']: the least or greatest value of a mask that each cell sees."""
    samples = mask[0, 0].double().numpy()
    rows, columns = fields(path, samples.shape[0]), fields(path, samples.shape[1])
    return np.array([[reduce.reduce(samples[np.ix_(row, column)], axis=None) for column in columns] for row in rows])


def blot(height: int, width: int, seed: int = 0) -> Tensor:
    """A mask with a soft edge: white inside a disc that reaches over the border, black outside."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    center = torch.rand(2, generator=torch.Generator().manual_seed(seed))
    distance = ((y / height - center[0]) ** 2 + (x / width - center[1]) ** 2).sqrt()
    return (6.0 * (0.75 - distance)).clamp(0, 1)[None, None].float()


def half(height: int, width: int) -> Tensor:
    """White on the left."""
    mask = torch.zeros(1, 1, height, width)
    mask[..., : width // 2] = 1.0
    return mask


@pytest.mark.parametrize("size", [(64, 96), (71, 53), (16, 16)])
@pytest.mark.parametrize("layer", LAYERS)
def test_inside_takes_the_least_and_all_the_greatest_that_a_cell_sees(size: tuple[int, int], layer: str) -> None:
    mask = blot(*size, seed=size[0])
    inside = cell_weights(mask, [layer], MaskPropagation.INSIDE)[layer].numpy()
    least = seen(mask, PATHS[layer], np.minimum)
    if least.any():
        np.testing.assert_array_equal(inside, least)
    greatest = seen(mask, PATHS[layer], np.maximum)
    np.testing.assert_array_equal(cell_weights(mask, [layer], MaskPropagation.ALL)[layer].numpy(), greatest)


@pytest.mark.parametrize("layer", ["relu1_1", "conv2_1", "relu4_2", "relu5_1"])
def test_simple_takes_the_mean_of_a_cells_share_of_the_picture(layer: str) -> None:
    mask = blot(64, 96)
    side = 2 ** PATHS[layer].count("p")
    expected = mask[0, 0].double().numpy().reshape(64 // side, side, 96 // side, side).mean(axis=(1, 3))
    found = cell_weights(mask, [layer], MaskPropagation.SIMPLE)[layer].numpy()
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_the_propagations_lie_inside_each_other() -> None:
    mask = half(96, 96)
    for layer in LAYERS[:4]:
        inside, simple, everything = (cell_weights(mask, [layer], how)[layer] for how in INSIDE_OUT)
        assert (inside <= simple).all()
        assert (simple <= everything).all()
        assert inside.sum() < simple.sum() < everything.sum()


INSIDE_OUT = (MaskPropagation.INSIDE, MaskPropagation.SIMPLE, MaskPropagation.ALL)


@pytest.mark.parametrize("how", list(MaskPropagation))
@pytest.mark.parametrize("pixel", [(0, 0), (20, 33), (38, 52)])
def test_a_region_of_one_pixel_has_cells_in_every_layer(how: MaskPropagation, pixel: tuple[int, int]) -> None:
    mask = torch.zeros(1, 1, 39, 53)
    mask[0, 0, pixel[0], pixel[1]] = 1.0
    for cells in cell_weights(mask, LAYERS, how).values():
        assert cells.sum() > 0


@pytest.mark.parametrize("how", list(MaskPropagation))
def test_a_white_mask_counts_every_cell_alike(how: MaskPropagation) -> None:
    for cells in cell_weights(torch.ones(1, 1, 39, 53), LAYERS, how).values():
        np.testing.assert_allclose(cells.numpy(), 1.0, atol=1e-6)


@pytest.mark.parametrize("backbone", list(Backbone))
@pytest.mark.parametrize("padding", list(Padding))
@pytest.mark.parametrize("size", [(63, 97), (80, 75)])
def test_masks_have_the_shape_of_the_networks_maps(backbone: Backbone, padding: Padding, size: tuple[int, int]) -> None:
    layers = [name for layer in CONVOLUTIONS[backbone] for name in (layer.conv, layer.relu)]
    maps = random_network(backbone).features(torch.rand(1, 3, *size), layers, padding=padding)
    for how in MaskPropagation:
        cells = regions.cell_weights(torch.rand(1, 1, *size), layers, how, backbone, padding)
        assert {name: found.shape for name, found in cells.items()} == {
            name: found.shape[-2:] for name, found in maps.items()
        }


def test_a_cell_of_caffenet_sees_what_its_windows_cover() -> None:
    """conv1 has 11 x 11 pixels in steps of 4; pooled 3 by 2, conv2 adds two of these cells on each side."""
    mask = torch.zeros(1, 1, 99, 99)
    mask[..., 40:, :] = 1.0
    cells = regions.cell_weights(mask, ["conv1", "conv2"], MaskPropagation.ALL, Backbone.CAFFENET, Padding.ZERO)
    rows = np.arange(23)
    np.testing.assert_array_equal(cells["conv1"][:, 0].numpy(), 4 * rows + 10 >= 40)
    pooled = np.array([any(4 * cell + 10 >= 40 for cell in range(2 * row, 2 * row + 3)) for row in range(11)])
    expected = [pooled[max(0, row - 2) : row + 3].any() for row in range(11)]
    np.testing.assert_array_equal(cells["conv2"][:, 0].numpy(), expected)


def test_without_masks_there_are_no_regions() -> None:
    assert divide(None, [None, None], [1.0, 2.0]) == (None, None)


def test_styles_without_a_mask_share_what_the_others_leave() -> None:
    left = half(8, 12)
    masked, first, second = divide(None, [left, None, None], [1.0, 1.0, 3.0])
    assert masked is not None
    assert torch.equal(masked, left)
    assert first is second
    assert torch.equal(first, 1.0 - left)  # pyright: ignore[reportArgumentType, reportOperatorIssue]


def test_all_styles_stay_in_the_part_that_is_painted() -> None:
    left, top = half(8, 12), half(12, 8).transpose(2, 3)
    masked, other = divide(top, [left, None], [2.0, 1.0])
    assert masked is not None
    assert other is not None
    torch.testing.assert_close(masked, top * left)
    torch.testing.assert_close(other, top * (1.0 - left))
    assert divide(top, [None], [1.0]) == (top,)


def test_where_masks_overlap_styles_share_by_weight() -> None:
    white = torch.ones(1, 1, 4, 4)
    first, second = divide(None, [white, white], [1.0, 3.0])
    torch.testing.assert_close(first, 0.25 * white)
    torch.testing.assert_close(second, 0.75 * white)


def test_regions_never_add_up_to_more_than_the_painting() -> None:
    masks = [blot(24, 32, seed) for seed in range(3)]
    regions = divide(None, masks, [1.0, 2.0, 5.0])
    total = sum(regions[1:], start=regions[0])  # pyright: ignore[reportArgumentType, reportCallIssue]
    torch.testing.assert_close(total, sum(masks).clamp(max=1.0))  # pyright: ignore[reportAttributeAccessIssue]
    filled = divide(None, [*masks, None], [1.0, 2.0, 5.0, 1.0])
    whole = sum(filled[1:], start=filled[0])  # pyright: ignore[reportArgumentType, reportCallIssue]
    torch.testing.assert_close(whole, torch.ones(1, 1, 24, 32))


def test_a_scaled_mask_stays_within_0_and_1_and_is_black_where_it_was() -> None:
    mask = half(90, 130)
    small = scale_mask(mask, 40, 27)
    assert (small.min(), small.max()) == (0.0, 1.0)
    assert (small[..., 21:] == 0.0).all()
    assert scale_mask(mask, 130, 90) is mask
    assert not is_black(scale_mask(half(16, 16), 400, 300))


def test_black_is_what_8_bits_call_black() -> None:
    assert is_black(torch.full((1, 1, 4, 4), 0.4 / 255))
    assert not is_black(torch.full((1, 1, 4, 4), 1.0 / 255))
