"""From a layer to a painting of it: what is sent, and what is done with the answer. GIMP's side of a job, without a
window and without a network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import gi

gi.require_version("Gegl", "0.4")
gi.require_version("Gimp", "3.0")
from gi.repository import Gegl, Gimp  # noqa: E402

from neural_style import orders, pixels, provenance  # noqa: E402
from neural_style.arguments import Output, Settings  # noqa: E402
from neural_style.events import Connected, Painted  # noqa: E402
from neural_style.failures import Failure, from_daemon  # noqa: E402
from neural_style.geometry import Framing, framing  # noqa: E402
from neural_style.orders import Order, Preset  # noqa: E402
from neural_style.samples import Pixels, SampleType  # noqa: E402
from neural_style.words import _  # noqa: E402

LIKELY_SIZE = 512
"""Long side of a painting as most are; a guess, by which nothing but time is lost."""
STYLE_SIDE = 2048
"""Longest side of a layer that is sent as a style; larger ones are halved until they are near it."""


@dataclass(frozen=True)
class Subject:
    """A layer of an image that is to be painted."""

    image: Gimp.Image
    layer: Gimp.Layer

    @classmethod
    def of(cls, image: Gimp.Image, drawables: list[Gimp.Drawable]) -> Subject:
        """Raises Failure if these drawables are not one layer that can be painted."""
        if len(drawables) != 1:
            raise Failure(_("Neural Style paints one layer at a time. Choose exactly one."))
        pixels.check_layer(drawables[0])
        return cls(image, drawables[0])

    def check(self, settings: Settings) -> None:
        """Raises Failure, before anything is painted, if the painting could not be put where it shall go."""
        pixels.selected_rect(self.layer)
        if settings.output is Output.REPLACE:
            pixels.check_writable(self.layer)

    def framing(self, size: int) -> Framing:
        """What of the layer is sent for a painting of this long side."""
        return framing(pixels.selected_rect(self.layer), pixels.layer_rect(self.layer), size)

    def warmed(self) -> Gegl.Buffer:
        """Begins with what takes long on a large layer, before it is known how large the painting will be."""
        return pixels.warmed(self.layer, self.framing(LIKELY_SIZE))


@dataclass(frozen=True)
class Plan:
    """All that a painting needs, and all that is needed to put it into the image."""

    subject: Subject
    settings: Settings
    framing: Framing
    order: Order
    style_title: str


def preset_of(settings: Settings, connected: Connected) -> Preset:
    """The preset that the settings name. Raises Failure if the daemon does not have it."""
    preset = connected.presets.get(settings.preset)
    if preset is None:
        raise from_daemon("UNKNOWN_PRESET", ", ".join(connected.presets), {})
    return preset


def plan(
    subject: Subject,
    settings: Settings,
    connected: Connected,
    *,
    frame_side: int = 0,
    style: str | Pixels | bytes | None = None,
    buffer: Gegl.Buffer | None = None,
) -> Plan:
    """What to order for these settings. style: its pixels or bytes, if they have been read before. buffer: from
    `Subject.warmed`.

    Raises Failure.
    """
    settings.checked()
    subject.check(settings)
    preset = preset_of(settings, connected)
    size = orders.painting_size(settings, preset, connected.largest_size)
    frame = subject.framing(size)
    content = pixels.read(subject.layer, frame, pixels.carrier(subject.image), buffer)
    # With its context the region is longer than the target: the painting keeps the target's scale.
    grown = min(connected.largest_size, frame.long_side(size))
    tunables = {**orders.tunables(settings, preset, connected.largest_size), "size": grown}
    fits = frame.halvings == 0 and frame.region.long_side <= grown
    order = Order(
        content=content,
        style=read_style(settings) if style is None else style,
        preset=settings.preset,
        tunables=tunables,
        seed=settings.seed,
        result=result_type(pixels.carrier(subject.image), fits=fits),
        frame_side=frame_side,
        detach=settings.detach and "watch-job" in connected.features,
    )
    return Plan(subject, settings, frame, order, style_title(settings, connected))


def result_type(carrier: SampleType, *, fits: bool) -> SampleType:
    """The samples to ask for: the image's own, but 16 bits where they will be enlarged, which rounds once more."""
    return carrier if fits or carrier is not SampleType.UINT8 else SampleType.UINT16


