"""Pixels between GIMP's layers and plain bytes, through GEGL.

Precision. GIMP converts between a layer's own format and the one that is asked for; asking for a *named* one means
sRGB, so an image with another profile is converted by GIMP itself. What is written is asked for in at least the
layer's own precision (`carrier`): 8 bits for 8-bit images with the usual curve, 16 for 16-bit ones, floats for the
rest; linear 8- and 16-bit images take the next finer one, since equal steps in one curve are not equal in the
other; so do 8-bit gray ones, whose gray is made of three colours. So the only rounding is the layer's own: at most
half a step of it, plus half a step of 1/65535 where 16 bits carry what is finer. A misspelt format kills the process,
which is why they stand here as constants.

A painting that is smaller than its region is enlarged: see `enlargement`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import gi

gi.require_version("Gegl", "0.4")
gi.require_version("Gimp", "3.0")
from gi.repository import Gegl, Gimp  # noqa: E402

from neural_style import enlargement  # noqa: E402
from neural_style.enlargement import Band, enlarged, start  # noqa: E402
from neural_style.failures import Failure  # noqa: E402
from neural_style.geometry import Framing, Rect  # noqa: E402
from neural_style.samples import Pixels, SampleType, is_opaque, mean_color, with_alpha, without_alpha  # noqa: E402
from neural_style.words import _  # noqa: E402

_RGB = {SampleType.UINT8: "R'G'B' u8", SampleType.UINT16: "R'G'B' u16", SampleType.FLOAT32: "R'G'B' float"}
_RGBA = {SampleType.UINT8: "R'G'B'A u8", SampleType.UINT16: "R'G'B'A u16", SampleType.FLOAT32: "R'G'B'A float"}
_PREMULTIPLIED = {
    SampleType.UINT8: "R'aG'aB'aA u8",
    SampleType.UINT16: "R'aG'aB'aA u16",
    SampleType.FLOAT32: "R'aG'aB'aA float",
}
_ALPHA_BAND = 64
"""Lines that are looked through for transparency in one go."""
_MEAN_SIDE = 64
"""Longest side of the copy of which the mean colour is taken."""

_CARRIERS = {
    Gimp.Precision.U8_NON_LINEAR: SampleType.UINT8,
    Gimp.Precision.U8_PERCEPTUAL: SampleType.UINT8,
    Gimp.Precision.U8_LINEAR: SampleType.UINT16,
    Gimp.Precision.U16_NON_LINEAR: SampleType.UINT16,
    Gimp.Precision.U16_PERCEPTUAL: SampleType.UINT16,
}


def carrier(image: Gimp.Image) -> SampleType:
    """The sample type in which this image's pixels are read and written."""
    own = _CARRIERS.get(image.get_precision(), SampleType.FLOAT32)
    if own is SampleType.UINT8 and image.get_base_type() == Gimp.ImageBaseType.GRAY:
        return SampleType.UINT16
    return own


def check_layer(drawable: Gimp.Drawable) -> None:
    """Raises Failure if this is nothing that can be painted."""
    if not isinstance(drawable, Gimp.Layer):
        raise Failure(_("Neural Style paints layers. Choose a layer instead of a mask or channel."))
    if drawable.is_indexed():
        raise Failure(_("Neural Style needs true colours. Convert the image first: Image > Mode > RGB."))


def check_writable(layer: Gimp.Layer) -> None:
    """Raises Failure if the layer's own pixels cannot be replaced."""
    if layer.is_group():
        raise Failure(_("A layer group has no pixels of its own. Choose one of its layers, or a new layer as output."))
    item: Gimp.Item | None = layer
    while item is not None:
        if item.get_lock_content():
            raise Failure(
                _(
                    "The pixels of “{name}” are locked. Unlock them in the Layers dialog, or choose a new layer as"
                    " output."
                ).format(name=item.get_name())
            )
        item = item.get_parent()


def layer_rect(layer: Gimp.Drawable) -> Rect:
    """The layer in its own coordinates."""
    return Rect(0, 0, layer.get_width(), layer.get_height())


def selected_rect(layer: Gimp.Drawable) -> Rect:
    """What of the layer is selected: all of it if nothing is. Raises Failure if the selection lies beside it."""
    meets, x, y, width, height = layer.mask_intersect()
    if not meets or width <= 0 or height <= 0:
        raise Failure(_("The selection lies outside of the layer. Select a part of the layer, or nothing at all."))
    return Rect(x, y, width, height)


def has_selection(image: Gimp.Image) -> bool:
    """True if something is selected."""
    return not Gimp.Selection.is_empty(image)


