"""File system events, which only say that a look into `in/` is worth while, and what was renamed into it.

An event may come late, twice or never: the scan decides what is there. A thread of the observer that dies, or a limit
of the system that keeps it from starting, costs speed and nothing else.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)

from stylize.hotfolder.layout import HotFolder

if TYPE_CHECKING:
    from watchdog.observers.api import BaseObserver

# It logs what it survives; nobody has to see that.
logging.getLogger("watchdog").addHandler(logging.NullHandler())

# Not those of opening and reading, or our own reading would wake us.
_EVENTS: list[type[FileSystemEvent]] = [
    *(FileCreatedEvent, FileModifiedEvent, FileMovedEvent, FileClosedEvent, FileDeletedEvent),
    *(DirCreatedEvent, DirMovedEvent, DirDeletedEvent),
]


class Wakeup(FileSystemEventHandler):
    """Watches a hot folder and calls `wake`, from another thread, when something happens in it."""

    def __init__(self, folder: HotFolder, wake: Callable[[], None]) -> None:
        self._folder = folder
        self._wake = wake
        self._lock = threading.Lock()
        self._renamed: set[str] = set()
        self._has_departed = False
        self._observer: BaseObserver | None = None

    def start(self) -> None:
        """Raises OSError if the system refuses, for instance because it watches too many files already."""
        observer = _new_observer()
        for path, recursive in (
            (self._folder.inbox, True),
            (self._folder.styles, False),
            (self._folder.root, False),
        ):
            observer.schedule(self, str(path), recursive=recursive, event_filter=_EVENTS)
        observer.start()
        self._observer = observer

    def stop(self) -> None:
        """Ends its threads."""
        observer, self._observer = self._observer, None
        if observer is not None:
            observer.stop()
            observer.join()

    @property
    def is_running(self) -> bool:
        """True if events come."""
        return self._observer is not None and not self.has_died

    @property
    def has_died(self) -> bool:
        """True once one of its threads has died (watchdog #1065)."""
        observer = self._observer
        threads = [] if observer is None else [observer, *observer.emitters]
        return not all(thread.is_alive() for thread in threads)

    def take_renamed(self) -> tuple[str, ...]:
        """Paths, relative to `in/`, of what was renamed into it since the last call: files, or folders with files."""
        with self._lock:
            renamed, self._renamed = self._renamed, set()
        return tuple(renamed)

    def take_departed(self) -> bool:
        """True if files have left `in/` since the last call, for which nobody is woken."""
        departed, self._has_departed = self._has_departed, False
        return departed

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Called by watchdog."""
        left = isinstance(event, FileDeletedEvent) or (isinstance(event, FileMovedEvent) and not event.dest_path)
        if left and Path(os.fsdecode(event.src_path)).is_relative_to(self._folder.inbox):
            self._has_departed = True
            return
        if isinstance(event, FileMovedEvent | DirMovedEvent) and event.dest_path:
            destination = Path(os.fsdecode(event.dest_path))
            if destination.is_relative_to(self._folder.inbox):
                with self._lock:
                    self._renamed.add(str(destination.relative_to(self._folder.inbox)))
        self._wake()


def _new_observer() -> BaseObserver:
    if sys.platform == "linux":
        from watchdog.observers.inotify import InotifyObserver

        # "Full" events tell a file that was moved here from one that is being written here.
        return InotifyObserver(generate_full_events=True)
    from watchdog.observers import Observer

    return Observer()
