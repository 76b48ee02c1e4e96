"""A painting as the bytes of a file: PNG, JPEG, WebP and TIFF of 8 bits a sample, PNG and TIFF of 16.

What a painting takes over from its photo is chosen by `Metadata`. The photo's EXIF data are kept except for what no
longer holds: the orientation becomes 1, since the painting is upright; the pixel sizes are the painting's; the embedded
thumbnail and the tags that describe a TIFF's layout go. A comment of the photo's own gives way to how the painting was
made. XMP and IPTC blocks are not carried, because they repeat some of that in ways that cannot be corrected safely.

A painting of 8 bits is converted to the photo's profile. One of 16 bits stays in sRGB and says so by an embedded
profile: little CMS, as Pillow binds it, has no 16-bit RGB, and a conversion by way of 8 bits would throw away what was
asked for. Pillow has no 16-bit RGB at all, so the pixels of such files are written by pypng and, uncompressed, behind a
TIFF directory of Pillow's; the metadata come from Pillow in both cases and are the same as with 8 bits.
"""

from __future__ import annotations

import enum
import io
from typing import Any, TypeAlias

import numpy as np
import png
from PIL import ExifTags, Image, ImageCms, TiffImagePlugin, TiffTags

from stylize.pictures import PhotoTraits
from stylize.provenance import Provenance

Painting: TypeAlias = Image.Image | np.ndarray
"""sRGB, upright: a Pillow image of mode RGB or RGBA, or uint16 [H, W, 3 or 4]. Alpha is straight."""

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF"}
"""Pillow's names of the formats, by suffix."""
DEEP_FORMATS = {"PNG", "TIFF"}
"""Those that hold 16 bits a sample."""
DEEP_SUFFIXES = tuple(suffix for suffix, kind in FORMATS.items() if kind in DEEP_FORMATS)
WITHOUT_ALPHA = {"JPEG"}

_OPTIONS: dict[str, dict[str, Any]] = {
    # 4:4:4, because brush strokes live in the colour channels too.
    "JPEG": {"quality": 95, "subsampling": 0},
    "WEBP": {"quality": 95, "method": 4},
    # Uncompressed: Pillow writes compressed ones through libtiff, which refuses EXIF directories.
    "TIFF": {},
    "PNG": {},
}
_JPEG_EXIF_BYTES = 65533
"""What fits a JPEG marker segment after its length."""

# Tags of a TIFF's own layout (TIFF 6.0, sections 3 to 15) and blocks that would contradict the painting; 0x0100 and
# 0x0101 are the pixel sizes, 0x8773 the profile, 0x02BC XMP, 0x83BB IPTC, 0x8649 Photoshop's resources.
_LAYOUT_TAGS = {
    *(0x00FE, 0x00FF, 0x0100, 0x0101, 0x0102, 0x0103, 0x0106, 0x0107, 0x0108, 0x0109, 0x010A, 0x0111, 0x0115, 0x0116),
    *(0x0117, 0x0118, 0x0119, 0x011C, 0x0120, 0x0121, 0x0122, 0x0123, 0x013D, 0x0140, 0x0142, 0x0143, 0x0144, 0x0145),
    *(0x014A, 0x0152, 0x0153, 0x015B, 0x0200, 0x0201, 0x0202, 0x0211, 0x0212, 0x0213, 0x0214),
    *(0x02BC, 0x83BB, 0x8649, 0x8773),
}


class Metadata(enum.Enum):
    """What a painting's file holds besides the pixels."""

    ALL = "all"
    """The photo's profile and EXIF data, and how the painting was made. Without a profile it is tagged sRGB."""
    PROFILE = "profile"
    """The photo's profile, and how the painting was made: neither camera nor place."""
    NONE = "none"
    """Nothing: sRGB pixels. Such a painting cannot be painted again from its file."""


def encode(
    painting: Painting,
    kind: str,
    traits: PhotoTraits,
    provenance: Provenance,
    metadata: Metadata = Metadata.ALL,
) -> bytes:
    """The file of Pillow's format `kind`. Raises OSError or ValueError if the format cannot hold the painting."""
    exif = _carried_exif(traits.exif, _size(painting)) if metadata is Metadata.ALL else Image.Exif()
    options = dict(_OPTIONS[kind])
    if metadata is not Metadata.NONE:
        if kind == "PNG":
            options["pnginfo"] = provenance.to_png_text()
        else:
            exif.setdefault(ExifTags.IFD.Exif, {})[ExifTags.Base.UserComment] = provenance.to_comment()
    if isinstance(painting, np.ndarray):
        if metadata is not Metadata.NONE:
            options["icc_profile"] = _srgb_profile()
        return _encode_deep(painting, kind, exif, options)
    icc_profile = None if metadata is Metadata.NONE else traits.icc_profile
    image = _to_profile(painting, icc_profile)
    if kind in WITHOUT_ALPHA and image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    if len(exif):
        options["exif"] = _fitting(exif) if kind == "JPEG" else exif.tobytes()
    if icc_profile:
        options["icc_profile"] = icc_profile
    if metadata is Metadata.NONE:
        image = image.copy()
        image.info.clear()  # Pillow would write the profile that the daemon's own file has
    return _saved(image, kind, options)


def encode_bare(samples: np.ndarray) -> bytes:
    """uint16 [H, W, 3 or 4] as a TIFF in sRGB, and nothing else."""
    return _deep_tiff(samples, Image.Exif(), _srgb_profile())


