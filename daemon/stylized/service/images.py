"""Pictures coming in: from bytes that anybody may send to sRGB samples, or a sentence that says why not.

Threat: hostile or broken files. Only the formats named below are tried, the size in the header is checked before a
pixel is decoded, cut files are refused, and one thread decodes at a time, so memory is bounded by one picture.
Accepted: a bug in a decoder of Pillow would take the front end down; running jobs would be lost, no file would be.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from neuralstyle.v1 import stylize_pb2 as pb
from neuralstyle.v1.reasons import Reason
from stylized.service.errors import ServiceError
from stylized.service.limits import Limits

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF")

# Pillow's own guard would only warn between one and two times its limit; `_check_size` refuses, for all formats alike.
Image.MAX_IMAGE_PIXELS = None

_DTYPES = {
    pb.SAMPLE_TYPE_UNSPECIFIED: np.dtype("u1"),
    pb.SAMPLE_TYPE_UINT8: np.dtype("u1"),
    pb.SAMPLE_TYPE_UINT16: np.dtype("<u2"),
    pb.SAMPLE_TYPE_FLOAT32: np.dtype("<f4"),
}

_LUMA = (0.299, 0.587, 0.114)
"""Y of YIQ, of sRGB values as they are stored."""


@dataclass(frozen=True)
class Pixels:
    """An upright picture in sRGB.

    rgb: [H, W, 3] uint8 (0..255), uint16 (0..65535) or float32 (0..1). alpha: [H, W] of the same type, straight, or
    None.
    """

    rgb: NDArray[np.generic]
    alpha: NDArray[np.generic] | None

    @property
    def width(self) -> int:
        """Pixels in a row."""
        return self.rgb.shape[1]

    @property
    def height(self) -> int:
        """Rows."""
        return self.rgb.shape[0]

    @property
    def nbytes(self) -> int:
        """Of the samples."""
        return self.rgb.nbytes + (self.alpha.nbytes if self.alpha is not None else 0)


def decode_file(data: bytes, limits: Limits) -> Pixels:
    """The picture in an encoded file, turned upright (EXIF) and converted to sRGB from its ICC profile.

    Raises ServiceError IMAGE_UNREADABLE, IMAGE_TOO_LARGE or IMAGE_TOO_SMALL.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd metadata is no reason to refuse a picture that decodes
            with Image.open(io.BytesIO(data), formats=FORMATS) as opened:
                _check_size(opened.width, opened.height, limits)
                opened.load()
                return _to_srgb(ImageOps.exif_transpose(opened))
    except ServiceError:
        raise
    except UnidentifiedImageError as error:  # its text names our buffer, which tells a user nothing
        raise ServiceError(
            Reason.IMAGE_UNREADABLE,
            f"The data is no picture that can be read: use a {', '.join(FORMATS[:-1])} or {FORMATS[-1]} file.",
        ) from error
    except Exception as error:  # decoders raise nearly anything on broken input
        raise ServiceError(
            Reason.IMAGE_UNREADABLE,
            f"The picture is damaged or cut short ({_first_line(error)}); open it in an editor and save it again.",
        ) from error


def decode_raw(layout: pb.RawFormat, data: bytes, limits: Limits) -> Pixels:
    """The picture in raw samples.

    Raises ServiceError INVALID_REQUEST, IMAGE_TOO_LARGE, IMAGE_TOO_SMALL or IMAGE_NOT_FINITE.
    """
    _check_size(layout.width, layout.height, limits)
    stride = _checked_stride(layout)
    dtype = _DTYPES[layout.sample_type]
    if len(data) != stride * layout.height:
        raise ServiceError(
            Reason.INVALID_REQUEST,
            f"Raw pixels of {layout.height} rows of {stride} bytes are {stride * layout.height} bytes, but"
            f" {len(data)} were sent.",
            field="raw.data",
        )
    rows = np.frombuffer(data, np.uint8).reshape(layout.height, stride)
    row_bytes = layout.width * layout.channels * dtype.itemsize
    samples = np.ascontiguousarray(rows[:, :row_bytes]).view(dtype).reshape(layout.height, layout.width, -1)
    if dtype.kind == "f":
        if not np.isfinite(samples).all():
            raise ServiceError(
                Reason.IMAGE_NOT_FINITE,
                "The picture contains NaN or infinite pixels; replace them by finite values.",
                field="raw.data",
            )
        samples = samples.clip(0.0, 1.0)
    alpha = np.ascontiguousarray(samples[..., -1]) if layout.channels in (2, 4) else None
    color = samples[..., : 1 if layout.channels <= 2 else 3]
    if layout.color_space == pb.COLOR_SPACE_LINEAR_SRGB:
        color = _linear_to_srgb(color)
        alpha = None if alpha is None else to_unit(alpha)
    return Pixels(np.ascontiguousarray(np.broadcast_to(color, (*color.shape[:2], 3))), alpha)


def raw_size_bytes(layout: pb.RawFormat, limits: Limits) -> int:
    """Bytes that raw pixels of this layout have. Raises ServiceError as decode_raw does, before a byte is sent."""
    _check_size(layout.width, layout.height, limits)
    return _checked_stride(layout) * layout.height


