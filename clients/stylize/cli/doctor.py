"""`stylize doctor`: every link of the chain from this program to a ready daemon, with the next step for each."""

from __future__ import annotations

from typing import Annotated

import typer


def doctor(
    start: Annotated[
        bool, typer.Option("--start/--no-start", help="Start the daemon if none runs, to see whether it can.")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check the whole chain, and say what to do about what fails."""
    from dataclasses import asdict

    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from stylize.cli.terminal import patience, print_json, results
    from stylize.diagnosis import examine

    with patience("Checking", quiet=as_json):
        checks = examine(start=start)
    failed = [check for check in checks if not check.ok]
    if as_json:
        print_json([asdict(check) for check in checks])
    else:
        table = Table("", "Check", "Found", box=box.SIMPLE_HEAD)
        for check in checks:
            verdict = "[green]OK[/]" if check.ok else "[bold red]FAIL[/]"
            table.add_row(verdict, check.name, escape(check.found))
        console = results()
        console.print(table)
        for check in failed:
            console.print(f"[bold]{check.name}[/]: {escape(check.remedy)}")
        if not failed:
            console.print("All is well.")
    if failed:
        raise typer.Exit(1)
