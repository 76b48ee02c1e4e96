"""Preset files beside `style.toml`.

As with styles, only plain files of the folder itself count: no paths, no links, also not in what one preset file
extends. What was read is remembered, so that a change of it is noticed.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

from neuralstyle.v1.reasons import Reason
from stylize.errors import error_from_reason
from stylize.hotfolder.filesystem import Fingerprint, fingerprint_of, read_unchanged
from stylize.own_presets import OwnPreset, open_preset


class PresetFiles:
    """The preset files of one hot folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[Path, Fingerprint | None] = {}

    def open(self, name: str) -> OwnPreset:
        """The preset in a file of the folder. Raises StylizeError as `open_preset` does, or NotTheSame if it is just
        being written."""
        return open_preset(self._folder / name, self._bytes)

    def forget(self) -> None:
        """The settings are read anew."""
        self._read.clear()

    def have_changed(self) -> bool:
        """True if a file that was read is not as it was, or one that was missing is there."""
        return any(fingerprint_of(path) != before for path, before in self._read.items())

    def _bytes(self, path: Path) -> bytes:
        if path.parent != self._folder:
            raise error_from_reason(
                Reason.INVALID_PARAMETER,
                f"{path} is not a file of the hot folder itself.",
                field="preset",
                remedy=f"Put the preset beside style.toml, in {self._folder}, and write its name only.",
            )
        found = self._read[path] = fingerprint_of(path)
        if found is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        return read_unchanged(path, found)
