"""The ledger: what has become of each picture, in SQLite, so that a crash at any moment can be made good.

A *drop* is a file in `in/` that waits: seen, then stable. A *painting* is what becomes of its content under a look;
its key is the sha-256 of the photo's bytes with the hash of the settings, so that the same photo dropped again is not
painted again, and one that was edited is. Its states, each written down after what it says has happened:

    claimed    somebody paints it, or was killed over it
    submitted  the daemon has the job; once the painting is there, also the name and hash of the file about to appear
    written    the painting is in `out/`, safely on the disk
    archived   the photo is in `done/`
    failed(n)  it failed n times; if the photo is in `failed/`, for good

Paths are bytes, because names of files need not be text. WAL is used where the file system can share memory, else
SQLite's rollback journal.
"""

from __future__ import annotations

import contextlib
import enum
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

SCHEMA_VERSION = 1
BUSY_S = 10.0
"""Seconds to wait for another process that reads or copies the ledger."""

_SCHEMA = """
CREATE TABLE drops (path BLOB PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE paintings (
  id INTEGER PRIMARY KEY,
  content TEXT NOT NULL,
  settings TEXT NOT NULL,
  path BLOB NOT NULL,
  state TEXT NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  job_id TEXT,
  output BLOB,
  output_hash TEXT,
  archive BLOB,
  message TEXT,
  seconds REAL,
  changed REAL NOT NULL,
  UNIQUE (content, settings)
);
CREATE INDEX paintings_by_state ON paintings (state, changed);
CREATE INDEX paintings_by_output ON paintings (output_hash);
CREATE TABLE troubles (kind TEXT PRIMARY KEY, message TEXT NOT NULL, since REAL NOT NULL);
CREATE TABLE watcher (id INTEGER PRIMARY KEY CHECK (id = 1), pid INTEGER NOT NULL, host TEXT NOT NULL);
"""
_COLUMNS = "id, content, settings, path, state, attempts, output, output_hash, archive, message, changed"


class State(enum.Enum):
    """Where a painting stands."""

    CLAIMED = "claimed"
    SUBMITTED = "submitted"
    WRITTEN = "written"
    ARCHIVED = "archived"
    FAILED = "failed"


class DropState(enum.Enum):
    """Where a file in `in/` stands that nobody has taken yet."""

    SEEN = "seen"
    STABLE = "stable"


@dataclass(frozen=True)
class Key:
    """What a painting is known by."""

    content: str
    settings: str


@dataclass(frozen=True)
class Entry:
    """A painting in the ledger. Paths are relative: of the photo to `in/`, the others to the hot folder."""

    id: int
    key: Key
    path: str
    state: State
    attempts: int
    output: str | None
    output_hash: str | None
    archive: str | None
    message: str | None
    changed: float
    """Seconds since 1970."""


@dataclass(frozen=True)
class Failure:
    """A photo that could not be painted. `photo` is relative to `in/`, `when` is in seconds since 1970."""

    photo: str
    message: str
    when: float


@dataclass(frozen=True)
class CurrentTrouble:
    """Something that the watcher waits for, since a time in seconds since 1970."""

    message: str
    since: float


@dataclass(frozen=True)
class Watcher:
    """Who watches, or did when it was killed."""

    pid: int
    host: str


@dataclass(frozen=True)
class Overview:
    """How everything stands."""

    under_way: int
    """Photos taken on and not yet done with."""
    done: int
    failed: int
    """For good."""
    watcher: Watcher | None
    failures: tuple[Failure, ...]
    """The last ones, newest first."""
    ends: tuple[float, ...]
    """When the last paintings were done, newest first."""
    troubles: tuple[CurrentTrouble, ...]


