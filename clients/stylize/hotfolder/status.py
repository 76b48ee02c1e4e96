"""How a hot folder stands, for who asks from another process: from its ledger, opened for reading, and a look into
`in/`."""

from __future__ import annotations

import contextlib
import socket
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stylize.connection import process_exists
from stylize.errors import InputUnreadable
from stylize.hotfolder.layout import HotFolder
from stylize.hotfolder.ledger import CurrentTrouble, Failure, Ledger, Watcher
from stylize.hotfolder.scanner import scan

LAST_ERRORS = 5
RATE_OVER = 20
"""The rate is that of this many last paintings."""


@dataclass(frozen=True)
class FolderStatus:
    """How a folder stands."""

    folder: Path
    watcher_pid: int | None
    """The process that watches, if one does."""
    waiting: int
    """Files in `in/` that nobody is at."""
    painting: int
    """Photos taken and not yet done with: by the watcher, or by one that was killed and whose work will go on."""
    done: int
    failed: int
    per_hour: float | None
    """Paintings an hour, over the last ones; None if there are not enough."""
    eta: float | None
    """Seconds until all that waits is painted, at that rate; None if nobody watches or the rate is unknown."""
    last_errors: tuple[Failure, ...]
    troubles: tuple[CurrentTrouble, ...]


def status_of(folder: HotFolder) -> FolderStatus:
    """How the folder stands now. Raises InputUnreadable if it cannot be read."""
    try:
        files = len(scan(folder.inbox).files)
        if not folder.ledger_file.exists():
            return FolderStatus(folder.root, None, files, 0, 0, 0, None, None, (), ())
        with contextlib.closing(Ledger.open_to_read(folder.ledger_file)) as ledger:
            found = ledger.overview(LAST_ERRORS, RATE_OVER + 1)
    except OSError as error:
        raise InputUnreadable(f"{folder.root} cannot be read: {error.strerror}.") from error
    except sqlite3.Error as error:
        raise InputUnreadable(f"The ledger of {folder.root} cannot be read: {error}.") from error
    pid = found.watcher.pid if found.watcher and _lives(found.watcher) else None
    waiting = max(0, files - found.under_way)
    per_hour = _rate(found.ends)
    return FolderStatus(
        folder=folder.root,
        watcher_pid=pid,
        waiting=waiting,
        painting=found.under_way,
        done=found.done,
        failed=found.failed,
        per_hour=per_hour,
        eta=(waiting + found.under_way) / per_hour * 3600 if per_hour and pid else None,
        last_errors=found.failures,
        troubles=found.troubles if pid else (),
    )


def _lives(watcher: Watcher) -> bool:
    """Of another machine nothing else is known than that it did not say good-bye."""
    return watcher.host != socket.gethostname() or process_exists(watcher.pid)


def _rate(ends: Sequence[float]) -> float | None:
    if len(ends) < 2 or ends[0] <= ends[-1]:
        return None
    return (len(ends) - 1) / (ends[0] - ends[-1]) * 3600
