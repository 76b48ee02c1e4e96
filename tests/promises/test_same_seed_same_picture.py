"""The same request with the same seed on the same machine gives the same bytes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from neuralstyle.v1 import stylize_pb2 as pb
from tests.promises.test_one_photo_becomes_one_painting import picture, run
from tests.real_daemon import RealDaemon, small_request


@pytest.mark.parametrize("precision", [pb.PRECISION_FP32, pb.PRECISION_BF16])
def test_same_seed_same_bytes_other_seed_other_bytes(daemon: RealDaemon, precision: pb.Precision) -> None:
    def paint(seed: int) -> tuple[bytes, str]:
        events = run(daemon, small_request(6, seed=seed, init=pb.INIT_NOISE, precision=precision))
        return picture(events), events[-1].summary.parameter_hash

    first, again, other = paint(1), paint(1), paint(2)
    assert first == again
    assert other[0] != first[0]
    assert other[1] != first[1]


def test_another_run_of_the_daemon_gives_the_same_bytes(
    daemon: RealDaemon, start_daemon: Callable[..., RealDaemon]
) -> None:
    """Also of the file around the pixels: a PNG's profile could carry the time at which the daemon started."""
    other = start_daemon()
    other.wait_until_loaded()
    assert picture(run(other, small_request(3))) == picture(run(daemon, small_request(3)))


def test_what_changes_the_picture_changes_its_hash(daemon: RealDaemon) -> None:
    def paint(strength: float | None = None, color: float | None = None) -> tuple[bytes, str]:
        request = small_request(6)
        request.tunables.MergeFrom(pb.Tunables(strength=strength, color=color))
        events = run(daemon, request)
        return picture(events), events[-1].summary.parameter_hash

    plain = paint()
    assert paint(strength=0.5, color=1.0) == plain
    for other in (paint(strength=0.0), paint(color=0.9)):
        assert other[0] != plain[0]
        assert other[1] != plain[1]


def test_a_picked_seed_is_told_and_repeats_the_picture(daemon: RealDaemon) -> None:
    request = small_request(3, init=pb.INIT_NOISE)
    request.ClearField("seed")
    events = run(daemon, request)
    request.seed = events[-1].summary.seed
    assert picture(run(daemon, request)) == picture(events)
