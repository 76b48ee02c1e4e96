"""How watched folders look: a live table on a terminal, a line per photo elsewhere, JSON for programs."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Protocol

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from stylize.cli.progress import duration_text
from stylize.cli.terminal import messages, results
from stylize.hotfolder import reports
from stylize.hotfolder.preview import Plan
from stylize.hotfolder.reports import printable
from stylize.hotfolder.status import FolderStatus

_STOP_WORDS = {
    1: "Ending: photos under the brush are finished. Once more ends at once; nothing is lost either way.",
    2: "Ending at once; what was under the brush is painted next time.",
}
_BAR_WIDTH = 30


class View(Protocol):
    """Something that is shown what happens."""

    def __enter__(self) -> View: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def show(self, report: reports.Report) -> None:
        """Shows a report."""
        ...

    def stopping(self, asked: int) -> None:
        """Says that the end was asked for, for the `asked`th time. Called by a signal handler: it may not wait."""
        ...


def choose_view(folders: Sequence[Path], *, as_json: bool) -> View:
    """The one that fits the options and stderr."""
    if as_json:
        return JsonView()
    console = messages()
    return LiveView(console, folders) if console.is_terminal else LineView(folders)


class JsonView:
    """One event a line on stdout."""

    def __enter__(self) -> JsonView:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to end."""

    def show(self, report: reports.Report) -> None:
        """Prints the event at once."""
        print(json.dumps(reports.report_to_dict(report), ensure_ascii=False), flush=True)

    def stopping(self, asked: int) -> None:
        """Nothing: the end itself tells."""


class LineView:
    """A line for each photo that is done with on stdout; what is waited for on stderr."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._names = _Names(folders)

    def __enter__(self) -> LineView:
        for folder in self._names.folders:
            print(f"Watching {folder}", file=sys.stderr, flush=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to end."""

    def show(self, report: reports.Report) -> None:
        """Prints a line if the report is worth one."""
        line = _line(report, self._names)
        if line:
            is_result = isinstance(report, reports.Painted | reports.Repeated | reports.Failed)
            stamp = datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
            print(f"{stamp} {line}", file=sys.stdout if is_result else sys.stderr, flush=True)

    def stopping(self, asked: int) -> None:
        """Says so, unless something else is just being said."""
        if asked in _STOP_WORDS:
            sys.stderr.write(_STOP_WORDS[asked] + "\n")


class LiveView:
    """A table that shows what is being painted and how far it is; what is done with scrolls by above it."""

    def __init__(self, console: Console, folders: Sequence[Path]) -> None:
        self._console = console
        self._names = _Names(folders)
        self._lock = threading.Lock()
        self._counts: dict[Path, reports.Counted] = {}
        self._rows: dict[tuple[Path, str], reports.Taken | reports.Queued | reports.Progressed] = {}
        self._troubles: dict[tuple[Path | None, str], reports.Trouble] = {}
        self._began = time.monotonic()
        self._ends: list[float] = []
        self._asked = 0
        self._spinner = Spinner("dots")
        self._live = Live(console=console, get_renderable=self.table, refresh_per_second=5, transient=True)

    def __enter__(self) -> LiveView:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Removes the table."""
        self._live.stop()

    def show(self, report: reports.Report) -> None:
        """Changes the table, or prints a line above it."""
        with self._lock:
            self._change(report)
        line = _line(report, self._names, rich=True)
        if line:
            self._live.console.print(f"[dim]{datetime.now():%H:%M:%S}[/]  {line}")

    def stopping(self, asked: int) -> None:
        """The next refresh says so."""
        self._asked = asked

    def _change(self, report: reports.Report) -> None:
        match report:
            case reports.Counted():
                self._counts[report.folder] = report
            case reports.Taken() | reports.Queued() | reports.Progressed():
                self._rows[(report.folder, report.photo)] = report
            case reports.Painted() | reports.Repeated() | reports.Failed() | reports.Postponed():
                self._rows.pop((report.folder, report.photo), None)
                if isinstance(report, reports.Painted):
                    self._ends = [*self._ends[-20:], time.monotonic()]
            case reports.Trouble():
                self._troubles[(report.folder, report.kind)] = report
            case reports.TroubleOver():
                self._troubles.pop((report.folder, report.kind), None)

    def table(self) -> RenderableType:
        """What is shown below the lines, as things are."""
        with self._lock:
            parts: list[RenderableType] = [self._folder_table()]
            if self._rows:
                parts.append(self._photo_table())
            for trouble in self._troubles.values():
                parts.append(Text.from_markup(f"[yellow]! {escape(trouble.message)}[/]\n  {escape(trouble.remedy)}"))
            if self._asked:
                parts.append(Text(_STOP_WORDS[min(self._asked, 2)], "bold"))
            elif not self._rows and not self._troubles:
                parts.append(Text("Drop photos into in/ and collect the paintings from out/. Ctrl-C ends it.", "dim"))
        return Group("", *parts)

    def _folder_table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        for folder in self._names.folders:
            counted = self._counts.get(folder, reports.Counted(folder, 0, 0, 0, 0))
            table.add_row(f"[bold]{escape(_short(folder))}[/]", *_counts(counted), self._time_left(counted))
        return table

    def _time_left(self, counted: reports.Counted) -> str:
        left = counted.waiting + counted.painting
        if not left or len(self._ends) < 2:
            return ""
        pace = (self._ends[-1] - self._ends[0]) / (len(self._ends) - 1)
        return f"[dim]about {duration_text(left * pace)} left[/]"

    def _photo_table(self) -> Table:
        table = Table.grid(padding=(0, 2), expand=False)
        table.add_column(width=2)
        table.add_column(max_width=max(20, self._console.width // 2 - 10), overflow="ellipsis", no_wrap=True)
        table.add_column(width=_BAR_WIDTH)
        table.add_column(no_wrap=True)
        for (folder, photo), report in self._rows.items():
            name = self._names.of(folder, photo)
            match report:
                case reports.Progressed():
                    left = f"  {duration_text(report.eta)} left" if report.eta else ""
                    bar = ProgressBar(report.iterations, report.iteration, width=_BAR_WIDTH)
                    table.add_row(self._spinner, name, bar, f"{report.iteration}/{report.iterations}{left}")
                case reports.Queued() if report.jobs_ahead:
                    table.add_row("", name, "[dim]in the daemon's queue[/]", f"[dim]{report.jobs_ahead} ahead[/]")
                case reports.Queued():
                    table.add_row("", name, "[dim]next in the queue[/]", "")
                case _:
                    table.add_row("", name, "[dim]getting ready[/]", "")
        return table


class _Names:
    """How photos are called: by their path in `in/`, after their folder's name if there are several."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self.folders = folders

    def of(self, folder: Path, photo: str) -> str:
        """The name of a photo."""
        name = printable(photo)
        return name if len(self.folders) == 1 else f"{printable(folder.name)}: {name}"


