"""Pictures going out: the finished painting and preview frames."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from neuralstyle.v1 import stylize_pb2 as pb
from stylized.service.images import to_unit
from stylized.service.limits import MAX_FRAME_BYTES

_SAMPLE_TYPES = {
    pb.RESULT_FORMAT_UNSPECIFIED: pb.SAMPLE_TYPE_UINT8,
    pb.RESULT_FORMAT_PNG: pb.SAMPLE_TYPE_UINT8,
    pb.RESULT_FORMAT_RAW_UINT8: pb.SAMPLE_TYPE_UINT8,
    pb.RESULT_FORMAT_RAW_UINT16: pb.SAMPLE_TYPE_UINT16,
    pb.RESULT_FORMAT_RAW_FLOAT32: pb.SAMPLE_TYPE_FLOAT32,
}

_ICC_DATE = slice(24, 36)
"""When a profile was made, in its header (ICC.1:2022, 7.2.1): the only thing in it that depends on the day."""


def _srgb_profile() -> bytes:
    """An sRGB profile that is the same in every run of the daemon, as the same job gives the same bytes."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[_ICC_DATE] = bytes(12)
    return bytes(profile)


_SRGB_PROFILE = _srgb_profile()

JPEG_QUALITIES = (88, 70, 50)
"""Tried in turn until a frame fits a message: noise compresses badly."""


def encode_result(
    rgb: NDArray[np.float32], alpha: NDArray[np.generic] | None, result_format: pb.ResultFormat
) -> tuple[pb.ResultHeader, bytes]:
    """The painting in the form asked for.

    rgb: [H, W, 3], sRGB 0..1. alpha: the photo's own, [h, w] uint8, uint16 or float32, scaled here to the painting.
    """
    height, width = rgb.shape[:2]
    channels = [rgb]
    if alpha is not None:
        channels.append(_scale_alpha(alpha, width, height)[..., None])
    unit = np.concatenate(channels, axis=2)
    sample_type = _SAMPLE_TYPES[result_format]
    samples = _quantise(unit, sample_type)
    layout = pb.RawFormat(
        width=width,
        height=height,
        channels=samples.shape[2],
        sample_type=sample_type,
        row_stride=samples.shape[1] * samples.shape[2] * samples.itemsize,
        color_space=pb.COLOR_SPACE_SRGB,
    )
    if result_format in (pb.RESULT_FORMAT_UNSPECIFIED, pb.RESULT_FORMAT_PNG):
        result_format = pb.RESULT_FORMAT_PNG
        file = io.BytesIO()
        Image.fromarray(samples).save(file, "PNG", icc_profile=_SRGB_PROFILE)
        data = file.getvalue()
    else:
        data = samples.tobytes()
    return pb.ResultHeader(format=result_format, pixels=layout, size_bytes=len(data)), data


def shrink(rgb: NDArray[np.uint8], max_side: int) -> NDArray[np.uint8]:
    """A preview of [H, W, 3] scaled down so that its longest side is at most `max_side`; smaller ones stay."""
    height, width = rgb.shape[:2]
    scale = max_side / max(width, height)
    if scale >= 1:
        return rgb
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.LANCZOS))


def encode_frame(rgb: NDArray[np.uint8], frame_format: pb.FrameFormat) -> bytes:
    """A preview of [H, W, 3] in the form asked for, small enough for a message."""
    if frame_format == pb.FRAME_FORMAT_RAW_RGB8:
        return rgb.tobytes()
    image = Image.fromarray(rgb)
    if frame_format == pb.FRAME_FORMAT_PNG:
        file = io.BytesIO()
        image.save(file, "PNG", compress_level=1)
        if file.tell() <= MAX_FRAME_BYTES:
            return file.getvalue()
        return encode_frame(np.asarray(image.reduce(2)), frame_format)
    data = b""
    for quality in JPEG_QUALITIES:
        file = io.BytesIO()
        image.save(file, "JPEG", quality=quality)
        data = file.getvalue()
        if len(data) <= MAX_FRAME_BYTES:
            break
    return data


def _quantise(unit: NDArray[np.float32], sample_type: pb.SampleType) -> NDArray[np.generic]:
    if sample_type == pb.SAMPLE_TYPE_FLOAT32:
        return unit.astype("<f4")
    top, dtype = (65535, "<u2") if sample_type == pb.SAMPLE_TYPE_UINT16 else (255, "u1")
    return np.rint(unit * np.float32(top)).astype(dtype)


def _scale_alpha(alpha: NDArray[np.generic], width: int, height: int) -> NDArray[np.float32]:
    """Alpha of [h, w] at the painting's size, float32 0..1."""
    unit = to_unit(alpha)
    if unit.shape == (height, width):
        return unit
    scaled = Image.fromarray(unit).resize((width, height), Image.Resampling.LANCZOS)
    return np.asarray(scaled, np.float32).clip(0.0, 1.0)
