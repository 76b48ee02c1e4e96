from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from neuralstyle.v1.endpoint import HOME_VARIABLE
from stylize.client import Client

from .scripted_daemon import RunningDaemon, ScriptedService

RunCli = Callable[..., subprocess.CompletedProcess[str]]
SCRIPTED_DAEMON = Path(__file__).with_name("scripted_daemon.py")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home for the daemon; nothing outside it is looked at."""
    folder = tmp_path / "home"
    monkeypatch.setenv(HOME_VARIABLE, str(folder))
    return folder


@pytest.fixture
def service() -> ScriptedService:
    return ScriptedService()


@pytest.fixture
def scripted(home: Path, service: ScriptedService) -> Iterator[RunningDaemon]:
    """A scripted daemon that clients find."""
    running = RunningDaemon(home, service)
    running.announce()
    yield running
    running.stop()


@pytest.fixture
def client(scripted: RunningDaemon) -> Iterator[Client]:
    with Client.connect(start=False) as connected:
        yield connected


@pytest.fixture
def run_cli(home: Path, tmp_path: Path) -> RunCli:
    """Runs the real command line in a process of its own, in the folder `tmp_path`, without a terminal."""

    def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "stylize", *map(str, arguments)],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "COLUMNS": "80", **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run
