"""What the compiled loops ask of their numbers, where Winograd's convolutions are worth it, and what memory they take.
Free of torch, for the memory estimate.
"""

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
"""The compiled loops take so many channels side by side. Of both maps of a transform there must be a multiple."""
PANEL = 4 * CHANNELS_AT_ONCE
"""So many channels are side by side in what `gram_product` multiplies: of maps there must be a multiple."""

LEAST_BYTES = 32 * 2**20
"""Maps from here on are `recycled`. Below, the heap does it: the most that glibc keeps there by itself (mallopt(3),
M_MMAP_THRESHOLD)."""

MAX_PACKED_BYTES = 256 * 2**20
"""What the packed weights of direct convolutions may take: for VGG19 up to relu5_1, both ways, enough for two shapes of
pictures in fp32."""

_CELLS = 16
# Numbers of a map that one product takes or gives in a band of tiles. The bands should stay in a core's caches from one
# step to the next, and yet be enough for the products to be worth their start. From a quarter to twice as many, no
# difference was seen at 512 px that was larger than what the machine's other work makes.
_NUMBERS_AT_ONCE = 16384

# Fewer channels share the transforms, so these weigh more.
_MIN_CHANNELS = 64
# MIN_TILES tiles are computed, or as if: with this many cells the direct way, which has 4 times as many
# multiplications, takes as long. Measured: 16 x 24 cells gain nothing or little, 24 x 32 half of the time.
_MIN_CELLS = 480


def tiles_at_once(channels: int) -> int:
    """Return about how many tiles are computed at a time with so many channels, the more of those in and those out."""
    return max(MIN_TILES, _NUMBERS_AT_ONCE // channels)


def share_products(number_bytes: int, tiles: int, threads: int) -> bool:
    """Tell whether the threads should share the products of all tiles, instead of each having bands of its own.

    oneDNN divides the products of few rows among threads in bf16; in fp32 one of them computes all for 512 channels.
    """
    return number_bytes <= 2 and tiles < MIN_TILES * threads


def suits(layer: Convolution, cells: int, number_bytes: int, threads: int) -> bool:
    """Tell whether a layer is faster this way than directly on a map of so many cells. number_bytes: of one number."""
    shared = share_products(number_bytes, -(-cells // _CELLS), threads)
    plain = (layer.kernel, layer.step, layer.padding, layer.groups) == (KERNEL, 1, 1, 1)
    sides = (layer.in_channels, layer.channels)
    return (
        plain
        and min(sides) >= _MIN_CHANNELS
        and not any(side % CHANNELS_AT_ONCE for side in sides)
        and cells >= _MIN_CELLS * (1 if shared else threads)
    )


def kernel_numbers(layer: Convolution) -> int:
    """Return how many numbers a layer's transformed weight has, both ways."""
    return 2 * PRODUCTS * layer.in_channels * layer.channels


def packed_numbers(layer: Convolution) -> int:
    """Return how many numbers a layer's weight has, packed both ways for one shape of maps."""
    return 2 * layer.kernel**2 * layer.in_channels * layer.channels // layer.groups


def scratch_numbers(layer: Convolution, cells: int) -> int:
    """Return about how many numbers a thread holds beside the maps, in a convolution of a map of so many cells."""
    channels = max(layer.in_channels, layer.channels)
    tiles = min(max(MIN_TILES, -(-cells // _CELLS)), tiles_at_once(channels))
    return 2 * PRODUCTS * tiles * channels
