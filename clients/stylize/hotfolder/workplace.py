"""What the journeys of one folder share."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from stylize.hotfolder.daemon import Daemon, Stopping
from stylize.hotfolder.layout import HotFolder
from stylize.hotfolder.ledger import Key, Ledger
from stylize.hotfolder.reports import Tell
from stylize.hotfolder.timing import Timing


class KeysInUse:
    """Keys of the paintings that journeys are at: the same photo under two names is painted once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keys: set[Key] = set()

    @contextlib.contextmanager
    def reserved(self, key: Key) -> Iterator[bool]:
        """True if nobody else is at it."""
        with self._lock:
            free = key not in self._keys
            self._keys.add(key)
        try:
            yield free
        finally:
            if free:
                with self._lock:
                    self._keys.discard(key)


@dataclass(frozen=True)
class Workplace:
    """What the journeys of one folder share."""

    folder: HotFolder
    ledger: Ledger
    keys: KeysInUse
    daemon: Daemon
    timing: Timing
    stopping: Stopping
    tell: Tell
    is_present: Callable[[], bool]
    """False while the folder is unmounted."""
    suspects: set[Key] = field(default_factory=set)
    """Photos during whose jobs the daemon went away, while it had others too: the next time each is painted alone."""
