"""Giving a file its name, whole and on the disk, without ever taking that of another.

On a file system without hard links (exFAT, some network shares) a name is checked and then taken in two steps, which
only a second program that takes the same name in between could upset.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

_WITHOUT_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
_WITHOUT_FLUSHING = (errno.EINVAL, errno.ENOTSUP)


def rename_unless_exists(source: Path, target: Path) -> None:
    """Gives a file another name on the same file system, and flushes that name to the disk.

    Raises FileExistsError if the name is taken by another file, or OSError. A crash in between leaves both names for
    one file; doing it again then removes the old one.
    """
    try:
        target.hardlink_to(source)  # fails if the name is taken, unlike a rename
    except FileExistsError:
        if not _same_file(source, target):
            raise
    except OSError as error:
        if error.errno not in _WITHOUT_LINKS:
            raise
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from None
        source.replace(target)
        sync_folder(target.parent)
        return
    sync_folder(target.parent)
    source.unlink()


def sync_folder(folder: Path) -> None:
    """Flushes the names in a folder to the disk, where the file system can and the folder may be read."""
    try:
        handle = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
    except PermissionError:  # one may put files into a folder without being allowed to list it; and on Windows
        return
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _WITHOUT_FLUSHING:
            raise
    finally:
        os.close(handle)


def _same_file(one: Path, other: Path) -> bool:
    try:
        return os.path.samestat(one.lstat(), other.lstat())
    except OSError:
        return False
