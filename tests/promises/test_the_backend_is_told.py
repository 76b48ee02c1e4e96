"""Promise: a job is told how its network is computed, and whoever starts the daemon may choose."""

from __future__ import annotations

from collections.abc import Callable

from neuralstyle.v1 import stylize_pb2 as pb
from tests.promises.test_one_photo_becomes_one_painting import run
from tests.real_daemon import RealDaemon, small_request


def _facts(daemon: RealDaemon, precision: pb.Precision) -> tuple[str, str]:
    """The backend and the parameter hash of a small job."""
    events = run(daemon, small_request(1, seed=3, precision=precision))
    started = next(event.started for event in events if event.HasField("started"))
    return started.backend, events[-1].summary.parameter_hash


def test_by_itself_it_is_the_fastest_for_the_arithmetic(daemon: RealDaemon) -> None:
    assert "cuda" in daemon.stylize().GetServerInfo(pb.GetServerInfoRequest()).device or (
        _facts(daemon, pb.PRECISION_FP32)[0] == "winograd"
    )
    assert _facts(daemon, pb.PRECISION_BF16)[0] == "reference"


def test_the_reference_can_be_chosen_and_is_another_painting(
    start_daemon: Callable[..., RealDaemon], daemon: RealDaemon
) -> None:
    backend, parameter_hash = _facts(start_daemon("--backend", "reference"), pb.PRECISION_FP32)
    assert backend == "reference"
    ours, other_hash = _facts(daemon, pb.PRECISION_FP32)
    assert (ours == "reference") == (parameter_hash == other_hash)
