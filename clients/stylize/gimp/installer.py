"""Putting the plug-in's folder in place and taking it away, so that GIMP never sees half of it.

The folder is assembled beside its place under a hidden name, which GIMP skips, and moved there by a rename: whatever
happens before (a kill, a full disk), the old plug-in stays as it is. An older one is first moved aside; a kill between
these two renames leaves GIMP without the plug-in until the next `install` puts it back.

What is accepted: nothing is flushed to the disk, so a power cut right after the installation can damage files. The
doctor finds them, and `install` repairs them.
"""

from __future__ import annotations

import contextlib
import enum
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stylize.errors import OutputExists, OutputUnwritable
from stylize.gimp import PLUG_IN, SCRIPT
from stylize.gimp.bundle import assemble
from stylize.gimp.manifest import MANIFEST, Manifest, damaged_files, read_manifest

NEW = f".{PLUG_IN}.new"
ASIDE = f".{PLUG_IN}.old"


class Outcome(enum.Enum):
    """What an installation or its removal came to."""

    INSTALLED = "installed"
    UPDATED = "updated"
    REPAIRED = "repaired"
    UP_TO_DATE = "up to date"
    REMOVED = "removed"
    NOT_INSTALLED = "was not installed"
    NOT_OURS = "left alone: not installed by stylize"


@dataclass(frozen=True)
class Change:
    """What was done in one plug-ins folder."""

    outcome: Outcome
    before: str = ""
    """Version that was installed before, or ""."""
    kept: tuple[str, ...] = ()
    """The user's own files that are still in the plug-in's folder."""


def install(plug_ins: Path, *, force: bool = False) -> Change:
    """Installs the plug-in, or makes what is there the same as a new installation.

    plug_ins: folder with one folder for each plug-in; made if it is missing. force: replace a folder of this name that
    is not ours. Raises OutputExists, OutputUnwritable, InputUnreadable (this installation lacks something).
    """
    target, new = plug_ins / PLUG_IN, plug_ins / NEW
    with _sentences(plug_ins), _alone(plug_ins):
        before = read_manifest(target)
        if before is None and os.path.lexists(target) and not force:
            raise OutputExists(
                f"{target} is there already and was not installed by stylize.",
                remedy="Move it away, or have it replaced with --force.",
            )
        try:
            manifest = assemble(new)
            if before is not None and before == manifest and is_whole(target, before):
                return Change(Outcome.UP_TO_DATE, before.version)
            _put_in_place(new, target)
        finally:
            _remove(new)
    if before is None:
        return Change(Outcome.INSTALLED)
    return Change(Outcome.REPAIRED if before == manifest else Outcome.UPDATED, before.version)


def uninstall(plug_ins: Path) -> Change:
    """Removes what was installed and nothing else; the user's own files stay. Raises OutputUnwritable."""
    target = plug_ins / PLUG_IN
    if not plug_ins.is_dir():
        return Change(Outcome.NOT_INSTALLED)
    with _sentences(plug_ins), _alone(plug_ins):
        if not os.path.lexists(target):
            return Change(Outcome.NOT_INSTALLED)
        manifest = read_manifest(target)
        if manifest is None:
            return Change(Outcome.NOT_OURS)
        _remove_files(target, manifest)
        if not target.exists():
            return Change(Outcome.REMOVED, manifest.version)
        kept = tuple(sorted(path.relative_to(target).as_posix() for path in target.rglob("*") if not path.is_dir()))
        return Change(Outcome.REMOVED, manifest.version, kept)


def is_whole(folder: Path, manifest: Manifest) -> bool:
    """True if the plug-in in this folder is as it was installed, and GIMP can run it."""
    return not damaged_files(folder, manifest) and is_executable(folder / SCRIPT)


def is_executable(script: Path) -> bool:
    """True if GIMP would run this script; on Windows the ending decides."""
    return sys.platform == "win32" or os.access(script, os.X_OK)


@contextlib.contextmanager
def _sentences(plug_ins: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        path = error.filename2 or error.filename  # of a copy, the one that is written
        what = f"{path}: {error.strerror}" if path else error.strerror or str(error)
        raise OutputUnwritable(
            f"The plug-in folder {plug_ins} could not be changed: {what}.",
            remedy="Make room on the disk, see to it that the folder is yours, close GIMP; then run the command again.",
        ) from error


@contextlib.contextmanager
def _alone(plug_ins: Path) -> Iterator[None]:
    """Waits for other installers in this folder, and finishes what a killed one left."""
    plug_ins.mkdir(parents=True, exist_ok=True)
    with _locked(plug_ins):
        target, aside = plug_ins / PLUG_IN, plug_ins / ASIDE
        if os.path.lexists(aside) and not os.path.lexists(target):
            aside.rename(target)
        _remove(aside)
        _remove(plug_ins / NEW)
        yield


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    if sys.platform == "win32":  # a folder cannot be locked there; two installers at once are the user's own doing
        yield
        return
    import fcntl

    # The folder itself, so that no lock file is left in it.
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _put_in_place(new: Path, target: Path) -> None:
    aside = target.with_name(ASIDE)
    if os.path.lexists(target):
        target.rename(aside)
    try:
        new.rename(target)
    except OSError:
        if os.path.lexists(aside):
            aside.rename(target)
        raise
    _remove(aside)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _remove_files(target: Path, manifest: Manifest) -> None:
    # The script first: without it GIMP sees no plug-in. The manifest last: with it a removal that was cut short can be
    # taken up again.
    inside = target.resolve()
    for name in sorted(manifest.files, key=lambda name: name != SCRIPT):
        path = target / name
        if path.parent.resolve().is_relative_to(inside):
            path.unlink(missing_ok=True)
            for cached in path.parent.glob(f"__pycache__/{path.stem}.*.pyc"):
                cached.unlink()
    folders = [path for path in target.rglob("*") if path.is_dir() and not path.is_symlink()]
    for folder in sorted(folders, reverse=True):
        with contextlib.suppress(OSError):  # holds files of the user
            folder.rmdir()
    (target / MANIFEST).unlink()
    if target.is_symlink():
        target.unlink()
    else:
        with contextlib.suppress(OSError):
            target.rmdir()
