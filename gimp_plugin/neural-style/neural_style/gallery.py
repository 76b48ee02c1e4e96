"""The styles as pictures: the daemon's, the user's own files, and the other layers that are open in GIMP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import gi

gi.require_version("GdkPixbuf", "2.0")
gi.require_version("Gimp", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import GdkPixbuf, Gimp, Gio, GLib, Gtk, Pango  # noqa: E402

from neural_style import pixels  # noqa: E402
from neural_style.events import Style  # noqa: E402
from neural_style.kept_list import KeptList  # noqa: E402
from neural_style.preview import pixbuf  # noqa: E402
from neural_style.words import _  # noqa: E402

TILE = 88
"""Sides of a thumbnail on the screen."""
ROW = 158
"""Height of the gallery: one row of tiles and the head of the next."""
_TEXT_WIDTH = 104
_OPEN_LAYERS_SHOWN = 40
_LABEL_LENGTH = 32
_PICTURE, _LABEL, _TOOLTIP, _INDEX = range(4)


@dataclass(frozen=True)
class Choice:
    """A style, in the terms of the procedure's arguments: exactly one of the three is set."""

    name: str = ""
    file: str = ""
    drawable: int = 0


class Gallery(Gtk.Box):
    """Thumbnails to choose from, and buttons to add and remove own pictures."""

    def __init__(self, own: KeptList, subject: Gimp.Layer, on_choice: Callable[[Choice], None]) -> None:
        super().__init__(spacing=6)
        self._own = own
        self._on_choice = on_choice
        self._choices: list[Choice] = []
        self._store = Gtk.ListStore(GdkPixbuf.Pixbuf, str, str, int)
        self._view = _icon_view(self._store)
        self._selecting = False
        self._view.connect("selection-changed", self._on_selection)
        scrolled = Gtk.ScrolledWindow(
            hscrollbar_policy=Gtk.PolicyType.NEVER, shadow_type=Gtk.ShadowType.IN, min_content_height=ROW
        )
        scrolled.add(self._view)
        self.pack_start(scrolled, True, True, 0)
        buttons = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        add = Gtk.Button.new_with_mnemonic(_("_Add picture..."))
        add.connect("clicked", self._on_add)
        self._remove = Gtk.Button.new_with_mnemonic(_("Re_move picture"))
        self._remove.set_sensitive(False)
        self._remove.connect("clicked", self._on_remove)
        for button in (add, self._remove):
            buttons.pack_start(button, False, False, 0)
        self.pack_start(buttons, False, False, 0)
        for path in own.all():
            self._add_file(path)
        for layer in _open_layers(subject):
            self._add_layer(layer)

    def show_styles(self, styles: tuple[Style, ...]) -> None:
        """Puts the daemon's styles in front."""
        for place, style in enumerate(styles):
            tooltip = f"{style.title}\n{style.artist}"
            self._insert(Choice(name=style.name), _decoded(style.thumbnail), style.title, tooltip, place)

    def choose(self, choice: Choice) -> None:
        """Marks the tile of a style, which is added if it is a file that is not there yet."""
        if choice.file and choice not in self._choices:
            self._add_file(choice.file)
        self._selecting = True
        self._view.unselect_all()
        for row in self._store:
            if self._choices[row[_INDEX]] == choice:
                self._view.select_path(row.path)
                self._view.scroll_to_path(row.path, False, 0.0, 0.0)
        self._selecting = False
        self._remove.set_sensitive(bool(choice.file))

    def _on_selection(self, _view: Gtk.IconView) -> None:
        chosen = self._view.get_selected_items()
        if self._selecting or not chosen:
            return
        choice = self._choices[self._store[chosen[0]][_INDEX]]
        self._remove.set_sensitive(bool(choice.file))
        self._on_choice(choice)

    def _on_add(self, _button: Gtk.Button) -> None:
        dialog = Gtk.FileChooserDialog(
            title=_("A picture to take the style from"),
            transient_for=self.get_toplevel(),
            action=Gtk.FileChooserAction.OPEN,
        )
        dialog.add_buttons(_("_Cancel"), Gtk.ResponseType.CANCEL, _("_Add"), Gtk.ResponseType.ACCEPT)
        dialog.set_select_multiple(True)
        pictures = Gtk.FileFilter()
        pictures.set_name(_("Pictures"))
        pictures.add_pixbuf_formats()
        dialog.add_filter(pictures)
        if dialog.run() == Gtk.ResponseType.ACCEPT:
            for path in dialog.get_filenames():
                self._own.add(path)
                self._on_choice(Choice(file=path))
        dialog.destroy()

    def _on_remove(self, _button: Gtk.Button) -> None:
        for path in self._view.get_selected_items():
            choice = self._choices[self._store[path][_INDEX]]
            if choice.file:
                self._own.remove(choice.file)
                self._store.remove(self._store.get_iter(path))
        self._remove.set_sensitive(False)
        first = self._store.get_iter_first()
        if first is not None:
            self._view.select_path(self._store.get_path(first))

    def _add_file(self, path: str) -> None:
        try:
            picture = GdkPixbuf.Pixbuf.new_from_file_at_scale(path, TILE, TILE, True)
        except GLib.Error:  # moved away, or of a kind that only the daemon knows
            if not Path(path).exists():
                return
            picture = None
        self._insert(Choice(file=path), picture, Path(path).stem, path, -1)

    def _add_layer(self, layer: Gimp.Layer) -> None:
        small = pixels.thumbnail(layer, pixels.layer_rect(layer), TILE)
        tooltip = _("Layer “{layer}” of {image}").format(layer=layer.get_name(), image=layer.get_image().get_name())
        picture = pixbuf(small.width, small.height, small.data)
        self._insert(Choice(drawable=layer.get_id()), picture, layer.get_name(), tooltip, -1)

    def _insert(self, choice: Choice, picture: GdkPixbuf.Pixbuf | None, label: str, tooltip: str, place: int) -> None:
        self._choices.append(choice)
        row = [picture, _shortened(label), GLib.markup_escape_text(tooltip), len(self._choices) - 1]
        self._store.insert(place, row)