def read_style(settings: Settings) -> str | Pixels | bytes:
    """A built-in style's name, a layer's pixels or a file's bytes. Raises Failure if there is no such picture."""
    if settings.style_drawable:
        layer = Gimp.Drawable.get_by_id(settings.style_drawable)
        if layer is None or not layer.is_valid():
            raise Failure(_("The layer that was chosen as style is not open any more. Choose another style."))
        whole = pixels.layer_rect(layer)
        return pixels.read(layer, framing(whole, whole, STYLE_SIDE), SampleType.UINT8)
    if settings.style_file:
        try:
            return Path(settings.style_file).read_bytes()
        except OSError as error:
            raise Failure(
                _("The style picture {path} cannot be read: {why}. Choose another one.").format(
                    path=settings.style_file, why=error.strerror
                )
            ) from error
    return settings.style


def style_title(settings: Settings, connected: Connected) -> str:
    """What to call the style in a layer's name."""
    if settings.style_drawable:
        layer = Gimp.Drawable.get_by_id(settings.style_drawable)
        return layer.get_name() if layer is not None else ""
    if settings.style_file:
        return Path(settings.style_file).stem
    return next((style.title for style in connected.styles if style.name == settings.style), settings.style)


def prepare(work: Plan, buffer: Gegl.Buffer) -> pixels.OwnAlpha | None:
    """What can be read and made ready while the daemon paints; None where it must be read at the end. buffer: from
    `Subject.warmed`: it has the layer's tiles already, which another one would fetch from GIMP again.

    A new layer is as transparent as the old one was when it was sent. What is replaced may have been changed since.
    """
    layer, sample_type = work.subject.layer, pixels.carrier(work.subject.image)
    pixels.rehearse(work.order.result, sample_type, rgba=layer.has_alpha())
    if work.settings.output is Output.REPLACE:
        return None
    return pixels.own_alpha(layer, work.framing.target, sample_type, buffer)


def place(work: Plan, painted: Painted, alpha: pixels.OwnAlpha | None = None) -> Gimp.Image | None:
    """Puts a painting where the settings want it, as one step of undo. Gives the new image, if one was made.

    alpha: what `prepare` gave. All slow work is done before the image is touched. Raises Failure if GIMP refuses; the
    image is then as it was.
    """
    subject, target = work.subject, work.framing.target
    if not subject.layer.is_valid():
        raise Failure(_("The layer is not there any more."))
    sample_type = pixels.carrier(subject.image)
    if alpha is None:
        alpha = pixels.own_alpha(subject.layer, target, sample_type)
    fitted = pixels.fitted(painted.pixels, work.framing, sample_type, alpha, rgba=subject.layer.has_alpha())
    if work.settings.output is Output.REPLACE:
        earlier = _record_on(subject.layer)
        with _UndoGroup(subject.image):
            _mark(subject.layer, work, painted)
            try:
                pixels.replace(subject.layer, target, fitted)
            except BaseException:
                _unmark(subject.layer, earlier)
                raise
        pixels.refresh(subject.layer, target)
        return None
    # With a title that holds braces it must not be formatted twice.
    name = _("Neural Style: {style}").format(style=work.style_title)
    finished = pixels.new_layer(subject.image, subject.layer, target, fitted, name)
    if work.settings.output is Output.NEW_IMAGE:
        made = pixels.new_image(subject.image, subject.layer, finished)
        made.undo_disable()  # a new image has nothing to undo
        _mark(made.get_layers()[0], work, painted)
        made.undo_enable()
        finished.layer.delete()
        return made
    _mark(finished.layer, work, painted)
    with _UndoGroup(subject.image):
        _insert(subject, finished)
    return None


