"""Promise: white is painted, black keeps the photo, gray mixes, and the painting's alpha stays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stylize.client import Client
from stylize.errors import InputUnreadable, InvalidRequest
from stylize.masking import open_mask
from stylize.pictures import open_picture
from stylize.provenance import read_provenance

from .photos import colours, encode


def mask_image(width: int = 60, height: int = 40) -> Image.Image:
    """Black, gray and white thirds."""
    samples = np.repeat(np.array([0, 128, 255], np.uint8), width // 3)
    return Image.fromarray(np.tile(samples, (height, 1)))


@pytest.mark.parametrize("top", [255, 65535])
def test_each_third_is_what_the_mask_says(top: int) -> None:
    photo = open_picture(encode(colours(), "PNG"))
    dtype = np.uint8 if top == 255 else np.uint16
    painting = np.full((40, 60, 4), top, dtype)
    painting[..., 3] = np.arange(60)
    mixed = open_mask(mask_image()).lay_over(painting, photo)
    assert isinstance(mixed, np.ndarray)
    kept = np.asarray(colours()) * (top / 255)
    assert np.array_equal(mixed[:, :20, :3], kept[:, :20])
    assert np.abs(mixed[:, 20:40, :3] - (top * 128 / 255 + kept[:, 20:40] * 127 / 255)).max() <= 1
    assert np.array_equal(mixed[:, 40:], painting[:, 40:])
    assert np.array_equal(mixed[..., 3], painting[..., 3])


def test_the_photo_is_scaled_and_turned_as_the_painting_is() -> None:
    turned = Image.Exif()
    turned[0x0112] = 6
    photo = open_picture(encode(colours(60, 40), "PNG", exif=turned))
    mask = open_mask(Image.new("L", (40, 60), 0))
    mask.check_fits(photo)
    mixed = mask.lay_over(Image.new("RGB", (20, 30), "white"), photo)
    expected = colours(60, 40).transpose(Image.Transpose.ROTATE_270).resize((20, 30), Image.Resampling.LANCZOS)
    assert np.array_equal(np.asarray(mixed), np.asarray(expected))


def test_what_is_transparent_in_a_mask_keeps_the_photo() -> None:
    image = Image.new("RGBA", (2, 1), "white")
    image.putpixel((1, 0), (255, 255, 255, 0))
    assert list(np.asarray(open_mask(image).coverage)[0]) == [255, 0]


def test_a_mask_of_another_shape_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="not the shape"):
        open_mask(mask_image(60, 60)).check_fits(open_picture(encode(colours(), "PNG")))


def test_what_is_no_picture_is_no_mask() -> None:
    with pytest.raises(InputUnreadable):
        open_mask(b"nonsense")


def test_a_saved_painting_is_masked_and_tells_by_what(client: Client, tmp_path: Path) -> None:
    (tmp_path / "mask.png").write_bytes(encode(mask_image(), "PNG"))
    mask = open_mask(tmp_path / "mask.png")
    path = client.stylize(encode(colours(), "PNG"), "woodblock").save(tmp_path / "out.png", mask=mask)
    with Image.open(path) as image:
        samples = np.asarray(image)
    assert np.array_equal(samples[:, :20], np.asarray(colours())[:, :20])
    assert np.array_equal(samples[:, 40:], 255 - np.asarray(colours())[:, 40:])
    assert read_provenance(path).mask == mask.picture.record()
