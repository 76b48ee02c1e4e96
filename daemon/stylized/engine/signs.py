"""Feature maps kept as bits: what the way back through the network needs of them.

A ReLU passes a gradient on where its result is above 0, a convolution's gradient with respect to its input needs only
the input's shape, and so does a pooling's beside the places of its maxima among four. So autograd's copies of maps, 32
bits a number, can be replaced by their signs, of 1 bit, and places of 64 bits by 8, without changing the gradient.
This does not hold for poolings by root mean square and for normalisations, whose slopes depend on the values
(`tiles.signs_suffice`).

What autograd keeps is replaced without its knowing. A network that keeps maps itself does so by `kept`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

import torch
from torch import Tensor

from stylized.engine.recycled import empty_maps, empty_rows

_BITS = 8


@contextmanager
def maps_as_signs() -> Iterator[None]:
    """While it is open, what autograd keeps of maps is their signs, and of maxima which of four they are."""
    signs = _Signs()
    token = _packing.set(True)
    try:
        with torch.autograd.graph.saved_tensors_hooks(signs.pack, signs.unpack):
            yield
    finally:
        _packing.reset(token)
        signs.forget()


_packing = ContextVar("_packing", default=False)


def kept(maps: Tensor) -> Callable[[], Tensor]:
    """Keep which cells of maps are above 0. Returns what gives the maps back: as they are, or 1 where they are."""
    if not _packing.get() or maps.numel() % _BITS:
        return lambda: maps
    return _Packed.of(maps).maps


class _Packed(NamedTuple):
    """bits: [numbers / 8]; the others as of the map."""

    bits: Tensor
    shape: torch.Size
    dtype: torch.dtype
    channels_last: bool

    @classmethod
    def of(cls, maps: Tensor) -> _Packed:
        channels_last = maps.dim() == 4 and maps.is_contiguous(memory_format=torch.channels_last)
        flat = (maps.permute(0, 2, 3, 1) if channels_last else maps).detach().reshape(-1)
        return cls(_bits(flat), maps.shape, maps.dtype, channels_last)

    def maps(self) -> Tensor:
        """1 where they were above 0, else 0."""
        flat = _positive(self.bits, self.dtype)
        if not self.channels_last:
            return flat.view(self.shape)
        batch, channels, height, width = self.shape
        return flat.view(batch, height, width, channels).permute(0, 3, 1, 2)


class _Places(NamedTuple):
    """Of a pooling's maxima among the four cells of each window. width: of a row of the cells."""

    quarters: Tensor
    width: int

    @classmethod
    def of(cls, indices: Tensor, width: int) -> _Places:
        """indices: int64 [1, C, H, W], of cells row by row, as torch has them."""
        quarters = torch.empty_like(indices, dtype=torch.uint8)
        for some, corners, into in _bands(indices, _corners(indices, width), quarters):
            beyond = some - corners
            below = beyond >= width
            into.copy_(beyond - width * below + 2 * below)
        return cls(quarters, width)

    def indices(self) -> Tensor:
        """As they were."""
        found = empty_maps(self.quarters.shape, torch.int64, self.quarters.device)
        for some, corners, into in _bands(self.quarters, _corners(self.quarters, self.width), found):
            into.copy_(corners + (some & 1)).add_(some >> 1, alpha=self.width)
        return found


class _Signs:
    """What is kept of one pass. A map is kept by several operations in a row: it is packed once."""

    def __init__(self) -> None:
        self._packed: tuple[Tensor, _Packed] | None = None
        self._unpacked: tuple[_Packed, Tensor] | None = None

    def forget(self) -> None:
        self._packed = None

    def pack(self, tensor: Tensor) -> Tensor | _Packed | _Places:
        if tensor.dtype is torch.int64 and tensor.dim() == 4 and self._packed is not None:
            # A pooling keeps what it read first.
            return _Places.of(tensor, self._packed[1].shape[3])
        # Of the network, only maps follow from the picture.
        if not (tensor.requires_grad and tensor.is_floating_point()) or tensor.numel() % _BITS:
            return tensor
        if self._packed is not None and _are_one(self._packed[0], tensor):
            return self._packed[1]
        packed = _Packed.of(tensor)
        self._packed = (tensor.detach(), packed)
        return packed

    def unpack(self, kept: Tensor | _Packed | _Places) -> Tensor:
        if isinstance(kept, Tensor):
            return kept
        if isinstance(kept, _Places):
            return kept.indices()
        if self._unpacked is not None and self._unpacked[0] is kept:
            return self._unpacked[1]
        self._unpacked = None
        tensor = kept.maps()
        self._unpacked = (kept, tensor)
        return tensor


def _corners(like: Tensor, width: int) -> Tensor:
    """The index of the first cell of each window of 2 x 2, int64 [H, W]."""
    rows, columns = (torch.arange(0, 2 * side, 2, device=like.device) for side in like.shape[2:])
    return width * rows[:, None] + columns


def _bands(*maps: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """The same rows of several maps, [..., H, W], some at a time: what is between lies in the processor's cache."""
    rows = max(1, _AT_ONCE * maps[0].shape[2] // maps[0].numel())
    return zip(*(some.split(rows, dim=-2) for some in maps), strict=True)


def _are_one(one: Tensor, other: Tensor) -> bool:
    return one.data_ptr() == other.data_ptr() and one.shape == other.shape and one.stride() == other.stride()


# Numbers at a time: what is between lies in the processor's cache.
_AT_ONCE = 2**18
# The product puts the lowest bits of eight bytes into the highest byte, the first byte's as its lowest bit.
_GATHER = 0x0102040810204080
_POSITIVE = torch.tensor([[float(byte >> bit & 1) for bit in range(_BITS)] for byte in range(256)])


def _bits(numbers: Tensor) -> Tensor:
    """Float [8 n] to uint8 [n]: which are above 0."""
    bits = torch.empty(len(numbers) // _BITS, dtype=torch.uint8, device=numbers.device)
    for some, into in zip(numbers.split(_AT_ONCE), bits.split(_AT_ONCE // _BITS), strict=True):
        into.copy_((some > 0).view(torch.int64).mul_(_GATHER).bitwise_right_shift_(56))
    return bits


def _positive(bits: Tensor, dtype: torch.dtype) -> Tensor:
    """uint8 [n] to [8 n]: 1 where a number was above 0, else 0."""
    table = _POSITIVE.to(bits.device, dtype)
    found = empty_rows((len(bits), _BITS), dtype, bits.device)
    for some, into in zip(bits.split(_AT_ONCE // _BITS), found.split(_AT_ONCE // _BITS), strict=True):
        torch.index_select(table, 0, some.int(), out=into)
    return found.view(-1)
