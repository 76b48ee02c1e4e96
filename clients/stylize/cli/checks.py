"""How checks look: a table, and under it what to do about those that failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from stylize.diagnosis import Check


def tell_checks(checks: list[Check], *, as_json: bool) -> None:
    """Prints them, and ends the command with exit code 1 if one failed."""
    from dataclasses import asdict

    from stylize.cli.terminal import print_json

    failed = [check for check in checks if not check.ok]
    if as_json:
        print_json([asdict(check) for check in checks])
    else:
        _print_table(checks, failed)
    if failed:
        raise typer.Exit(1)


def _print_table(checks: list[Check], failed: list[Check]) -> None:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from stylize.cli.terminal import results

    table = Table("", "Check", "Found", box=box.SIMPLE_HEAD)
    table.columns[2].overflow = "fold"  # paths are to be copied
    for check in checks:
        verdict = "[green]OK[/]" if check.ok else "[bold red]FAIL[/]"
        table.add_row(verdict, escape(check.name), escape(check.found))
    console = results()
    console.print(table)
    for check in failed:
        console.print(f"[bold]{escape(check.name)}[/]: {escape(check.remedy)}")
    if not failed:
        console.print("All is well.")
