"""How errors look on the command line: one sentence, what to do, and an exit code; never a traceback unasked."""

from __future__ import annotations

import contextlib
import json
import sys
import traceback
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    from stylize.errors import StylizeError


class ReportingGroup(TyperGroup):
    """Turns what a command raises into words and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Runs the command."""
        from neuralstyle.v1.reasons import LocalExit

        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            _tell("Interrupted.")
            raise typer.Exit(LocalExit.INTERRUPTED) from None
        except Exception as error:
            if _belongs_to_typer(error):
                raise
            if ctx.params.get("debug"):
                traceback.print_exc()
            raise typer.Exit(_report(error)) from None


@contextlib.contextmanager
def errors_as_events(wanted: bool) -> Iterator[None]:
    """For `--json`: an error is also the last event on stdout, for programs that do not read stderr."""
    from stylize.errors import StylizeError

    try:
        yield
    except StylizeError as error:
        if wanted:
            print(json.dumps(error_event(error)), flush=True)
        raise


def error_event(error: StylizeError) -> dict[str, object]:
    """The JSON form of an error."""
    return {
        "event": "error",
        "reason": error.reason_name or None,
        "exit_code": error.exit_code,
        "message": str(error),
        "remedy": error.remedy,
        "field": error.field or None,
        "retryable": error.retryable,
    }


def error_text(error: StylizeError) -> str:
    """An error among others, on one line."""
    return f"{error} {error.remedy}"


def _belongs_to_typer(error: Exception) -> bool:
    # Exit, Abort and usage errors (Typer's own or, in older versions, click's), and the broken pipe of
    # `stylize ... | head`, which Typer ends quietly.
    homes = {base.__module__.partition(".")[0] for base in type(error).__mro__}
    return bool(homes & {"typer", "click"}) or isinstance(error, BrokenPipeError)


def _report(error: Exception) -> int:
    from neuralstyle.v1.reasons import LocalExit
    from stylize.errors import StylizeError

    if isinstance(error, StylizeError):
        _tell(f"Error: {error}", error.remedy)
        return error.exit_code
    _tell(
        f"Error: something went wrong in this program: {type(error).__name__}: {error}",
        "Please report it, with what `stylize --debug ...` prints.",
    )
    return LocalExit.FAILURE


def _tell(message: str, remedy: str = "") -> None:
    # Plain text, unwrapped: it may be searched for, copied, or read by a program.
    print(message, file=sys.stderr)
    if remedy:
        print(f"What to do: {remedy}", file=sys.stderr)