def _icon_view(store: Gtk.ListStore) -> Gtk.IconView:
    view = Gtk.IconView(model=store, tooltip_column=_TOOLTIP, item_padding=3, margin=3, row_spacing=3, column_spacing=3)
    view.set_selection_mode(Gtk.SelectionMode.BROWSE)
    picture = Gtk.CellRendererPixbuf(width=_TEXT_WIDTH, height=TILE)
    view.pack_start(picture, False)
    view.add_attribute(picture, "pixbuf", _PICTURE)
    text = Gtk.CellRendererText(
        width=_TEXT_WIDTH,
        wrap_width=_TEXT_WIDTH,
        wrap_mode=Pango.WrapMode.WORD_CHAR,
        xalign=0.5,
        yalign=0.0,
        alignment=Pango.Alignment.CENTER,
        scale=0.85,
    )
    view.pack_start(text, False)
    view.add_attribute(text, "text", _LABEL)
    return view


def _shortened(label: str) -> str:
    """A label of at most two lines or so; the tooltip has all of it."""
    return label if len(label) <= _LABEL_LENGTH else label[: _LABEL_LENGTH - 1] + "…"


def _decoded(jpeg: bytes) -> GdkPixbuf.Pixbuf | None:
    """A thumbnail at the size of a tile; None if GDK cannot read it."""
    try:
        stream = Gio.MemoryInputStream.new_from_bytes(GLib.Bytes.new(jpeg))
        return GdkPixbuf.Pixbuf.new_from_stream_at_scale(stream, TILE, TILE, True, None)
    except GLib.Error:
        return None


def _open_layers(subject: Gimp.Layer) -> list[Gimp.Layer]:
    """Layers of all open images but the one that is painted."""
    layers = [layer for image in Gimp.get_images() for layer in image.get_layers()]
    return [layer for layer in layers if layer.get_id() != subject.get_id()][:_OPEN_LAYERS_SHOWN]
