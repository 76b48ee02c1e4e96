"""Threads that each compute their share of a layer from end to end, instead of all of them each of its steps.

torch divides an operation among its threads, so what one step wrote lies in the caches of all cores when the next one
reads it, and all wait for the slowest at each step. Here a thread goes through all steps of its share, its operations
of torch in this one thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

import torch

_Part = TypeVar("_Part")


class Crew:
    """So many threads; with one, the thread that asks."""

    def __init__(self, count: int) -> None:
        """Start them, and leave torch's threads as they are."""
        self._count = count
        self._pool = ThreadPoolExecutor(count, "crew") if count > 1 else None
        if self._pool is None:
            return
        started = threading.Barrier(count)

        def start() -> None:
            # The first question in a thread makes the number that of all threads, whatever was set before.
            torch.get_num_threads()
            torch.set_num_threads(1)
            started.wait()

        for ready in [self._pool.submit(start) for _ in range(count)]:
            ready.result()
        # What is set last in any thread is what later threads begin with.
        torch.set_num_threads(count)

    def __len__(self) -> int:
        return self._count

    def share(self, work: Callable[[Iterator[_Part]], object], parts: Sequence[_Part]) -> None:
        """Run `work` in each thread with an iterator over the parts that gives each part to one of them.

        What one of them raises is raised here when all are done.
        """
        left = iter(parts)
        if self._pool is None:
            work(left)
            return
        running = [self._pool.submit(work, left) for _ in range(min(self._count, len(parts)))]
        for one in running:
            one.exception()
        for one in running:
            one.result()


@cache
def crew_of(count: int) -> Crew:
    """Return the crew of so many threads. It stays for the life of the process."""
    return Crew(count)
