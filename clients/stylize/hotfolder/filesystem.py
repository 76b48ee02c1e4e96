"""Files handled so that nothing is lost: read without following links, written whole, moved without overwriting.

What must survive a power cut is flushed to the disk together with the folder that names it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import NamedTuple

from stylize.renaming import rename_unless_exists, sync_folder

MAX_NAME_BYTES = 255
"""Longest name of a file on Linux, in bytes."""

_NETWORK_TYPES = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "ceph", "glusterfs", "lustre", "9p"}
_NETWORK_TYPES |= {"davfs", "vboxsf", "virtiofs", "prl_fs", "vmhgfs"}
_LOCAL_FUSE_TYPES = {"fuseblk", "fuse.portal"}


class Fingerprint(NamedTuple):
    """What tells that a file is still the same; equal prints mean that nobody has touched it."""

    device: int
    inode: int
    size: int
    mtime_ns: int

    @classmethod
    def of(cls, facts: os.stat_result) -> Fingerprint:
        """That of a file with these facts."""
        return cls(facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns)


class NotTheSame(Exception):  # noqa: N818  (not an error: the file is looked at again)
    """The file is gone, or is not what it was when it was last looked at."""


def read_unchanged(path: Path, expected: Fingerprint) -> bytes:
    """The bytes of a regular file that is, before and after reading, as `expected`.

    Raises NotTheSame, or OSError if it cannot be read. Links are not followed and pipes not waited for.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ELOOP, errno.ENXIO, errno.ENOTDIR):
            raise NotTheSame(path) from error
        raise
    with os.fdopen(handle, "rb") as stream:
        if fingerprint_of(handle) != expected:
            raise NotTheSame(path)
        data = stream.read()
        if fingerprint_of(handle) != expected or len(data) != expected.size:
            raise NotTheSame(path)
    return data


def fingerprint_of(file: Path | int) -> Fingerprint | None:
    """The print of a regular file, by path or open handle; None if there is none, or it is something else."""
    try:
        facts = os.fstat(file) if isinstance(file, int) else file.lstat()
    except OSError:
        return None
    return Fingerprint.of(facts) if stat.S_ISREG(facts.st_mode) else None


def is_plain_folder(path: Path) -> bool:
    """True for a folder that is not a link to one."""
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False


def make_subfolder(root: Path, relative: PurePath) -> Path:
    """The folder `relative` below `root`, which is there; made if it is missing, never through a link.

    Raises OSError.
    """
    folder = root
    for part in relative.parts:
        folder = folder / part
        with contextlib.suppress(FileExistsError):
            folder.mkdir()
            sync_folder(folder.parent)
        if not is_plain_folder(folder):
            raise NotADirectoryError(errno.ENOTDIR, "Not a folder, or a link to one", str(folder))
    return folder


def write_synced(path: Path, data: bytes) -> None:
    """Writes a file of one's own, replacing an older one of that name, and flushes it to the disk. Raises OSError."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, 0o666), "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def move_unless_exists(source: Path, target: Path, part: Path) -> None:
    """As `rename_unless_exists`, and also to another file system, by way of `part` beside the target."""
    try:
        rename_unless_exists(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        before = fingerprint_of(source)
        shutil.copy2(source, part, follow_symlinks=False)
        with part.open("rb") as stream:
            os.fsync(stream.fileno())
        rename_unless_exists(part, target)
        if fingerprint_of(source) == before:
            source.unlink()
    sync_folder(source.parent)


def is_on_network(path: Path) -> bool:
    """True if changes of other machines reach this path without file system events: NFS, SMB, most of FUSE."""
    try:
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
        return _is_network_type(_type_of_mount(path.resolve(), mounts))
    except OSError:  # no Linux, or no /proc
        return False


def _type_of_mount(path: Path, mounts: str) -> str:
    """The file system type of the mount that holds `path`, from the text of mountinfo (proc(5))."""
    found, depth = "", -1
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        point = Path(_unescaped(before.split(" ")[4]))
        if (point == path or point in path.parents) and len(point.parts) >= depth:
            found, depth = after.split(" ")[0], len(point.parts)
    return found


def _is_network_type(kind: str) -> bool:
    return kind in _NETWORK_TYPES or (kind.startswith("fuse") and kind not in _LOCAL_FUSE_TYPES)


def _unescaped(text: str) -> str:
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(code, character)
    return text


def names_for(name: str, added: str = "") -> Iterator[str]:
    """`name + added`, then the same with " (2)", " (3)" ... before its suffix, each cut to fit a file system.

    added: an ending that must stay, such as ".error.txt".
    """
    stem, suffix = PurePath(name).stem, PurePath(name).suffix
    if len(os.fsencode(suffix)) > MAX_NAME_BYTES // 4:
        stem, suffix = name, ""
    number = 1
    while True:
        tail = (f" ({number})" if number > 1 else "") + suffix + added
        yield _cut(stem, MAX_NAME_BYTES - len(os.fsencode(tail))) + tail
        number += 1


def _cut(text: str, most_bytes: int) -> str:
    while len(os.fsencode(text)) > most_bytes:
        text = text[:-1]
    return text
