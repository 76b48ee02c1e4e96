"""Showing jobs while they run: bars on a terminal, a few lines elsewhere, JSON for programs, or nothing.

Paths of paintings go to stdout, one a line; everything else to stderr.
"""

from __future__ import annotations

import json
import sys
import time

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

from stylize import events
from stylize.cli.failures import error_event, error_text
from stylize.cli.painting import Order, Reporter, Saved
from stylize.cli.terminal import messages
from stylize.errors import StylizeError

NAME_WIDTH = 24
"""Characters of a photo's name beside its bar."""


def choose_reporter(*, as_json: bool, quiet: bool, count: int = 1, thing: str = "photo") -> Reporter:
    """The one that fits the options, stderr and how many paintings there are."""
    if as_json:
        return JsonReporter(several=count > 1)
    if quiet:
        return SilentReporter(several=count > 1)
    console = messages()
    if count == 1:
        return BarReporter(console) if console.is_terminal else LineReporter()
    return BarsReporter(console, count, thing) if console.is_terminal else LinesReporter(count)


class SilentReporter:
    """Shows nothing but the paths of paintings, and, of several photos, those that fail: one ends with its error."""

    def __init__(self, *, several: bool = False) -> None:
        self._several = several

    def __enter__(self) -> SilentReporter:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to end."""

    def show(self, order: Order, event: events.Event) -> None:
        """Nothing."""

    def saved(self, order: Order, saved: Saved | None) -> None:
        """The path on stdout."""
        if saved is not None:
            print(saved.path, flush=True)

    def failed(self, name: str, error: StylizeError) -> None:
        """A line for each of several."""
        if self._several:
            print(failure_text(name, error), file=sys.stderr, flush=True)

    def waits(self, order: Order, error: StylizeError) -> None:
        """Nothing."""

    def say(self, text: str) -> None:
        """A line: what stops or keeps something must not go unseen."""
        print(text, file=sys.stderr, flush=True)


class JsonReporter:
    """One event a line on stdout, without picture data, each with the photo that it is of."""

    def __init__(self, *, several: bool) -> None:
        self._several = several

    def __enter__(self) -> JsonReporter:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to end."""

    def show(self, order: Order, event: events.Event) -> None:
        """Prints the event at once."""
        self._print(order.name, events.event_to_dict(event))

    def saved(self, order: Order, saved: Saved | None) -> None:
        """The event `saved`, with the absolute path, and those of what was recorded."""
        if saved is not None:
            event: dict[str, object] = {"event": "saved", "path": str(saved.path.absolute())}
            if saved.recorded:
                event["recorded"] = [str(path.absolute()) for path in saved.recorded]
            self._print(order.name, event)

    def failed(self, name: str, error: StylizeError) -> None:
        """The event `error` for each of several; the command ends with that of a single one."""
        if self._several:
            self._print(name, error_event(error))

    def waits(self, order: Order, error: StylizeError) -> None:
        """The event `note`."""
        self._print(order.name, {"event": "note", "text": str(error)})

    def say(self, text: str) -> None:
        """The event `note`, of no photo."""
        print(json.dumps({"event": "note", "text": text}), flush=True)

    def _print(self, name: str, event: dict[str, object]) -> None:
        print(json.dumps({**event, "photo": name}), flush=True)


class LineReporter(SilentReporter):
    """Plain lines on stderr: waiting, start, each quarter of the way, end."""

    def __init__(self) -> None:
        super().__init__()
        self._quarters = 0

    def show(self, order: Order, event: events.Event) -> None:
        """Prints a line if the event is worth one."""
        line = self._line(event)
        if line:
            self.say(line)

    def saved(self, order: Order, saved: Saved | None) -> None:
        """The path, and notes."""
        for note in saved.notes if saved else ():
            self.say(f"Note: {note}")
        super().saved(order, saved)

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
                    return f"{quarters * 25:3} %  iteration {step}{_loss_text(event)}{left}"
            case events.Summary():
                return summary_text(event)
        return ""


class LinesReporter(SilentReporter):
    """A line for each of several paintings when it is done."""

    def __init__(self, count: int) -> None:
        super().__init__(several=True)
        self._count = count
        self._done = 0
        self._times: dict[str, float] = {}

    def show(self, order: Order, event: events.Event) -> None:
        """Only what the daemon warns of."""
        if isinstance(event, events.Summary):
            self._times[order.name] = event.run_time
            for warning in event.warnings:
                self.say(f"Note: {order.name}: {warning}")

    def saved(self, order: Order, saved: Saved | None) -> None:
        """A line, and the path on stdout."""
        self._done += 1
        self.say(f"[{self._done}/{self._count}] {order.name} in {duration_text(self._times.pop(order.name, 0.0))}")
        for note in saved.notes if saved else ():
            self.say(f"Note: {order.name}: {note}")
        super().saved(order, saved)

    def failed(self, name: str, error: StylizeError) -> None:
        """A line."""
        self._done += 1
        self.say(f"[{self._done}/{self._count}] {failure_text(name, error)}")

    def waits(self, order: Order, error: StylizeError) -> None:
        """A line."""
        self.say(waiting_text(order, error))


