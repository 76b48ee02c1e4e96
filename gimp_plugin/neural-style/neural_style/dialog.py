"""The dialog: the picture on the left, the style and how to paint on the right.

It stands at once, with the original in it; the daemon is looked for meanwhile. Everything that waits happens in the
session's thread and comes back through GLib's main loop, so the window never freezes. Stylize paints in the dialog,
where one can watch, stop and keep, or cancel and go on choosing; only then is the image touched.
"""

from __future__ import annotations

from collections.abc import Callable

import gi

gi.require_version("Gimp", "3.0")
gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import Gimp, GimpUi, Gio, GLib, Gtk  # noqa: E402

from neural_style import orders, painting, pixels, profile  # noqa: E402
from neural_style.arguments import DEFAULT_STYLE, Settings  # noqa: E402
from neural_style.controls import Controls  # noqa: E402
from neural_style.events import (  # noqa: E402
    Connected,
    Event,
    Frame,
    Painted,
    Progress,
    Started,
    Starting,
    Waiting,
)
from neural_style.failures import Failure  # noqa: E402
from neural_style.gallery import Choice, Gallery  # noqa: E402
from neural_style.live_preview import LivePreview  # noqa: E402
from neural_style.painting import Plan, Subject  # noqa: E402
from neural_style.preview import WIDTH, Preview  # noqa: E402
from neural_style.session import Job, Session  # noqa: E402
from neural_style.unattended import show as show_image  # noqa: E402
from neural_style.unattended import waiting_text  # noqa: E402
from neural_style.words import _, plural  # noqa: E402

ROLE = "neural-style"
_SPACING = 12


def show(
    procedure: Gimp.Procedure,
    config: Gimp.ProcedureConfig,
    subject: Subject,
    session: Session,
    settings_of: Callable[[], Settings],
) -> bool:
    """Lets the user choose, watch and paint. True if there is a painting in the image now."""
    GimpUi.init(ROLE)
    dialog = Dialog(procedure, config, subject, session, settings_of)
    try:
        return dialog.run()
    finally:
        dialog.close()


