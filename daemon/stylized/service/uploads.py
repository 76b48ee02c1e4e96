"""The store of uploaded pictures: by content, checked once, bounded in bytes.

A picture is held as it came (a JPEG of 8 MB, not its 72 MB of samples) and decoded again when its job starts, so that
a full queue costs little; only of small ones the samples are kept (`decoded`). What is in the store is known to decode.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from neuralstyle.v1 import stylize_pb2 as pb
from neuralstyle.v1.reasons import Reason
from stylized.service import images
from stylized.service.decoded import DecodedImages
from stylized.service.errors import ServiceError
from stylized.service.images import Pixels
from stylized.service.limits import KIB, Limits

SMALL_BYTES = 64 * KIB
"""Hashing so much takes less time than to have a thread do it."""


@dataclass(eq=False)
class StoredImage:
    """One picture. It stays in the store while `pins` is positive."""

    image_id: str
    data: bytes
    layout: pb.RawFormat | None
    """For raw pixels; None for an encoded file."""
    width: int
    height: int
    has_alpha: bool
    last_used: float
    pins: int = field(default=0)


class ImageStore:
    """Pictures by content id. All methods run on the event loop; decoding happens in a thread of its own."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._clock = clock
        self._images: OrderedDict[str, StoredImage] = OrderedDict()
        self._bytes = 0
        self._receiving = 0
        self._decoded = DecodedImages[Pixels](limits.max_decoded_bytes)
        # One thread: one large picture is decoded at a time.
        self._decoder = ThreadPoolExecutor(1, thread_name_prefix="decode")

    @contextlib.contextmanager
    def receiving(self) -> Iterator[Callable[[int], None]]:
        """An upload in progress: its function is called with the size of each chunk, before that is kept.

        Counts what has come, not what was announced, so that an upload that stalls takes no room from others. The
        function raises ServiceError UPLOADS_FULL when all uploads in progress together hold as much as the store may.
        """
        held = 0

        def more(size: int) -> None:
            nonlocal held
            if self._receiving + size > self._limits.max_uploads_bytes:
                raise ServiceError(Reason.UPLOADS_FULL, "Too many uploads are in progress; try again in a moment.")
            held += size
            self._receiving += size

        try:
            yield more
        finally:
            self._receiving -= held

    async def put(self, data: bytes, layout: pb.RawFormat | None) -> StoredImage:
        """Stores a picture and returns it. Raises ServiceError if it cannot be decoded or there is no room."""
        if len(data) > self._limits.max_image_bytes:
            raise ServiceError(
                Reason.IMAGE_TOO_LARGE,
                f"The picture has {len(data)} bytes; at most {self._limits.max_image_bytes} are accepted.",
            )
        loop = asyncio.get_running_loop()
        if len(data) <= SMALL_BYTES:
            image_id = _content_id(data, layout)
        else:
            image_id = await loop.run_in_executor(self._decoder, _content_id, data, layout)
        known = self.find(image_id)
        if known:
            return known
        pixels = await loop.run_in_executor(self._decoder, _decode, data, layout, self._limits)
        stored = StoredImage(
            image_id,
            data,
            layout,
            pixels.width,
            pixels.height,
            pixels.alpha is not None,
            self._clock(),
        )
        self._make_room(len(data))
        self._decoded.put(image_id, pixels)
        del pixels
        # Two uploads of the same bytes may have been decoded side by side: the first one in stays.
        stored = self._images.setdefault(image_id, stored)
        if stored.data is data:
            self._bytes += len(data)
        self._touch(stored)
        return stored

    def get(self, image_id: str) -> StoredImage:
        """The picture with this id. Raises ServiceError IMAGE_NOT_FOUND."""
        stored = self.find(image_id)
        if stored is None:
            raise ServiceError(
                Reason.IMAGE_NOT_FOUND,
                f"No picture with the id {image_id[:80]!r} is stored; upload it and use the id that comes back.",
            )
        return stored

    def find(self, image_id: str) -> StoredImage | None:
        """The picture with this id, if it is stored."""
        stored = self._images.get(image_id)
        if stored is not None:
            self._touch(stored)
        return stored

    async def decode(self, stored: StoredImage, *, last: bool) -> Pixels:
        """The samples of a stored picture, which nobody may change.

        last: they are not expected to be asked for again, as those of a photo are not; those of a style are.
        """
        pixels = self._decoded.take(stored.image_id) if last else self._decoded.get(stored.image_id)
        if pixels is None:
            loop = asyncio.get_running_loop()
            pixels = await loop.run_in_executor(self._decoder, _decode, stored.data, stored.layout, self._limits)
            if not last:
                self._decoded.put(stored.image_id, pixels)
        return pixels

    async def decode_mask(self, stored: StoredImage) -> NDArray[np.generic]:
        """The brightness of a stored picture that is used as a mask, [H, W]; see `images.brightness`."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._decoder, _decode_mask, stored.data, stored.layout, self._limits)

    async def decode_scaled(self, stored: StoredImage, width: int, height: int) -> NDArray[np.generic]:
        """The colours of a stored picture in another size, [height, width, 3]; see `images.scaled`."""
        pixels = await self.decode(stored, last=True)
        loop = asyncio.get_running_loop()
        return (await loop.run_in_executor(self._decoder, images.scaled, pixels, width, height)).rgb

    def close(self) -> None:
        """Ends the decoding thread."""
        self._decoder.shutdown(wait=False, cancel_futures=True)

    def _touch(self, stored: StoredImage) -> None:
        stored.last_used = self._clock()
        self._images.move_to_end(stored.image_id)

    def _make_room(self, wanted: int) -> None:
        """Drops what is out of date, then the least recently used, until `wanted` bytes fit."""
        now = self._clock()
        for stored in list(self._images.values()):
            expired = now - stored.last_used > self._limits.image_ttl_s
            needed = self._bytes + wanted > self._limits.max_uploads_bytes
            if stored.pins == 0 and (expired or needed):
                del self._images[stored.image_id]
                self._bytes -= len(stored.data)
                self._decoded.take(stored.image_id)
        if self._bytes + wanted > self._limits.max_uploads_bytes:
            raise ServiceError(
                Reason.UPLOADS_FULL,
                "The memory for uploaded pictures is taken by pictures of waiting jobs; try again when some have"
                " finished.",
            )


def _content_id(data: bytes, layout: pb.RawFormat | None) -> str:
    digest = hashlib.sha256()
    if layout is not None:
        facts = (layout.width, layout.height, layout.channels, layout.sample_type, layout.row_stride)
        digest.update(f"raw {facts} {layout.color_space}\n".encode())
    digest.update(data)
    return f"sha256:{digest.hexdigest()}"


def _decode(data: bytes, layout: pb.RawFormat | None, limits: Limits) -> Pixels:
    if layout is None:
        return images.decode_file(data, limits)
    return images.decode_raw(layout, data, limits)


def _decode_mask(data: bytes, layout: pb.RawFormat | None, limits: Limits) -> NDArray[np.generic]:
    return images.brightness(_decode(data, layout, limits))
