"""What lies in `in/`: every file with its fingerprint, and what is refused.

Threat: whoever can write into `in/` might place a link, a pipe or a device there, to have us read something else or
wait for ever. Only regular files and folders are looked at, and links are not followed. What other programs leave
lying about, and files that are still being copied or downloaded under a temporary name, are passed over in silence.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from stylize.hotfolder.filesystem import Fingerprint

_IGNORED_NAMES = {
    *("thumbs.db", "ehthumbs.db", "desktop.ini", "@eadir", "@tmp", "#recycle", "__macosx", "lost+found"),
    *("$recycle.bin", "system volume information", ".stfolder", ".stversions", ".sync"),
}
_IGNORED_SUFFIXES = (".part", ".partial", ".tmp", ".temp", ".crdownload", ".download", ".filepart", ".swp", ".!qb")


@dataclass(frozen=True)
class Refusal:
    """Something in `in/` that is never painted."""

    relative: str
    why: str


@dataclass(frozen=True)
class Scan:
    """What a look into `in/` found."""

    files: dict[str, Fingerprint] = field(default_factory=dict)
    """By path relative to `in/`."""
    refusals: tuple[Refusal, ...] = ()


def is_ignored(name: str) -> bool:
    """True for what is never a picture: hidden files, leftovers of systems and editors, copies under way."""
    lower = name.lower()
    return (
        lower.startswith((".", "~"))
        or lower.endswith(("~", *_IGNORED_SUFFIXES))
        or lower in _IGNORED_NAMES
        # rsync, and Office's lock files
        or lower.startswith("._")
    )


def scan(inbox: Path) -> Scan:
    """Looks through `inbox` and its subfolders. Raises OSError if `inbox` itself cannot be read."""
    files: dict[str, Fingerprint] = {}
    refusals: list[Refusal] = []
    pending = [""]
    while pending:
        folder = pending.pop()
        try:
            _scan_folder(inbox, folder, files, refusals, pending)
        except OSError as error:
            if not folder:
                raise
            refusals.append(Refusal(folder, f"the folder cannot be read: {error.strerror}"))
    return Scan(files, tuple(refusals))


def _scan_folder(
    inbox: Path, folder: str, files: dict[str, Fingerprint], refusals: list[Refusal], pending: list[str]
) -> None:
    with os.scandir(inbox / folder) as entries:
        for entry in entries:
            if is_ignored(entry.name):
                continue
            relative = os.path.join(folder, entry.name)  # noqa: PTH118  (thousands: a Path each would be slow)
            if entry.is_symlink():
                refusals.append(Refusal(relative, "it is a link; put the picture itself there"))
            elif entry.is_dir(follow_symlinks=False):
                pending.append(relative)
            elif entry.is_file(follow_symlinks=False):
                try:
                    files[relative] = Fingerprint.of(entry.stat(follow_symlinks=False))
                except FileNotFoundError:
                    continue
            else:
                refusals.append(Refusal(relative, "it is neither a file nor a folder"))
