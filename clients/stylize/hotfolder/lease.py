"""Taking a hot folder for oneself: its lock, its ledger, and knowing whether it is still the same folder."""

from __future__ import annotations

import contextlib
import os
import socket
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from neuralstyle.v1.reasons import LocalExit
from stylize.errors import InputUnreadable, OutputUnwritable, StylizeError
from stylize.hotfolder.filesystem import is_on_network
from stylize.hotfolder.layout import HotFolder, find
from stylize.hotfolder.ledger import Ledger


class FolderTaken(StylizeError):  # noqa: N818  (as in stylize.errors)
    """Another process watches the folder."""

    default_exit_code = LocalExit.FOLDER_TAKEN
    default_remedy = "End the other one, or look at what it does with `stylize watch --status`."


@dataclass(frozen=True)
class Lease:
    """A folder that is ours."""

    folder: HotFolder
    ledger: Ledger
    on_network: bool
    lock: FileLock
    identity: tuple[tuple[int, int], ...]

    def is_present(self) -> bool:
        """False once the folder is unmounted, moved or replaced."""
        return self.folder.identity() == self.identity

    def release(self) -> None:
        """Gives it back."""
        with contextlib.suppress(sqlite3.Error):
            self.ledger.note_end()
        self.ledger.close()
        self.lock.release()


def take(root: Path) -> Lease:
    """Takes the hot folder at `root`, if it is there and free.

    Raises InputUnreadable if it is no hot folder, FolderTaken, or OutputUnwritable if its ledger cannot be written.
    """
    folder = find(root)
    identity = folder.identity()
    if identity is None:
        raise InputUnreadable(f"{folder.root} is just going away.")
    on_network = is_on_network(folder.root)
    lock = _locked(folder)
    try:
        ledger = _open_ledger(folder.ledger_file, on_network)
        try:
            ledger.note_watcher(os.getpid(), socket.gethostname())
        except BaseException:
            ledger.close()
            raise
    except (OSError, sqlite3.Error) as error:
        lock.release()
        raise ledger_unwritable(folder, error) from error
    except BaseException:
        lock.release()
        raise
    return Lease(folder, ledger, on_network, lock, identity)


def ledger_unwritable(folder: HotFolder, error: OSError | sqlite3.Error) -> OutputUnwritable:
    """The error for a ledger that does not open, or takes no entry."""
    why = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return OutputUnwritable(
        f"{folder.root}: the ledger in .stylize/ cannot be written: {why}.",
        remedy="Make room on the disk, or see that you may write there.",
    )


def _locked(folder: HotFolder) -> FileLock:
    lock = FileLock(folder.lock_file, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise FolderTaken(f"{folder.root} is being watched by another process already.") from None
    except NotImplementedError:
        raise OutputUnwritable(
            f"The file system of {folder.root} has no locks, so that two watchers could not be kept apart.",
            remedy="Put the hot folder on another disk or share, or mount this one with locks.",
        ) from None
    except OSError as error:
        raise OutputUnwritable(f"{folder.lock_file} cannot be made: {error.strerror}.") from error
    return lock


def _open_ledger(path: Path, on_network: bool) -> Ledger:
    try:
        return Ledger(path, wal=not on_network)
    except sqlite3.NotSupportedError as error:
        raise OutputUnwritable(
            f"{path} is of another version: {error}.", remedy="Update stylized, or move that file away."
        ) from error
    except (sqlite3.OperationalError, sqlite3.ProgrammingError):  # the disk is full, or the like
        raise
    except sqlite3.DatabaseError:  # damaged: it is kept, and what lies in in/ and out/ is the truth
        now = int(time.time())
        for ending in ("", "-wal", "-shm", "-journal"):
            with contextlib.suppress(FileNotFoundError):
                path.with_name(path.name + ending).replace(path.with_name(f"{path.name}.damaged-{now}{ending}"))
        return Ledger(path, wal=not on_network)
