"""A model of the little of GdkPixbuf and GLib that the plug-in's pixels go through; GIMP itself is in `gimp_stub`."""

from __future__ import annotations

import enum
import types

import numpy as np


class Colorspace(enum.Enum):
    RGB = 0


class Pixbuf:
    """8-bit samples, [height, width, channels], without gaps between the rows."""

    def __init__(self, values: np.ndarray) -> None:
        self._values = values

    @classmethod
    def new_from_bytes(
        cls, data: bytes, space: Colorspace, alpha: bool, bits: int, width: int, height: int, stride: int
    ) -> Pixbuf:
        assert (space, alpha, bits, stride) == (Colorspace.RGB, False, 8, 3 * width)
        return cls(np.frombuffer(data, np.uint8).reshape(height, width, 3))

    def add_alpha(self, substitute: bool, _red: int, _green: int, _blue: int) -> Pixbuf:
        assert not substitute
        full = np.full((*self._values.shape[:2], 1), 255, np.uint8)
        return Pixbuf(np.concatenate([self._values, full], axis=-1))

    def get_pixels(self) -> bytes:
        return self._values.tobytes()


GdkPixbuf = types.SimpleNamespace(Colorspace=Colorspace, Pixbuf=Pixbuf)
GLib = types.SimpleNamespace(Bytes=types.SimpleNamespace(new=bytes))
