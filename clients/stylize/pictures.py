"""Pictures on their way to the daemon, and what the client keeps of a photo meanwhile.

Files travel as they are: the daemon turns them upright, converts them to sRGB and keeps their alpha. Pillow images and
NumPy arrays travel as raw pixels; a Pillow image is turned upright and converted to sRGB here, because raw pixels
carry neither EXIF nor a profile. What the painting gets back at the end, the embedded profile and the EXIF data, is
read when it is needed, by `Picture.traits`.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import numpy as np
from PIL import Image, ImageCms, ImageOps

from neuralstyle.v1 import stylize_pb2 as pb
from neuralstyle.v1.reasons import Reason
from stylize.errors import InputUnreadable, error_from_reason

_SAMPLE_TYPES = {
    np.dtype("<u1"): pb.SAMPLE_TYPE_UINT8,
    np.dtype("<u2"): pb.SAMPLE_TYPE_UINT16,
    np.dtype("<f4"): pb.SAMPLE_TYPE_FLOAT32,
}


@dataclass(frozen=True)
class PictureRecord:
    """A picture that went into a painting, as the painting tells of it."""

    file: str
    """Name of the file, without its folder; "" if it was none."""
    sha256: str
    """Of the file's bytes, hexadecimal; of the samples and their layout if it was no file."""


@dataclass(frozen=True)
class PhotoTraits:
    """What a painting takes over from its photo, besides the size."""

    icc_profile: bytes | None
    """The embedded profile, if it is one for RGB."""
    exif: Image.Exif = field(repr=False)


@dataclass(frozen=True)
class Picture:
    """A picture ready to be uploaded."""

    data: bytes = field(repr=False)
    """The file, or raw samples."""
    raw: pb.RawFormat | None
    """Layout of raw samples; None for a file."""
    original: Image.Image | None = field(default=None, repr=False)
    """The Pillow image that it was made from, for its traits."""
    file: str = ""
    """Name of the file that it came from, without its folder."""
    once: bool = False
    """It is a photo that one job needs, and no other: if it is small it goes along in the request of that job."""

    def goes_along(self, most_bytes: int) -> bool:
        """True if it is sent in the request. most_bytes: what the daemon accepts there."""
        return self.once and self.raw is None and len(self.data) <= most_bytes

    @functools.cached_property
    def key(self) -> str:
        """Equal keys mean equal pictures."""
        digest = hashlib.sha256(self.data)
        if self.raw is not None:
            digest.update(self.raw.SerializeToString(deterministic=True))
        return digest.hexdigest()

    def record(self) -> PictureRecord:
        """How a painting tells of it."""
        return PictureRecord(self.file, self.key)

    def traits(self) -> PhotoTraits:
        """What the painting takes over. A file that Pillow cannot read has none."""
        if self.original is not None:
            return _traits(self.original)
        if self.raw is not None:
            return PhotoTraits(None, Image.Exif())
        try:
            with headers_only(), Image.open(io.BytesIO(self.data)) as image:
                return _traits(image)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            return PhotoTraits(None, Image.Exif())


PictureSource: TypeAlias = str | Path | bytes | Image.Image | np.ndarray | Picture
"""A picture as callers have it: the path or the bytes of a file, a Pillow image, an array [H, W] or [H, W, C] of uint8
(0..255), uint16 (0..65535) or floats (0..1), sRGB, with 1 to 4 channels; or a `Picture` that was opened before."""


def upright_srgb(picture: Picture) -> Image.Image:
    """Its pixels as Pillow has them: upright, 8-bit sRGB, mode L, LA, RGB or RGBA. Raises InputUnreadable."""
    if picture.original is not None:
        return _to_srgb(ImageOps.exif_transpose(picture.original))
    if picture.raw is not None:
        return Image.fromarray(_bytes_of_samples(picture.data, picture.raw))
    try:
        with headers_only(), Image.open(io.BytesIO(picture.data)) as image:
            return _to_srgb(ImageOps.exif_transpose(image))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputUnreadable(f"{picture.file or 'The picture'} is no picture that Pillow can read.") from error


def open_picture(source: PictureSource, max_bytes: int | None = None) -> Picture:
    """The picture behind `source`. Whether a file is a picture at all is the daemon's to judge.

    max_bytes: files larger than this are refused unread.
    Raises InputUnreadable for a file that cannot be read, InvalidRequest for a file that is too large or an array that
    is no picture.
    """
    if isinstance(source, Picture):
        return source
    if isinstance(source, bytes):
        return Picture(source, None)
    if isinstance(source, Image.Image):
        return _from_pillow(source)
    if isinstance(source, np.ndarray):
        return _from_array(source)
    path = Path(source)
    return Picture(_read(path, max_bytes), None, file=path.name)