class Dialog:
    """One showing of the dialog."""

    def __init__(
        self,
        procedure: Gimp.Procedure,
        config: Gimp.ProcedureConfig,
        subject: Subject,
        session: Session,
        settings_of: Callable[[], Settings],
    ) -> None:
        self._config = config
        self._subject = subject
        self._session = session
        self._settings_of = settings_of
        self._connected: Connected | None = None
        self._job: Job | None = None
        self._painted: Painted | None = None
        self._generation = 0
        self._loop: GLib.MainLoop | None = None

        before = pixels.thumbnail(subject.layer, pixels.selected_rect(subject.layer), WIDTH)
        self._preview = Preview(before)
        self._status = Gtk.Label(xalign=0.0, wrap=True, selectable=True, max_width_chars=40)
        self._bar = Gtk.ProgressBar()
        self._keep = Gtk.Button.new_with_mnemonic(_("St_op and keep"))
        self._keep.set_tooltip_text(_("End here and take the painting as it is"))
        self._keep.connect("clicked", self._on_keep)
        self._again = Gtk.Button.new_with_mnemonic(_("Try aga_in"))
        self._again.connect("clicked", lambda _button: self._connect())
        self._gallery = Gallery(profile.own_styles(), subject.layer, self._on_style)
        self._controls = Controls(config)
        self._hint = Gtk.Label(xalign=0.0, wrap=True, max_width_chars=46)
        self._left_behind = Gtk.InfoBar(message_type=Gtk.MessageType.INFO, no_show_all=True)
        self._live = LivePreview(session, subject, self._preview, self._tell, self._fail)

        self._window = GimpUi.ProcedureDialog.new(procedure, config, _("Neural Style"))
        self._window.set_ok_label(_("St_ylize"))
        # Stylize must not end the dialog's window when the user closes it while a painting is under way.
        self._window.connect("delete-event", lambda *_event: True)
        self._window.connect("response", self._on_response)
        self._window.get_content_area().pack_start(self._layout(), True, True, 0)
        self._window.get_content_area().show_all()
        self._keep.hide()
        self._again.hide()
        if self._choice() == Choice():  # the last painting's style was a layer that is not open any more
            config.set_property("style", DEFAULT_STYLE)
        self._gallery.choose(self._choice())
        config.connect("notify", self._on_change)

    def run(self) -> bool:
        """True if it ended with a painting in the image."""
        self._connect()
        while self._window.run():
            if self._paint():
                return True
        return False

    def close(self) -> None:
        """Ends what runs and takes the window away."""
        self._live.stop()
        self._window.destroy()

    def _layout(self) -> Gtk.Widget:
        """Picture and controls side by side, the styles below."""
        left = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        frame = Gtk.Frame(shadow_type=Gtk.ShadowType.IN)
        frame.add(self._preview)
        left.pack_start(frame, False, False, 0)
        caption = Gtk.Label(label=_("Drag across the picture to compare it with the original."), xalign=0.0)
        caption.set_sensitive(False)
        left.pack_start(caption, False, False, 0)
        left.pack_start(self._bar, False, False, 0)
        below = Gtk.Box(spacing=6)
        below.pack_start(self._status, True, True, 0)
        below.pack_end(self._keep, False, False, 0)
        below.pack_end(self._again, False, False, 0)
        left.pack_start(below, False, False, 0)
        right = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=_SPACING)
        right.pack_start(self._controls, False, False, 0)
        right.pack_start(self._hint, False, False, 0)
        both = Gtk.Box(spacing=_SPACING)
        both.pack_start(left, False, True, 0)
        both.pack_start(right, True, True, 0)
        whole = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=_SPACING, border_width=_SPACING)
        whole.pack_start(self._left_behind, False, False, 0)
        whole.pack_start(both, False, True, 0)
        whole.pack_start(self._gallery, True, True, 0)
        return whole

    # Settings

    def _choice(self) -> Choice:
        settings = self._settings_of()
        if settings.style_drawable:
            return Choice(drawable=settings.style_drawable)
        if settings.style_file:
            return Choice(file=settings.style_file)
        return Choice(name=settings.style)

    def _on_style(self, choice: Choice) -> None:
        """A tile was chosen: exactly one of the three arguments says so."""
        with self._config.freeze_notify():
            self._config.set_property("style", choice.name)
            self._config.set_property("style-file", Gio.File.new_for_path(choice.file) if choice.file else None)
            drawable = Gimp.Drawable.get_by_id(choice.drawable) if choice.drawable else None
            self._config.set_property("style-drawable", drawable)

    def _on_change(self, _config: Gimp.ProcedureConfig, spec: object) -> None:
        try:
            settings = self._settings_of()
        except Failure as failure:
            self._fail(failure)
            return
        if getattr(spec, "name", "").startswith("style"):
            self._gallery.choose(self._choice())
        self._show_hint(settings)
        self._live.want(settings)

    def _show_hint(self, settings: Settings) -> None:
        """How large the painting will be, in proportion to the layer."""
        if self._connected is None or settings.preset not in self._connected.presets:
            return
        preset = self._connected.presets[settings.preset]
        size = orders.painting_size(settings, preset, self._connected.largest_size)
        longest = pixels.selected_rect(self._subject.layer).long_side
        if longest > size:
            text = _(
                "Painted with a long side of {size} pixels, then enlarged to {longest}. A larger size is sharper and"
                " takes longer."
            ).format(size=size, longest=longest)
        else:
            text = _("Painted at the layer's own size, {size} pixels.").format(size=longest)
        self._hint.set_text(text)

    # What is told

    def _tell(self, text: str, part: float | None) -> None:
        self._status.set_text(text)
        self._again.hide()
        self._bar.set_fraction(part or 0.0)
        self._bar.set_opacity(0.0 if part is None else 1.0)

    def _fail(self, failure: Failure) -> None:
        self._tell(failure.message, None)
        self._again.set_visible(self._connected is None)

    # The daemon

    def _connect(self) -> None:
        self._tell(_("Looking for the painting daemon"), 0.0)
        self._session.connect(lambda event: GLib.idle_add(self._on_connection, event))

    def _on_connection(self, event: Event) -> bool:
        if isinstance(event, Starting):
            self._tell(_("Starting the painting daemon"), 0.0)
        elif isinstance(event, Failure):
            self._fail(event)
        elif isinstance(event, Connected) and self._connected is None:
            self._connected = event
            self._gallery.show_styles(event.styles)
            self._gallery.choose(self._choice())
            self._controls.show_presets(dict(event.presets))
            self._offer_left_behind()
            settings = self._settings_of()
            self._show_hint(settings)
            self._live.begin(event, settings)
        return GLib.SOURCE_REMOVE

    # Painting

    def _paint(self) -> bool:
        """Paints and puts the painting into the image. False if the user goes on choosing."""
        self._live.stop()
        if self._connected is None:
            self._connect()
            return False
        try:
            settings = self._settings_of()
            work = painting.plan(
                self._subject, settings, self._connected, frame_side=WIDTH, style=self._live.style_of(settings)
            )
            painted = self._watch(work)
            if painted is None:
                self._tell(_("The painting was cancelled; nothing was changed."), None)
                return False
            self._tell(_("Putting the painting into the image"), 1.0)
            made = painting.place(work, painted)
        except Failure as failure:
            self._fail(failure)
            return False
        if self._job is not None:
            profile.detached().remove(self._job.job_id)
        if made is not None:
            show_image(made)
        return True

    def _watch(self, work: Plan) -> Painted | None:
        """Shows the painting as it forms. None if it was cancelled. Raises Failure."""
        self._generation += 1
        generation = self._generation
        outcome: list[Painted | Failure] = []
        self._set_painting(True)
        self._tell(_("Painting: sent"), 0.0)
        self._loop = GLib.MainLoop()

        def on_event(event: Event) -> bool:
            if generation == self._generation and self._loop is not None:
                if isinstance(event, (Painted, Failure)):
                    outcome.append(event)
                    self._loop.quit()
                else:
                    self._on_progress(work, event)
            return GLib.SOURCE_REMOVE

        self._job = self._session.paint(work.order, lambda event: GLib.idle_add(on_event, event))
        self._loop.run()
        self._loop = None
        self._set_painting(False)
        if not outcome:
            return None
        if isinstance(outcome[0], Failure):
            raise outcome[0]
        return outcome[0]

    def _on_progress(self, work: Plan, event: Event) -> None:
        if isinstance(event, Waiting):
            self._tell(waiting_text(event.jobs_ahead), 0.0)
        elif isinstance(event, Started):
            self._tell(_("Painting on {device}").format(device=event.device), 0.0)
        elif isinstance(event, Progress):
            text = _("Painting: step {step} of {steps}").format(step=event.iteration, steps=event.iterations)
            if event.eta is not None:
                text += ", " + remaining(event.eta)
            self._tell(text, event.iteration / event.iterations)
        elif isinstance(event, Frame):
            self._preview.show_painting(event.width, event.height, event.rgb, work.framing)
        if work.order.detach and isinstance(event, (Waiting, Started)):
            profile.detached().add(event.job_id)

    def _set_painting(self, painting_now: bool) -> None:
        self._controls.set_sensitive(not painting_now)
        self._gallery.set_sensitive(not painting_now)
        self._window.set_response_sensitive(Gtk.ResponseType.OK, not painting_now)
        self._keep.set_sensitive(True)
        self._keep.set_visible(painting_now and "stop-and-keep" in (self._connected or _NOBODY).features)

    def _on_keep(self, button: Gtk.Button) -> None:
        if self._job is not None:
            button.set_sensitive(False)
            self._job.keep()

    def _on_response(self, _window: Gtk.Dialog, response: int) -> None:
        """While a painting is under way, Cancel and closing the window end the painting and not the dialog."""
        if self._loop is None or response not in (Gtk.ResponseType.CANCEL, Gtk.ResponseType.DELETE_EVENT):
            return
        if self._job is not None:
            self._job.cancel()
            profile.detached().remove(self._job.job_id)
        self._generation += 1
        self._loop.quit()

    # Paintings that went on without GIMP

    def _offer_left_behind(self) -> None:
        ids = profile.detached().all()
        if not ids or self._connected is None or "watch-job" not in self._connected.features:
            return
        text = plural(
            "A painting went on after GIMP had ended.", "{count} paintings went on after GIMP had ended.", len(ids)
        ).format(count=len(ids))
        label = Gtk.Label(label=text, xalign=0.0, wrap=True)
        self._left_behind.get_content_area().pack_start(label, True, True, 0)
        self._left_behind.add_button(_("Sho_w"), Gtk.ResponseType.ACCEPT)
        self._left_behind.add_button(_("_Forget"), Gtk.ResponseType.REJECT)
        self._left_behind.connect("response", self._on_left_behind, ids)
        label.show()
        self._left_behind.show()

    def _on_left_behind(self, bar: Gtk.InfoBar, response: int, ids: list[str]) -> None:
        bar.hide()
        for job_id in ids:
            if response == Gtk.ResponseType.ACCEPT:
                self._session.watch(job_id, 0, lambda event, of=job_id: GLib.idle_add(self._on_fetched, of, event))
            else:
                profile.detached().remove(job_id)

    def _on_fetched(self, job_id: str, event: Event) -> bool:
        if isinstance(event, Painted):
            show_image(painting.fetched_image(event))
            profile.detached().remove(job_id)
        elif isinstance(event, Failure):
            self._fail(event)
            if event.reason == "JOB_NOT_FOUND":
                profile.detached().remove(job_id)
        return GLib.SOURCE_REMOVE


_NOBODY = Connected("", "", frozenset(), 0, (), {})


def remaining(seconds: float) -> str:
    """A time to wait, as one would say it."""
    whole = max(1, round(seconds))
    if whole < 90:
        return plural("about {count} second left", "about {count} seconds left", whole).format(count=whole)
    minutes = round(whole / 60)
    return plural("about {count} minute left", "about {count} minutes left", minutes).format(count=minutes)
