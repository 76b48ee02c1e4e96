"""The layers of each network by name: what a preset may tap, and how each follows from the one before.

Names follow the field: `conv4_2` is the second convolution of block 4, `relu4_2` its output after the ReLU; CaffeNet,
which has no blocks, counts `conv1` to `conv5`. Free of torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from types import MappingProxyType

from stylized.engine.choices import Backbone


@dataclass(frozen=True)
class PoolingWindow:
    """A pooling: each cell sums up `side` x `side` cells, the next one those `step` cells further on."""

    side: int
    step: int
    # Whether cells that are left over at the right and the bottom get a window, which then lies partly outside.
    covers_rest: bool

    def cells(self, side: int) -> int:
        """How many cells come of a side of so many."""
        room = side - self.side
        return (-(-room // self.step) if self.covers_rest else room // self.step) + 1


HALVING = PoolingWindow(2, 2, covers_rest=False)
"""As VGG has them: each cell lies in one window."""


@dataclass(frozen=True)
class Convolution:
    """One convolution, the ReLU after it, and what stands before it: a pooling, perhaps a normalisation."""

    conv: str
    relu: str
    in_channels: int
    channels: int
    # Picture pixels from one of its cells to the next.
    stride: int
    # Side of its square kernel, cells of its input from one of its cells to the next, and zeros around its input.
    kernel: int = 3
    step: int = 1
    padding: int = 1
    # Channels in so many groups, each of which sees only its own share of the input's.
    groups: int = 1
    pooling: PoolingWindow | None = None
    # Local response normalisation, after the pooling.
    normalized: bool = False

    @property
    def weight_shape(self) -> tuple[int, int, int, int]:
        """Of its weight: [out, in of a group, kernel, kernel]."""
        return (self.channels, self.in_channels // self.groups, self.kernel, self.kernel)

    def cells(self, side: int) -> int:
        """How many cells come of a side of so many before its pooling."""
        pooled = self.pooling.cells(side) if self.pooling else side
        return (pooled + 2 * self.padding - self.kernel) // self.step + 1


def _vgg(lengths: tuple[int, ...]) -> tuple[Convolution, ...]:
    """Blocks of 3 x 3 convolutions, each followed by a ReLU, with 2 x 2 pooling between them.

    lengths: convolutions in each block.
    """
    table = []
    in_channels = 3
    for block, (channels, length) in enumerate(zip((64, 128, 256, 512, 512), lengths, strict=True), start=1):
        for position in range(1, length + 1):
            table.append(
                Convolution(
                    conv=f"conv{block}_{position}",
                    relu=f"relu{block}_{position}",
                    in_channels=in_channels,
                    channels=channels,
                    stride=2 ** (block - 1),
                    pooling=HALVING if block > 1 and position == 1 else None,
                )
            )
            in_channels = channels
    return tuple(table)


def _caffenet() -> tuple[Convolution, ...]:
    """AlexNet's layout as Caffe's reference network has it: pooling before normalisation, and two groups.

    The overlapping poolings round up, as Caffe's do.
    """
    pooling = PoolingWindow(3, 2, covers_rest=True)
    return (
        Convolution("conv1", "relu1", 3, 96, stride=4, kernel=11, step=4, padding=0),
        Convolution(
            "conv2", "relu2", 96, 256, stride=8, kernel=5, padding=2, groups=2, pooling=pooling, normalized=True
        ),
        Convolution("conv3", "relu3", 256, 384, stride=16, pooling=pooling, normalized=True),
        Convolution("conv4", "relu4", 384, 384, stride=16, groups=2),
        Convolution("conv5", "relu5", 384, 256, stride=16, groups=2),
    )


# Simonyan and Zisserman 2015, table 1, columns E and D; bvlc_reference_caffenet's deploy.prototxt.
CONVOLUTIONS: Mapping[Backbone, tuple[Convolution, ...]] = MappingProxyType(
    {
        Backbone.VGG19: _vgg((2, 2, 4, 4, 4)),
        Backbone.VGG16: _vgg((2, 2, 3, 3, 3)),
        Backbone.CAFFENET: _caffenet(),
    }
)

_CONVOLUTION_OF = {
    backbone: {name: convolution for convolution in table for name in (convolution.conv, convolution.relu)}
    for backbone, table in CONVOLUTIONS.items()
}

_EXAMPLES = {
    Backbone.VGG19: ("relu1_1", "relu4_2", "conv5_4"),
    Backbone.VGG16: ("relu1_1", "relu4_2", "conv5_3"),
    Backbone.CAFFENET: ("relu1", "conv4", "relu5"),
}


def is_layer(name: str, backbone: Backbone) -> bool:
    """Tell whether a network has a layer of this name."""
    return name in _CONVOLUTION_OF[backbone]


def layer_examples(backbone: Backbone) -> tuple[str, ...]:
    """Return a few of a network's layer names, for a sentence that says what they look like."""
    return _EXAMPLES[backbone]


def convolution_of(name: str, backbone: Backbone) -> Convolution:
    """Return the convolution that a layer's name belongs to. KeyError for a name that is not a layer."""
    return _CONVOLUTION_OF[backbone][name]


@dataclass(frozen=True)
class ReceptiveField:
    """What the cells of a layer see of the picture: cell i of a row sees `side` pixels from `start + i * stride` on.

    The field of a cell near the edge reaches beyond the picture, where there is padding.
    """

    side: int
    stride: int
    start: int

    def span(self, cell: int) -> tuple[int, int]:
        """The first pixel that a cell sees, and the one after the last."""
        first = self.start + cell * self.stride
        return first, first + self.side


def receptive_field(name: str, backbone: Backbone) -> ReceptiveField:
    """Return what the cells of a layer see, poolings included. KeyError for a name that is not a layer."""
    last = convolution_of(name, backbone)
    side, stride, start = 1, 1, 0
    for convolution in CONVOLUTIONS[backbone]:
        if convolution.pooling:
            side += (convolution.pooling.side - 1) * stride
            stride *= convolution.pooling.step
        side += (convolution.kernel - 1) * stride
        start -= convolution.padding * stride
        stride *= convolution.step
        if convolution is last:
            break
    return ReceptiveField(side, stride, start)


def _fits(side: int, table: tuple[Convolution, ...]) -> bool:
    """Whether a picture of this side leaves every layer a cell."""
    cells = side
    for convolution in table:
        cells = convolution.cells(cells)
        if cells < 1:
            return False
    return True


# The least side of a picture in pixels.
_MIN_SIDES = {
    backbone: next(side for side in count(1) if _fits(side, table)) for backbone, table in CONVOLUTIONS.items()
}

# What no picture may be under, whatever the network.
MIN_SIDE = min(_MIN_SIDES.values())


def min_side(backbone: Backbone) -> int:
    """Return the least side of a picture in pixels, at which each layer of a network still has a cell."""
    return _MIN_SIDES[backbone]
