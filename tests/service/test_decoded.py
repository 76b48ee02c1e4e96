"""Samples are kept for the next job, never more than there is room for."""

from __future__ import annotations

import numpy as np

from stylized.service.decoded import LARGEST_SHARE, DecodedImages
from stylized.service.images import Pixels

ROOM = 40


def pixels(size_bytes: int) -> Pixels:
    """Grey samples without colours, so that bytes are pixels."""
    return Pixels(np.zeros((1, size_bytes, 1), np.uint8), None)


def held(images: DecodedImages[Pixels], names: str) -> str:
    return "".join(name for name in names if images.get(name) is not None)


def test_what_was_not_asked_for_the_longest_goes_first() -> None:
    images = DecodedImages[Pixels](ROOM)
    for name in "abcd":
        images.put(name, pixels(ROOM // 4))
    assert held(images, "a") == "a"
    images.put("e", pixels(ROOM // 4))
    assert held(images, "abcde") == "acde"


def test_a_large_picture_drives_out_nothing() -> None:
    images = DecodedImages[Pixels](ROOM)
    images.put("s", pixels(1))
    images.put("large", pixels(ROOM // LARGEST_SHARE + 1))
    assert held(images, "s") == "s"
    assert images.get("large") is None


def test_alpha_counts_too() -> None:
    images = DecodedImages[Pixels](ROOM)
    half = np.zeros((1, ROOM // LARGEST_SHARE), np.uint8)
    images.put("both", Pixels(half[..., None], half))
    assert images.get("both") is None


def test_what_is_taken_makes_room() -> None:
    images = DecodedImages[Pixels](ROOM)
    for name in "abcd":
        images.put(name, pixels(ROOM // 4))
    assert images.take("b") is not None
    assert images.take("b") is None
    images.put("e", pixels(ROOM // 4))
    images.put("e", pixels(ROOM // 4))
    assert held(images, "abcde") == "acde"


def test_all_room_is_free_after_clearing() -> None:
    images = DecodedImages[Pixels](ROOM)
    for name in "abcd":
        images.put(name, pixels(ROOM // 4))
    images.clear()
    assert held(images, "abcd") == ""
    for name in "efgh":
        images.put(name, pixels(ROOM // 4))
    assert held(images, "efgh") == "efgh"
