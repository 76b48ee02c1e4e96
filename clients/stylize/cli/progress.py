"""Showing a job while it runs: a bar on a terminal, a few lines elsewhere, JSON for programs, or nothing."""

from __future__ import annotations

import json
import sys
from types import TracebackType
from typing import Protocol

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

from stylize import events
from stylize.cli.terminal import messages


class Reporter(Protocol):
    """Something that is shown the events of one job."""

    def __enter__(self) -> Reporter: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def show(self, event: events.Event) -> None:
        """Shows one event."""
        ...


def choose_reporter(*, as_json: bool, quiet: bool) -> Reporter:
    """The one that fits the options and stderr."""
    if as_json:
        return JsonReporter()
    if quiet:
        return SilentReporter()
    console = messages()
    return BarReporter(console) if console.is_terminal else LineReporter()


class SilentReporter:
    """Shows nothing."""

    def __enter__(self) -> SilentReporter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to end."""

    def show(self, event: events.Event) -> None:
        """Nothing."""


class JsonReporter(SilentReporter):
    """One event a line on stdout, without picture data."""

    def show(self, event: events.Event) -> None:
        """Prints the event at once."""
        print(json.dumps(events.event_to_dict(event)), flush=True)


class LineReporter(SilentReporter):
    """Plain lines on stderr: waiting, start, each quarter of the way, end."""

    def __init__(self) -> None:
        self._quarters = 0

    def show(self, event: events.Event) -> None:
        """Prints a line if the event is worth one."""
        line = self._line(event)
        if line:
            print(line, file=sys.stderr, flush=True)

    def _line(self, event: events.Event) -> str:
        match event:
            case events.Queued() if event.jobs_ahead:
                return f"Waiting: {ahead_text(event)}."
            case events.Started():
                return started_text(event)
            case events.Progress():
                quarters = event.iteration * 4 // event.iterations
                if quarters > self._quarters:
                    self._quarters = quarters
                    left = f", {duration_text(event.eta)} left" if event.eta else ""
                    step = f"{event.iteration}/{event.iterations}"
                    return f"{quarters * 25:3} %  iteration {step}, loss {event.loss:.3g}{left}"
            case events.Summary():
                return summary_text(event)
        return ""


class BarReporter:
    """A progress bar on stderr: iteration, loss, time left and device; the place in the queue while it waits."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[detail]}"),
            console=console,
            transient=True,
            expand=True,
        )
        self._task = self._bar.add_task("Sending", total=None, detail="")
        self._device = ""

    def __enter__(self) -> BarReporter:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Removes the bar."""
        self._bar.stop()

    def show(self, event: events.Event) -> None:
        """Moves the bar, or prints a line above it."""
        match event:
            case events.Queued():
                self._bar.update(self._task, description="Waiting", detail=ahead_text(event))
            case events.Started():
                self._device = event.device.split(" ")[0]
                self._console.print(escape(started_text(event)))
                self._bar.update(self._task, description="Painting", detail=self._device)
            case events.Progress():
                left = f"{duration_text(event.eta)} left  " if event.eta else ""
                self._bar.update(
                    self._task,
                    completed=event.iteration,
                    total=event.iterations,
                    detail=f"{event.iteration}/{event.iterations}  loss {event.loss:.3g}  {left}{self._device}",
                )
            case events.Summary():
                self._console.print(escape(summary_text(event)))


def ahead_text(event: events.Queued) -> str:
    """The place in the queue."""
    if event.jobs_ahead == 0:
        return "next in the queue"
    return "1 job ahead" if event.jobs_ahead == 1 else f"{event.jobs_ahead} jobs ahead"


def started_text(event: events.Started) -> str:
    """What the job does."""
    last = event.plan[-1] if event.plan else events.Level(0, 0, 0)
    iterations = sum(level.iterations for level in event.plan)
    return (
        f"Painting {last.width} x {last.height} pixels in {iterations} iterations on {event.device}, "
        f"preset {event.preset}, seed {event.seed}."
    )


def summary_text(event: events.Summary) -> str:
    """How it went, with the daemon's warnings."""
    memory = f", peak memory {event.peak_memory_bytes / 2**20:,.0f} MiB" if event.peak_memory_bytes else ""
    lines = [f"Painted in {duration_text(event.run_time)}, loss {event.loss:.3g}{memory}."]
    return "\n".join([*lines, *(f"Note: {warning}" for warning in event.warnings)])


def duration_text(seconds: float) -> str:
    """Such as "4.2 s", "1:05 min" or "2:03:40 h"."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02} h" if hours else f"{minutes}:{rest:02} min"
