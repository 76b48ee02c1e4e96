"""The layers of VGG19 by name: what a preset may tap.

Five blocks of 3 x 3 convolutions, each followed by a ReLU; 2 x 2 pooling between the blocks (Simonyan and Zisserman
2015, table 1, column E). Names follow the field: `conv4_2` is the second convolution of block 4, `relu4_2` its output
after the ReLU. Free of torch.
"""

from __future__ import annotations

from dataclasses import dataclass

from stylized.engine.choices import Backbone


@dataclass(frozen=True)
class Block:
    """Convolutions between two poolings: how many channels each has, and how many follow each other."""

    channels: int
    convolutions: int


@dataclass(frozen=True)
class Convolution:
    """One 3 x 3 convolution and the ReLU after it."""

    conv: str
    relu: str
    in_channels: int
    channels: int
    # Picture pixels to a side of one of its cells.
    stride: int
    # Whether a pooling stands before it.
    pooled: bool


BLOCKS = (Block(64, 2), Block(128, 2), Block(256, 4), Block(512, 4), Block(512, 4))


def _convolutions() -> tuple[Convolution, ...]:
    table = []
    in_channels = 3
    for number, block in enumerate(BLOCKS, start=1):
        for position in range(1, block.convolutions + 1):
            table.append(
                Convolution(
                    conv=f"conv{number}_{position}",
                    relu=f"relu{number}_{position}",
                    in_channels=in_channels,
                    channels=block.channels,
                    stride=2 ** (number - 1),
                    pooled=number > 1 and position == 1,
                )
            )
            in_channels = block.channels
    return tuple(table)


CONVOLUTIONS = _convolutions()

# The least side of a picture: four poolings leave one cell of block 5.
MIN_SIDE = CONVOLUTIONS[-1].stride

_CONVOLUTION_OF = {name: c for c in CONVOLUTIONS for name in (c.conv, c.relu)}


def is_layer(name: str, backbone: Backbone) -> bool:
    """Tell whether a network has a layer of this name."""
    return backbone is Backbone.VGG19 and name in _CONVOLUTION_OF


def layer_examples(backbone: Backbone) -> tuple[str, ...]:
    """Return a few of a network's layer names, for a sentence that says what they look like."""
    return ("relu1_1", "relu4_2", "conv5_4") if backbone is Backbone.VGG19 else ()


def convolution_of(name: str) -> Convolution:
    """Return the convolution that a layer's name belongs to. KeyError for a name that is not a layer."""
    return _CONVOLUTION_OF[name]
