"""A subject in a process of its own, so that each computes as it does for its users: ours as in the daemon's worker,
with the heap that it keeps and the time that its threads spin, which in a shared process would be the others' too.

    python -m benchmarks.apart SUBJECT SIZE

takes as many iterations as each line that it reads says, and answers with the seconds of one of them, the mean.
"""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

from benchmarks.subjects import Pictures, environment_of, prepare, subjects


class Apart:
    """One subject at one size. Use it in a `with` block."""

    def __init__(self, subject: str, size: int) -> None:
        command = [sys.executable, "-m", "benchmarks.apart", subject, str(size)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment_of(subject)
        )

    def __enter__(self) -> Apart:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def turn(self, iterations: int) -> float:
        """Have it take some iterations; return the seconds of one, the mean. Raises RuntimeError if it has died."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{iterations}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"A subject's process ended with {self._process.wait()}.")
        return float(answer)


def serve(subject: str, size: int, lines: Any) -> None:
    """Take as many iterations as each line says."""
    prepare(subject)
    steps = subjects()[subject](Pictures.at(size))
    for line in lines:
        iterations = int(line)
        began = time.perf_counter()
        for _ in range(iterations):
            next(steps)
        print((time.perf_counter() - began) / iterations, flush=True)


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]), sys.stdin)
