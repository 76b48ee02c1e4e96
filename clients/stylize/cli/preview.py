"""Showing a painting in the terminal while it forms: a picture that is redrawn in its place, and a line under it.

Drawn without rich's live display, which would repaint the picture with each turn of a spinner. The cursor rests at the
beginning of the line under the picture. A picture of another size, or one after other text, begins below.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from rich.color import ColorSystem
from rich.console import Console

from stylize import events
from stylize.cli.painting import Order, Saved
from stylize.cli.progress import (
    ahead_text,
    failure_text,
    progress_text,
    short_name,
    started_text,
    summary_text,
    waiting_text,
)
from stylize.cli.terminal_graphics import draw, fit_cells
from stylize.cli.terminal_query import Terminal, examine_terminal, forget_answers
from stylize.errors import StylizeError

MOST_COLUMNS = 80
MOST_ROWS = 28
BAR_CELLS = 20
_COLOUR_SYSTEMS = {
    "standard": ColorSystem.STANDARD,
    "256": ColorSystem.EIGHT_BIT,
    "truecolor": ColorSystem.TRUECOLOR,
}


def preview_reporter(
    console: Console, count: int, examine: Callable[[], Terminal] = examine_terminal
) -> PreviewReporter | None:
    """A reporter that shows frames, or None where none can be seen: no terminal, or one without colours."""
    if not console.is_terminal or console.is_dumb_terminal or console.color_system not in _COLOUR_SYSTEMS:
        return None
    return PreviewReporter(console, count, examine())


class PreviewReporter:
    """Shows the newest frame of whatever is painted, in the terminal behind `console`."""

    def __init__(self, console: Console, count: int, terminal: Terminal) -> None:
        self._console = console
        self._count = count
        self._terminal = terminal
        self._colours = _COLOUR_SYSTEMS[str(console.color_system)]
        self._done = 0
        self._rows = 0
        """Rows of the picture above the cursor; 0 if the next one begins anew."""
        self._shown: tuple[str, int, int] | None = None
        """Photo, columns and rows of that picture."""
        self._number = 1
        self._line = ""
        self._notice = ""
        """Stands in the line under the picture in place of the progress."""

    def __enter__(self) -> PreviewReporter:
        return self

    def __exit__(self, *_: object) -> None:
        """Leaves the last picture, without the line under it."""
        self._write("\r\x1b[K")
        if not self._terminal.answered:
            forget_answers()

    def show(self, order: Order, event: events.Event) -> None:
        """Draws a frame or the painting, or brings the line up to date."""
        match event:
            case events.Queued() if not self._rows:
                self._set_line(f"Waiting: {ahead_text(event)}")
            case events.Started() if self._count == 1:
                self._print(started_text(event))
            case events.Frame():
                self._draw(order, event.image())
            case events.Result():
                self._draw(order, _on_gray(event.image()))
            case events.Progress():
                self._set_line(self._notice or self._progress_line(order, event))
            case events.Summary() if self._count == 1:
                self._print(summary_text(event))

    def saved(self, order: Order, saved: Saved | None) -> None:
        """Tells where the painting is."""
        self._done += 1
        for note in saved.notes if saved else ():
            self._print(f"Note: {note}")
        if saved is None:
            return
        if sys.stdout.isatty():
            self._print(str(saved.path))
        else:
            print(saved.path, flush=True)

    def failed(self, name: str, error: StylizeError) -> None:
        """Of several, the line that tells it; of one, the command ends with it."""
        self._done += 1
        if self._count > 1:
            self._print(failure_text(name, error))

    def waits(self, order: Order, error: StylizeError) -> None:
        """As what is said meanwhile."""
        self.say(waiting_text(order, error))

    def say(self, text: str) -> None:
        """Under the picture, until that is done; else a line of its own."""
        if self._rows:
            self._notice = text
            self._set_line(text)
        else:
            self._print(text)

    def _print(self, text: str) -> None:
        """A line of its own. The next picture comes below it."""
        self._write(f"\r\x1b[K{text}\n")
        self._rows, self._line, self._notice = 0, "", ""

    def _draw(self, order: Order, image: Image.Image) -> None:
        width, height = self._console.size
        most = min(MOST_COLUMNS, width - 1), min(MOST_ROWS, height - 3)
        if min(most) < 1:
            return
        columns, rows = fit_cells(image.size, most, self._terminal.cell)
        codes = "\r\x1b[K"
        if self._rows == 0 or self._shown != (order.name, columns, rows):
            self._number += 1
            codes += "\n" * rows  # makes room, scrolling if need be
        codes += f"\x1b[{rows}A"
        codes += draw(image.convert("RGB"), columns, rows, self._terminal, self._colours, self._number)
        codes += f"\x1b[{rows}B\r"
        self._rows, self._shown = rows, (order.name, columns, rows)
        self._write(codes)
        self._set_line(self._line)

    def _progress_line(self, order: Order, event: events.Progress) -> str:
        done = round(BAR_CELLS * event.iteration / event.iterations)
        bar = "━" * done + "┄" * (BAR_CELLS - done)
        place = f"{self._done + 1}/{self._count} {short_name(Path(order.name).name)}  " if self._count > 1 else ""
        return f"{place}{bar} {progress_text(event)}"

    def _set_line(self, text: str) -> None:
        self._line = text[: self._console.size.width - 1]
        self._write(f"\r\x1b[K{self._line}\r")

    def _write(self, codes: str) -> None:
        self._console.file.write(codes)
        self._console.file.flush()


def _on_gray(image: Image.Image) -> Image.Image:
    """What is transparent, on gray: a terminal's ground may be black or white."""
    if image.mode != "RGBA":
        return image
    return Image.alpha_composite(Image.new("RGBA", image.size, "gray"), image).convert("RGB")
