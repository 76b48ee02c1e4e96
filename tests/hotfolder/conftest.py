from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from neuralstyle.v1.endpoint import HOME_VARIABLE
from stylize.client import Client
from stylize.hotfolder.layout import HotFolder
from tests.clients.scripted_daemon import RunningDaemon, ScriptedService
from tests.real_daemon import RealDaemon

from .watching import hot_folder

Connect = Callable[[], Client]


@pytest.fixture
def tmp_path(tmp_path: Path) -> Iterator[Path]:
    """In memory where the system has such a place: the ledger waits for the disk at every step, for good reasons."""
    memory = Path("/dev/shm")
    if not memory.is_dir():
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory, prefix="hotfolder-") as folder:
        yield Path(folder).resolve()


@pytest.fixture(autouse=True)
def _end_promptly(monkeypatch: pytest.MonkeyPatch) -> None:
    """A watcher hears at once that it is to end."""
    monkeypatch.setattr("stylize.hotfolder.service.HEARTBEAT_S", 0.01)


@pytest.fixture
def hot(tmp_path: Path) -> HotFolder:
    """An empty hot folder with cheap settings."""
    return hot_folder(tmp_path / "hot")


@pytest.fixture
def connect(daemon: RealDaemon) -> Connect:
    """Connects to the shared real daemon."""
    return lambda: Client.connect(daemon.endpoint.targets[0], client_name="test")


@pytest.fixture
def service() -> ScriptedService:
    return ScriptedService()


@pytest.fixture
def scripted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, service: ScriptedService) -> Iterator[RunningDaemon]:
    """A scripted daemon that clients find."""
    folder = tmp_path / "home"
    monkeypatch.setenv(HOME_VARIABLE, str(folder))
    running = RunningDaemon(folder, service)
    running.announce()
    yield running
    running.stop()


@pytest.fixture
def connect_scripted(scripted: RunningDaemon) -> Connect:
    """Connects to the scripted daemon, and starts none."""
    return lambda: Client.connect(start=False, client_name="test")
