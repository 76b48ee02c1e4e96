#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Filters > Neural Style: the GIMP 3 plug-in of Stylized.

GIMP runs this file in a process of its own, also when it only wants to know what procedures there are; so whatever is
slow or needs a display is imported when it is used. Everything but the registration lives in `neural_style/`.
"""

import sys
from pathlib import Path

import gi

gi.require_version("Gimp", "3.0")
from gi.repository import Gimp, GLib, GObject  # noqa: E402

sys.path.insert(0, str(Path(__file__).resolve().parent))
from neural_style import arguments, words  # noqa: E402
from neural_style.arguments import Output, Quality, Settings  # noqa: E402
from neural_style.failures import Failure  # noqa: E402
from neural_style.words import _  # noqa: E402

PROCEDURE = "plug-in-neural-style"
FETCH = "plug-in-neural-style-fetch"
DOCTOR = "plug-in-neural-style-doctor"
HELP = Path(__file__).resolve().parent / "help"
"""One folder for each language, with a gimp-help.xml that says which page is whose."""
HELP_NAMESPACE = "urn:stylized:gimp-help"
ICON = Path(__file__).resolve().parent / "icons" / "neural-style.png"

_ANY = 1e9
"""Ends of the range that GIMP is told: the plug-in's own check refuses with a sentence, GIMP's only warns."""


def answer(procedure: Gimp.Procedure, status: Gimp.PDBStatusType, message: str = "") -> Gimp.ValueArray:
    """A procedure's answer; the message is what GIMP shows."""
    error = GLib.Error.new_literal(Gimp.PlugIn.error_quark(), message, 0) if message else GLib.Error()
    return procedure.new_return_values(status, error)


def settings_of(config: Gimp.ProcedureConfig) -> Settings:
    """What the arguments say. Raises Failure for a word that is none of its choices."""
    file = config.get_property("style-file")
    drawable = config.get_property("style-drawable")
    return Settings(
        style=config.get_property("style") or "",
        style_file=(file.get_path() or "") if file else "",
        style_drawable=drawable.get_id() if drawable else 0,
        preset=config.get_property("preset") or arguments.DEFAULT_PRESET,
        quality=arguments.choice(Quality, config.get_property("quality")),
        strength=config.get_property("strength"),
        stroke_size=config.get_property("stroke-size"),
        keep_colors=config.get_property("keep-colors"),
        size=config.get_property("size"),
        seed=config.get_property("seed"),
        output=arguments.choice(Output, config.get_property("output")),
        detach=config.get_property("detach"),
    )


def run(
    procedure: Gimp.Procedure,
    run_mode: Gimp.RunMode,
    image: Gimp.Image,
    drawables: list[Gimp.Drawable],
    config: Gimp.ProcedureConfig,
    _data: object,
) -> Gimp.ValueArray:
    """Paints one layer."""
    from neural_style import enlargement

    enlargement.wake()
    from neural_style import pixels
    from neural_style.painting import Subject
    from neural_style.session import Session

    session = None
    try:
        subject = Subject.of(image, drawables)
        pixels.selected_rect(subject.layer)
        session = Session()
        if run_mode == Gimp.RunMode.INTERACTIVE:
            from neural_style.dialog import show

            painted = show(procedure, config, subject, session, lambda: settings_of(config))
        else:
            from neural_style.unattended import paint

            paint(subject, settings_of(config), session)
            painted = True
    except Failure as failure:
        return answer(procedure, Gimp.PDBStatusType.EXECUTION_ERROR, failure.message)
    finally:
        if session is not None:
            session.close()
    Gimp.displays_flush()
    return answer(procedure, Gimp.PDBStatusType.SUCCESS if painted else Gimp.PDBStatusType.CANCEL)


def fetch(procedure: Gimp.Procedure, config: Gimp.ProcedureConfig, _data: object) -> Gimp.ValueArray:
    """Opens a painting that went on without GIMP."""
    from neural_style import unattended
    from neural_style.session import Session

    session = Session()
    try:
        image = unattended.fetch(config.get_property("job-id") or "", session)
    except Failure as failure:
        return answer(procedure, Gimp.PDBStatusType.EXECUTION_ERROR, failure.message)
    finally:
        session.close()
    values = answer(procedure, Gimp.PDBStatusType.SUCCESS)
    values.remove(1)
    values.insert(1, GObject.Value(Gimp.Image, image))
    return values


def doctor(procedure: Gimp.Procedure, _config: Gimp.ProcedureConfig, _data: object) -> Gimp.ValueArray:
    """Looks at the chain from inside GIMP."""
    from neural_style.doctor import report

    values = answer(procedure, Gimp.PDBStatusType.SUCCESS)
    values.remove(1)
    values.insert(1, GObject.Value(str, report()))
    return values