def _line(report: reports.Report, names: _Names, *, rich: bool = False) -> str:
    """A line about it, or "". rich: with markup."""

    def mark(text: str, style: str) -> str:
        return f"[{style}]{escape(text)}[/]" if rich else text

    def plain(text: str) -> str:
        return escape(text) if rich else text

    match report:
        case reports.Painted():
            name = plain(names.of(report.folder, report.photo))
            notes = "".join(f" Note: {note}" for note in report.notes)
            took = mark(f"({duration_text(report.seconds)})", "dim")
            return f"{mark('painted', 'green')}  {name} -> {plain(printable(report.output))}  {took}{plain(notes)}"
        case reports.Repeated():
            name = plain(names.of(report.folder, report.photo))
            return f"{mark('known', 'cyan')}    {name} was painted before: {plain(printable(report.output))}"
        case reports.Failed():
            name = plain(names.of(report.folder, report.photo))
            why = plain(f"{report.message} {report.remedy} It is in {printable(report.kept)}")
            return f"{mark('failed', 'bold red')}   {name}: {why}"
        case reports.Postponed() if report.message:
            name = plain(names.of(report.folder, report.photo))
            return f"{mark('again', 'yellow')}    {name} will be taken again: {plain(report.message)}"
        case reports.Refused():
            name = plain(names.of(report.folder, report.photo))
            return f"{mark('left', 'yellow')}     {name} stays where it is: {plain(report.message)}"
        case reports.Trouble() if not rich:
            return f"waiting  {report.message} {report.remedy}"
        case reports.TroubleOver() if not rich:
            return "goes on" if report.folder is None else f"goes on  {report.folder}"
    return ""


def print_status(found: Sequence[FolderStatus]) -> None:
    """For each folder its counts, what it waits for, and the last errors."""
    console = results()
    for status in found:
        watched = f"watched by process {status.watcher_pid}" if status.watcher_pid else "[yellow]not watched[/]"
        console.print(f"[bold]{escape(_short(status.folder))}[/]  {watched}", soft_wrap=True)
        pace = f"[dim]{status.per_hour:,.0f} an hour[/]" if status.per_hour else ""
        left = f"[dim]about {duration_text(status.eta)} left[/]" if status.eta else ""
        console.print("  " + "   ".join(filter(None, [*_counts(status), pace, left])))
        for trouble in status.troubles:
            console.print(f"  [yellow]! {escape(trouble.message)}[/] [dim]since {_moment(trouble.since)}[/]")
        for failure in status.last_errors:
            message = failure.message.splitlines()[0] if failure.message else ""
            name = escape(printable(failure.photo))
            console.print(f"  [dim]{_moment(failure.when)}[/]  {name}: {escape(message)}", soft_wrap=True)


def print_plans(plans: Sequence[Plan]) -> None:
    """What would be done with each entry of `in/`."""
    if not plans:
        print("There is nothing in in/.")
        return
    table = Table("Photo", "What", "Painting", "Style", box=box.SIMPLE_HEAD)
    verbs = {"paint": "paint", "repeat": "[cyan]painted before[/]", "wait": "wait", "refuse": "[yellow]leave[/]"}
    for plan in plans:
        where = printable(plan.output) if plan.output else plan.why
        table.add_row(escape(printable(plan.photo)), verbs[plan.action], escape(where), escape(plan.style))
    results().print(table)


def _counts(counted: reports.Counted | FolderStatus) -> list[str]:
    return [
        f"{counted.waiting} waiting",
        f"{counted.painting} under way",
        f"[green]{counted.done} done[/]" if counted.done else "[dim]0 done[/]",
        f"[bold red]{counted.failed} failed[/]" if counted.failed else "[dim]0 failed[/]",
    ]


def _short(folder: Path) -> str:
    home = Path.home()
    return printable(f"~/{folder.relative_to(home)}" if folder.is_relative_to(home) else str(folder))


def _moment(when: float) -> str:
    then = datetime.fromtimestamp(when).astimezone()
    today = then.date() == datetime.now().astimezone().date()
    return f"{then:%H:%M:%S}" if today else f"{then:%Y-%m-%d %H:%M}"
