"""What the daemon costs over the bare engine: the first frame, previews twice a second, a viewer that stalls.

The daemon is a real one, in processes of its own; the bare engine paints in this process with the same pictures,
parameters and threads. They take turns, round after round. An iteration's time is taken between the first and the last
of a painting, so that it is what streaming costs, and not what a job costs once. The stalled viewer asks for every
frame and reads none. Writes JSON, a Markdown table and a plot to benchmarks/results.

    python -m benchmarks.streaming [--size 512] [--iterations 8] [--rounds 5] [--frames 7]
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import grpc
import torch

from benchmarks import plots
from benchmarks.facts import facts
from benchmarks.results import RESULTS, page, save, table
from benchmarks.subjects import (
    PEER,
    PHOTO,
    STYLE,
    Pictures,
    begin_as_worker,
    engine_steps,
    our_name,
    parameters_of_peer,
    prepare,
)
from neuralstyle.v1 import stylize_pb2 as pb
from neuralstyle.v1 import stylize_pb2_grpc as rpc
from stylize import Client, Frame, Job, Progress, Started
from stylized.engine.choices import Precision
from stylized.engine.precision import resolve_precision
from stylized.service.device import find_device
from stylized.service.worker import NICENESS
from tests.real_daemon import RealDaemon

PREVIEW_SIDE = 256
PREVIEW_INTERVAL_S = 0.5
PROMISED_COST = 0.03
PROMISED_FIRST_FRAME_S = 0.15
"""On a GPU."""

BARE = "bare engine"
UNSEEN = "daemon, no previews"
SEEN = "daemon, previews"
STALLED = "daemon, previews and a stalled viewer"

# A viewer whose buffers are full after a few frames.
_SMALL_WINDOW = (
    ("grpc.http2.bdp_probe", 0),
    ("grpc.http2.lookahead_bytes", 64 * 1024),
    ("grpc.use_local_subchannel_pool", 1),
)


@dataclass(frozen=True)
class Streaming:
    """Seconds. iterations: of each subject, one number for each round. first_frames: from request to first frame of
    the preset `default`, on a daemon that has painted the same before."""

    iterations: Mapping[str, list[float]]
    first_frames: list[float]

    def cost(self, subject: str, over: str) -> float:
        """Of an iteration over another's, as a share: the median of the rounds."""
        pairs = zip(self.iterations[subject], self.iterations[over], strict=True)
        return median(ours / theirs for ours, theirs in pairs) - 1


def measure(size: int, iterations: int, rounds: int, frames: int) -> Streaming:
    """Everything in turn."""
    pictures = Pictures.at(size)
    with tempfile.TemporaryDirectory() as folder:
        daemon = RealDaemon(Path(folder) / "home", "--threads", str(torch.get_num_threads()))
        try:
            daemon.wait_until_loaded()
            with Client.connect(daemon.endpoint.targets[0]) as client:
                ways: dict[str, Callable[[], float]] = {
                    BARE: lambda: bare(pictures, iterations),
                    UNSEEN: lambda: streamed(client, pictures, iterations, previews=False),
                    SEEN: lambda: streamed(client, pictures, iterations),
                    STALLED: lambda: streamed(client, pictures, iterations, stalled=daemon),
                }
                for way in ways.values():
                    way()
                found = {name: [] for name in ways}
                for _ in range(rounds):
                    for name, way in ways.items():
                        found[name].append(way())
                first_frame(client, size)
                return Streaming(found, [first_frame(client, size) for _ in range(frames)])
        finally:
            daemon.close()


def bare(pictures: Pictures, iterations: int) -> float:
    """Seconds of an iteration without a daemon."""
    chosen = parameters_of_peer(max(pictures.photo.size), iterations=iterations)
    precision = resolve_precision(Precision.AUTO, find_device().device)
    moments = [time.perf_counter() for _ in engine_steps(pictures, precision, parameters=chosen)]
    return (moments[-1] - moments[0]) / (len(moments) - 1)