def _encode_deep(samples: np.ndarray, kind: str, exif: Image.Exif, options: dict[str, Any]) -> bytes:
    if kind == "PNG":
        if len(exif):
            options["exif"] = exif.tobytes()
        return _deep_png(samples, options)
    if kind == "TIFF":
        return _deep_tiff(samples, exif, options.get("icc_profile"))
    raise ValueError(f"{kind} holds 8 bits a sample")


def _deep_png(samples: np.ndarray, options: dict[str, Any]) -> bytes:
    """uint16 [H, W, 3 or 4] with the metadata that Pillow would write."""
    height, width, channels = samples.shape
    pixels = io.BytesIO()
    writer = png.Writer(
        *(width, height),
        greyscale=False,  # pyright: ignore[reportArgumentType]  (its default is an object that stands for "unset")
        alpha=channels == 4,
        bitdepth=16,
    )
    writer.write_packed(pixels, (row.tobytes() for row in samples.astype(">u2")))
    header, *data, end = _chunks(pixels.getvalue())
    model = _chunks(_saved(Image.new("RGB", (1, 1)), "PNG", options))
    extra = [chunk for chunk in model if chunk[0] not in (b"IHDR", b"IDAT", b"IEND")]
    stream = io.BytesIO()
    png.write_chunks(stream, [header, *extra, *data, end])
    return stream.getvalue()


def _chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    return list(png.Reader(bytes=data).chunks())


def _deep_tiff(samples: np.ndarray, exif: Image.Exif, icc_profile: bytes | None) -> bytes:
    """uint16 [H, W, 3 or 4] in one uncompressed strip (TIFF 6.0, section 6)."""
    height, width, channels = samples.shape
    data = samples.astype("<u2").tobytes()
    directory = TiffImagePlugin.ImageFileDirectory_v2(prefix=b"II")
    for tag, value in exif.items():
        directory[tag] = value  # nested directories are dicts here, as `encode` made them
    directory[TiffImagePlugin.IMAGEWIDTH] = width
    directory[TiffImagePlugin.IMAGELENGTH] = height
    directory[TiffImagePlugin.BITSPERSAMPLE] = (16,) * channels
    directory[TiffImagePlugin.COMPRESSION] = 1
    directory[TiffImagePlugin.PHOTOMETRIC_INTERPRETATION] = 2
    directory[TiffImagePlugin.SAMPLESPERPIXEL] = channels
    directory[TiffImagePlugin.ROWSPERSTRIP] = height
    directory[TiffImagePlugin.PLANAR_CONFIGURATION] = 1
    directory[TiffImagePlugin.SAMPLEFORMAT] = (1,) * channels
    if channels == 4:
        directory[TiffImagePlugin.EXTRASAMPLES] = 2  # straight alpha
    if icc_profile:
        directory[TiffImagePlugin.ICCPROFILE] = icc_profile
    directory.tagtype[TiffImagePlugin.STRIPBYTECOUNTS] = TiffTags.LONG
    directory[TiffImagePlugin.STRIPBYTECOUNTS] = len(data)
    directory[TiffImagePlugin.STRIPOFFSETS] = 0  # from the end of the directory, where Pillow corrects it to
    stream = io.BytesIO()
    stream.seek(directory.save(stream))
    stream.write(data)
    return stream.getvalue()


def _saved(image: Image.Image, kind: str, options: dict[str, Any]) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def _size(painting: Painting) -> tuple[int, int]:
    if isinstance(painting, np.ndarray):
        return painting.shape[1], painting.shape[0]
    return painting.size


def _srgb_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _to_profile(painting: Image.Image, icc_profile: bytes | None) -> Image.Image:
    """From sRGB to the photo's colours; the alpha stays."""
    if not icc_profile:
        return painting
    converted = ImageCms.profileToProfile(
        painting.convert("RGB"),
        ImageCms.createProfile("sRGB"),
        ImageCms.ImageCmsProfile(io.BytesIO(icc_profile)),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    assert converted is not None  # only None when converting in place
    if painting.mode == "RGBA":
        converted.putalpha(painting.getchannel("A"))
    return converted


def _carried_exif(photo: Image.Exif, size: tuple[int, int]) -> Image.Exif:
    carried = Image.Exif()
    for tag, value in photo.items():
        if tag in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
            carried[tag] = dict(photo.get_ifd(tag))
        elif tag not in _LAYOUT_TAGS:
            carried[tag] = value
    if not len(carried):
        return carried
    carried[ExifTags.Base.Orientation] = 1
    if ExifTags.IFD.Exif in carried:
        details = carried[ExifTags.IFD.Exif]
        details[ExifTags.Base.ExifImageWidth], details[ExifTags.Base.ExifImageHeight] = size
        # A pointer into the photo's file; what it points to (the name of an interoperability rule) is of no use here.
        details.pop(ExifTags.IFD.Interop, None)
    return carried


def _fitting(exif: Image.Exif) -> bytes:
    """As much of the EXIF data as a JPEG holds: without the maker's notes, else only how the painting was made."""
    data = exif.tobytes()
    details = exif.get(ExifTags.IFD.Exif, {})
    if len(data) > _JPEG_EXIF_BYTES and details.pop(ExifTags.Base.MakerNote, None):
        data = exif.tobytes()
    if len(data) > _JPEG_EXIF_BYTES:
        alone = Image.Exif()
        alone[ExifTags.IFD.Exif] = {ExifTags.Base.UserComment: details[ExifTags.Base.UserComment]}
        data = alone.tobytes()
    return data
