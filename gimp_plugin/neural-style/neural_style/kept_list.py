"""Short lists of texts that outlive GIMP, each a small JSON file in GIMP's own folder for this user."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

KEPT = 50
"""Entries beyond this push the oldest out."""


class KeptList:
    """A list without repetitions, the newest last. What cannot be read counts as empty; writing raises OSError."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def all(self) -> list[str]:
        """The entries, the oldest first."""
        try:
            entries = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return []
        return [entry for entry in entries if isinstance(entry, str)] if isinstance(entries, list) else []

    def last(self) -> str:
        """The newest entry, or ""."""
        return (self.all() or [""])[-1]

    def add(self, entry: str) -> None:
        """Adds it, unless it is there."""
        entries = self.all()
        if entry and entry not in entries:
            self._write([*entries, entry][-KEPT:])

    def remove(self, entry: str) -> None:
        """Removes it, if it is there."""
        entries = self.all()
        if entry in entries:
            self._write([other for other in entries if other != entry])

    def _write(self, entries: list[str]) -> None:
        """Whole or not at all: beside it, then renamed."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self._file.parent, prefix=f".{self._file.name}-")
        part = Path(name)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                # In ASCII: names of files may hold bytes that are no text, which UTF-8 refuses.
                json.dump(entries, stream, indent=1)
            part.replace(self._file)
        finally:
            part.unlink(missing_ok=True)
