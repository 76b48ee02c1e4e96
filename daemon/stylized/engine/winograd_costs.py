"""Where Winograd's convolutions are worth it, and what memory they take. Free of torch, for the memory estimate."""

from __future__ import annotations

from stylized.engine.layers import Convolution

KERNEL = 3
"""Side of the kernels."""
PRODUCTS = 36
"""Products of a tile of 6 x 6 cells, for each pair of channels."""
# Numbers of a map that one product takes or gives. The blocks that a band of tiles is written into, 36 times as many
# each, should stay in the caches from one step to the next, and yet be enough for the products of matrices to be worth
# their start. Measured: with twice as many, narrow layers take up to half longer.
_NUMBERS_AT_ONCE = 49152

# Below, the direct way is as fast: the fewer channels share the transforms, the more these weigh, and the fewer cells
# share the kernels, the more reading these does. Measured.
_MIN_CHANNELS = 64
_MIN_CELLS = 192


def tiles_at_once(channels: int) -> int:
    """Return about how many tiles are computed at a time with so many channels, the more of those in and those out."""
    return _NUMBERS_AT_ONCE // channels


def suits(layer: Convolution, cells: int) -> bool:
    """Tell whether a layer is faster this way than directly on a map of so many cells."""
    plain = (layer.kernel, layer.step, layer.padding, layer.groups) == (KERNEL, 1, 1, 1)
    return plain and min(layer.in_channels, layer.channels) >= _MIN_CHANNELS and cells >= _MIN_CELLS


def kernel_numbers(layer: Convolution) -> int:
    """Return how many numbers a layer's transformed weight has."""
    return PRODUCTS * layer.in_channels * layer.channels


def scratch_numbers(layer: Convolution, cells: int) -> int:
    """Return about how many numbers a convolution of a map of so many cells holds beside the maps."""
    channels = max(layer.in_channels, layer.channels)
    return 2 * PRODUCTS * min(-(-cells // 16), tiles_at_once(channels)) * channels
