"""Painting without a dialog: scripts, batches, and Ctrl+F with the last values.

The main thread waits for the session's events and shows them in GIMP's progress bar. GIMP's Cancel button there kills
this process without a word; the daemon notices that its stream has gone, and the image has not been touched yet.
"""

from __future__ import annotations

import queue
from collections.abc import Callable

import gi

gi.require_version("Gimp", "3.0")
from gi.repository import Gimp  # noqa: E402

from neural_style import painting, profile  # noqa: E402
from neural_style.arguments import Settings  # noqa: E402
from neural_style.events import Connected, Event, Painted, Progress, Started, Starting, Waiting  # noqa: E402
from neural_style.failures import Failure  # noqa: E402
from neural_style.painting import Subject  # noqa: E402
from neural_style.session import Session  # noqa: E402
from neural_style.words import _, plural  # noqa: E402


def paint(subject: Subject, settings: Settings, session: Session) -> None:
    """Paints the layer and puts the painting into its image. Raises Failure; the image is then as it was."""
    settings.checked()
    subject.check(settings)
    Gimp.progress_init(_("Neural Style"))
    try:
        connecting: queue.SimpleQueue[Event] = queue.SimpleQueue()
        session.connect(connecting.put)
        buffer = subject.warmed()
        connected = _connected(connecting)
        work = painting.plan(subject, settings, connected, buffer=buffer)
        events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        job = session.paint(work.order, events.put)
        alpha = painting.prepare(work, buffer)
        painted = _wait(events, profile.detached().add if work.order.detach else _nothing)
        made = painting.place(work, painted, alpha)
        profile.detached().remove(job.job_id)
    finally:
        Gimp.progress_end()
    if made is not None:
        show(made)


def fetch(job_id: str, session: Session) -> Gimp.Image:
    """A detached painting as a new image. job_id: "" for the last one. Raises Failure."""
    job_id = job_id or profile.detached().last()
    if not job_id:
        raise Failure(_("No painting was left behind."))
    Gimp.progress_init(_("Neural Style"))
    try:
        connecting: queue.SimpleQueue[Event] = queue.SimpleQueue()
        session.connect(connecting.put)
        _connected(connecting)
        events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        session.watch(job_id, 0, events.put)
        painted = _wait(events, _nothing)
    except Failure as failure:
        if failure.reason == "JOB_NOT_FOUND":
            profile.detached().remove(job_id)
        raise
    finally:
        Gimp.progress_end()
    image = painting.fetched_image(painted)
    profile.detached().remove(job_id)
    return image


def show(image: Gimp.Image) -> None:
    """Opens a window for a new image, where there are windows."""
    if Gimp.default_display() is not None:
        Gimp.Display.new(image)


def _connected(events: queue.SimpleQueue[Event]) -> Connected:
    while True:
        event = events.get()
        if isinstance(event, Failure):
            raise event
        if isinstance(event, Connected):
            return event
        if isinstance(event, Starting):
            Gimp.progress_set_text(_("Starting the painting daemon"))


def _wait(events: queue.SimpleQueue[Event], note_job: Callable[[str], None]) -> Painted:
    while True:
        event = events.get()
        if isinstance(event, Failure):
            raise event
        if isinstance(event, Painted):
            return event
        if isinstance(event, Waiting):
            Gimp.progress_set_text(waiting_text(event.jobs_ahead))
        elif isinstance(event, Started):
            Gimp.progress_set_text(_("Painting on {device}").format(device=event.device))
        elif isinstance(event, Progress):
            Gimp.progress_update(event.iteration / event.iterations)
        if isinstance(event, (Waiting, Started)):
            note_job(event.job_id)


def _nothing(_job_id: str) -> None:
    """A job that ends with this process need not be remembered."""


def waiting_text(jobs_ahead: int) -> str:
    """How long the queue is, for people."""
    if jobs_ahead == 0:
        return _("Next in the queue")
    return plural("Waiting: {count} painting ahead", "Waiting: {count} paintings ahead", jobs_ahead).format(
        count=jobs_ahead
    )
