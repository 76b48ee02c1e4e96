"""The worker's heap keeps a step's memory for the next step, and not beyond the job."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from stylized.service.heap import MOST_JOBS, SPARE_BYTES

MIB = 2**20
PAGE = 4096
# Ten steps that take and free blocks as a gradient does, some of them while others are held; then the job is over.
PROGRAM = """
import json, resource, sys
from pathlib import Path
import torch
from stylized.service.heap import LARGEST_KEPT_BYTES, Heap

def resident():
    return 4096 * int(Path("/proc/self/statm").read_text().split()[1])

def step(mib):
    blocks = [torch.ones(size * 2**18) for size in (mib, mib // 2, mib // 4)]
    del blocks[0]
    blocks.append(torch.ones(mib * 2**18))

how, mib = sys.argv[1], int(sys.argv[2])
torch.set_num_threads(1)
heap = Heap() if how != "left alone" else None
if how == "large":
    heap.suit(LARGEST_KEPT_BYTES + 1)
before = resident()
for _ in range(3):
    step(mib)
faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    step(mib)
faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults
painted = resident() - before
for _ in range(int(sys.argv[3])):
    if heap:
        heap.give_back()
print(json.dumps([faults, painted, resident() - before]))
"""

pytestmark = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads Linux's /proc")


def _steps(how: str, mib: int, jobs: int = 1) -> tuple[int, int, int]:
    """Page faults of ten steps after the first three; how much larger the process is after them, and after the job."""
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, how, str(mib), str(jobs)], check=True, capture_output=True, text=True
    )
    faults, painted, over = json.loads(run.stdout)
    return faults, painted, over


def test_a_step_finds_the_memory_of_the_step_before() -> None:
    # Once in a while a block finds no hole that fits, and its pages are new.
    assert 10 * _steps("kept", 64)[0] < _steps("left alone", 64)[0] > 10 * 64 * MIB // PAGE


def test_a_large_painting_leaves_no_holes_since_each_block_goes_back_at_once() -> None:
    assert _steps("large", 64)[0] > 10 * 64 * MIB // PAGE


def test_after_a_large_job_the_memory_goes_back() -> None:
    _, painted, over = _steps("kept", 2 * SPARE_BYTES // MIB)
    assert painted > SPARE_BYTES
    assert over < 16 * MIB


def test_after_a_small_job_it_waits_for_the_next_one() -> None:
    _, painted, over = _steps("kept", SPARE_BYTES // MIB // 8)
    assert 0 < painted < SPARE_BYTES
    assert over > painted - MIB


def test_after_many_small_jobs_it_goes_back_too() -> None:
    _, painted, over = _steps("kept", SPARE_BYTES // MIB // 8, MOST_JOBS)
    assert painted > 16 * MIB
    assert over < 16 * MIB
