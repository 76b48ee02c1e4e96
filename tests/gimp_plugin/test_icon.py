"""Promise: the icon that GIMP shows is the one that the code draws, with a ground that shows through around it."""

from __future__ import annotations

import icon
from PIL import Image, ImageChops


def test_the_committed_icon_is_the_drawn_one() -> None:
    drawn = icon.icon()
    with Image.open(icon.FILE) as committed:
        assert committed.mode == "RGBA"
        # Pillow's releases may round the edges of a shape differently.
        difference = ImageChops.difference(committed, drawn)
        assert max(high for _low, high in difference.getextrema()) <= 8, "run `make icon`"  # type: ignore[misc]


def test_the_ground_shows_around_it() -> None:
    alpha = icon.icon().getchannel("A")
    assert [alpha.getpixel(corner) for corner in ((0, 0), (0, 63), (63, 63))] == [0, 0, 0]
    assert alpha.getpixel((30, 30)) == 255
