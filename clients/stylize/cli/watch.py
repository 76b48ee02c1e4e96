"""`stylize watch`: hot folders."""

from __future__ import annotations

import shlex
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stylize.hotfolder.timing import SPARE_SEATS, Timing

if TYPE_CHECKING:
    from stylize.hotfolder.layout import HotFolder
    from stylize.hotfolder.service import WatchService

CLIENT_NAME = "watch"


def watch(
    folders: Annotated[list[Path], typer.Argument(metavar="FOLDER...", help="Hot folders.", show_default=False)],
    init: Annotated[bool, typer.Option("--init", help="Make them hot folders, and say what to do next.")] = False,
    once: Annotated[bool, typer.Option("--once", help="Paint what is there, and end (for cron).")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be painted, and do nothing.")] = False,
    status: Annotated[bool, typer.Option("--status", help="Show counts, rate, time left and the last errors.")] = False,
    systemd: Annotated[bool, typer.Option("--systemd", help="Print a systemd user unit that watches them.")] = False,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs",
            "-j",
            metavar="N",
            min=1,
            help=f"Photos sent to the daemon at a time, at most; {SPARE_SEATS} more than it has workers unless told"
            " otherwise.",
        ),
    ] = None,
    settle: Annotated[
        float,
        typer.Option(metavar="SECONDS", min=0.0, help="How long a file must stand still before it is taken."),
    ] = Timing.settle,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: one event a line, or one document.")] = False,
) -> None:
    """Paint every photo that is dropped into FOLDER/in; the paintings appear in FOLDER/out."""
    from stylize.cli.failures import errors_as_events
    from stylize.hotfolder.layout import find

    if sum((init, once, dry_run, status, systemd)) > 1:
        raise typer.BadParameter("Only one of --init, --once, --dry-run, --status and --systemd at a time.")
    if init:
        _init(folders)
        return
    with errors_as_events(as_json):
        found = [find(folder) for folder in folders]
        if status:
            _status(found, as_json=as_json)
        elif dry_run:
            _dry_run(found, settle, as_json=as_json)
        elif systemd:
            _systemd(found)
        else:
            _watch(found, jobs, settle, once=once, as_json=as_json)


def _watch(folders: list[HotFolder], jobs: int | None, settle: float, *, once: bool, as_json: bool) -> None:
    from stylize.cli.watching import choose_view
    from stylize.hotfolder.service import WatchService, connector

    with choose_view([folder.root for folder in folders], as_json=as_json) as view:
        service = WatchService(
            folders, connector(CLIENT_NAME), view.show, seats=jobs, timing=Timing.of(settle), once=once
        )
        _stop_on_signals(service, view.stopping)
        service.run()
    if once and any(totals.failed for totals in service.totals.values()):
        raise typer.Exit(1)


def _stop_on_signals(service: WatchService, tell: Callable[[int], None]) -> None:
    """Ctrl-C and SIGTERM end gently, a second one at once."""
    asked = 0

    def stop(number: int, frame: object) -> None:
        nonlocal asked
        asked += 1
        service.stop()
        tell(asked)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)


def _init(paths: list[Path]) -> None:
    from stylize.hotfolder.layout import create

    for path in paths:
        create(path)
        print(f"{path} is a hot folder.")
        print(f"  {path}/style.toml  says what the paintings look like; your own style pictures go into {path}/styles/")
        print(f"  {path}/in/         takes photos, {path}/out/ gives their paintings")
    print(f"Now run: stylize watch {shlex.join(map(str, paths))}")


def _systemd(folders: list[HotFolder]) -> None:
    from stylize.hotfolder.systemd import UNIT_NAME, unit_text

    print(unit_text([folder.root for folder in folders]), end="")
    print(
        f"Save this as ~/.config/systemd/user/{UNIT_NAME}, then: systemctl --user enable --now {UNIT_NAME}\n"
        "To have it run while you are not logged in: loginctl enable-linger",
        file=sys.stderr,
    )


def _status(folders: list[HotFolder], *, as_json: bool) -> None:
    from dataclasses import asdict

    from stylize.cli.terminal import print_json
    from stylize.cli.watching import print_status
    from stylize.hotfolder.reports import plain_names
    from stylize.hotfolder.status import status_of

    found = [status_of(folder) for folder in folders]
    if as_json:
        print_json([plain_names(asdict(status)) for status in found])
    else:
        print_status(found)


def _dry_run(folders: list[HotFolder], settle: float, *, as_json: bool) -> None:
    from dataclasses import asdict

    from stylize.cli.terminal import print_json
    from stylize.cli.watching import print_plans
    from stylize.client import Client
    from stylize.errors import StylizeError
    from stylize.hotfolder.layout import check_apart
    from stylize.hotfolder.preview import plans_for
    from stylize.hotfolder.reports import plain_names

    check_apart(folders)
    builtin = None
    try:
        with Client.connect(start=False, client_name=CLIENT_NAME) as client:
            builtin = {style.name for style in client.styles()}
    except StylizeError:
        if not as_json:
            print("The daemon does not run: names of built-in styles are taken on trust.", file=sys.stderr)
    plans = [plan for folder in folders for plan in plans_for(folder, builtin, settle)]
    if as_json:
        print_json([plain_names(asdict(plan)) for plan in plans])
    else:
        print_plans(plans)
