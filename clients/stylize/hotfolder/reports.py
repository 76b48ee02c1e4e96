"""What happens in hot folders, as dataclasses for whoever shows it. Paths of photos are relative to `in/`, others to
the folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias


@dataclass(frozen=True)
class Counted:
    """How a folder stands, after each look into it."""

    folder: Path
    waiting: int
    """Files in `in/` that nobody has taken yet."""
    painting: int
    done: int
    """Painted since this watcher started."""
    failed: int
    """Failed since then."""


@dataclass(frozen=True)
class Taken:
    """A photo was taken on."""

    folder: Path
    photo: str


@dataclass(frozen=True)
class Queued:
    """It waits at the daemon."""

    folder: Path
    photo: str
    jobs_ahead: int


@dataclass(frozen=True)
class Progressed:
    """It is being painted."""

    folder: Path
    photo: str
    iteration: int
    iterations: int
    eta: float | None
    """Seconds."""


@dataclass(frozen=True)
class Painted:
    """Its painting is in `out/`."""

    folder: Path
    photo: str
    output: str
    seconds: float
    """Of painting, without the time in the queue."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Repeated:
    """It was painted before, with the same settings: nothing was painted, and the photo went to `done/`."""

    folder: Path
    photo: str
    output: str


@dataclass(frozen=True)
class Failed:
    """It could not be painted and lies in `failed/`."""

    folder: Path
    photo: str
    message: str
    remedy: str
    kept: str


@dataclass(frozen=True)
class Postponed:
    """It was given back and will be taken again; message says why, "" if there is nothing to tell."""

    folder: Path
    photo: str
    message: str = ""
    attempts: int = 0
    """Failures so far."""


@dataclass(frozen=True)
class Refused:
    """Something in `in/` will not be painted and stays where it is."""

    folder: Path
    photo: str
    message: str


@dataclass(frozen=True)
class Trouble:
    """Something is waited for. Told once, until `TroubleOver` with the same kind."""

    folder: Path | None
    """None for all folders."""
    kind: str
    message: str
    remedy: str


@dataclass(frozen=True)
class TroubleOver:
    """It is well again."""

    folder: Path | None
    kind: str


Report: TypeAlias = (
    Counted | Taken | Queued | Progressed | Painted | Repeated | Failed | Postponed | Refused | Trouble | TroubleOver
)
Tell: TypeAlias = Callable[[Report], None]
"""Takes a report; called from several threads, one at a time."""


def report_to_dict(report: Report) -> dict[str, object]:
    """The JSON form: `{"event": "painted", "folder": ..., ...}`."""
    return {"event": type(report).__name__.lower(), **plain_names(vars(report))}


def plain_names(value: Any) -> Any:
    """For JSON: paths as text, and names that are no UTF-8 with escapes; lists and dicts are gone through."""
    match value:
        case Path():
            return plain_names(str(value))
        case str():
            return os.fsencode(value).decode("utf-8", "backslashreplace")
        case dict():
            return {key: plain_names(item) for key, item in value.items()}
        case list() | tuple():
            return [plain_names(item) for item in value]
        case _:
            return value


def printable(name: str) -> str:
    """A file name for one line of text: control characters and what is no UTF-8 as escapes."""
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