def read(layer: Gimp.Drawable, framing: Framing, sample_type: SampleType, buffer: Gegl.Buffer | None = None) -> Pixels:
    """The region's colours, halved as often as `framing` says. buffer: from `warmed`, if there was time for that.

    What is transparent takes the mean colour of what is visible, so that neither black nor the colours of erased
    pixels bleed into the painting at the edge of a cut-out.
    """
    start()  # its tables for halving are empty before: everything would be black
    buffer = buffer or layer.get_buffer()
    sent, scale = framing.sent, 0.5**framing.halvings
    rgba = _get(buffer, sent, scale, _RGBA[SampleType.UINT8], Gegl.AbyssPolicy.CLAMP) if layer.has_alpha() else b""
    # A halving averages: what is transparent enough to be seen shows in the halved copy.
    if is_opaque(rgba, SampleType.UINT8):
        if rgba and sample_type is SampleType.UINT8:  # GEGL would take longer for looking up another form
            data = without_alpha(rgba)
        else:
            data = _get(buffer, sent, scale, _RGB[sample_type], Gegl.AbyssPolicy.CLAMP)
        return Pixels(sent.width, sent.height, sample_type, data)
    if framing.halvings:
        buffer = _halved(buffer, framing, sample_type)
        data = _get(_on_mean_color(buffer, sent), sent, 1.0, _RGB[sample_type], Gegl.AbyssPolicy.CLAMP)
    else:
        data = _get(_on_mean_color(buffer, framing.region), sent, 1.0, _RGB[sample_type], Gegl.AbyssPolicy.CLAMP)
    return Pixels(sent.width, sent.height, sample_type, data)


def warmed(layer: Gimp.Drawable, framing: Framing) -> Gegl.Buffer:
    """The layer's pixels, fetched from GIMP and halved as `read` will need them, while there is nothing else to do.
    GEGL keeps the halved copies with this buffer, not with the layer."""
    start()
    buffer = layer.get_buffer()
    if framing.halvings:
        _get(buffer, framing.sent, 0.5**framing.halvings, _RGBA[SampleType.UINT8], Gegl.AbyssPolicy.CLAMP)
    return buffer


def thumbnail(layer: Gimp.Drawable, rect: Rect, side: int) -> Pixels:
    """A part of the layer as it looks, on the mean colour, with a long side of at most `side` pixels."""
    start()
    scale = min(1.0, side / rect.long_side)
    buffer = layer.get_buffer()
    if layer.has_alpha():
        buffer = _on_mean_color(buffer, rect)
    small = Rect(
        round(rect.x * scale), round(rect.y * scale), max(1, int(rect.width * scale)), max(1, int(rect.height * scale))
    )
    data = _get(buffer, small, scale, _RGB[SampleType.UINT8], Gegl.AbyssPolicy.CLAMP)
    return Pixels(small.width, small.height, SampleType.UINT8, data)


@dataclass(frozen=True)
class OwnAlpha:
    """How transparent a layer is over a rectangle. rgba: its samples; None if all of it is opaque."""

    rgba: bytes | None


def own_alpha(
    layer: Gimp.Drawable, target: Rect, sample_type: SampleType, buffer: Gegl.Buffer | None = None
) -> OwnAlpha:
    """Reads it, exactly. buffer: from `warmed`."""
    if not layer.has_alpha():
        return OwnAlpha(None)
    buffer = buffer or layer.get_buffer()

    def samples(rect: Rect) -> bytes:
        return _get(buffer, rect, 1.0, _RGBA[sample_type], Gegl.AbyssPolicy.NONE)

    # Most are opaque. In bands that is seen in an eighth of the time: fresh memory for all of it is what takes long.
    if all(is_opaque(samples(band), sample_type) for band in target.bands(_ALPHA_BAND)):
        return OwnAlpha(None)
    return OwnAlpha(samples(target))


@dataclass(frozen=True)
class Fitted:
    """A painting at the layer's scale, ready to be written once: bands, and the name of their format."""

    bands: Iterator[Band]
    form: str


def fitted(painting: Pixels, framing: Framing, sample_type: SampleType, alpha: OwnAlpha, *, rgba: bool) -> Fitted:
    """The painting of the region, at the layer's scale, cut to the target.

    alpha: the layer's own, which it gets. rgba: whether it will be written to something with an alpha channel.
    """
    target, region = framing.target, framing.region
    inside = Rect(target.x - region.x, target.y - region.y, target.width, target.height)
    full = _full_alpha(sample_type, rgba=rgba)
    bands = enlarged(painting, region.width, region.height, inside, sample_type, alpha=full)
    own = alpha.rgba
    if own is None:
        return Fitted(bands, (_RGBA if full else _RGB)[sample_type])
    row = 4 * sample_type.value * target.width
    transparent = (
        Band(
            band.top,
            band.lines,
            with_alpha(band.data, own[row * band.top : row * (band.top + band.lines)], sample_type),
        )
        for band in bands
    )
    return Fitted(transparent, _RGBA[sample_type])