class NeuralStyle(Gimp.PlugIn):
    """What GIMP asks for at its start."""

    def do_set_i18n(self, _name: str) -> bool:
        """Texts are translated here, not by libgimp: see `neural_style.words`."""
        return False

    def do_query_procedures(self) -> list[str]:
        from gi.repository import Gio

        # GIMP's own help browser then opens our page from the dialog and for F1, also where its manual is missing.
        self.set_help_domain(HELP_NAMESPACE, Gio.File.new_for_path(str(HELP)))
        return [PROCEDURE, FETCH, DOCTOR]

    def do_create_procedure(self, name: str) -> Gimp.Procedure:
        words.speak(GLib.get_language_names())
        if name == FETCH:
            procedure = self._fetch()
        elif name == DOCTOR:
            procedure = self._doctor()
        else:
            procedure = self._filter()
        procedure.set_attribution("Stylized", "Stylized, MIT", "2026")
        return procedure

    def _filter(self) -> Gimp.Procedure:
        procedure = Gimp.ImageProcedure.new(self, PROCEDURE, Gimp.PDBProcType.PLUGIN, run, None)
        procedure.set_image_types("RGB*, GRAY*")
        procedure.set_sensitivity_mask(Gimp.ProcedureSensitivityMask.DRAWABLE)
        procedure.set_documentation(
            _("Repaint a layer in the manner of a picture"),
            _(
                "The layer, or the selected part of it, is sent to the painting daemon of this computer and comes back"
                " painted in the chosen style, as a new layer, in place, or as a new image. The daemon is started if"
                " it does not run."
            ),
            PROCEDURE,
        )
        procedure.set_menu_label(_("_Neural Style..."))
        procedure.add_menu_path("<Image>/Filters")
        if ICON.is_file():
            from gi.repository import Gio

            procedure.set_icon_file(Gio.File.new_for_path(str(ICON)))
        _add_arguments(procedure)
        return procedure

    def _fetch(self) -> Gimp.Procedure:
        procedure = Gimp.Procedure.new(self, FETCH, Gimp.PDBProcType.PLUGIN, fetch, None)
        procedure.set_documentation(
            _("Open a painting that was finished without GIMP"),
            _("A painting that was begun with “detach” goes on when GIMP ends. This opens it as a new image."),
            FETCH,
        )
        procedure.add_string_argument(
            "job-id", _("_Job"), _("Id of the painting; empty for the last one"), "", GObject.ParamFlags.READWRITE
        )
        procedure.add_image_return_value("image", _("Image"), _("The painting"), False, GObject.ParamFlags.READWRITE)
        return procedure

    def _doctor(self) -> Gimp.Procedure:
        procedure = Gimp.Procedure.new(self, DOCTOR, Gimp.PDBProcType.PLUGIN, doctor, None)
        procedure.set_documentation(
            _("Say whether the filter can work"), _("Used by the command: stylize gimp doctor"), DOCTOR
        )
        procedure.add_string_return_value(
            "report", _("Report"), _("A JSON list of checks"), "", GObject.ParamFlags.READWRITE
        )
        return procedure


def _add_arguments(procedure: Gimp.Procedure) -> None:
    """The arguments, in the order in which scripts without names give them."""
    flags = GObject.ParamFlags.READWRITE
    procedure.add_string_argument(
        "style", _("St_yle"), _("Name of one of the daemon's styles"), arguments.DEFAULT_STYLE, flags
    )
    procedure.add_file_argument(
        "style-file",
        _("Style _file"),
        _("A picture file to take the style from, instead of a named style"),
        Gimp.FileChooserAction.OPEN,
        True,
        None,
        flags,
    )
    procedure.add_drawable_argument(
        "style-drawable", _("Style la_yer"), _("A layer of any open image to take the style from"), True, flags
    )
    procedure.add_string_argument(
        "preset", _("_Preset"), _("Name of one of the daemon's presets"), arguments.DEFAULT_PRESET, flags
    )
    procedure.add_string_argument(
        "quality",
        _("_Quality"),
        _("draft, standard or fine: how much work is put into it"),
        Quality.STANDARD.value,
        flags,
    )
    for number in arguments.numbers().values():
        blurb = f"{number.blurb} ({number.minimum:g} - {number.maximum:g})"
        if number.whole:
            procedure.add_int_argument(
                number.name, number.label, blurb, -(2**31), 2**31 - 1, int(number.default), flags
            )
        else:
            procedure.add_double_argument(number.name, number.label, blurb, -_ANY, _ANY, number.default, flags)
    procedure.add_string_argument(
        "output",
        _("O_utput"),
        _("new-layer, replace or new-image: where the painting goes"),
        Output.NEW_LAYER.value,
        flags,
    )
    procedure.add_boolean_argument(
        "detach",
        _("Finish the painting even if _GIMP ends"),
        _("The daemon finishes the painting even if GIMP dies; it can be fetched later"),
        False,
        flags,
    )


Gimp.main(NeuralStyle.__gtype__, sys.argv)
