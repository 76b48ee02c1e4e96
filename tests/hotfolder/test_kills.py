"""Promise: whenever the watcher is killed, no picture is lost, painted twice, half-written or deleted."""

from __future__ import annotations

import hashlib
import random
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

from stylize.hotfolder.layout import HotFolder
from tests.real_daemon import RealDaemon

from .watching import WatcherProcess, hot_folder, names_in, noise

PICTURES = 50


KILLS = 20
"""In a round; each round has pictures of its own."""


@dataclass
class Figures:
    """What came of it."""

    kills: int = 0
    kills_at_work: int = 0
    """Those that came while there was something left to paint."""
    lost: int = 0
    doubled: int = 0
    partial: int = 0


@pytest.mark.parametrize("rounds", [1, pytest.param(10, marks=[pytest.mark.endurance, pytest.mark.timeout(1800)])])
def test_nothing_is_lost_doubled_or_partial_however_often_it_is_killed(
    tmp_path: Path, daemon: RealDaemon, rounds: int, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = Figures()
    moment = random.Random(rounds)
    for number in range(rounds):
        hot = hot_folder(tmp_path / f"hot-{number}")
        contents = drop_pictures(hot)
        for _ in range(KILLS):
            watcher = WatcherProcess(hot, home=daemon.folder)
            watcher.wait_until("counted")
            time.sleep(moment.uniform(0, 0.12))
            watcher.kill()
            figures.kills += 1
            figures.kills_at_work += len(names_in(hot.done)) < PICTURES
        WatcherProcess(hot, home=daemon.folder, once=True).lines()
        count(hot, contents, figures)
    with capsys.disabled():
        print(f"\n{rounds * PICTURES} pictures: {figures}")
    assert (figures.lost, figures.doubled, figures.partial) == (0, 0, 0)
    assert figures.kills_at_work > figures.kills / 4


def drop_pictures(hot: HotFolder) -> dict[str, str]:
    """Puts pictures into in/; gives their sha-256 by name."""
    contents = {}
    for number in range(PICTURES):
        path = hot.inbox / f"{number:02}.png"
        noise(number).save(path)
        contents[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return contents


def count(hot: HotFolder, contents: dict[str, str], figures: Figures) -> None:
    """Compares what is there with what must be."""
    kept = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in hot.done.iterdir()}
    outputs = names_in(hot.outbox)
    figures.lost += sum(kept.get(name) != content or name not in outputs for name, content in contents.items())
    figures.doubled += sum(name not in contents for name in [*outputs, *kept])
    figures.partial += sum(not is_whole(hot.outbox / name) for name in outputs)
    assert not names_in(hot.inbox)


def is_whole(path: Path) -> bool:
    try:
        with Image.open(path) as image:
            image.load()
            return image.size == (16, 16)
    except OSError:
        return False
