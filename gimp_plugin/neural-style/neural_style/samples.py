"""Pictures as plain bytes on their way between GIMP and the daemon, and the arithmetic on them.

No numpy: GIMP's Python has none. What is done here is done with slices, which Python runs in C: 24 million pixels take
a fraction of a second.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class SampleType(enum.Enum):
    """Type of one sample. The value is its size in bytes."""

    UINT8 = 1
    UINT16 = 2
    FLOAT32 = 4


@dataclass(frozen=True)
class Pixels:
    """An RGB picture, sRGB, row by row without gaps: width x height x 3 samples."""

    width: int
    height: int
    sample_type: SampleType
    data: bytes

    def __post_init__(self) -> None:
        expected = self.width * self.height * 3 * self.sample_type.value
        if len(self.data) != expected:
            raise ValueError(f"{self.width} x {self.height} pixels are {expected} bytes, not {len(self.data)}")


def with_alpha(rgb: bytes, rgba: bytes, sample_type: SampleType) -> bytes:
    """The colours of `rgb` with the alpha of `rgba`, bit for bit; both of the same number of pixels.

    rgb: may be RGBA too, whose own alpha does not count: that is less to do.
    """
    size = sample_type.value
    if len(rgb) == len(rgba):
        painted = bytearray(rgb)
        for byte in range(3 * size, 4 * size):
            painted[byte :: 4 * size] = rgba[byte :: 4 * size]
        return bytes(painted)
    if len(rgb) // 3 != len(rgba) // 4:
        raise ValueError("the pictures differ in size")
    painted = bytearray(rgba)
    for channel in range(3):
        for byte in range(size):
            painted[channel * size + byte :: 4 * size] = rgb[channel * size + byte :: 3 * size]
    return bytes(painted)


def without_alpha(rgba: bytes) -> bytes:
    """The colours alone, of 8-bit samples."""
    rgb = bytearray(len(rgba) // 4 * 3)
    for channel in range(3):
        rgb[channel::3] = rgba[channel::4]
    return bytes(rgb)


def is_opaque(rgba: bytes, sample_type: SampleType) -> bool:
    """True if every pixel's alpha is full. Cheap: it stops at the first byte that is not."""
    size = sample_type.value
    full = {SampleType.UINT8: b"\xff", SampleType.UINT16: b"\xff\xff", SampleType.FLOAT32: b"\x00\x00\x80\x3f"}
    count = len(rgba) // (4 * size)
    return all(rgba[3 * size + byte :: 4 * size] == full[sample_type][byte : byte + 1] * count for byte in range(size))


def mean_color(premultiplied: bytes) -> tuple[float, float, float]:
    """The mean colour of what is visible. premultiplied: RGBA floats; linear or not, the mean is in the same space."""
    values = memoryview(premultiplied).cast("f")
    alpha = sum(values[3::4].tolist())
    if alpha <= 0.0:
        return (0.5, 0.5, 0.5)
    red, green, blue = (sum(values[channel::4].tolist()) / alpha for channel in range(3))
    return (red, green, blue)
