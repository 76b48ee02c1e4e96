"""One run of a command that paints: how it is shown, and what it ends with."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from neuralstyle.v1.reasons import LocalExit
from stylize.cli.orders import Refused
from stylize.cli.painting import Order, Reporter, Saved, Tally, paint_all
from stylize.cli.progress import choose_reporter, duration_text
from stylize.cli.terminal import connected, messages
from stylize.errors import OutputUnwritable, StylizeError
from stylize.events import Event, Frame
from stylize.saving import check_output, format_of, write_whole


@dataclass(frozen=True)
class Session:
    """How a command shows what it does."""

    as_json: bool = False
    quiet: bool = False
    preview: bool = False
    """Show frames in the terminal."""
    preview_file: Path | None = None
    """A file that is rewritten with each frame."""
    open_after: bool = False
    """Show the paintings in the desktop's viewer at the end."""
    thing: str = "photo"
    """What several orders are counted in."""

    @property
    def wants_frames(self) -> bool:
        """True if frames are of use."""
        return bool(self.preview or self.preview_file)

    def say(self, text: str) -> None:
        """A line on stderr, unless only results are wanted."""
        if not (self.quiet or self.as_json):
            print(text, file=sys.stderr, flush=True)

    def show(self, paths: Sequence[Path]) -> None:
        """Opens what was made in the desktop's viewer, if that was asked for."""
        if self.open_after:
            _open(paths, self)


def check_preview_file(path: Path | None, overwrite: bool) -> None:
    """Raises OutputExists or OutputUnwritable."""
    if path is not None:
        check_output(path, overwrite)


def run(
    orders: Sequence[Order],
    session: Session,
    refused: Sequence[Refused] = (),
    *,
    assemble: Callable[[Tally], Path | None] | None = None,
) -> None:
    """Paints everything, and tells how it went.

    refused: what cannot be painted, told among the failures. assemble: makes one file of all paintings, of which none
    is saved by itself, and gives its path. Raises the error of a single painting; typer.Exit with an
    exit code if something of several is missing: that of the failures if they have one in common, else 1, and 130 if
    Ctrl-C left something out.
    """
    begun = time.monotonic()
    tally = Tally()
    count = len(orders) + len(refused)
    if orders:
        display = _Display(_reporter(session, count), session.preview_file)
        with connected(quiet=session.quiet or session.as_json) as client, display:
            _tell_refused(refused, display)
            tally = paint_all(client, orders, display)
    else:
        _tell_refused(refused, _reporter(session, count))
    whole = assemble(tally) if assemble else None
    failed = [*((each.name, each.error) for each in refused), *((order.name, error) for order, error in tally.failed)]
    if count == 1 and failed:
        raise failed[0][1]
    if count > 1:
        _tell_tally(tally, failed, count, session, time.monotonic() - begun)
    paths = [saved.path for _, saved in tally.saved if saved]
    if whole:
        paths.append(whole)
        print(json.dumps({"event": "saved", "path": str(whole.absolute())}) if session.as_json else whole, flush=True)
    session.show(paths)
    _exit(tally, [error for _, error in failed], session)


def _reporter(session: Session, count: int) -> Reporter:
    if session.preview and not (session.as_json or session.quiet):
        from stylize.cli.preview import preview_reporter

        shown = preview_reporter(messages(), count)
        if shown is not None:
            return shown
        session.say("Note: no preview, because this is no terminal that can show one.")
    return choose_reporter(as_json=session.as_json, quiet=session.quiet, count=count, thing=session.thing)


def _tell_refused(refused: Sequence[Refused], reporter: Reporter) -> None:
    for each in refused:
        reporter.failed(each.name, each.error)


def _tell_tally(
    tally: Tally, failed: Sequence[tuple[str, StylizeError]], count: int, session: Session, seconds: float
) -> None:
    if session.as_json:
        numbers = {"painted": len(tally.saved), "failed": len(failed), "left": len(tally.left)}
        print(json.dumps({"event": "end", **numbers}), flush=True)
        return
    text = f"Painted {len(tally.saved)} of {count} {session.thing}s in {duration_text(seconds)}."
    if failed:
        text += f" Failed: {', '.join(name for name, _ in failed)}."
    if tally.left:
        text += f" Not painted: {len(tally.left)}."
    session.say(text)


def _exit(tally: Tally, errors: Sequence[StylizeError], session: Session) -> None:
    if tally.interrupts and tally.left:
        if not session.as_json:
            print("Interrupted.", file=sys.stderr)
        raise typer.Exit(LocalExit.INTERRUPTED)
    if errors:
        codes = {error.exit_code for error in errors}
        raise typer.Exit(codes.pop() if len(codes) == 1 else LocalExit.FAILURE)


def _open(paths: Sequence[Path], session: Session) -> None:
    """Opens one painting, or of several the folder of the first."""
    if not paths:
        return
    target = paths[0] if len(paths) == 1 else paths[0].parent
    try:
        opened = typer.launch(str(target.absolute())) == 0
    except OSError:
        opened = False
    if not opened:
        session.say(f"Note: no program was found to show {target}.")


class _Display:
    """A reporter, and with it a picture file that always shows the newest frame."""

    def __init__(self, reporter: Reporter, path: Path | None) -> None:
        self._reporter = reporter
        self._path = path

    def __enter__(self) -> _Display:
        self._reporter.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._reporter.__exit__(*error)

    def show(self, order: Order, event: Event) -> None:
        """Rewrites the file. If that fails it is told once, and the painting goes on."""
        if self._path and isinstance(event, Frame):
            try:
                write_whole(self._path, event.encoded(format_of(self._path)), overwrite=True)
            except OutputUnwritable as error:
                self._path = None
                self.say(f"Note: no more previews: {error}")
        self._reporter.show(order, event)

    def saved(self, order: Order, saved: Saved | None) -> None:
        self._reporter.saved(order, saved)

    def failed(self, name: str, error: StylizeError) -> None:
        self._reporter.failed(name, error)

    def waits(self, order: Order, error: StylizeError) -> None:
        self._reporter.waits(order, error)

    def say(self, text: str) -> None:
        self._reporter.say(text)
