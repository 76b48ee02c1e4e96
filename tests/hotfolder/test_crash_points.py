"""Promise: a crash between any two steps is made good. Every point at which the program touches the disk is tried."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from stylize.hotfolder.layout import HotFolder
from stylize.hotfolder.ledger import Ledger
from tests.clients.scripted_daemon import RunningDaemon

from .conftest import Connect
from .watching import QUICK, Watch, drop, hot_folder, names_in

HASTY = replace(QUICK, settle=0.0, patience=0.0, least_pause=0.001)


class Killed(BaseException):
    """As abrupt as a kill can be within a process: no handler may stop it, and nothing is written any more."""


class Guillotine:
    """Counts the steps that touch the disk or the ledger, and falls before or after one of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.fall_at: int | None = None
        self.steps: list[str] = []
        self._lock = threading.Lock()
        monkeypatch.setattr(os, "fsync", self._guarded("fsync", os.fsync))
        for name in ("unlink", "replace", "hardlink_to", "mkdir"):
            monkeypatch.setattr(Path, name, self._guarded(name, getattr(Path, name)))
        for name in ("claim", "submitted", "about_to_write", "written", "archived", "about_to_set_aside", "failed"):
            monkeypatch.setattr(Ledger, name, self._guarded(f"ledger {name}", getattr(Ledger, name)))

    @property
    def has_fallen(self) -> bool:
        return self.fall_at is not None and len(self.steps) > self.fall_at

    def _guarded(self, name: str, action: Callable) -> Callable:
        def step(*arguments, **options):
            if threading.current_thread() is threading.main_thread():
                return action(*arguments, **options)  # the test's own
            self._count(f"before {name}")
            result = action(*arguments, **options)
            self._count(f"after {name}")
            return result

        return step

    def _count(self, name: str) -> None:
        with self._lock:
            dead = self.has_fallen
            self.steps.append(name)
            if dead or self.has_fallen:
                raise Killed(name)


@pytest.fixture
def guillotine(monkeypatch: pytest.MonkeyPatch) -> Guillotine:
    return Guillotine(monkeypatch)


def test_every_crash_point_is_made_good(
    tmp_path: Path, scripted: RunningDaemon, connect_scripted: Connect, guillotine: Guillotine
) -> None:
    tried = list(crash_everywhere(tmp_path, connect_scripted, guillotine, bad=False))
    assert {"after ledger about_to_write", "after hardlink_to", "before ledger written"} <= set(tried)
    assert {"after ledger written", "after unlink", "before ledger archived"} <= set(tried)


def test_every_crash_point_of_a_failure_is_made_good(
    tmp_path: Path, scripted: RunningDaemon, connect_scripted: Connect, guillotine: Guillotine
) -> None:
    tried = list(crash_everywhere(tmp_path, connect_scripted, guillotine, bad=True))
    assert {"after ledger about_to_set_aside", "after hardlink_to", "before ledger failed"} <= set(tried)


def crash_everywhere(tmp_path: Path, connect: Connect, guillotine: Guillotine, *, bad: bool) -> Iterator[str]:
    """Kills a watcher over one photo at its first step, then at its second ..., and lets another take over."""
    for point in range(1000):
        hot = hot_folder(tmp_path / f"hot-{point}")
        photo = drop(hot, "sub/photo.png", seed=point)
        if bad:
            photo.write_bytes(b"")
        content = hashlib.sha256(photo.read_bytes()).hexdigest()
        guillotine.fall_at, guillotine.steps = point, []
        run_until_done(hot, connect, guillotine)
        if not guillotine.has_fallen:
            assert point > 5
            return
        yield guillotine.steps[point]
        where = f"killed {guillotine.steps[point]}, step {point}"
        guillotine.fall_at = None
        run_until_done(hot, connect, guillotine)
        check(hot, content, where, failed=bad)


def run_until_done(hot: HotFolder, connect: Connect, guillotine: Guillotine) -> None:
    with Watch(hot, connect=connect, timing=HASTY) as watch:
        watch.until(lambda: guillotine.has_fallen or not names_in(hot.inbox))


def check(hot: HotFolder, content: str, where: str, *, failed: bool) -> None:
    assert names_in(hot.inbox) == [], where
    if failed:
        assert names_in(hot.failed) == ["sub/photo.png", "sub/photo.png.error.txt"], where
        assert names_in(hot.outbox) == names_in(hot.done) == [], where
    else:
        assert names_in(hot.outbox) == names_in(hot.done) == ["sub/photo.png"], where
        assert hashlib.sha256((hot.done / "sub/photo.png").read_bytes()).hexdigest() == content, where
    with sqlite3.connect(hot.ledger_file) as ledger:
        states = ledger.execute("SELECT state FROM paintings").fetchall()
    ledger.close()
    assert states == [("failed" if failed else "archived",)], where
