"""Promise: the ledger keeps what it was told through a kill, takes any file name, and works without shared memory."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from stylize.errors import OutputUnwritable
from stylize.hotfolder.layout import HotFolder
from stylize.hotfolder.ledger import DropState, Key, Ledger, State
from stylize.hotfolder.reports import Painted

from .conftest import Connect
from .watching import Watch, drop

KEY = Key("ab" * 32, "cd" * 32)


@pytest.fixture(params=[True, False], ids=["wal", "rollback journal"])
def ledger(tmp_path: Path, request: pytest.FixtureRequest) -> Ledger:
    return Ledger(tmp_path / "ledger.sqlite3", wal=request.param)


def test_a_painting_goes_through_its_states(ledger: Ledger, tmp_path: Path) -> None:
    entry = ledger.claim(KEY, "a.png")
    assert (entry.state, entry.attempts) == (State.CLAIMED, 0)
    ledger.submitted(entry.id, "job-1")
    ledger.about_to_write(entry.id, "out/a.png", "ef" * 32)
    assert ledger.find_output("ef" * 32) is None  # it has not appeared yet
    ledger.written(entry.id, 1.5)
    assert [found.state for found in ledger.unfinished()] == [State.WRITTEN]
    ledger.archived(entry.id, "done/a.png")
    assert ledger.unfinished() == []
    ledger.close()
    again = Ledger(tmp_path / "ledger.sqlite3", wal=True)
    found = again.find(KEY)
    assert found is not None
    assert (found.state, found.output, found.archive) == (State.ARCHIVED, "out/a.png", "done/a.png")
    assert again.find_output("ef" * 32) == found
    again.close()


def test_failures_are_counted_until_it_is_set_aside(ledger: Ledger) -> None:
    entry = ledger.claim(KEY, "a.png")
    ledger.failed(entry.id, "The worker died.", attempts=1)
    assert ledger.claim(KEY, "a.png").attempts == 1
    ledger.about_to_set_aside(entry.id, "The worker died.", "failed/a.png", 2)
    ledger.failed(entry.id, "The worker died.", archive="failed/a.png", attempts=2)
    assert ledger.claim(KEY, "a.png").attempts == 0  # put into in/ again: a new wish
    ledger.close()


@pytest.mark.parametrize("name", [b"caf\xe9.png", b"new\nline.png", "😀.png".encode(), b"x" * 250, b"'; --.png"])
def test_any_file_name_comes_back_as_it_was(ledger: Ledger, name: bytes) -> None:
    path = os.fsdecode(name)
    ledger.claim(KEY, path)
    found = ledger.find(KEY)
    assert found is not None
    assert os.fsencode(found.path) == name
    ledger.close()


def test_drops_are_what_the_last_look_saw(ledger: Ledger, tmp_path: Path) -> None:
    ledger.note_drops({"a": DropState.SEEN, "b": DropState.SEEN})
    ledger.note_drops({"b": DropState.STABLE, "c": DropState.SEEN})
    ledger.claim(KEY, "c")
    ledger.close()
    with sqlite3.connect(tmp_path / "ledger.sqlite3") as connection:
        assert connection.execute("SELECT path, state FROM drops").fetchall() == [(b"b", "stable")]
    connection.close()


def test_the_journal_is_wal_where_memory_can_be_shared(tmp_path: Path) -> None:
    for wal, mode in ((True, "wal"), (False, "delete")):
        Ledger(tmp_path / mode, wal=wal).close()
        connection = sqlite3.connect(tmp_path / mode)
        assert connection.execute("PRAGMA journal_mode").fetchone() == (mode,)
        connection.close()


def test_another_process_may_read_while_it_is_written(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite3", wal=True)
    ledger.claim(KEY, "a.png")
    reader = Ledger.open_to_read(tmp_path / "ledger.sqlite3")
    assert reader.overview(5, 5).under_way == 1
    ledger.archived(1, None)
    assert reader.overview(5, 5).done == 1
    with pytest.raises(sqlite3.OperationalError):
        reader.claim(KEY, "b.png")
    reader.close()
    ledger.close()


def test_a_damaged_ledger_is_kept_and_a_new_one_begun(hot: HotFolder, connect_scripted: Connect) -> None:
    hot.ledger_file.write_bytes(b"this is no database" * 100)
    drop(hot, "a.png")
    with Watch(hot, connect=connect_scripted) as watch:
        watch.wait_for(Painted)
    (kept,) = hot.state.glob("ledger.sqlite3.damaged-*")
    assert kept.read_bytes().startswith(b"this is no database")


def test_a_ledger_of_a_newer_version_is_not_touched(hot: HotFolder, connect_scripted: Connect) -> None:
    connection = sqlite3.connect(hot.ledger_file)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = hot.ledger_file.read_bytes()
    with Watch(hot, connect=connect_scripted) as watch:
        watch.join()
    assert isinstance(watch.error, OutputUnwritable)
    assert "Update stylized" in watch.error.remedy
    assert hot.ledger_file.read_bytes() == before


def test_a_drop_that_was_taken_and_given_back_is_written_down_again(ledger: Ledger, tmp_path: Path) -> None:
    drops = {"a": DropState.STABLE, "b": DropState.STABLE}
    ledger.note_drops(drops)
    ledger.claim(KEY, "a")
    ledger.note_drops(drops)
    assert rows(tmp_path) == [(b"a", "stable"), (b"b", "stable")]
    ledger.close()


def test_a_look_that_finds_the_same_writes_nothing(ledger: Ledger, tmp_path: Path) -> None:
    ledger.note_drops({"a": DropState.STABLE})
    with sqlite3.connect(tmp_path / "ledger.sqlite3") as connection:
        before = connection.execute("PRAGMA data_version").fetchone()
        ledger.note_drops({"a": DropState.STABLE})
        assert connection.execute("PRAGMA data_version").fetchone() == before
        ledger.note_drops({"a": DropState.SEEN})
        assert connection.execute("PRAGMA data_version").fetchone() != before
    connection.close()
    ledger.close()


def test_drops_are_right_again_after_a_write_that_failed(ledger: Ledger, tmp_path: Path) -> None:
    ledger.note_drops({"a": DropState.SEEN, "b": DropState.SEEN})
    ledger._connection.set_authorizer(
        lambda _, what, *__: sqlite3.SQLITE_DENY if what == "COMMIT" else sqlite3.SQLITE_OK
    )
    with pytest.raises(sqlite3.Error):  # as when the disk is full
        ledger.note_drops({"c": DropState.SEEN})
    ledger._connection.set_authorizer(None)
    ledger.note_drops({"c": DropState.SEEN})
    assert rows(tmp_path) == [(b"c", "seen")]
    ledger.close()


def rows(folder: Path) -> list[tuple[bytes, str]]:
    with sqlite3.connect(folder / "ledger.sqlite3") as connection:
        found = connection.execute("SELECT path, state FROM drops").fetchall()
    connection.close()
    return found
