"""A painting at the layer's scale.

Paintings are smaller than large layers; they are enlarged with a cubic kernel (Catmull-Rom, GEGL's). GEGL takes more
than a second for 24 megapixels, most of it in carrying floats about, so 8-bit paintings that grow more than fourfold
are enlarged fourfold by it and then by GDK's bilinear kernel, which has nothing to smooth any more: a tenth of the
time, and at most one step of 255 off. Interpolation happens in sRGB values.
"""

from __future__ import annotations

import gi

gi.require_version("Gegl", "0.4")
from gi.repository import Gegl  # noqa: E402

from neural_style.geometry import Rect  # noqa: E402
from neural_style.samples import Pixels, SampleType  # noqa: E402

CUBIC_TIMES = 4
"""Beyond this, 8-bit pictures are enlarged in two steps."""

# Named as linear, so that GEGL, which computes in linear light, leaves the numbers as they are.
_PLAIN = {SampleType.UINT8: "RGB u8", SampleType.UINT16: "RGB u16", SampleType.FLOAT32: "RGB float"}


def enlarged(painting: Pixels, width: int, height: int, part: Rect, sample_type: SampleType) -> bytes:
    """The part of the painting at width x height pixels: RGB samples of this type, row by row."""
    if (painting.width, painting.height) == (width, height):
        rectangle = Gegl.Rectangle.new(part.x, part.y, part.width, part.height)
        return _buffer(painting).get(rectangle, 1.0, _PLAIN[sample_type], Gegl.AbyssPolicy.NONE)
    middle = Rect(0, 0, painting.width * CUBIC_TIMES, painting.height * CUBIC_TIMES)
    if sample_type is SampleType.UINT8 and width > middle.width and height > middle.height:
        data = _cubic(painting, middle.width, middle.height, middle, SampleType.UINT8)
        return _bilinear(Pixels(middle.width, middle.height, SampleType.UINT8, data), width, height, part)
    return _cubic(painting, width, height, part, sample_type)


def _cubic(painting: Pixels, width: int, height: int, part: Rect, sample_type: SampleType) -> bytes:
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


def _bilinear(painting: Pixels, width: int, height: int, part: Rect) -> bytes:
    gi.require_version("GdkPixbuf", "2.0")
    from gi.repository import GdkPixbuf, GLib

    source = GdkPixbuf.Pixbuf.new_from_bytes(
        GLib.Bytes.new(painting.data),
        GdkPixbuf.Colorspace.RGB,
        False,
        8,
        painting.width,
        painting.height,
        3 * painting.width,
    )
    result = GdkPixbuf.Pixbuf.new(GdkPixbuf.Colorspace.RGB, False, 8, part.width, part.height)
    across, down = width / painting.width, height / painting.height
    interpolation = GdkPixbuf.InterpType.BILINEAR
    source.scale(result, 0, 0, part.width, part.height, -part.x, -part.y, across, down, interpolation)
    pixels, stride, row = result.get_pixels(), result.get_rowstride(), 3 * part.width
    if stride == row:
        return pixels
    return b"".join(pixels[start : start + row] for start in range(0, stride * part.height, stride))


def _buffer(painting: Pixels) -> Gegl.Buffer:
    buffer = Gegl.Buffer.new(_PLAIN[painting.sample_type], 0, 0, painting.width, painting.height)
    whole = Gegl.Rectangle.new(0, 0, painting.width, painting.height)
    buffer.set(whole, _PLAIN[painting.sample_type], painting.data)
    return buffer