def check_readable(path: Path) -> None:
    """Raises InputUnreadable if `path` is no file that this user can read."""
    try:
        path.stat()
        if not path.is_file():
            raise InputUnreadable(f"{path} is not a file.")
        path.open("rb").close()
    except OSError as error:
        raise _unreadable(path, error) from error


def _read(path: Path, max_bytes: int | None) -> bytes:
    check_readable(path)
    try:
        if max_bytes and path.stat().st_size > max_bytes:
            raise error_from_reason(
                Reason.IMAGE_TOO_LARGE,
                f"{path} has {path.stat().st_size:,} bytes; the daemon accepts {max_bytes:,}.",
            )
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> InputUnreadable:
    return InputUnreadable(f"{path} cannot be read: {error.strerror}.")


def _from_pillow(image: Image.Image) -> Picture:
    upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith("I"):
        samples = np.clip(np.asarray(upright), 0, 65535).astype("<u2")
        return Picture(samples.tobytes(), _raw_format(samples), image)
    samples = np.asarray(_to_srgb(upright))
    return Picture(samples.tobytes(), _raw_format(samples), image)


def _to_srgb(image: Image.Image) -> Image.Image:
    """As 8-bit sRGB: mode L, LA, RGB or RGBA."""
    alpha = image.convert("RGBA").getchannel("A") if image.has_transparency_data else None
    icc_profile = image.info.get("icc_profile")
    colours = None
    if icc_profile:
        # A profile that lcms cannot use is as good as none.
        with contextlib.suppress(ImageCms.PyCMSError, OSError):
            flat = image.convert("RGB") if image.mode in ("RGBA", "P", "PA") else image
            profile = ImageCms.ImageCmsProfile(io.BytesIO(icc_profile))
            colours = ImageCms.profileToProfile(flat, profile, ImageCms.createProfile("sRGB"), outputMode="RGB")
    if colours is None:
        gray = image.mode in ("1", "L", "LA")
        colours = image.convert("L" if gray else "RGB")
    if alpha is not None:
        colours.putalpha(alpha)
    return colours


def _from_array(array: np.ndarray) -> Picture:
    channels = array.shape[2] if array.ndim == 3 else 1
    if array.ndim not in (2, 3) or not 1 <= channels <= 4:
        raise error_from_reason(
            Reason.INVALID_REQUEST,
            f"An array of shape {array.shape} is no picture: [height, width] or [height, width, 1 to 4] is expected.",
        )
    kind = {"f": np.dtype("<f4"), "u": array.dtype.newbyteorder("<")}.get(array.dtype.kind)
    if kind not in _SAMPLE_TYPES:
        raise error_from_reason(
            Reason.INVALID_REQUEST,
            f"An array of {array.dtype} is no picture: uint8, uint16 or floats from 0 to 1 are expected.",
        )
    samples = array.astype(kind)
    return Picture(samples.tobytes(), _raw_format(samples))


def _bytes_of_samples(data: bytes, raw: pb.RawFormat) -> np.ndarray:
    """Raw samples as uint8 [H, W] or [H, W, C]."""
    kind = next(dtype for dtype, sample_type in _SAMPLE_TYPES.items() if sample_type == raw.sample_type)
    samples = np.frombuffer(data, kind).reshape(raw.height, raw.width, raw.channels)
    top = 1.0 if kind.kind == "f" else float(np.iinfo(kind).max)
    scaled = np.rint(samples.astype(np.float32) * (255 / top)).clip(0, 255).astype(np.uint8)
    return scaled[..., 0] if raw.channels == 1 else scaled


def _raw_format(samples: np.ndarray) -> pb.RawFormat:
    height, width = samples.shape[:2]
    return pb.RawFormat(
        width=width,
        height=height,
        channels=samples.shape[2] if samples.ndim == 3 else 1,
        sample_type=_SAMPLE_TYPES[samples.dtype.newbyteorder("<")],
        color_space=pb.COLOR_SPACE_SRGB,
    )


def _traits(image: Image.Image) -> PhotoTraits:
    icc_profile = image.info.get("icc_profile")
    return PhotoTraits(icc_profile if icc_profile and _is_rgb(icc_profile) else None, image.getexif())


def _is_rgb(icc_profile: bytes) -> bool:
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc_profile)).profile
    except (OSError, ImageCms.PyCMSError):
        return False
    return profile.xcolor_space.strip() == "RGB"  # pyright: ignore[reportAttributeAccessIssue]


@contextlib.contextmanager
def headers_only() -> Iterator[None]:
    """For reading no more than headers: Pillow need not warn of a picture's size."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        yield
