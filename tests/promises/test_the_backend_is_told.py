"""Promise: a job is told how its network is computed, and whoever starts the daemon may choose."""

from __future__ import annotations

from collections.abc import Callable

from neuralstyle.v1 import stylize_pb2 as pb
from stylized.engine.choices import Precision
from stylized.engine.precision import resolve_precision
from stylized.service.device import find_device
from tests.promises.test_one_photo_becomes_one_painting import run
from tests.real_daemon import RealDaemon, small_request


def _started(daemon: RealDaemon, precision: pb.Precision) -> tuple[pb.Started, str]:
    """How a small job starts, and its parameter hash."""
    events = run(daemon, small_request(1, seed=3, precision=precision))
    started = next(event.started for event in events if event.HasField("started"))
    return started, events[-1].summary.parameter_hash


def _on_gpu(daemon: RealDaemon) -> bool:
    return "cuda" in daemon.stylize().GetServerInfo(pb.GetServerInfoRequest()).device


def test_by_itself_it_is_the_fastest_for_the_arithmetic(daemon: RealDaemon) -> None:
    fastest = "cuda" if _on_gpu(daemon) else "winograd"
    assert {_started(daemon, one)[0].backend for one in (pb.PRECISION_FP32, pb.PRECISION_BF16)} == {fastest}


def test_the_reference_can_be_chosen_and_is_another_painting(
    start_daemon: Callable[..., RealDaemon], daemon: RealDaemon
) -> None:
    started, parameter_hash = _started(start_daemon("--backend", "reference"), pb.PRECISION_FP32)
    assert started.backend == "reference"
    ours, other_hash = _started(daemon, pb.PRECISION_FP32)
    assert (ours.backend == "reference") == (parameter_hash == other_hash)


def test_a_job_that_asks_for_no_arithmetic_gets_the_daemons(start_daemon: Callable[..., RealDaemon]) -> None:
    daemon = start_daemon("--backend", "onednn", "--precision", "bf16")
    assert _started(daemon, pb.PRECISION_AUTO)[0].precision == pb.PRECISION_BF16
    asked, _ = _started(daemon, pb.PRECISION_FP32)
    assert asked.precision == pb.PRECISION_FP32
    assert asked.backend == ("reference" if _on_gpu(daemon) else "onednn")
    emulated = resolve_precision(Precision.AUTO, find_device().device) is not Precision.BF16
    assert emulated == ("has no arithmetic for bf16" in daemon.log.read_text())
