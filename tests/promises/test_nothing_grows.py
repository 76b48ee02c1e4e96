"""Job after job, finished, cancelled or refused: neither process keeps memory, descriptors, threads or blocks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from neuralstyle.v1 import stylize_pb2 as pb
from tests.real_daemon import RealDaemon, endless_request, shared_blocks, small_request, wait_for

WARM_UP = 40
JOBS = 120
STATES_BYTES = 1024 * 1024
"""Less than what is kept of the jobs of the warm-up."""
GROWTH_KIB = 16 * 1024
"""A single leaked picture or painting a job would be many times this."""


def resident_kib(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise AssertionError(pid)


def held(pid: int) -> tuple[int, int]:
    """Open descriptors and threads."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir())), len(list(Path(f"/proc/{pid}/task").iterdir()))


def some_jobs(daemon: RealDaemon, count: int) -> None:
    stub = daemon.stylize()
    for number in range(count):
        if number % 10 == 3:
            call = stub.Stylize(endless_request())
            next(event for event in call if event.HasField("progress"))
            call.cancel()
        elif number % 10 == 6:
            with pytest.raises(grpc.RpcError):
                list(stub.Stylize(small_request(1, preset="rococo")))
        else:
            request = small_request(1, seed=number, preview=pb.PreviewPolicy(max_side=32))
            assert list(stub.Stylize(request))[-1].HasField("summary")
    wait_for(lambda: stub.GetServerInfo(pb.GetServerInfoRequest()).running_jobs == 0, 10, "the last job's end")


def test_the_shared_memory_of_a_job_is_gone_with_it(full_daemon: RealDaemon) -> None:
    daemon = full_daemon  # whose worker keeps no style yet
    call = daemon.stylize().Stylize(endless_request(preview=pb.PreviewPolicy()))
    try:
        next(event for event in call if event.HasField("frame"))
        blocks = shared_blocks(daemon.process.pid, daemon.worker_pid())
        assert len(blocks) == 4  # photo, style, result, frames
    finally:
        call.cancel()
    wait_for(lambda: not any(block.exists() for block in blocks), 10, "removing the job's shared memory")


@pytest.fixture
def full_daemon(tmp_path: Path) -> Iterator[RealDaemon]:
    """One whose room for the states of finished jobs is full before growth is measured."""
    running = RealDaemon(tmp_path / "home", f"max_states_bytes={STATES_BYTES}", module="tests.limited_daemon")
    try:
        running.wait_until_loaded()
        yield running
    finally:
        running.close()


def test_a_hundred_jobs_leave_nothing_behind(full_daemon: RealDaemon) -> None:
    daemon = full_daemon
    front, worker = daemon.process.pid, daemon.worker_pid()
    some_jobs(daemon, WARM_UP)
    before = {pid: (resident_kib(pid), held(pid)) for pid in (front, worker)}
    some_jobs(daemon, JOBS)
    for pid, (memory, handles) in before.items():
        grown = resident_kib(pid) - memory
        print(
            f"{'front end' if pid == front else 'worker'}: {grown} KiB more after {JOBS} jobs, {handles} -> {held(pid)}"
        )
        assert grown < GROWTH_KIB
        # A connection of a test may come or go meanwhile, a leak a job would show a hundredfold.
        assert all(abs(now - then) <= 5 for now, then in zip(held(pid), handles, strict=True))
    assert shared_blocks(front, worker) == set()
    assert daemon.worker_pid() == worker
