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
    from stylize.cli.checks import tell_checks
    from stylize.cli.terminal import patience
    from stylize.diagnosis import examine

    with patience("Checking", quiet=as_json):
        checks = examine(start=start)
    tell_checks(checks, as_json=as_json)
