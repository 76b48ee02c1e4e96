"""The preview that forms while the dialog stands: one small job at a time, always of the newest settings.

A slider that the running job can be steered by steers it. Everything else, and a slider after the job is done, begins a
new one, after a moment in which nothing else moved. Of an older job nothing is shown any more.
"""

from __future__ import annotations

from collections.abc import Callable

import gi

gi.require_version("Gimp", "3.0")
from gi.repository import GLib  # noqa: E402

from neural_style import orders, painting  # noqa: E402
from neural_style.arguments import Settings  # noqa: E402
from neural_style.events import Connected, Event, Frame, Painted, Progress, Started, Waiting  # noqa: E402
from neural_style.failures import Failure  # noqa: E402
from neural_style.geometry import Framing  # noqa: E402
from neural_style.painting import Subject  # noqa: E402
from neural_style.preview import Preview  # noqa: E402
from neural_style.samples import Pixels  # noqa: E402
from neural_style.session import Job, Session  # noqa: E402
from neural_style.unattended import waiting_text  # noqa: E402
from neural_style.words import _  # noqa: E402

RESTART_AFTER_MS = 250
STEER_AFTER_MS = 60
"""A slider that is dragged says something new a hundred times a second."""

Tell = Callable[[str, float | None], None]
"""Shows a line of text and, unless None, how far it is, 0 to 1."""


class LivePreview:
    """Keeps the preview up to date with the settings. Lives in the main thread."""

    def __init__(
        self, session: Session, subject: Subject, preview: Preview, tell: Tell, fail: Callable[[Failure], None]
    ) -> None:
        self._session = session
        self._subject = subject
        self._preview = preview
        self._tell = tell
        self._fail = fail
        self._connected: Connected | None = None
        self._content: painting.Plan | None = None
        self._styles: dict[tuple[str, int], str | Pixels | bytes] = {}
        self._painted: Settings | None = None
        """What the present job is of, or was."""
        self._wanted: Settings | None = None
        self._job: Job | None = None
        self._generation = 0
        self._timer = 0
        self._device = ""

    def begin(self, connected: Connected, settings: Settings) -> None:
        """The daemon is there."""
        self._connected = connected
        self._device = connected.device
        self.want(settings, at_once=True)

    def want(self, settings: Settings, *, at_once: bool = False) -> None:
        """The settings have changed; the preview follows."""
        self._wanted = settings
        if self._connected is None or (self._painted is not None and _same(self._painted, settings)):
            return
        steerable = self._job is not None and not orders.needs_restart(self._painted or settings, settings)
        self._cancel_timer()
        if steerable and "update-job" in self._connected.features:
            self._timer = GLib.timeout_add(STEER_AFTER_MS, self._steer)
        else:
            self._timer = GLib.timeout_add(0 if at_once else RESTART_AFTER_MS, self._restart)

    def stop(self) -> None:
        """Ends the job, if one runs."""
        self._cancel_timer()
        self._generation += 1
        self._painted = None
        if self._job is not None:
            self._job.cancel()
            self._job = None

    def style_of(self, settings: Settings) -> str | Pixels | bytes:
        """The style's picture, read once. Raises Failure."""
        key = (settings.style_file, settings.style_drawable)
        if key == ("", 0):
            return settings.style
        if key not in self._styles:
            self._styles[key] = painting.read_style(settings)
        return self._styles[key]

    def _cancel_timer(self) -> None:
        if self._timer:
            GLib.source_remove(self._timer)
            self._timer = 0

    def _steer(self) -> bool:
        self._timer = 0
        if self._job is None:
            return self._restart()
        if self._wanted is not None:
            self._painted = self._wanted
            self._job.steer(orders.steering(self._wanted))
        return GLib.SOURCE_REMOVE

    def _restart(self) -> bool:
        self._timer = 0
        settings, connected = self._wanted, self._connected
        if settings is None or connected is None:
            return GLib.SOURCE_REMOVE
        self.stop()
        generation = self._generation
        try:
            work = painting.preview_plan(
                self._subject, settings.checked(), connected, self.style_of(settings), self._content
            )
        except Failure as failure:
            self._fail(failure)
            return GLib.SOURCE_REMOVE
        self._content = work
        self._painted = settings
        self._tell(_("Preview: sent"), 0.0)
        self._job = self._session.paint(
            work.order, lambda event: GLib.idle_add(self._on_event, generation, work.framing, event)
        )
        return GLib.SOURCE_REMOVE

    def _on_event(self, generation: int, framing: Framing, event: Event) -> bool:
        if generation != self._generation:
            return GLib.SOURCE_REMOVE
        if isinstance(event, Waiting):
            self._tell(waiting_text(event.jobs_ahead), 0.0)
        elif isinstance(event, Started):
            self._device = event.device
        elif isinstance(event, Progress):
            text = _("Preview: step {step} of {steps} on {device}").format(
                step=event.iteration, steps=event.iterations, device=self._device
            )
            self._tell(text, event.iteration / event.iterations)
        elif isinstance(event, Frame):
            self._preview.show_painting(event.width, event.height, event.rgb, framing)
        elif isinstance(event, Painted):
            self._job = None
            picture = event.pixels
            self._preview.show_painting(picture.width, picture.height, picture.data, framing)
            self._tell(_("Preview of the painting, {side} pixels").format(side=orders.PREVIEW_SIDE), None)
        elif isinstance(event, Failure):
            self._job = None
            self._fail(event)
        return GLib.SOURCE_REMOVE


def _same(one: Settings, other: Settings) -> bool:
    """True if both have the same preview."""
    return not orders.needs_restart(one, other) and orders.steering(one) == orders.steering(other)
