"""Promise: clients start one daemon between them, wait until it serves, and say why when it does not."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from neuralstyle.v1.endpoint import endpoint_file, log_file, read_endpoint
from stylize import AsyncClient, autostart
from stylize.client import Client
from stylize.errors import DaemonUnreachable, StylizeError

from .conftest import SCRIPTED_DAEMON
from .scripted_daemon import RunningDaemon, ScriptedService
from .test_aio import longest_pause

CONNECT = """
import sys
from pathlib import Path
from stylize import autostart
autostart.find_command = lambda: Path(sys.argv[1])
from stylize.client import Client
with Client.connect() as client:
    print(client.target)
"""


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Path) -> Iterator[Path]:
    """A command `stylized` that runs the scripted daemon; what it started is ended."""
    script = tmp_path / "bin" / "stylized"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{SCRIPTED_DAEMON}" "$@"\n')
    script.chmod(0o755)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    monkeypatch.setattr(autostart, "find_command", lambda: script)
    yield script
    endpoint = read_endpoint(home)
    if endpoint is not None and autostart.is_running(endpoint.pid):
        with Client.connect(start=False) as client:
            pid = client.shutdown()
        wait_until_gone(pid)
    while autostart._started:
        autostart._started.pop().wait(10)


def starts(home: Path) -> int:
    return len((home / "starts").read_text().split())


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + 10
    while autostart.is_running(pid):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_first_client_starts_the_daemon_and_the_next_finds_it(command: Path, home: Path) -> None:
    for _ in range(2):
        with Client.connect() as client:
            assert client.info().device == "cpu (scripted)"
    assert starts(home) == 1
    assert home.stat().st_mode & 0o777 == 0o700
    assert log_file(home).stat().st_mode & 0o777 == 0o600
    assert "scripted daemon" in log_file(home).read_text()


def test_ten_clients_at_once_start_one_daemon(command: Path, home: Path) -> None:
    clients = [
        subprocess.Popen([sys.executable, "-c", CONNECT, command], stdout=subprocess.PIPE, text=True) for _ in range(10)
    ]
    targets = {client.communicate(timeout=40)[0] for client in clients}
    assert [client.returncode for client in clients] == [0] * 10
    assert len(targets) == 1
    assert starts(home) == 1


def test_a_daemon_is_started_with_weights_named_from_any_folder(
    command: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my vgg16.npz").touch()
    autostart.start_daemon(home, "test", weights=["my vgg16.npz", "torchvision"], workers=3).close()
    options = f"--background --weights={tmp_path}/my vgg16.npz --weights=torchvision --workers=3\n"
    assert options in log_file(home).read_text()
    with pytest.raises(StylizeError, match="runs already") as caught:
        autostart.start_daemon(home, "test", weights=["my vgg16.npz"])
    assert "stylize daemon stop" in caught.value.remedy
    assert starts(home) == 1


def test_a_stale_endpoint_file_does_not_keep_the_daemon_from_starting(command: Path, home: Path) -> None:
    dead = RunningDaemon(home, ScriptedService())
    dead.announce(instance_id="dead")
    dead.stop()
    with Client.connect() as client:
        assert client.info().device
    assert starts(home) == 1


def test_a_daemon_that_gives_way_to_another_is_no_failure(command: Path, home: Path) -> None:
    other = RunningDaemon(home, ScriptedService())
    command.write_text("#!/bin/sh\nsleep 0.3\nexit 1\n")
    threading.Timer(0.2, other.announce).start()
    with Client.connect() as client:
        assert client.target == other.unix_target
    other.stop()
    endpoint_file(home).unlink()


def test_the_daemon_is_detached(command: Path, home: Path) -> None:
    with Client.connect():
        endpoint = read_endpoint(home)
    assert endpoint is not None
    assert os.getsid(endpoint.pid) != os.getsid(0)
    assert Path(f"/proc/{endpoint.pid}/cwd").readlink() == Path("/")


def test_a_daemon_that_fails_shows_the_end_of_its_log(
    command: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCRIPTED_FAILURE", "1")
    begin = time.monotonic()
    with pytest.raises(DaemonUnreachable, match="The weights are on fire") as caught:
        Client.connect()
    assert "exit code 1" in str(caught.value)
    assert time.monotonic() - begin < 10


def test_a_daemon_that_does_not_come_up_is_not_waited_for_forever(command: Path, home: Path) -> None:
    command.write_text("#!/bin/sh\nexec sleep 3\n")
    with pytest.raises(DaemonUnreachable, match="in time"):
        Client.connect(timeout=0.5)


def test_without_the_command_it_says_what_to_install(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(autostart, "find_command", lambda: None)
    with pytest.raises(DaemonUnreachable) as caught:
        Client.connect()
    assert "pip install 'stylized[daemon]'" in caught.value.remedy


def test_the_command_beside_this_python_is_preferred(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = [tmp_path / "venv", tmp_path / "path"]
    for place in places:
        place.mkdir()
        (place / "stylized").write_text("#!/bin/sh\n")
        (place / "stylized").chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(places[0] / "python"))
    monkeypatch.setenv("PATH", str(places[1]))
    assert autostart.find_command() == places[0] / "stylized"
    (places[0] / "stylized").unlink()
    assert autostart.find_command() == places[1] / "stylized"


def test_a_home_that_cannot_be_made_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("STYLIZED_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(DaemonUnreachable, match="cannot be made"):
        Client.connect()


def test_the_loop_goes_on_while_the_daemon_starts(command: Path, home: Path) -> None:
    async def scenario() -> None:
        watching = asyncio.create_task(longest_pause())
        begin = time.monotonic()
        async with await AsyncClient.connect() as client:
            took = time.monotonic() - begin
            assert (await client.info()).device == "cpu (scripted)"
        watching.cancel()
        assert await watching < took / 2

    asyncio.run(scenario())
    assert starts(home) == 1
