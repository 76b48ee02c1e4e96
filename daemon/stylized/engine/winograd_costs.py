"""Where Winograd's convolutions are worth it, and what memory they take. Free of torch, for the memory estimate."""

from __future__ import annotations

from stylized.engine.layers import Convolution

KERNEL = 3
"""Side of the kernels."""
PRODUCTS = 36
"""Products of a tile of 6 x 6 cells, for each pair of channels."""
MIN_TILES = 64
"""The fewest that the products are computed for; with fewer tiles the rest is computed in vain. For fewer rows oneDNN
wants the matrices in another order, and is slower."""
CHANNELS_AT_ONCE = 16
"""The transforms take so many channels side by side: of both maps there must be a multiple."""

_CELLS = 16
# Numbers of a map that one product takes or gives in a band of tiles. The bands should stay in a core's caches from one
# step to the next, and yet be enough for the products to be worth their start. Measured: with a quarter or twice as
# many, iterations at 512 px take up to a fifth longer.
_NUMBERS_AT_ONCE = 16384

# Fewer channels share the transforms, so these weigh more.
_MIN_CHANNELS = 64
# Each thread computes MIN_TILES tiles or as if. With this many of its own the direct way, which has 4 times as many
# multiplications, takes as long. Measured: 16 x 16 cells a thread gain nothing, 24 x 16 a tenth.
_MIN_CELLS = 384


def tiles_at_once(channels: int) -> int:
    """Return about how many tiles are computed at a time with so many channels, the more of those in and those out."""
    return max(MIN_TILES, _NUMBERS_AT_ONCE // channels)


def suits(layer: Convolution, cells: int, threads: int) -> bool:
    """Tell whether a layer is faster this way than directly on a map of so many cells."""
    plain = (layer.kernel, layer.step, layer.padding, layer.groups) == (KERNEL, 1, 1, 1)
    sides = (layer.in_channels, layer.channels)
    return (
        plain
        and min(sides) >= _MIN_CHANNELS
        and not any(side % CHANNELS_AT_ONCE for side in sides)
        and cells >= _MIN_CELLS * threads
    )


def kernel_numbers(layer: Convolution) -> int:
    """Return how many numbers a layer's transformed weight has, both ways."""
    return 2 * PRODUCTS * layer.in_channels * layer.channels


def scratch_numbers(layer: Convolution, cells: int) -> int:
    """Return about how many numbers a thread holds beside the maps, in a convolution of a map of so many cells."""
    channels = max(layer.in_channels, layer.channels)
    tiles = min(max(MIN_TILES, -(-cells // _CELLS)), tiles_at_once(channels))
    return 2 * PRODUCTS * tiles * channels
