"""The picture in the dialog: the original on one side of a line, the painting on the other. Dragging moves the line.

Without pycairo, which a plain GIMP does not bring: the two halves are copied into one GdkPixbuf.
"""

from __future__ import annotations

import gi

gi.require_version("Gdk", "3.0")
gi.require_version("GdkPixbuf", "2.0")
gi.require_version("Gtk", "3.0")
from gi.repository import Gdk, GdkPixbuf, GLib, Gtk  # noqa: E402

from neural_style.geometry import Framing  # noqa: E402
from neural_style.samples import Pixels  # noqa: E402

WIDTH, HEIGHT = 480, 320
"""The picture on the screen fits into this: the dialog as a whole then fits a screen of 768 lines."""
_LINE = 0xFFFFFFFF
_LINE_SHADOW = 0x000000FF


class Preview(Gtk.EventBox):
    """Shows a part of a layer and what becomes of it."""

    def __init__(self, before: Pixels) -> None:
        super().__init__()
        scale = min(WIDTH / before.width, HEIGHT / before.height)
        self._width = max(1, round(before.width * scale))
        self._height = max(1, round(before.height * scale))
        self._before = _scaled(pixbuf(before.width, before.height, before.data), self._width, self._height)
        self._after: GdkPixbuf.Pixbuf | None = None
        self._split = 0.5
        self._image = Gtk.Image()
        self._image.set_size_request(WIDTH, HEIGHT)
        self.add(self._image)
        self.add_events(Gdk.EventMask.BUTTON_PRESS_MASK | Gdk.EventMask.BUTTON1_MOTION_MASK)
        self.connect("button-press-event", self._on_drag)
        self.connect("motion-notify-event", self._on_drag)
        self._draw()

    @property
    def painted(self) -> bool:
        """True once there is a painting to compare with."""
        return self._after is not None

    def show_painting(self, width: int, height: int, rgb: bytes, framing: Framing) -> None:
        """Shows a frame of the framing's region: what lies around the target is cut off."""
        frame = pixbuf(width, height, rgb)
        across, down = width / framing.region.width, height / framing.region.height
        x = round((framing.target.x - framing.region.x) * across)
        y = round((framing.target.y - framing.region.y) * down)
        shown_width = min(width - x, max(1, round(framing.target.width * across)))
        shown_height = min(height - y, max(1, round(framing.target.height * down)))
        self._after = _scaled(frame.new_subpixbuf(x, y, shown_width, shown_height), self._width, self._height)
        self._draw()

    def _draw(self) -> None:
        if self._after is None:
            self._image.set_from_pixbuf(self._before)
            return
        both = self._after.copy()
        line = round(self._split * self._width)
        if line > 0:
            self._before.copy_area(0, 0, line, self._height, both, 0, 0)
        if 0 < line < self._width - 1:
            both.new_subpixbuf(line, 0, 1, self._height).fill(_LINE)
            both.new_subpixbuf(line - 1, 0, 1, self._height).fill(_LINE_SHADOW)
        self._image.set_from_pixbuf(both)

    def _on_drag(self, _widget: Gtk.Widget, event: Gdk.EventButton) -> bool:
        left = (self.get_allocated_width() - self._width) / 2
        self._split = min(1.0, max(0.0, (event.x - left) / self._width))
        self._draw()
        return True


def pixbuf(width: int, height: int, rgb: bytes) -> GdkPixbuf.Pixbuf:
    """RGB bytes as GDK holds them."""
    return GdkPixbuf.Pixbuf.new_from_bytes(
        GLib.Bytes.new(rgb), GdkPixbuf.Colorspace.RGB, False, 8, width, height, 3 * width
    )


def _scaled(picture: GdkPixbuf.Pixbuf, width: int, height: int) -> GdkPixbuf.Pixbuf:
    return picture.scale_simple(width, height, GdkPixbuf.InterpType.BILINEAR)
