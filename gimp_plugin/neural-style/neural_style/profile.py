"""What the plug-in keeps in GIMP's folder for this user."""

from __future__ import annotations

from pathlib import Path

import gi

gi.require_version("Gimp", "3.0")
from gi.repository import Gimp  # noqa: E402

from neural_style.kept_list import KeptList  # noqa: E402


def detached() -> KeptList:
    """Ids of paintings that the daemon goes on with when GIMP ends."""
    return KeptList(_folder() / "detached.json")


def own_styles() -> KeptList:
    """Paths of pictures that the user has added to the gallery."""
    return KeptList(_folder() / "own-styles.json")


def _folder() -> Path:
    return Path(Gimp.directory()) / "neural-style"
