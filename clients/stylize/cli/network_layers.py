"""The layers of the daemon's networks by name, for commands that show all; a test compares with the daemon's own."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

DEFAULT_BACKBONE = "vgg19"


def _blocks(lengths: tuple[int, ...]) -> tuple[tuple[str, ...], ...]:
    return tuple(
        tuple(f"relu{block}_{position}" for position in range(1, length + 1))
        for block, length in enumerate(lengths, start=1)
    )


LAYERS: Mapping[str, tuple[tuple[str, ...], ...]] = MappingProxyType(
    {
        "vgg19": _blocks((2, 2, 4, 4, 4)),
        "vgg16": _blocks((2, 2, 3, 3, 3)),
        "caffenet": (("relu1", "relu2", "relu3", "relu4", "relu5"),),
    }
)
"""By backbone, in its blocks: each layer after its ReLU."""
