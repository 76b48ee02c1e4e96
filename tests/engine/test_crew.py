"""Threads that share the parts of a piece of work."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import torch

from stylized.engine.crew import Crew


@pytest.mark.parametrize("count", [1, 2, 3])
def test_each_part_is_done_once_and_torch_keeps_its_threads(count: int) -> None:
    before = torch.get_num_threads()
    done: list[int] = []
    threads: set[int] = set()

    def work(parts: Iterator[int]) -> None:
        threads.add(torch.get_num_threads() if count > 1 else 1)
        done.extend(parts)

    Crew(count).share(work, range(100))
    assert sorted(done) == list(range(100))
    assert threads == {1}
    assert torch.get_num_threads() == (before if count == 1 else count)
    torch.set_num_threads(before)


def test_its_threads_work_at_the_same_time() -> None:
    together = threading.Barrier(2, timeout=30)
    met: list[int] = []

    def work(parts: Iterator[int]) -> None:
        for part in parts:
            together.wait()  # raises if the other one does not come
            met.append(part)

    before = torch.get_num_threads()
    Crew(2).share(work, range(2))
    torch.set_num_threads(before)
    assert sorted(met) == [0, 1]


def test_what_a_part_raises_is_raised_when_all_are_done() -> None:
    done: list[int] = []

    def work(parts: Iterator[int]) -> None:
        for part in parts:
            if part == 3:
                raise ValueError("the third")
            done.append(part)

    before = torch.get_num_threads()
    with pytest.raises(ValueError, match="the third"):
        Crew(2).share(work, range(50))
    assert sorted(done) == [part for part in range(50) if part != 3]
    torch.set_num_threads(before)