def rehearse(painted: SampleType, sample_type: SampleType, *, rgba: bool) -> None:
    """Makes ready for `fitted`, while there is time. painted: the samples of the painting that will come."""
    enlargement.rehearse(painted, sample_type, alpha=_full_alpha(sample_type, rgba=rgba))


def _full_alpha(sample_type: SampleType, *, rgba: bool) -> bool:
    """GIMP fills in a full alpha by itself, but takes half a second for looking up how, the first time."""
    return rgba and sample_type is SampleType.UINT8


def replace(layer: Gimp.Layer, target: Rect, painted: Fitted) -> None:
    """Puts colours in the place of the layer's own, within the selection; alpha stays. One step of undo.

    Raises Failure if GIMP refuses; the layer is then untouched.
    """
    _write(layer.get_shadow_buffer(), target, painted)
    if not layer.merge_shadow(True):
        raise Failure(_("GIMP does not let the layer be changed. Is it locked?"))


def refresh(layer: Gimp.Layer, target: Rect) -> None:
    """Shows this part of the layer as it is now."""
    layer.update(target.x, target.y, target.width, target.height)


@dataclass(frozen=True)
class Finished:
    """A layer that is complete, but in no image yet, and where it belongs, in the image's coordinates."""

    layer: Gimp.Layer
    x: int
    y: int


def new_layer(image: Gimp.Image, source: Gimp.Layer, target: Rect, painted: Fitted, name: str) -> Finished:
    """A layer of this painting, masked by the selection and by the source's mask.

    It is complete before it enters the image: whatever happens, no half of it is ever seen.
    """
    transparent = source.has_alpha()
    gray = image.get_base_type() == Gimp.ImageBaseType.GRAY
    if gray:
        kind = Gimp.ImageType.GRAYA_IMAGE if transparent else Gimp.ImageType.GRAY_IMAGE
    else:
        kind = Gimp.ImageType.RGBA_IMAGE if transparent else Gimp.ImageType.RGB_IMAGE
    layer = Gimp.Layer.new(image, name, target.width, target.height, kind, 100.0, Gimp.LayerMode.NORMAL)
    _write(layer.get_buffer(), Rect(0, 0, target.width, target.height), painted)
    offset = source.get_offsets()
    x, y = offset.offset_x + target.x, offset.offset_y + target.y
    mask = _mask(image, source, target, x, y)
    if mask is not None:
        layer_mask = layer.create_mask(Gimp.AddMaskType.WHITE)
        if not layer.add_mask(layer_mask):
            raise Failure(_("GIMP does not let the layer be changed. Is it locked?"))
        mask_buffer = layer_mask.get_buffer()
        _set(mask_buffer, Gegl.Rectangle.new(0, 0, target.width, target.height), "Y float", mask)
        mask_buffer.flush()
    return Finished(layer, x, y)


def new_image(image: Gimp.Image, source: Gimp.Layer, finished: Finished) -> Gimp.Image:
    """An image of the same kind, precision and profile that holds a copy of this layer and nothing else."""
    layer = finished.layer
    made = Gimp.Image.new_with_precision(
        layer.get_width(), layer.get_height(), image.get_base_type(), image.get_precision()
    )
    made.undo_disable()
    profile = image.get_color_profile()
    if profile is not None:
        made.set_color_profile(profile)
    met, horizontal, vertical = image.get_resolution()
    if met:
        made.set_resolution(horizontal, vertical)
    copy = Gimp.Layer.new_from_drawable(layer, made)
    made.insert_layer(copy, None, 0)
    copy.set_offsets(0, 0)
    made.undo_enable()
    return made


def _write(buffer: Gegl.Buffer, place: Rect, painted: Fitted) -> None:
    """Band by band, each sent on to GIMP while the next are made."""
    for band in painted.bands:
        rectangle = Gegl.Rectangle.new(place.x, place.y + band.top, place.width, band.lines)
        _set(buffer, rectangle, painted.form, band.data)
        buffer.flush()


