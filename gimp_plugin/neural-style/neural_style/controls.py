"""The sliders and choices of the dialog, each tied to an argument of the procedure, so that GIMP's own Reset, Load
and Save settings work on them."""

from __future__ import annotations

import random

import gi

gi.require_version("Gimp", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import Gimp, GObject, Gtk  # noqa: E402

from neural_style.arguments import Number, Output, Quality, numbers  # noqa: E402
from neural_style.orders import Preset  # noqa: E402
from neural_style.words import _  # noqa: E402

_BOTH_WAYS = GObject.BindingFlags.BIDIRECTIONAL | GObject.BindingFlags.SYNC_CREATE
_NEW_SEEDS = 10_000
"""Seeds that the button draws: few digits, which can be remembered."""


class Controls(Gtk.Grid):
    """A grid of labels and widgets."""

    def __init__(self, config: Gimp.ProcedureConfig) -> None:
        super().__init__(row_spacing=6, column_spacing=8)
        self._config = config
        self._rows = 0
        self._presets = self._combo(_("_Preset"), "preset", {})
        self._presets.set_tooltip_text(_("What kind of painting it shall be"))
        self._combo(
            _("_Quality"),
            "quality",
            {
                Quality.DRAFT.value: _("Draft: smaller and sooner"),
                Quality.STANDARD.value: _("Standard"),
                Quality.FINE.value: _("Fine: larger and slower"),
            },
        )
        of = numbers()
        for name in ("strength", "stroke-size", "keep-colors"):
            self._slider(of[name])
        self._spin(of["size"], step=64, zero=_("as preset and quality say"))
        new_seed = Gtk.Button.new_with_mnemonic(_("_New seed"))
        new_seed.connect("clicked", lambda _button: config.set_property("seed", random.randrange(_NEW_SEEDS)))  # noqa: S311
        self._spin(of["seed"], step=1, extra=new_seed)
        self._combo(
            _("O_utput"),
            "output",
            {
                Output.NEW_LAYER.value: _("New layer above"),
                Output.REPLACE.value: _("Replace the pixels"),
                Output.NEW_IMAGE.value: _("New image"),
            },
        )
        detach = Gtk.CheckButton.new_with_mnemonic(_("Finish the painting even if _GIMP ends"))
        config.bind_property("detach", detach, "active", _BOTH_WAYS)
        self.attach(detach, 1, self._rows, 2, 1)

    def show_presets(self, presets: dict[str, Preset]) -> None:
        """Fills the choice of presets; what is chosen stays chosen."""
        chosen = self._config.get_property("preset")
        self._presets.remove_all()
        for name, preset in presets.items():
            self._presets.append(name, f"{name}: {preset.description.split(':')[0]}" if preset.description else name)
        self._config.set_property("preset", chosen)
        self._presets.set_active_id(chosen)

    def _combo(self, label: str, name: str, choices: dict[str, str]) -> Gtk.ComboBoxText:
        combo = Gtk.ComboBoxText(hexpand=True)
        # A long description must not widen the dialog.
        for cell in combo.get_cells():
            cell.set_property("ellipsize", 3)
        for value, text in choices.items():
            combo.append(value, text)
        combo.set_active_id(self._config.get_property(name))
        combo.connect("changed", self._on_combo, name)
        self._config.connect(f"notify::{name}", lambda config, _spec: combo.set_active_id(config.get_property(name)))
        self._row(label, combo, combo)
        return combo

    def _on_combo(self, combo: Gtk.ComboBoxText, name: str) -> None:
        value = combo.get_active_id()
        if value and value != self._config.get_property(name):
            self._config.set_property(name, value)

    def _slider(self, number: Number) -> None:
        adjustment = Gtk.Adjustment(lower=number.minimum, upper=number.maximum, step_increment=1.0, page_increment=10.0)
        self._config.bind_property(number.name, adjustment, "value", _BOTH_WAYS)
        scale = Gtk.Scale(adjustment=adjustment, hexpand=True, draw_value=False)
        scale.set_size_request(170, -1)
        if number.minimum < number.default < number.maximum:
            scale.add_mark(number.default, Gtk.PositionType.BOTTOM, None)
        spin = Gtk.SpinButton(adjustment=adjustment, digits=0, width_chars=5)
        for widget in (scale, spin):
            widget.set_tooltip_text(number.blurb)
        self._row(number.label, scale, spin, spin)

    def _spin(self, number: Number, step: int, *, zero: str = "", extra: Gtk.Widget | None = None) -> None:
        """zero: what is shown for 0, if that is not a number like others."""
        adjustment = Gtk.Adjustment(
            lower=number.minimum, upper=number.maximum, step_increment=step, page_increment=10 * step
        )
        self._config.bind_property(
            number.name,
            adjustment,
            "value",
            _BOTH_WAYS,
            lambda _binding, value: float(value),
            lambda _binding, value: round(value),
        )
        spin = Gtk.SpinButton(adjustment=adjustment, digits=0)
        spin.set_tooltip_text(number.blurb)
        if zero:
            spin.connect("output", _show_zero, zero)
            spin.connect("input", _read_zero, zero)
        row = Gtk.Box(spacing=6)
        row.pack_start(spin, True, True, 0)
        if extra is not None:
            row.pack_start(extra, False, False, 0)
        self._row(number.label, row, spin)

    def _row(self, label: str, widget: Gtk.Widget, target: Gtk.Widget, last: Gtk.Widget | None = None) -> None:
        text = Gtk.Label.new_with_mnemonic(label)
        text.set_xalign(0.0)
        text.set_mnemonic_widget(target)
        self.attach(text, 0, self._rows, 1, 1)
        self.attach(widget, 1, self._rows, 1 if last is not None else 2, 1)
        if last is not None:
            self.attach(last, 2, self._rows, 1, 1)
        self._rows += 1


def _show_zero(spin: Gtk.SpinButton, zero: str) -> bool:
    if spin.get_adjustment().get_value() != 0:
        return False
    if spin.get_text() != zero:
        spin.set_text(zero)
    return True


def _read_zero(spin: Gtk.SpinButton, zero: str) -> tuple[int, float]:
    """GTK's own protocol: whether it was read (or -1), and as what."""
    text = spin.get_text().strip()
    if text == zero or not text:
        return 1, 0.0
    try:
        return 1, float(text)
    except ValueError:
        return -1, 0.0
