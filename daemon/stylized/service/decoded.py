"""Samples of pictures that were decoded lately, so that the next job finds them: bounded in bytes.

A photo is decoded when it is checked and painted a moment later; a style is the same in job after job. What is large is
not kept: painting it takes so long that decoding it again costs nothing in comparison.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, Protocol, TypeVar


class _Samples(Protocol):
    @property
    def nbytes(self) -> int: ...


S = TypeVar("S", bound=_Samples)

LARGEST_SHARE = 4
"""A picture with more than this part of all the room is not kept, so that one cannot drive out all others."""


class DecodedImages(Generic[S]):
    """Samples, however they are held, by image id. Those that were not asked for the longest go first."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._pixels: OrderedDict[str, S] = OrderedDict()
        self._bytes = 0

    @property
    def image_ids(self) -> tuple[str, ...]:
        """Whose samples are here."""
        return tuple(self._pixels)

    def put(self, image_id: str, pixels: S) -> None:
        """Keeps samples, unless they are large. Nobody may change them from now on."""
        self.take(image_id)
        if pixels.nbytes > self._max_bytes // LARGEST_SHARE:
            return
        self._pixels[image_id] = pixels
        self._bytes += pixels.nbytes
        while self._bytes > self._max_bytes:
            self.take(next(iter(self._pixels)))

    def get(self, image_id: str) -> S | None:
        """The samples, if they are here; they stay."""
        if image_id in self._pixels:
            self._pixels.move_to_end(image_id)
        return self._pixels.get(image_id)

    def take(self, image_id: str) -> S | None:
        """The samples, if they are here; they are not kept any longer."""
        pixels = self._pixels.pop(image_id, None)
        if pixels is not None:
            self._bytes -= pixels.nbytes
        return pixels

    def clear(self) -> None:
        """Drops all of them."""
        self._pixels.clear()
        self._bytes = 0