def _mask(image: Gimp.Image, source: Gimp.Layer, target: Rect, x: int, y: int) -> bytes | None:
    """Selection times the source's mask over the target, "Y float"; None if everything shows."""
    own_mask = source.get_mask() if source.get_apply_mask() else None
    own = None
    if own_mask is not None:
        own = _get(own_mask.get_buffer(), target, 1.0, "Y float", Gegl.AbyssPolicy.NONE)
    if not has_selection(image):
        return own
    there = Rect(x, y, target.width, target.height)
    if own is None:
        return _get(image.get_selection().get_buffer(), there, 1.0, "Y float", Gegl.AbyssPolicy.NONE)
    graph = Gegl.Node()
    selection = graph.create_child("gegl:buffer-source")
    selection.set_property("buffer", image.get_selection().get_buffer())
    moved = graph.create_child("gegl:translate")
    moved.set_property("x", float(target.x - x))
    moved.set_property("y", float(target.y - y))
    mask = graph.create_child("gegl:buffer-source")
    mask.set_property("buffer", own_mask.get_buffer())
    product = graph.create_child("gegl:multiply")
    selection.connect_to("output", moved, "input")
    moved.connect_to("output", product, "input")
    mask.connect_to("output", product, "aux")
    result = Gegl.Buffer.new("Y float", target.x, target.y, target.width, target.height)
    product.blit_buffer(result, _rectangle(target), 0, Gegl.AbyssPolicy.NONE)
    return _get(result, target, 1.0, "Y float", Gegl.AbyssPolicy.NONE)


def _halved(buffer: Gegl.Buffer, framing: Framing, sample_type: SampleType) -> Gegl.Buffer:
    """The region in halved coordinates, of a transparent buffer.

    GEGL halves a buffer's own numbers; they are premultiplied by alpha first, or the colours of erased pixels would be
    mixed into those beside them.
    """
    visible = framing.region.clipped(_extent(buffer))
    form = _PREMULTIPLIED[sample_type]
    whole = Gegl.Buffer.new(form, visible.x, visible.y, visible.width, visible.height)
    _set(whole, _rectangle(visible), form, _get(buffer, visible, 1.0, form, Gegl.AbyssPolicy.NONE))
    sent = framing.sent
    halved = Gegl.Buffer.new(form, sent.x, sent.y, sent.width, sent.height)
    data = _get(whole, sent, 0.5**framing.halvings, form, Gegl.AbyssPolicy.CLAMP)
    _set(halved, _rectangle(sent), form, data)
    return halved


def _on_mean_color(buffer: Gegl.Buffer, rect: Rect) -> Gegl.Buffer:
    """The rectangle of a transparent buffer on its mean colour."""
    extent = _extent(buffer)
    scale = min(1.0, _MEAN_SIDE / extent.long_side)
    small = Rect(
        int(extent.x * scale),
        int(extent.y * scale),
        max(1, int(extent.width * scale)),
        max(1, int(extent.height * scale)),
    )
    red, green, blue = mean_color(_get(buffer, small, scale, "R'aG'aB'aA float", Gegl.AbyssPolicy.CLAMP))
    color = Gegl.Color()
    color.set_rgba(red, green, blue, 1.0)
    graph = Gegl.Node()
    ground = graph.create_child("gegl:color")
    ground.set_property("value", color)
    source = graph.create_child("gegl:buffer-source")
    source.set_property("buffer", buffer)
    over = graph.create_child("svg:src-over")
    ground.connect_to("output", over, "input")
    source.connect_to("output", over, "aux")
    visible = rect.clipped(extent)
    flat = Gegl.Buffer.new("R'G'B' float", visible.x, visible.y, visible.width, visible.height)
    over.blit_buffer(flat, _rectangle(visible), 0, Gegl.AbyssPolicy.NONE)
    return flat


def _extent(buffer: Gegl.Buffer) -> Rect:
    extent = buffer.get_extent()
    return Rect(extent.x, extent.y, extent.width, extent.height)


def _rectangle(rect: Rect) -> Gegl.Rectangle:
    return Gegl.Rectangle.new(rect.x, rect.y, rect.width, rect.height)


def _get(buffer: Gegl.Buffer, rect: Rect, scale: float, form: str, abyss: Gegl.AbyssPolicy) -> bytes:
    return buffer.get(_rectangle(rect), scale, form, abyss)


def _set(buffer: Gegl.Buffer, rectangle: Gegl.Rectangle, form: str, data: bytes) -> None:
    """GEGL writes nothing, and says so only on the terminal, if the length does not fit; the caller's bytes do."""
    buffer.set(rectangle, form, data)


def plain_layer(image: Gimp.Image, picture: Pixels, name: str) -> Gimp.Layer:
    """A layer that holds this picture."""
    layer = Gimp.Layer.new(
        image, name, picture.width, picture.height, Gimp.ImageType.RGB_IMAGE, 100.0, Gimp.LayerMode.NORMAL
    )
    start()
    buffer = layer.get_buffer()
    whole = Gegl.Rectangle.new(0, 0, picture.width, picture.height)
    _set(buffer, whole, _RGB[picture.sample_type], picture.data)
    buffer.flush()
    return layer