class Ledger:
    """The ledger of one folder, open for writing. Shared by threads; every method is one transaction.

    Methods raise sqlite3.Error, which mostly means that the disk is full.
    """

    def __init__(self, path: Path, *, wal: bool) -> None:
        """Opens or makes it. wal: whether the file system is a local one. Raises sqlite3.Error."""
        self._connect(str(path))
        try:
            (version,) = self._connection.execute("PRAGMA user_version").fetchone()
            if version not in (0, SCHEMA_VERSION):
                raise sqlite3.NotSupportedError(f"version {version} of the ledger; this program knows {SCHEMA_VERSION}")
            self._connection.execute(f"PRAGMA journal_mode = {'WAL' if wal else 'DELETE'}").fetchone()
            self._connection.execute("PRAGMA synchronous = FULL")
            if version == 0:
                with self._transaction() as cursor:
                    for statement in _SCHEMA.split(";"):
                        cursor.execute(statement)
                    cursor.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        except BaseException:
            self._connection.close()
            raise

    @classmethod
    def open_to_read(cls, path: Path) -> Ledger:
        """The ledger of another process. Raises sqlite3.Error, also if there is none."""
        ledger = cls.__new__(cls)
        ledger._connect(f"file:{quote(os.fsencode(path))}?mode=ro", uri=True)
        return ledger

    def _connect(self, name: str, *, uri: bool = False) -> None:
        self._lock = threading.Lock()
        self._noted: dict[str, DropState] | None = None
        """The drops that are written down, as long as that is certain: most looks find few changes among many."""
        self._connection = sqlite3.connect(name, timeout=BUSY_S, isolation_level=None, check_same_thread=False, uri=uri)

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._connection.close()

    # Drops

    def note_drops(self, drops: Mapping[str, DropState]) -> None:
        """Writes down all that waits in `in/`, and only that."""
        if drops == self._noted:
            return
        with self._transaction() as cursor:
            known = self._noted
            if known is None:
                rows = cursor.execute("SELECT path, state FROM drops").fetchall()
                known = {os.fsdecode(path): DropState(state) for path, state in rows}
            gone = [(os.fsencode(path),) for path in known.keys() - drops.keys()]
            cursor.executemany("DELETE FROM drops WHERE path = ?", gone)
            changed = [(os.fsencode(path), state.value) for path, state in drops.items() if known.get(path) != state]
            cursor.executemany("INSERT OR REPLACE INTO drops VALUES (?, ?)", changed)
            self._noted = dict(drops)

    # Paintings

    def find(self, key: Key) -> Entry | None:
        """The painting of that key."""
        return self._one("content = ? AND settings = ?", key.content, key.settings)

    def find_output(self, output_hash: str) -> Entry | None:
        """The painting whose file has that sha-256."""
        return self._one("output_hash = ? AND state IN ('written', 'archived')", output_hash)

    def unfinished(self) -> list[Entry]:
        """Paintings that were under way when the last watcher ended."""
        return self._many("state IN ('claimed', 'submitted', 'written')")

    def claim(self, key: Key, path: str) -> Entry:
        """Takes a photo on: a new entry, or the old one begun anew. Failures are counted on until it succeeds."""
        with self._transaction() as cursor:
            cursor.execute("DELETE FROM drops WHERE path = ?", (os.fsencode(path),))
            cursor.execute(
                "INSERT INTO paintings (content, settings, path, state, changed) VALUES (?, ?, ?, 'claimed', ?)"
                " ON CONFLICT (content, settings) DO UPDATE SET"
                " attempts = CASE WHEN state = 'archived' OR archive IS NOT NULL THEN 0 ELSE attempts END,"
                " path = excluded.path, state = 'claimed', changed = excluded.changed,"
                " job_id = NULL, output = NULL, output_hash = NULL, archive = NULL, message = NULL, seconds = NULL",
                (key.content, key.settings, os.fsencode(path), time.time()),
            )
            if self._noted is not None:
                self._noted.pop(path, None)
        found = self.find(key)
        assert found is not None
        return found

    def submitted(self, entry: int, job_id: str) -> None:
        """The daemon has the job."""
        self._change(entry, state=State.SUBMITTED.value, job_id=job_id)

    def about_to_write(self, entry: int, output: str, output_hash: str) -> None:
        """The painting is complete in memory and will appear as `output`."""
        self._change(entry, output=os.fsencode(output), output_hash=output_hash)

    def written(self, entry: int, seconds: float | None = None) -> None:
        """The painting is on the disk. seconds: how long it took."""
        self._change(entry, state=State.WRITTEN.value, seconds=seconds)

    def archived(self, entry: int, archive: str | None) -> None:
        """The photo has left `in/`; `archive` is where it is now, if that is known."""
        self._change(entry, state=State.ARCHIVED.value, archive=None if archive is None else os.fsencode(archive))

    def about_to_set_aside(self, entry: int, message: str, archive: str, attempts: int) -> None:
        """The photo will appear as `archive`, with `message` beside it."""
        self._change(entry, message=message, archive=os.fsencode(archive), attempts=attempts)

    def failed(self, entry: int, message: str, *, archive: str | None = None, attempts: int = 0) -> None:
        """It failed. archive: where the photo is now, if that was for good."""
        place = None if archive is None else os.fsencode(archive)
        self._change(entry, state=State.FAILED.value, message=message, archive=place, attempts=attempts)

    def release(self, entry: int) -> None:
        """Forgets the name of a painting that never appeared: it will be painted again."""
        self._change(entry, state=State.CLAIMED.value, output=None, output_hash=None)

    def drop(self, entry: int) -> None:
        """Removes an entry that never came to anything."""
        with self._transaction() as cursor:
            cursor.execute("DELETE FROM paintings WHERE id = ?", (entry,))

    # What a status shows besides

    def note_trouble(self, kind: str, message: str | None) -> None:
        """What the watcher waits for, or None when that is over."""
        with self._transaction() as cursor:
            if message is None:
                cursor.execute("DELETE FROM troubles WHERE kind = ?", (kind,))
            else:
                cursor.execute(
                    "INSERT INTO troubles VALUES (?, ?, ?) ON CONFLICT (kind) DO UPDATE SET message = excluded.message",
                    (kind, message, time.time()),
                )

    def note_watcher(self, pid: int, host: str) -> None:
        """Who watches; older troubles are forgotten."""
        with self._transaction() as cursor:
            cursor.execute("INSERT OR REPLACE INTO watcher VALUES (1, ?, ?)", (pid, host))
            cursor.execute("DELETE FROM troubles")

    def note_end(self) -> None:
        """Nobody watches any more."""
        with self._transaction() as cursor:
            cursor.execute("DELETE FROM watcher")
            cursor.execute("DELETE FROM troubles")

    def overview(self, errors: int, ends: int) -> Overview:
        """How everything stands, with the last `errors` failures and the times of the last `ends` paintings."""
        with self._lock:
            query = self._connection.execute
            counts = dict(query("SELECT state, count(*) FROM paintings GROUP BY state").fetchall())
            # One that failed and is to be tried again is no failure yet.
            (failed,) = query(
                "SELECT count(*) FROM paintings WHERE state = 'failed' AND archive IS NOT NULL"
            ).fetchone()
            watcher = query("SELECT pid, host FROM watcher").fetchone()
            last = "WHERE state = ? ORDER BY changed DESC LIMIT ?"
            failures = query(f"SELECT path, message, changed FROM paintings {last}", ("failed", errors)).fetchall()  # noqa: S608
            times = query(f"SELECT changed FROM paintings {last}", ("archived", ends)).fetchall()  # noqa: S608
            troubles = query("SELECT message, since FROM troubles ORDER BY since").fetchall()
        return Overview(
            under_way=sum(counts.get(state.value, 0) for state in (State.CLAIMED, State.SUBMITTED, State.WRITTEN)),
            done=counts.get(State.ARCHIVED.value, 0),
            failed=failed,
            watcher=None if watcher is None else Watcher(*watcher),
            failures=tuple(Failure(os.fsdecode(path), message, when) for path, message, when in failures),
            ends=tuple(when for (when,) in times),
            troubles=tuple(CurrentTrouble(*row) for row in troubles),
        )

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Cursor]:
        with self._lock:
            cursor = self._connection.cursor()
            cursor.execute("BEGIN IMMEDIATE")
            try:
                yield cursor
                cursor.execute("COMMIT")
            except BaseException:
                self._noted = None
                with contextlib.suppress(sqlite3.Error):
                    cursor.execute("ROLLBACK")
                raise

    def _change(self, entry: int, **values: Any) -> None:
        assignments = ", ".join(f"{name} = ?" for name in (*values, "changed"))
        with self._transaction() as cursor:
            cursor.execute(
                f"UPDATE paintings SET {assignments} WHERE id = ?",  # noqa: S608  (names are this module's own)
                (*values.values(), time.time(), entry),
            )

    def _one(self, condition: str, *values: object) -> Entry | None:
        found = self._many(condition, *values)
        return found[0] if found else None

    def _many(self, condition: str, *values: object) -> list[Entry]:
        with self._lock:
            rows = self._connection.execute(
                f"SELECT {_COLUMNS} FROM paintings WHERE {condition} ORDER BY id",  # noqa: S608
                values,
            ).fetchall()
        return [entry_from_row(row) for row in rows]


def entry_from_row(row: tuple[Any, ...]) -> Entry:
    """The entry in a row of `_COLUMNS`."""
    number, content, settings, path, state, attempts, output, output_hash, archive, message, changed = row
    return Entry(
        id=number,
        key=Key(content, settings),
        path=os.fsdecode(path),
        state=State(state),
        attempts=attempts,
        output=None if output is None else os.fsdecode(output),
        output_hash=output_hash,
        archive=None if archive is None else os.fsdecode(archive),
        message=message,
        changed=changed,
    )
