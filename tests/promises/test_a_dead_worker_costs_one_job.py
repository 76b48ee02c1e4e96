"""A worker that dies fails the job it ran, and only that one; broken weights are named."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest

from neuralstyle.v1 import stylize_pb2 as pb
from tests.real_daemon import RealDaemon, endless_request, reason_of, small_request

StartDaemon = Callable[..., RealDaemon]


def test_the_job_fails_with_worker_restarting_and_the_next_one_runs(start_daemon: StartDaemon) -> None:
    daemon = start_daemon()
    daemon.wait_until_loaded()
    call = daemon.stylize().Stylize(endless_request())
    next(event for event in call if event.HasField("progress"))
    waiting = daemon.stylize().Stylize(small_request(1))
    next(waiting)
    os.kill(daemon.worker_pid(), signal.SIGKILL)
    with pytest.raises(grpc.RpcError) as caught:
        list(call)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert reason_of(caught.value) == "WORKER_RESTARTING"
    assert list(waiting)[-1].HasField("summary")


def test_a_worker_that_died_while_idle_is_replaced_unnoticed(start_daemon: StartDaemon) -> None:
    daemon = start_daemon()
    daemon.wait_until_loaded()
    os.kill(daemon.worker_pid(), signal.SIGKILL)
    assert list(daemon.stylize().Stylize(small_request(1)))[-1].HasField("summary")


def test_damaged_weights_are_named_and_the_daemon_goes_on(start_daemon: StartDaemon, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(b"\x10\0\0\0\0\0\0\0{not a header at")
    daemon = start_daemon("--weights", str(damaged))
    for _ in range(2):
        with pytest.raises(grpc.RpcError) as caught:
            list(daemon.stylize().Stylize(small_request(1)))
        assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
        assert reason_of(caught.value) == "WEIGHTS_DAMAGED"
        assert str(damaged) in (caught.value.details() or "")
    info = daemon.stylize().GetServerInfo(pb.GetServerInfoRequest())
    assert info.worker_state == pb.WORKER_STATE_FAILED


def test_missing_weights_are_named(start_daemon: StartDaemon, tmp_path: Path) -> None:
    daemon = start_daemon("--weights", str(tmp_path / "nowhere.pth"))
    with pytest.raises(grpc.RpcError) as caught:
        list(daemon.stylize().Stylize(small_request(1)))
    assert reason_of(caught.value) == "WEIGHTS_MISSING"
    assert "nowhere.pth" in (caught.value.details() or "")
