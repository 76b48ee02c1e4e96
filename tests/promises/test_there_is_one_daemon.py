"""One folder, one daemon: the second refuses, a killed one leaves nothing in the way, a stopped one leaves nothing."""

from __future__ import annotations

import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest

from neuralstyle.v1 import admin_pb2
from neuralstyle.v1 import stylize_pb2 as pb
from neuralstyle.v1.endpoint import endpoint_file
from tests.real_daemon import RealDaemon, endless_request, reason_of, shared_blocks, small_request, wait_for

StartDaemon = Callable[..., RealDaemon]


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_a_second_daemon_on_the_same_folder_refuses_and_the_first_goes_on(daemon: RealDaemon) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "stylized", "--home", str(daemon.folder)], capture_output=True, text=True, timeout=60
    )
    assert second.returncode == 1
    assert f"pid {daemon.process.pid}" in second.stderr
    assert "Traceback" not in second.stderr
    assert daemon.stylize().GetServerInfo(pb.GetServerInfoRequest()).server_version
    assert endpoint_file(daemon.folder).exists()


def test_after_sigkill_the_worker_is_gone_and_a_new_daemon_serves(start_daemon: StartDaemon) -> None:
    daemon = start_daemon()
    daemon.wait_until_loaded()
    call = daemon.stylize().Stylize(endless_request(preview=pb.PreviewPolicy()))
    next(event for event in call if event.HasField("frame"))
    worker = daemon.worker_pid()
    blocks = shared_blocks(daemon.process.pid, worker)
    assert len(blocks) >= 4  # photo, style, result, frames
    daemon.process.kill()
    daemon.process.wait()
    with pytest.raises(grpc.RpcError) as caught:
        list(call)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    wait_for(lambda: gone(worker), 10, "the worker to follow its daemon")
    wait_for(lambda: not any(block.exists() for block in blocks), 10, "the shared memory to be freed")
    again = start_daemon()
    events = list(again.stylize().Stylize(small_request(1)))
    assert events[-1].HasField("summary")


def test_a_stopped_daemon_leaves_no_process_no_socket_no_shared_memory(start_daemon: StartDaemon) -> None:
    daemon = start_daemon()
    daemon.wait_until_loaded()
    call = daemon.stylize().Stylize(small_request(100, preview=pb.PreviewPolicy()))
    next(event for event in call if event.HasField("frame"))
    worker = daemon.worker_pid()
    blocks = shared_blocks(daemon.process.pid, worker)
    call.cancel()
    assert daemon.terminate() == 0
    assert gone(worker)
    assert not any(block.exists() for block in blocks)
    assert sorted(path.name for path in daemon.folder.iterdir()) == ["daemon.lock", "token"]


def test_sigterm_lets_the_running_job_finish_and_refuses_new_ones(start_daemon: StartDaemon) -> None:
    daemon = start_daemon()
    daemon.wait_until_loaded()
    stub, other = daemon.stylize(), daemon.stylize()
    other.GetServerInfo(pb.GetServerInfoRequest())
    call = stub.Stylize(small_request(40))
    next(event for event in call if event.HasField("progress"))
    waiting = other.Stylize(small_request(1))
    next(waiting)
    daemon.process.send_signal(signal.SIGTERM)
    with pytest.raises(grpc.RpcError) as sent_away:
        list(waiting)
    assert reason_of(sent_away.value) == "DRAINING"
    with pytest.raises(grpc.RpcError) as refused:
        list(other.Stylize(small_request(1)))
    assert reason_of(refused.value) == "DRAINING"
    assert list(call)[-1].summary.iterations == 40
    assert daemon.process.wait(30) == 0


def test_a_daemon_that_starts_while_another_drains_takes_its_place(start_daemon: StartDaemon) -> None:
    first = start_daemon()
    first.wait_until_loaded()
    call = first.stylize().Stylize(small_request(40))
    next(event for event in call if event.HasField("progress"))
    first.process.terminate()
    wait_for(lambda: not endpoint_file(first.folder).exists(), 5, "withdrawing the endpoint")
    second = start_daemon()
    assert first.process.wait(30) == 0
    assert list(call)[-1].HasField("summary")
    assert list(second.stylize().Stylize(small_request(1)))[-1].HasField("summary")


def test_shutdown_with_no_grace_ends_the_running_job_with_a_reason(start_daemon: StartDaemon) -> None:
    daemon = start_daemon()
    daemon.wait_until_loaded()
    call = daemon.stylize().Stylize(endless_request())
    next(event for event in call if event.HasField("progress"))
    request = admin_pb2.ShutdownRequest()
    request.grace.FromSeconds(0)
    assert daemon.admin().Shutdown(request).pid == daemon.process.pid
    with pytest.raises(grpc.RpcError) as caught:
        list(call)
    assert reason_of(caught.value) == "DRAINING"
    assert daemon.process.wait(30) == 0


def test_the_folder_the_socket_and_the_token_are_closed_to_others(daemon: RealDaemon) -> None:
    modes = {
        path.name: stat.S_IMODE(path.stat().st_mode)
        for path in (daemon.folder, *daemon.folder.iterdir())
        if path.name != "daemon.lock"
    }
    assert modes.pop(daemon.folder.name) == 0o700
    assert {name: mode & 0o077 for name, mode in modes.items()} == dict.fromkeys(
        ("daemon.sock", "endpoint.json", "token"), 0
    )


def test_a_folder_too_deep_for_a_socket_is_served_over_tcp(start_daemon: StartDaemon, tmp_path: Path) -> None:
    daemon = start_daemon(folder=tmp_path / ("deep" * 30))
    assert [target.partition(":")[0] for target in daemon.endpoint.targets] == ["127.0.0.1"]
