"""Promise: clients find the daemon by themselves, are not fooled by a dead one, and carry the token over TCP."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path

import pytest

from neuralstyle.v1.endpoint import Endpoint, endpoint_file, read_endpoint
from stylize.client import Client
from stylize.connection import access_to, find_daemon, is_loopback, is_unix, open_channel
from stylize.errors import DaemonUnreachable, Unauthenticated
from stylize.version import client_version

from .photos import colours, encode
from .scripted_daemon import RunningDaemon, ScriptedService

TOKEN = "0123abcd"


def test_the_unix_socket_comes_first_and_needs_no_token(scripted: RunningDaemon, service: ScriptedService) -> None:
    service.token = TOKEN
    with Client.connect(start=False) as client:
        assert client.target == scripted.unix_target
    assert "authorization" not in service.calls[-1].metadata


def test_every_call_over_tcp_carries_the_token(scripted: RunningDaemon, service: ScriptedService) -> None:
    service.token = TOKEN
    scripted.announce(targets=("unix:/nowhere/daemon.sock", scripted.tcp_target))
    with Client.connect(start=False) as client:
        assert client.target == scripted.tcp_target
        client.stylize(encode(colours(), "PNG"), "woodblock").result()
        client.jobs()
    assert set(service.methods()) >= {"GetServerInfo", "ListStyles", "UploadImage", "Stylize", "ListJobs"}
    assert {call.metadata.get("authorization") for call in service.calls} == {f"Bearer {TOKEN}"}


def test_an_unreadable_token_matters_only_over_tcp(scripted: RunningDaemon) -> None:
    (scripted.folder / "token").unlink()
    with Client.connect(start=False) as client:
        assert client.target == scripted.unix_target
    endpoint = scripted.announce(targets=(scripted.tcp_target,))
    Path(endpoint.token_path).unlink()
    with pytest.raises(Unauthenticated, match="token"):
        Client.connect(start=False)


def test_an_explicit_target_and_token(scripted: RunningDaemon, service: ScriptedService) -> None:
    service.token = TOKEN
    with Client.connect(scripted.tcp_target, TOKEN) as client:
        assert client.info().device == "cpu (scripted)"
    with pytest.raises(Unauthenticated):
        Client.connect(scripted.tcp_target, "wrong")
    with pytest.raises(Unauthenticated):
        Client.connect(scripted.tcp_target)


def test_a_wrong_token_is_told_instead_of_starting_a_second_daemon(
    scripted: RunningDaemon, service: ScriptedService
) -> None:
    service.token = TOKEN
    scripted.announce(targets=(scripted.tcp_target,), token="stale")
    with pytest.raises(Unauthenticated):
        Client.connect()


def test_clients_introduce_themselves(scripted: RunningDaemon, service: ScriptedService) -> None:
    with Client.connect(start=False):
        pass
    assert service.calls[-1].metadata["x-client"] == f"python/{client_version()}"
    with Client.connect(start=False, client_name="cli"):
        pass
    assert service.calls[-1].metadata["x-client"] == f"cli/{client_version()}"


def test_no_daemon_is_told(home: Path) -> None:
    with pytest.raises(DaemonUnreachable):
        Client.connect(start=False)


def test_a_stale_endpoint_file_is_found_out_at_once(scripted: RunningDaemon) -> None:
    scripted.stop()
    assert read_endpoint(scripted.folder) is not None
    begin = time.monotonic()
    assert find_daemon(scripted.folder, "test") is None
    assert time.monotonic() - begin < 1


@pytest.mark.parametrize("text", ["", "{", "[]", '{"targets": 5}', '{"targets": []}', "\0"])
def test_a_damaged_endpoint_file_is_as_good_as_none(home: Path, text: str) -> None:
    home.mkdir()
    endpoint_file(home).write_text(text)
    assert find_daemon(home, "test") is None


def test_a_stranger_on_the_port_is_not_taken_for_the_daemon(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        threading.Thread(target=lambda: stranger.accept()[0].close(), daemon=True).start()
        announce(home, f"127.0.0.1:{stranger.getsockname()[1]}")
        assert find_daemon(home, "test", timeout=0.5) is None


def test_a_silent_daemon_does_not_hang_the_client(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        announce(home, f"127.0.0.1:{silent.getsockname()[1]}")
        begin = time.monotonic()
        assert find_daemon(home, "test", timeout=0.3) is None
        assert time.monotonic() - begin < 2


def test_a_proxy_from_the_environment_is_not_asked(scripted: RunningDaemon, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "grpc_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with Client.connect(scripted.tcp_target) as client:
        assert client.info().device


def test_beyond_this_machine_the_token_travels_in_tls_only(
    scripted: RunningDaemon, service: ScriptedService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stylize.connection.is_loopback", lambda _: False)
    with pytest.raises(DaemonUnreachable):  # the scripted daemon speaks no TLS
        Client.connect(scripted.tcp_target, TOKEN, timeout=1)
    assert service.calls == []


def test_targets_are_told_apart() -> None:
    assert is_unix("unix:/run/daemon.sock")
    local = ["127.0.0.1:4", "localhost:4", "[::1]:4", "127.8.8.8:4", "dns:///127.0.0.1:4"]
    assert all(map(is_loopback, local))
    assert not any(map(is_loopback, ["10.0.0.1:4", "example.org:4", "0.0.0.0:4", "localhost.example.org:4"]))


def test_a_channel_is_lazy(home: Path) -> None:
    started = time.monotonic()
    open_channel(access_to("unix:/nowhere/daemon.sock", None, "test")).close()
    assert time.monotonic() - started < 1.0  # no attempt to reach it, which would be waited for


def announce(home: Path, target: str) -> None:
    home.mkdir(mode=0o700)
    (home / "token").write_text(TOKEN)
    endpoint = Endpoint((target,), str(home / "token"), 1, "x", "1", ("neuralstyle.v1",))
    endpoint_file(home).write_text(endpoint.to_json())
