"""Pictures of every kind become upright sRGB samples."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image, ImageCms

from neuralstyle.v1 import stylize_pb2 as pb
from stylized.engine.resample import resample
from stylized.service.errors import ServiceError
from stylized.service.images import Pixels, brightness, decode_file, decode_raw, scaled, to_unit
from stylized.service.limits import Limits

LIMITS = Limits()


def gradient(width: int = 40, height: int = 30) -> Image.Image:
    rows, columns = np.mgrid[0:height, 0:width]
    red, green = columns * 255 // (width - 1), rows * 255 // (height - 1)
    return Image.fromarray(np.stack([red, green, 255 - red], axis=2).astype(np.uint8))


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def decoded(data: bytes) -> Pixels:
    return decode_file(data, LIMITS)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "BMP"])
def test_lossless_files_come_through_exactly(kind: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    pixels = decoded(encoded(gradient(), kind, **options))
    assert (pixels.rgb == np.asarray(gradient())).all()
    assert pixels.rgb.dtype == np.uint8
    assert pixels.alpha is None


@pytest.mark.parametrize("orientation", range(1, 9))
def test_photos_are_turned_upright_as_their_exif_says(orientation: int) -> None:
    # Written out from the EXIF standard: where row 0 and column 0 of the stored picture lie in the upright one.
    stored = np.asarray(gradient())
    upright: dict[int, NDArray[np.uint8]] = {
        1: stored,
        2: stored[:, ::-1],
        3: stored[::-1, ::-1],
        4: stored[::-1],
        5: stored.transpose(1, 0, 2),
        6: stored.transpose(1, 0, 2)[:, ::-1],
        7: stored.transpose(1, 0, 2)[::-1, ::-1],
        8: stored.transpose(1, 0, 2)[::-1],
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert (decoded(encoded(gradient(), exif=exif)).rgb == upright[orientation]).all()


def swapped_profile() -> bytes:
    """sRGB with its red and green primaries exchanged: the tags rXYZ and gXYZ change names (ICC.1:2010, 7.3)."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = int.from_bytes(profile[128:132], "big")
    for tag in range(count):
        at = 132 + 12 * tag
        name = bytes(profile[at : at + 4])
        profile[at : at + 4] = {b"rXYZ": b"gXYZ", b"gXYZ": b"rXYZ"}.get(name, name)
    return bytes(profile)


def test_an_embedded_profile_is_converted_to_srgb() -> None:
    swapped = decoded(encoded(gradient(), icc_profile=swapped_profile())).rgb
    expected = np.asarray(gradient())[..., [1, 0, 2]]
    assert np.abs(swapped.astype(int) - expected).max() <= 2


def test_a_broken_profile_is_ignored() -> None:
    pixels = decoded(encoded(gradient(), icc_profile=b"nonsense"))
    assert (pixels.rgb == np.asarray(gradient())).all()


def test_alpha_is_kept_apart_and_hidden_colours_stay() -> None:
    image = gradient()
    mask = Image.linear_gradient("L").resize(image.size)
    image.putalpha(mask)
    pixels = decoded(encoded(image))
    assert pixels.alpha is not None
    assert (pixels.alpha == np.asarray(mask)).all()
    assert (pixels.rgb == np.asarray(gradient())).all()


def test_palette_gray_cmyk_one_bit_and_sixteen_bit_pictures_are_read() -> None:
    palette = gradient().quantize(64)
    assert np.abs(decoded(encoded(palette)).rgb.astype(int) - np.asarray(palette.convert("RGB"))).max() == 0
    gray = gradient().convert("L")
    assert (decoded(encoded(gray)).rgb == np.asarray(gray)[..., None]).all()
    cmyk = decoded(encoded(gradient().convert("CMYK"), "TIFF")).rgb
    assert np.abs(cmyk.astype(int) - np.asarray(gradient())).max() <= 1
    assert set(np.unique(decoded(encoded(gradient().convert("1"))).rgb)) == {0, 255}
    deep = np.linspace(0, 65535, 400).reshape(20, 20).astype(np.uint16)
    pixels = decoded(encoded(Image.fromarray(deep)))
    assert pixels.rgb.dtype == np.uint16
    assert (pixels.rgb == deep[..., None]).all()


def test_a_palette_with_a_transparent_colour_has_alpha() -> None:
    palette = gradient().quantize(8)
    pixels = decoded(encoded(palette, transparency=0))
    assert pixels.alpha is not None
    assert ((pixels.alpha == 0) == (np.asarray(palette) == 0)).all()


def test_of_an_animation_the_first_frame_is_taken() -> None:
    data = encoded(Image.new("RGB", (20, 20), "red"), "GIF", save_all=True, append_images=[Image.new("RGB", (20, 20))])
    assert (decoded(data).rgb[0, 0] == (255, 0, 0)).all()