def _checked_stride(layout: pb.RawFormat) -> int:
    if not 1 <= layout.channels <= 4:
        raise ServiceError(
            Reason.INVALID_REQUEST,
            f"Raw pixels have 1 to 4 channels, not {layout.channels}.",
            field="raw.format.channels",
        )
    if layout.sample_type not in _DTYPES:
        raise ServiceError(
            Reason.INVALID_REQUEST,
            f"This daemon does not know sample type {layout.sample_type}; use uint8, uint16 or float32.",
            field="raw.format.sample_type",
        )
    if layout.color_space not in (pb.COLOR_SPACE_UNSPECIFIED, pb.COLOR_SPACE_SRGB, pb.COLOR_SPACE_LINEAR_SRGB):
        raise ServiceError(
            Reason.INVALID_REQUEST,
            f"This daemon does not know colour space {layout.color_space}; use sRGB or linear sRGB.",
            field="raw.format.color_space",
        )
    row_bytes = layout.width * layout.channels * _DTYPES[layout.sample_type].itemsize
    stride = layout.row_stride or row_bytes
    if stride < row_bytes:
        raise ServiceError(
            Reason.INVALID_REQUEST,
            f"A row of {layout.width} pixels takes {row_bytes} bytes, but row_stride is {stride}.",
            field="raw.format.row_stride",
        )
    return stride


def _check_size(width: int, height: int, limits: Limits) -> None:
    if min(width, height) < limits.min_image_side:
        raise ServiceError(
            Reason.IMAGE_TOO_SMALL,
            f"The picture is {width} x {height} pixels; each side needs at least {limits.min_image_side}.",
        )
    if max(width, height) > limits.max_image_side or width * height > limits.max_image_pixels:
        raise ServiceError(
            Reason.IMAGE_TOO_LARGE,
            f"The picture is {width} x {height} pixels; at most {limits.max_image_side} a side and"
            f" {limits.max_image_pixels // 1_000_000} megapixels are accepted. Scale it down.",
        )


def _to_srgb(image: Image.Image) -> Pixels:
    """sRGB samples of a decoded, upright Pillow image of any mode."""
    if image.mode == "P" or "transparency" in image.info:
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    alpha = None
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La"):
        if image.mode in ("RGBa", "La"):
            image = image.convert("RGBA" if image.mode == "RGBa" else "LA")
        alpha = np.asarray(image.getchannel("A")).copy()
        image = image.convert("RGB" if image.mode != "LA" else "L")
    if image.mode.startswith("I") or image.mode == "F":
        return Pixels(_deep_gray(image), None if alpha is None else alpha.astype(np.uint16) * 257)
    profile = image.info.get("icc_profile")
    if profile:
        image = _convert_profile(image, profile)
    return Pixels(np.asarray(image.convert("RGB")).copy(), alpha)


def _convert_profile(image: Image.Image, profile: bytes) -> Image.Image:
    """The image in sRGB. A profile that cannot be used is ignored, as viewers do."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image
    return converted or image


def _deep_gray(image: Image.Image) -> NDArray[np.generic]:
    """[H, W, 3] uint16 samples of a gray image of more than 8 bits; modes I and F are stretched if they exceed it."""
    samples = np.asarray(image).astype(np.float64)
    if not np.isfinite(samples).all():
        raise ServiceError(Reason.IMAGE_NOT_FINITE, "The picture contains NaN or infinite pixels; replace them.")
    if image.mode == "F":
        top = max(float(samples.max()), 1.0)
        samples = samples * (65535.0 / top)
    samples = samples.clip(0, 65535).round().astype(np.uint16)
    return np.repeat(samples[..., None], 3, axis=2)


def scaled(pixels: Pixels, width: int, height: int) -> Pixels:
    """The colours of a picture in another size, as `engine.resample` scales them: uint8, or float32 of deeper ones."""
    if (pixels.width, pixels.height) == (width, height):
        return Pixels(pixels.rgb, None)
    size = width, height
    if pixels.rgb.dtype == np.uint8:
        return Pixels(np.asarray(Image.fromarray(pixels.rgb).resize(size, Image.Resampling.BICUBIC)), None)
    channels = [Image.fromarray(to_unit(pixels.rgb[..., channel])) for channel in range(3)]
    planes = [np.asarray(channel.resize(size, Image.Resampling.BICUBIC)) for channel in channels]
    return Pixels(np.stack(planes, axis=2).clip(0.0, 1.0), None)


def brightness(pixels: Pixels) -> NDArray[np.generic]:
    """Y of a picture, [H, W] in the type of its samples (ITU-R BT.601). Alpha is ignored; grays stay as they are."""
    rgb = pixels.rgb
    luma = np.zeros(rgb.shape[:2], np.float64)
    for channel, share in enumerate(_LUMA):
        luma += share * rgb[..., channel].astype(np.float64)
    return luma.astype(rgb.dtype) if rgb.dtype.kind == "f" else luma.round().astype(rgb.dtype)


def to_unit(samples: NDArray[np.generic]) -> NDArray[np.float32]:
    """uint8, uint16 or float32 samples as float32 in 0..1."""
    top = 1.0 if samples.dtype.kind == "f" else float(np.iinfo(samples.dtype.str).max)
    return np.divide(samples, top, dtype=np.float32)


def _linear_to_srgb(samples: NDArray[np.generic]) -> NDArray[np.float32]:
    """The sRGB transfer curve, IEC 61966-2-1."""
    linear = to_unit(samples)
    curved = 1.055 * np.power(linear, 1 / 2.4, dtype=np.float32) - 0.055
    return np.where(linear <= 0.0031308, linear * np.float32(12.92), curved).astype(np.float32)


def _first_line(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return text[0] if text else type(error).__name__