def _insert(subject: Subject, finished: pixels.Finished) -> None:
    """Puts the layer above the one that was painted. Raises Failure if GIMP refuses; the image is then as it was."""
    image, layer = subject.image, finished.layer
    above = image.get_item_position(subject.layer)
    placed = False
    if image.insert_layer(layer, subject.layer.get_parent(), above):
        try:
            placed = layer.set_offsets(finished.x, finished.y)
        finally:
            if not placed:
                image.remove_layer(layer)
    if not placed:
        raise Failure(_("GIMP does not let a layer be added here. Is the group locked?"))


def fetched_image(painted: Painted) -> Gimp.Image:
    """A painting whose layer is not known any more, as an image of its own."""
    picture = painted.pixels
    image = Gimp.Image.new_with_precision(
        picture.width,
        picture.height,
        Gimp.ImageBaseType.RGB,
        {
            SampleType.UINT8: Gimp.Precision.U8_NON_LINEAR,
            SampleType.UINT16: Gimp.Precision.U16_NON_LINEAR,
            SampleType.FLOAT32: Gimp.Precision.FLOAT_NON_LINEAR,
        }[picture.sample_type],
    )
    image.undo_disable()
    layer = pixels.plain_layer(image, picture, _("Neural Style"))
    _attach(layer, painted.record)
    image.insert_layer(layer, None, 0)
    image.undo_enable()
    return image


def _mark(layer: Gimp.Layer, work: Plan, painted: Painted) -> None:
    chosen = work.settings.style_file or work.style_title if not isinstance(work.order.style, str) else work.order.style
    _attach(layer, {**painted.record, "style": chosen, "seconds": round(painted.seconds, 3)})


def _attach(layer: Gimp.Layer, record: Mapping[str, object]) -> None:
    flags = Gimp.PARASITE_PERSISTENT | Gimp.PARASITE_UNDOABLE
    layer.attach_parasite(Gimp.Parasite.new(provenance.PARASITE, flags, provenance.to_json(record)))


def _record_on(layer: Gimp.Layer) -> Gimp.Parasite | None:
    """What an earlier painting has left there."""
    if provenance.PARASITE not in layer.get_parasite_list():
        return None
    return layer.get_parasite(provenance.PARASITE)


def _unmark(layer: Gimp.Layer, earlier: Gimp.Parasite | None) -> None:
    """Puts back what was there."""
    if earlier is None:
        layer.detach_parasite(provenance.PARASITE)
    else:
        layer.attach_parasite(earlier)


class _UndoGroup:
    """One step of undo, closed whatever happens."""

    def __init__(self, image: Gimp.Image) -> None:
        self._image = image

    def __enter__(self) -> None:
        self._image.undo_group_start()

    def __exit__(self, *_error: object) -> None:
        self._image.undo_group_end()


def preview_plan(
    subject: Subject,
    settings: Settings,
    connected: Connected,
    style: str | Pixels | bytes,
    earlier: Plan | None = None,
) -> Plan:
    """The same for the dialog's preview: the selected part alone, small and soon done.

    earlier: an earlier preview's plan, whose copy of the layer serves again. Raises Failure.
    """
    preset = preset_of(settings, connected)
    if earlier is None:
        frame = subject.framing(orders.PREVIEW_SIDE)
        content = pixels.read(subject.layer, frame, SampleType.UINT8)
    else:
        frame, content = earlier.framing, earlier.order.content
    grown = min(connected.largest_size, frame.long_side(orders.PREVIEW_SIDE))
    order = Order(
        content=content,
        style=style,
        preset=settings.preset,
        tunables={**orders.preview_tunables(settings, preset), "size": grown},
        seed=settings.seed,
        result=SampleType.UINT8,
        frame_side=min(grown, orders.LARGEST_FRAME),
    )
    return Plan(subject, settings, frame, order, style_title(settings, connected))