def raw(samples: NDArray[np.generic], kind: pb.SampleType, color_space: pb.ColorSpace = pb.COLOR_SPACE_SRGB) -> Pixels:
    height, width, channels = samples.shape
    layout = pb.RawFormat(width=width, height=height, channels=channels, sample_type=kind, color_space=color_space)
    return decode_raw(layout, samples.tobytes(), LIMITS)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize(
    ("kind", "dtype"),
    [(pb.SAMPLE_TYPE_UINT8, "u1"), (pb.SAMPLE_TYPE_UINT16, "<u2"), (pb.SAMPLE_TYPE_FLOAT32, "<f4")],
)
def test_raw_samples_keep_their_type_and_values(channels: int, kind: pb.SampleType, dtype: str) -> None:
    generator = np.random.default_rng(channels)
    top = 1 if dtype == "<f4" else np.iinfo(dtype).max
    samples = (generator.random((17, 19, channels)) * top).astype(dtype)
    pixels = raw(samples, kind)
    color = samples[..., :3] if channels >= 3 else np.repeat(samples[..., :1], 3, axis=2)
    assert pixels.rgb.dtype == np.dtype(dtype)
    assert (pixels.rgb == color).all()
    assert (pixels.alpha is None) == (channels in (1, 3))
    if pixels.alpha is not None:
        assert (pixels.alpha == samples[..., -1]).all()


def test_raw_rows_may_be_padded() -> None:
    samples = np.arange(20 * 16 * 3, dtype=np.uint8).reshape(20, 16, 3)
    padded = np.pad(samples.reshape(20, 48), ((0, 0), (0, 16)), constant_values=9)
    layout = pb.RawFormat(width=16, height=20, channels=3, row_stride=64)
    assert (decode_raw(layout, padded.tobytes(), LIMITS).rgb == samples).all()


def test_linear_light_gets_the_srgb_curve() -> None:
    linear = np.linspace(0, 1, 256, dtype=np.float32).reshape(16, 16, 1)
    srgb = raw(linear, pb.SAMPLE_TYPE_FLOAT32, color_space=pb.COLOR_SPACE_LINEAR_SRGB).rgb[..., 0]
    # IEC 61966-2-1 the other way round, in float64.
    curved = srgb.astype(np.float64)
    back = np.where(curved <= 0.04045, curved / 12.92, ((curved + 0.055) / 1.055) ** 2.4)
    assert np.abs(back - linear[..., 0]).max() < 1e-6


def test_a_picture_just_within_the_limits_passes_and_one_beyond_does_not() -> None:
    limits = Limits(max_image_side=50, max_image_pixels=1500)
    assert decode_file(encoded(gradient(50, 30)), limits).width == 50
    for size in ((51, 20), (40, 38)):
        with pytest.raises(ServiceError, match="Scale it down"):
            decode_file(encoded(gradient(*size)), limits)


@pytest.mark.parametrize(("dtype", "most"), [("u1", 1.01 / 255), ("<u2", 2e-5), ("<f4", 1e-5)])
def test_scaled_colours_are_those_that_the_engine_would_scale(dtype: str, most: float) -> None:
    generator = np.random.default_rng(2)
    unit = generator.random((40, 60, 3))
    samples = unit.astype(dtype) if dtype == "<f4" else (unit * np.iinfo(dtype).max).round().astype(dtype)
    small = scaled(Pixels(samples, samples[..., 0]), 25, 17)
    assert (small.width, small.height, small.alpha) == (25, 17, None)
    picture = torch.from_numpy(to_unit(samples).copy()).permute(2, 0, 1)[None]
    expected = resample(picture, 25, 17)[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(to_unit(small.rgb), expected, atol=most)
    assert scaled(Pixels(samples, None), 60, 40).rgb is samples


@pytest.mark.parametrize("dtype", ["u1", "<u2", "<f4"])
def test_the_brightness_of_grays_is_what_they_are(dtype: str) -> None:
    top = 1.0 if dtype == "<f4" else float(np.iinfo(dtype).max)
    gray = (np.linspace(0, 1, 256 * 16) * top).astype(dtype).reshape(16, 256)
    found = brightness(Pixels(np.repeat(gray[..., None], 3, axis=2), None))
    assert found.dtype == gray.dtype
    assert np.array_equal(found, gray)


def test_the_brightness_of_colours_is_y_and_alpha_does_not_count() -> None:
    colours = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]], np.uint8)
    for alpha in (None, np.zeros((1, 4), np.uint8)):
        assert brightness(Pixels(colours, alpha)).tolist() == [[76, 150, 29, 255]]  # 0.299, 0.587, 0.114 of 255
