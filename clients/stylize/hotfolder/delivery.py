"""Paintings into `out/`, photos into `done/` or `failed/`: whole, under a free name, and on the disk before it is said.

Names that are taken are never overwritten: "cat.png" becomes "cat (2).png". A painting is first written as
`.stylize-ID.part` beside its place, ID being its number in the ledger, so that what a crash leaves is found again.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable
from pathlib import Path, PurePath

from stylize.hotfolder.filesystem import (
    Fingerprint,
    NotTheSame,
    fingerprint_of,
    make_subfolder,
    move_unless_exists,
    names_for,
    read_unchanged,
    write_synced,
)
from stylize.hotfolder.layout import HotFolder
from stylize.hotfolder.reports import printable
from stylize.renaming import rename_unless_exists, sync_folder

ERROR_ENDING = ".error.txt"


def deliver(
    folder: HotFolder,
    wanted: PurePath,
    data: bytes,
    entry: int,
    about_to_write: Callable[[str, str], None],
) -> str:
    """Writes a painting as `wanted` below `out/`, or under the next free name; gives its path in the hot folder.

    about_to_write: told that path and the sha-256 of the data before the name can appear.
    Raises OSError, or what about_to_write raises; then no file has appeared.
    """
    place = make_subfolder(folder.outbox, wanted.parent) if wanted.parent.parts else folder.outbox
    part = place / _part_name(entry)
    digest = hashlib.sha256(data).hexdigest()
    try:
        for name in names_for(wanted.name):
            target = place / name
            if os.path.lexists(target):
                continue
            output = str(target.relative_to(folder.root))
            about_to_write(output, digest)
            write_synced(part, data)
            try:
                rename_unless_exists(part, target)
            except FileExistsError:
                continue
            return output
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise
    raise AssertionError("names do not end")


def finish_delivery(folder: HotFolder, output: str, digest: str, entry: int) -> bool:
    """After a crash: True if the painting is at its place, or could be put there from what was written of it."""
    target = folder.root / output
    part = target.with_name(_part_name(entry))
    if _digest(target) == digest:
        part.unlink(missing_ok=True)
        sync_folder(target.parent)
        return True
    if _digest(part) == digest:
        try:
            rename_unless_exists(part, target)
        except FileExistsError:
            part.unlink()
            return False
        return True
    if part.parent.is_dir():
        part.unlink(missing_ok=True)
    return False


def is_there(folder: HotFolder, path: str | None) -> bool:
    """True if there is a file at this path in the hot folder."""
    return path is not None and fingerprint_of(folder.root / path) is not None


def archive(folder: HotFolder, photo: str, expected: Fingerprint, entry: int) -> str | None:
    """Moves a photo from `in/` to `done/`; gives its path in the hot folder.

    None if it is no longer there as it was: gone, or replaced by another that is still to be painted. Raises OSError.
    """
    return _move(folder, photo, expected, folder.done, entry, lambda path: None)


def set_aside(
    folder: HotFolder, photo: str, expected: Fingerprint, text: str, entry: int, about_to_move: Callable[[str], None]
) -> str | None:
    """Moves a photo from `in/` to `failed/` and writes `text` beside it; gives its path in the hot folder.

    about_to_move: told that path before the photo moves.
    None if it is no longer there as it was. Raises OSError, or what about_to_move raises; then nothing has moved.
    """
    kept = _move(folder, photo, expected, folder.failed, entry, about_to_move)
    if kept is not None:
        explain(folder, kept, text)
    return kept


def error_text(photo: str, message: str) -> str:
    """What NAME.error.txt says."""
    return (
        f"{printable(photo)} could not be painted.\n\n{message}\n\n"
        "Put the picture into the folder in/ again to have another try.\n"
    )


def explain(folder: HotFolder, kept: str, text: str) -> None:
    """Writes NAME.error.txt beside a photo in `failed/`, unless it is there. Raises OSError."""
    photo = folder.root / kept
    data = os.fsencode(text)
    for name in names_for(photo.name, ERROR_ENDING):
        path = photo.with_name(name)
        if not os.path.lexists(path):
            write_synced(path, data)
            sync_folder(path.parent)
            return
        found = fingerprint_of(path)
        if found is not None and found.size == len(data) and _digest(path) == hashlib.sha256(data).hexdigest():
            return


def _move(
    folder: HotFolder,
    photo: str,
    expected: Fingerprint,
    destination: Path,
    entry: int,
    about_to_move: Callable[[str], None],
) -> str | None:
    source = folder.inbox / photo
    relative = PurePath(photo)
    if fingerprint_of(source) != expected:
        return None
    place = make_subfolder(destination, relative.parent) if relative.parent.parts else destination
    for name in names_for(relative.name):
        target = place / name
        if os.path.lexists(target) and not _is_link_of(target, expected):
            continue
        moved = str(target.relative_to(folder.root))
        about_to_move(moved)
        try:
            move_unless_exists(source, target, place / _part_name(entry))
        except FileExistsError:
            continue
        except FileNotFoundError:
            return None
        return moved
    raise AssertionError("names do not end")


def _is_link_of(target: Path, expected: Fingerprint) -> bool:
    """True if a crash came between giving the new name and taking the old one away."""
    return fingerprint_of(target) == expected


def _part_name(entry: int) -> str:
    return f".stylize-{entry}.part"


def _digest(path: Path) -> str | None:
    found = fingerprint_of(path)
    if found is None:
        return None
    try:
        return hashlib.sha256(read_unchanged(path, found)).hexdigest()
    except (OSError, NotTheSame):
        return None
