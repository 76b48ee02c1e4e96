"""A painting at the layer's scale.

Paintings are smaller than large layers; they are enlarged with GEGL's cubic kernel, as GIMP's own tools are. GEGL takes
more than a second for 24 megapixels, most of it in carrying floats about, so 8-bit paintings that grow more than
fourfold are enlarged fourfold by it and then by GDK's bilinear kernel: a fifth of the time, and within half a step of
255 in the mean of what the one step gives (the most was 5, at hard edges). Interpolation happens in sRGB values.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import gi

gi.require_version("GdkPixbuf", "2.0")
gi.require_version("Gegl", "0.4")
from gi.repository import GdkPixbuf, Gegl, GLib  # noqa: E402

from neural_style.geometry import Rect  # noqa: E402
from neural_style.samples import Pixels, SampleType  # noqa: E402

CUBIC_TIMES = 4
"""Beyond this, 8-bit pictures are enlarged in two steps."""
_BAND = 256
"""Lines that are enlarged in one go: a multiple of the height of GEGL's tiles."""

# Named as linear, so that GEGL, which computes in linear light, leaves the numbers as they are.
_PLAIN = {SampleType.UINT8: "RGB u8", SampleType.UINT16: "RGB u16", SampleType.FLOAT32: "RGB float"}

_waking = threading.Thread(target=lambda: Gegl.init(None), name="GEGL wakes")


def wake() -> None:
    """Begins to make GEGL's operations and scaled reading usable: libgimp prepares only plain reading and writing. It
    takes a tenth of a second, in a thread of its own, so that imports and questions to GIMP go on meanwhile."""
    if _waking.ident is None:
        _waking.start()


def start() -> None:
    """Waits until GEGL can be used. Before that nothing but `wake` may touch it."""
    wake()
    _waking.join()


@dataclass(frozen=True)
class Band:
    """Some lines of a picture, `top` lines below its first: RGB or RGBA samples, row by row."""

    top: int
    lines: int
    data: bytes


def enlarged(
    painting: Pixels, width: int, height: int, part: Rect, sample_type: SampleType, *, alpha: bool = False
) -> Iterator[Band]:
    """The part of the painting at width x height pixels, in bands from the top: RGB samples of this type.

    Large ones are made side by side while the earlier ones are already used.
    alpha: RGBA with a full alpha instead; of 8-bit samples only, where that costs next to nothing.
    """
    middle = Rect(0, 0, painting.width * CUBIC_TIMES, painting.height * CUBIC_TIMES)
    if sample_type is SampleType.UINT8 and width > middle.width and height > middle.height:
        data = _cubic(painting, middle.width, middle.height, middle, SampleType.UINT8)
        yield from _bilinear(Pixels(middle.width, middle.height, SampleType.UINT8, data), width, height, part, alpha)
    else:
        rgb = _near(painting, width, height, part, sample_type)
        yield Band(0, part.height, _with_full_alpha(rgb, part) if alpha else rgb)


def rehearse(painted: SampleType, sample_type: SampleType, *, alpha: bool) -> None:
    """Enlarges a few pixels, as `enlarged` will: GEGL looks for its conversions the first time, which takes a tenth of
    a second, better spent while the daemon paints."""
    few = Pixels(2, 2, painted, bytes(2 * 2 * 3 * painted.value))
    side = 2 * CUBIC_TIMES + 1
    for _band in enlarged(few, side, side, Rect(0, 0, side, side), sample_type, alpha=alpha):
        pass


def _near(painting: Pixels, width: int, height: int, part: Rect, sample_type: SampleType) -> bytes:
    if (painting.width, painting.height) == (width, height):
        rectangle = Gegl.Rectangle.new(part.x, part.y, part.width, part.height)
        return _buffer(painting).get(rectangle, 1.0, _PLAIN[sample_type], Gegl.AbyssPolicy.NONE)
    return _cubic(painting, width, height, part, sample_type)


def _cubic(painting: Pixels, width: int, height: int, part: Rect, sample_type: SampleType) -> bytes:
    start()
    graph = Gegl.Node()
    source = graph.create_child("gegl:buffer-source")
    source.set_property("buffer", _buffer(painting))
    last = graph.create_child("gegl:scale-size")
    last.set_property("x", float(width))
    last.set_property("y", float(height))
    last.set_property("sampler", Gegl.SamplerType.CUBIC)
    last.set_property("abyss-policy", Gegl.AbyssPolicy.CLAMP)
    source.connect_to("output", last, "input")
    if sample_type is SampleType.FLOAT32:  # whole numbers are clipped by their range, floats overshoot at hard edges
        clip = graph.create_child("gegl:rgb-clip")
        last.connect_to("output", clip, "input")
        last = clip
    rectangle = Gegl.Rectangle.new(part.x, part.y, part.width, part.height)
    result = Gegl.Buffer.new(_PLAIN[sample_type], part.x, part.y, part.width, part.height)
    last.blit_buffer(result, rectangle, 0, Gegl.AbyssPolicy.NONE)
    return result.get(rectangle, 1.0, _PLAIN[sample_type], Gegl.AbyssPolicy.NONE)


def _with_full_alpha(rgb: bytes, part: Rect) -> bytes:
    """By GDK, which needs a tenth of the time in which GIMP's own conversion is looked up."""
    return _pixbuf(Pixels(part.width, part.height, SampleType.UINT8, rgb)).add_alpha(False, 0, 0, 0).get_pixels()


def _bilinear(painting: Pixels, width: int, height: int, part: Rect, alpha: bool) -> Iterator[Band]:
    """GDK's own loop uses one core; Python lets go of its lock meanwhile."""
    source = _pixbuf(painting)
    across, down = width / painting.width, height / painting.height
    row = (4 if alpha else 3) * part.width

    def band(top: int) -> Band:
        lines = min(_BAND, part.height - top)
        result = GdkPixbuf.Pixbuf.new(GdkPixbuf.Colorspace.RGB, alpha, 8, part.width, lines)
        shift = -(part.y + top)
        source.scale(result, 0, 0, part.width, lines, -part.x, shift, across, down, GdkPixbuf.InterpType.BILINEAR)
        pixels, stride = result.get_pixels(), result.get_rowstride()
        if stride != row:
            pixels = b"".join(pixels[start : start + row] for start in range(0, stride * lines, stride))
        return Band(top, lines, pixels)

    with ThreadPoolExecutor() as threads:
        yield from threads.map(band, range(0, part.height, _BAND))


def _pixbuf(painting: Pixels) -> GdkPixbuf.Pixbuf:
    return GdkPixbuf.Pixbuf.new_from_bytes(
        GLib.Bytes.new(painting.data),
        GdkPixbuf.Colorspace.RGB,
        False,
        8,
        painting.width,
        painting.height,
        3 * painting.width,
    )


def _buffer(painting: Pixels) -> Gegl.Buffer:
    start()
    buffer = Gegl.Buffer.new(_PLAIN[painting.sample_type], 0, 0, painting.width, painting.height)
    whole = Gegl.Rectangle.new(0, 0, painting.width, painting.height)
    buffer.set(whole, _PLAIN[painting.sample_type], painting.data)
    return buffer
