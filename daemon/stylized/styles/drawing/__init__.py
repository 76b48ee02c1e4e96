"""The built-in style pictures that are our own, drawn from nothing but NumPy and Pillow.

A style transfer takes its strokes, its texture and its colours from the style picture; these three were composed to
have all of them in plenty, each in a technique that photographs never show: laid stones, pen strokes, printed blocks.

    canvas       the common size, noise, shapes, and the JPEG in which a picture is kept
    mosaic       a fish under a setting sun, in tesserae
    ink          hills, a village and a tree, in pen and sepia ink; `ink_scene` says what stands where
    woodblock    a mountain over a rough sea, as a colour print

The seeds are fixed: with one version of the two libraries every run gives the same pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from PIL import Image

from stylized.styles.drawing.ink import draw_ink
from stylized.styles.drawing.mosaic import draw_mosaic
from stylized.styles.drawing.woodblock import draw_woodblock

# By the name of the built-in style.
DRAWINGS: Mapping[str, Callable[[], Image.Image]] = MappingProxyType(
    {"woodblock": draw_woodblock, "mosaic": draw_mosaic, "ink": draw_ink}
)
