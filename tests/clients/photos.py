"""Photos for tests, with what real ones carry: a wide-gamut profile, EXIF data, alpha."""

from __future__ import annotations

import io
import struct

import numpy as np
from PIL import ExifTags, Image

ADOBE_GAMMA = 2.19921875
ADOBE_TO_XYZ_D50 = np.array([[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322], [0.01947, 0.06087, 0.74457]])
"""Adobe RGB (1998), section 4.3.5.3, adapted to D50 as ICC profiles are."""
SRGB_TO_XYZ_D50 = np.array(
    [[0.4360747, 0.3850649, 0.1430804], [0.2225045, 0.7168786, 0.0606169], [0.0139322, 0.0971045, 0.7141733]]
)


def wide_gamut_profile() -> bytes:
    """An ICC profile (version 2, matrix and gamma) with the colours of Adobe RGB (1998)."""
    white = np.array([0.9642, 1.0, 0.8249])
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(ADOBE_GAMMA * 256)) + b"\0\0"
    name = b"wide gamut\0"
    tags = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", len(name)) + name + bytes(79),
        b"cprt": b"text\0\0\0\0none\0",
        b"wtpt": _xyz(white),
        b"rXYZ": _xyz(ADOBE_TO_XYZ_D50[:, 0]),
        b"gXYZ": _xyz(ADOBE_TO_XYZ_D50[:, 1]),
        b"bXYZ": _xyz(ADOBE_TO_XYZ_D50[:, 2]),
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
    }
    offset = 128 + 4 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for tag, data in tags.items():
        padded = data + bytes(-len(data) % 4)
        table += tag + struct.pack(">II", offset + len(body), len(data))
        body += padded
    size = offset + len(body)
    header = struct.pack(">I4sI4s4s4s", size, b"none", 0x02400000, b"mntr", b"RGB ", b"XYZ ")
    header += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(4 * 7) + _xyz(white)[8:]
    return header.ljust(128, b"\0") + table + body


def srgb_as_wide_gamut(samples: np.ndarray) -> np.ndarray:
    """What 8-bit sRGB samples [..., 3] are in the colours of `wide_gamut_profile`, by the textbook (float)."""
    encoded = samples / 255.0
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    wide = linear @ SRGB_TO_XYZ_D50.T @ np.linalg.inv(ADOBE_TO_XYZ_D50).T
    return 255.0 * wide.clip(0, 1) ** (1 / ADOBE_GAMMA)


def colours(width: int = 60, height: int = 40, *, alpha: bool = False) -> Image.Image:
    """A smooth picture in which no two corners look alike."""
    rows, columns = np.mgrid[0:height, 0:width]
    samples = np.stack([columns * 255 // width, rows * 255 // height, 255 - columns * 255 // width], axis=-1)
    image = Image.fromarray(samples.astype(np.uint8), "RGB")
    if alpha:
        image.putalpha(Image.fromarray((rows * 255 // height).astype(np.uint8), "L"))
    return image


def camera_exif(orientation: int = 6) -> bytes:
    """EXIF data as cameras write them: orientation, make, exposure, position and an embedded thumbnail (IFD1)."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    exif[ExifTags.Base.Make] = "Camera & Sons"
    exif[ExifTags.Base.XResolution] = 300.0
    exif[ExifTags.IFD.Exif] = {
        ExifTags.Base.ExposureTime: 0.008,
        ExifTags.Base.ExifImageWidth: 6000,
        ExifTags.Base.ExifImageHeight: 4000,
    }
    exif[ExifTags.IFD.GPSInfo] = {ExifTags.GPS.GPSLatitudeRef: "N", ExifTags.GPS.GPSLatitude: (47.0, 30.0, 0.0)}
    return _with_thumbnail(exif.tobytes())


def encode(image: Image.Image, kind: str, **options: object) -> bytes:
    """A picture file of Pillow's format `kind`."""
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def _with_thumbnail(exif: bytes) -> bytes:
    prefix, tiff = exif[:6], bytearray(exif[6:])
    order = "<" if tiff[:2] == b"II" else ">"
    (first,) = struct.unpack_from(order + "I", tiff, 4)
    (entries,) = struct.unpack_from(order + "H", tiff, first)
    next_pointer = first + 2 + 12 * entries
    thumbnail = encode(colours(16, 16), "JPEG")
    start = len(tiff)
    struct.pack_into(order + "I", tiff, next_pointer, start)
    data_at = start + 2 + 3 * 12 + 4
    tiff += struct.pack(order + "H", 3)
    tiff += struct.pack(order + "HHIHH", 0x0103, 3, 1, 6, 0)
    tiff += struct.pack(order + "HHII", 0x0201, 4, 1, data_at)
    tiff += struct.pack(order + "HHII", 0x0202, 4, 1, len(thumbnail))
    tiff += struct.pack(order + "I", 0) + thumbnail
    return prefix + bytes(tiff)


def _xyz(values: np.ndarray) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(value * 65536) for value in values))