def streamed(
    client: Client, pictures: Pictures, iterations: int, *, previews: bool = True, stalled: RealDaemon | None = None
) -> float:
    """Seconds of an iteration of a job that is watched. stalled: the daemon, for one viewer more that never reads."""
    job = client.stylize(
        pictures.photo,
        pictures.style,
        PEER,
        seed=0,
        size=max(pictures.photo.size),
        iterations=iterations,
        preview=PREVIEW_SIDE if previews else None,
        preview_interval=PREVIEW_INTERVAL_S if previews else None,
    )
    if stalled is None:
        return _an_iteration(job)
    with _stalled_viewer(stalled) as attach:
        return _an_iteration(job, attach)


def _an_iteration(job: Job, when_started: Callable[[str], None] | None = None) -> float:
    """By the daemon's own clock, from the first to the last iteration."""
    elapsed: list[tuple[int, float]] = []
    for event in job:
        if isinstance(event, Started) and when_started:
            when_started(event.job_id)
        if isinstance(event, Progress):
            elapsed.append((event.iteration, event.elapsed))
    (first, began), (last, ended) = elapsed[0], elapsed[-1]
    return (ended - began) / (last - first)


@contextmanager
def _stalled_viewer(daemon: RealDaemon) -> Iterator[Callable[[str], None]]:
    """Gives a function that attaches a viewer to a job; it asks for large frames and reads nothing but the first."""
    with grpc.insecure_channel(daemon.endpoint.targets[0], options=_SMALL_WINDOW) as channel:
        calls = []

        def attach(job_id: str) -> None:
            policy = pb.PreviewPolicy(max_side=PREVIEW_SIDE, format=pb.FRAME_FORMAT_RAW_RGB8, every_iterations=1)
            call = rpc.StylizeServiceStub(channel).WatchJob(pb.WatchJobRequest(job_id=job_id, preview=policy))
            next(iter(call))  # it is attached
            calls.append(call)

        yield attach
        for call in calls:
            call.cancel()


def first_frame(client: Client, size: int) -> float:
    """Seconds from the call to the first frame; the job is then cancelled."""
    began = time.perf_counter()
    with client.stylize(PHOTO, STYLE, seed=0, size=size, preview=PREVIEW_SIDE) as job:
        for event in job:
            if isinstance(event, Frame):
                return time.perf_counter() - began
    raise AssertionError("a job with previews ended without one")


def report(found: Streaming, told: Mapping[str, str]) -> str:
    """The Markdown page."""
    rows = [["subject", "s an iteration", "over the bare engine"]]
    for name, seconds in found.iterations.items():
        rows.append([name, f"{median(seconds):.3f}", f"{found.cost(name, BARE):+.1%}"])
    frames = [1000 * seconds for seconds in found.first_frames]
    on_gpu = find_device().device.type == "cuda"
    words = [
        f"Promised for previews of {PREVIEW_SIDE} px every {PREVIEW_INTERVAL_S:g} s: at most {PROMISED_COST:+.0%}. "
        f"The stalled viewer costs {found.cost(STALLED, SEEN):+.1%} over the same without it (promised: nothing).",
        f"First frame of `default` on a warm daemon: {median(frames):.0f} ms, {min(frames):.0f} to {max(frames):.0f}"
        f" (promised on a GPU: {1000 * PROMISED_FIRST_FRAME_S:.0f} ms{'' if on_gpu else '; this machine has none'}).",
    ]
    return page("What streaming costs", told, table(rows), *words)


def write(found: Streaming, told: Mapping[str, str]) -> None:
    """JSON, page and plot."""
    save("streaming", told, {"seconds": asdict(found)}, report(found, told))
    groups = {name.replace(", ", ",\n"): {"": median(seconds)} for name, seconds in found.iterations.items()}
    with plots.figure(RESULTS / "streaming.png", f"An iteration at {told['size']}, seconds") as axes:
        plots.bars(axes, groups, "s")


def main() -> None:
    """Measures and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--iterations", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--frames", type=int, default=7, help="how often the first frame is waited for")
    options = parser.parse_args()
    prepare(our_name(Precision.FP32))
    os.nice(NICENESS)  # as the daemon's worker, so that other work hits both alike
    told = facts(size=f"{options.size} px", rounds=options.rounds, threads=torch.get_num_threads())
    write(measure(options.size, options.iterations, options.rounds, options.frames), told)


if __name__ == "__main__":
    begin_as_worker("benchmarks.streaming")
    main()
