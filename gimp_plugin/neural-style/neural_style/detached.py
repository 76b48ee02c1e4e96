"""Paintings that go on when GIMP ends: their ids, in a small file in GIMP's own folder for this user."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

KEPT = 20


def _file() -> Path:
    import gi

    gi.require_version("Gimp", "3.0")
    from gi.repository import Gimp

    return Path(Gimp.directory()) / "neural-style" / "detached.json"


def all_ids(file: Path | None = None) -> list[str]:
    """The ids that were noted and not forgotten, the oldest first."""
    try:
        ids = json.loads((file or _file()).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [str(job_id) for job_id in ids] if isinstance(ids, list) else []


def last(file: Path | None = None) -> str:
    """The id that was noted last, or ""."""
    return (all_ids(file) or [""])[-1]


def note(job_id: str, file: Path | None = None) -> None:
    """Remembers a painting."""
    ids = all_ids(file)
    if job_id and job_id not in ids:
        _write([*ids, job_id][-KEPT:], file or _file())


def forget(job_id: str, file: Path | None = None) -> None:
    """Forgets it: it has been placed, or the daemon does not have it any more."""
    ids = all_ids(file)
    if job_id in ids:
        _write([other for other in ids if other != job_id], file or _file())


def _write(ids: list[str], file: Path) -> None:
    """Whole or not at all: beside it, then renamed."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=".detached-")
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        json.dump(ids, stream)
    Path(name).replace(file)
