"""States of finished jobs: bounded in bytes, the newest first."""

from __future__ import annotations

from dataclasses import replace

import torch

from stylized.engine.presets import builtin_presets
from stylized.engine.stylize import State
from stylized.service.limits import MOST_STATES
from stylized.service.states import KeptStates

PICTURE = 3 * 16 * 16 * 4


def state(memory: int = 1) -> State:
    """Of a picture, and as many pictures that an optimiser knows."""
    return State(
        point=torch.zeros(1, 3, 16, 16),
        walk={"pairs": torch.zeros(memory, 3, 16, 16)},
        iterates={},
        parameters=builtin_presets()["gatys"].parameters,
        steps=1,
        pictures=(),
    )


def test_those_used_longest_ago_go_first() -> None:
    kept = KeptStates()
    for job_id in ("a", "b", "c"):
        kept.keep(job_id, state(), 6 * PICTURE)
    assert kept.job_ids == ("a", "b", "c")
    assert kept.get("a") is not None
    kept.keep("d", state(), 6 * PICTURE)
    assert kept.job_ids == ("c", "a", "d")
    assert kept.get("b") is None
    kept.keep("e", state(5), 6 * PICTURE)
    assert kept.job_ids == ("e",)


def test_one_that_is_too_large_keeps_at_least_the_painting() -> None:
    kept = KeptStates()
    kept.keep("a", state(20), 6 * PICTURE)
    found = kept.get("a")
    assert found is not None
    assert found.walk == {}
    kept.keep("b", state(20), PICTURE - 1)
    assert kept.job_ids == ("a",)
    kept.clear()
    assert kept.job_ids == ()


def test_what_is_kept_is_a_copy_with_the_same_numbers() -> None:
    kept, known = KeptStates(), state(2)
    known.point.copy_(torch.rand(known.point.shape))
    before = known.point.clone()
    walk = {**known.walk, "total": torch.tensor(3.5), "moves": torch.tensor(7)}
    kept.keep("a", replace(known, walk=walk), 6 * PICTURE)
    known.point.zero_()
    found = kept.get("a")
    assert found is not None
    assert torch.equal(found.point, before)
    assert torch.equal(found.walk["pairs"], known.walk["pairs"])
    assert (found.walk["total"].item(), found.walk["moves"].item()) == (3.5, 7)


def test_no_more_than_a_thousand_are_kept_however_small() -> None:
    kept, small = KeptStates(), state()
    for number in range(MOST_STATES + 2):
        kept.keep(str(number), small, 10**9)
    assert kept.job_ids == tuple(str(number) for number in range(2, MOST_STATES + 2))
