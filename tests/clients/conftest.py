from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from neuralstyle.v1.endpoint import HOME_VARIABLE, read_endpoint
from stylize.cli.app import app
from stylize.client import Client
from stylize.connection import process_exists

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
def call_cli(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunCli:
    """Runs the command line in this process, in the folder `tmp_path`: the same to see as by `run_cli`, in a tenth of
    the time. For what does not end by a signal and is no matter of processes or terminals."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        words = [str(argument) for argument in arguments]
        ended = CliRunner().invoke(app, words, env={"COLUMNS": "80", **environment})
        return subprocess.CompletedProcess(words, ended.exit_code, ended.stdout, ended.stderr)

    return call


@pytest.fixture
def run_cli(home: Path, tmp_path: Path) -> Iterator[RunCli]:
    """Runs the real command line in a process of its own, in the folder `tmp_path`, without a terminal.

    A daemon that the commands started and that nobody ended fails the test: it would run for ever.
    """

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

    yield run
    endpoint = read_endpoint(home)
    if endpoint is not None and endpoint.pid != os.getpid() and process_exists(endpoint.pid):
        os.kill(endpoint.pid, signal.SIGTERM)
        pytest.fail("the command line started a daemon that the test left behind")