class _Bars:
    """Bars on stderr that do not disturb what goes to stdout, be it the same terminal or a pipe."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[detail]}"),
            console=console,
            transient=True,
            expand=True,
            redirect_stdout=False,
        )

    def __exit__(self, *_: object) -> None:
        """Removes the bars."""
        self._bars.stop()

    def saved(self, order: Order, saved: Saved | None) -> None:
        """The path, above the bars if stdout is this terminal, too."""
        for note in saved.notes if saved else ():
            self.say(f"Note: {note}")
        if saved is None:
            return
        if sys.stdout.isatty():
            self._console.print(escape(str(saved.path)), soft_wrap=True)
        else:
            print(saved.path, flush=True)

    def waits(self, order: Order, error: StylizeError) -> None:
        """A line above the bars."""
        self.say(waiting_text(order, error))

    def say(self, text: str) -> None:
        """A line above the bars."""
        self._console.print(escape(text))


class BarReporter(_Bars):
    """One painting's bar: iteration, loss, time left and device; the place in the queue while it waits."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._task = self._bars.add_task("Sending", total=None, detail="")
        self._device = ""

    def __enter__(self) -> BarReporter:
        self._bars.start()
        return self

    def show(self, order: Order, event: events.Event) -> None:
        """Moves the bar, or prints a line above it."""
        match event:
            case events.Queued():
                self._bars.update(self._task, description="Waiting", detail=ahead_text(event))
            case events.Started():
                self._device = event.device.split(" ")[0]
                self.say(started_text(event))
                self._bars.update(self._task, description="Painting", detail=self._device)
            case events.Progress():
                self._bars.update(
                    self._task,
                    completed=event.iteration,
                    total=event.iterations,
                    detail=f"{progress_text(event)}  {self._device}",
                )
            case events.Summary():
                self.say(summary_text(event))

    def failed(self, name: str, error: StylizeError) -> None:
        """Nothing: the command ends with it."""


class BarsReporter(_Bars):
    """A bar for all of several paintings, and one for each that is in flight."""

    def __init__(self, console: Console, count: int, thing: str) -> None:
        super().__init__(console)
        self._count = count
        self._thing = thing
        self._done = 0
        self._painted = 0
        self._begun = time.monotonic()
        self._all = self._bars.add_task(f"0/{count} {thing}s", total=count, detail="")
        self._tasks = {}

    def __enter__(self) -> BarsReporter:
        self._bars.start()
        return self

    def show(self, order: Order, event: events.Event) -> None:
        """Moves the bar of this painting."""
        if order.name not in self._tasks:
            self._tasks[order.name] = self._bars.add_task(escape(short_name(order.name)), total=1, detail="")
        task = self._tasks[order.name]
        match event:
            case events.Queued():
                self._bars.update(task, detail="waiting")
            case events.Progress():
                self._bars.update(task, completed=event.iteration, total=event.iterations, detail=progress_text(event))
            case events.Summary():
                for warning in event.warnings:
                    self.say(f"Note: {order.name}: {warning}")

    def saved(self, order: Order, saved: Saved | None) -> None:
        """The path; the painting's bar goes."""
        self._painted += 1
        self._end(order.name)
        super().saved(order, saved)

    def failed(self, name: str, error: StylizeError) -> None:
        """A line; the painting's bar goes."""
        self._end(name)
        self._console.print(f"[red]Failed[/] {escape(failure_text(name, error))}", soft_wrap=True)

    def _end(self, name: str) -> None:
        self._done += 1
        if name in self._tasks:
            self._bars.remove_task(self._tasks.pop(name))
        left = (time.monotonic() - self._begun) / max(1, self._painted) * (self._count - self._done)
        self._bars.update(
            self._all,
            completed=self._done,
            description=f"{self._done}/{self._count} {self._thing}s",
            detail=f"{duration_text(left)} left" if self._painted else "",
        )


def failure_text(name: str, error: StylizeError) -> str:
    """What failed, why, and what to do, on one line."""
    return f"{name}: {error_text(error)}"


def waiting_text(order: Order, error: StylizeError) -> str:
    """That the daemon has no room for it yet."""
    return f"{order.name} waits: {error}"


def short_name(name: str) -> str:
    """The end of a path, which tells more than its beginning."""
    return name if len(name) <= NAME_WIDTH else "…" + name[1 - NAME_WIDTH :]


def progress_text(event: events.Progress) -> str:
    """Step, loss and time left."""
    left = f"  {duration_text(event.eta)} left" if event.eta else ""
    return f"{event.iteration}/{event.iterations}{_loss_text(event, '  ')}{left}"


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
    lines = [f"Painted in {duration_text(event.run_time)}{_loss_text(event)}{memory}."]
    return "\n".join([*lines, *(f"Note: {warning}" for warning in event.warnings)])


def _loss_text(event: events.Progress | events.Summary, before: str = ", ") -> str:
    """Such as ", loss 0.12"; nothing where there is no objective, as in a feature visualisation."""
    return f"{before}loss {event.loss:.3g}" if event.terms else ""


def duration_text(seconds: float) -> str:
    """Such as "4.2 s", "1:05 min" or "2:03:40 h"."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02} h" if hours else f"{minutes}:{rest:02} min"
