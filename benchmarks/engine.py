"""One iteration of our engine, of the `pastiche` program and of the method in plain PyTorch, side by side in one run.

All paint the sample photo in the built-in style `oil` with the same objective and an L-BFGS of their own, each in a
process of its own, in turn, round after round, some iterations at a time: the first one after a pause finds cold caches
and sleeping threads, which a painting meets once. In each round the machine shows what it does at its best: a large
product of matrices and a large convolution. So whatever else the machine does hits all alike; on a shared machine only
the ratios mean something. Writes JSON, a Markdown table and a plot to benchmarks/results.

    python -m benchmarks.engine [--sizes 256 512 1024] [--rounds 7]
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median

import torch

from benchmarks import plots
from benchmarks.apart import Apart
from benchmarks.facts import PEER as PEER_VERSION
from benchmarks.facts import facts, native_precisions
from benchmarks.results import RESULTS, page, save, table
from benchmarks.subjects import PEER, PLAIN, Pictures, parameters_of_peer, precision_of, subjects
from benchmarks.work import MAPS_SIDE, MATMUL_SIDE, ceilings, iteration_flop
from stylized.engine.choices import Precision
from stylized.service.device import find_device

WARM_UP = 2
PIXELS_AT_A_TURN = 2048
"""Of the long side, in all iterations of a turn together: 8 at 256 px, 4 at 512 px."""
PROMISES = """\
Promised are 1.3 times the iterations of either in fp32 and, where the processor has AVX512-BF16 or AMX, 4 times in bf16
at 512 px with the convolutions at 85 % of the ceiling."""


@dataclass(frozen=True)
class Round:
    """All in turn, once. seconds: of an iteration, by subject. rates: the machine's FLOP/s, "matmul fp32" and so on."""

    seconds: Mapping[str, float]
    rates: Mapping[str, float]


@dataclass(frozen=True)
class Measured:
    """What was measured at a size. flop: of an iteration."""

    size: int
    flop: float
    rounds: tuple[Round, ...]

    def seconds(self, subject: str) -> float:
        """Median of an iteration."""
        return median(turn.seconds[subject] for turn in self.rounds)

    def speedup(self, subject: str, other: str) -> float:
        """How many times as fast as another: the median of the rounds, each of which hits both alike."""
        return median(turn.seconds[other] / turn.seconds[subject] for turn in self.rounds)

    def share(self, subject: str, ceiling: str) -> float:
        """Of what the machine does at its best, the same way."""
        return median(self.flop / turn.seconds[subject] / turn.rates[ceiling] for turn in self.rounds)


def measure(size: int, rounds: int, matmul_side: int = MATMUL_SIDE, maps_side: int = MAPS_SIDE) -> Measured:
    """Everything at a size, in turn."""
    device = find_device().device
    tops = [
        (f"{top.name} {precision.value}", top)
        for precision in native_precisions()
        for top in ceilings(device, precision, matmul_side, maps_side)
    ]
    for _, top in tops:
        top.rate(device)
    iterations = max(1, PIXELS_AT_A_TURN // size)
    flop = iteration_flop(*Pictures.at(size).photo.size, parameters_of_peer(size))
    with ExitStack() as stack:
        running = {name: stack.enter_context(Apart(name, size)) for name in subjects()}
        for one in running.values():
            one.turn(WARM_UP)
        turns = [
            Round(
                {name: one.turn(iterations) for name, one in running.items()},
                {name: top.rate(device) for name, top in tops},
            )
            for _ in range(rounds)
        ]
    return Measured(size, flop, tuple(turns))


def report(results: list[Measured], told: Mapping[str, str]) -> str:
    """The Markdown page."""
    rows = [
        ["long side", "subject", "s an iteration", f"x {PEER}", f"x {PLAIN}", "of the matmul", "of the convolution"]
    ]
    for found in results:
        for name in found.rounds[0].seconds:
            top = precision_of(name).value
            rows.append(
                [
                    f"{found.size} px",
                    name,
                    f"{found.seconds(name):.3f}",
                    *(f"{found.speedup(name, other):.2f}" for other in (PEER, PLAIN)),
                    *(f"{found.share(name, f'{what} {top}'):.0%}" for what in ("matmul", "convolution")),
                ]
            )
    best = [["at its best", "GFLOP/s, median"]]
    turns = [turn for found in results for turn in found.rounds]
    best += [[name, f"{median(turn.rates[name] for turn in turns) / 1e9:.0f}"] for name in turns[0].rates]
    words = (
        "Shares are of what the machine does at its best in the same arithmetic, and of the arithmetic that direct "
        "convolutions need: Winograd's way needs less, so its share can pass 100 %. " + PROMISES.replace("\n", " ")
    )
    missing = [] if Precision.BF16 in native_precisions() else ["bf16 was not measured: this device only emulates it."]
    return page("One iteration, side by side", told, table(rows), table(best), words, *missing)


def draw(results: list[Measured]) -> None:
    """The plot: how many times as fast as the program."""
    groups = {
        f"{found.size} px": {name: found.speedup(name, PEER) for name in found.rounds[0].seconds} for found in results
    }
    with plots.figure(RESULTS / "engine.png", f"Iterations in the time of one of {PEER}") as axes:
        plots.bars(axes, groups, "times as fast")


def main() -> None:
    """Measures and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 512, 1024])
    parser.add_argument("--rounds", type=int, default=7, help="at each size; the largest gets half as many")
    options = parser.parse_args()
    results = []
    for size in options.sizes:
        rounds = options.rounds if size < 1024 else (options.rounds + 1) // 2
        results.append(measure(size, rounds))
    write(results, facts(PEER_VERSION, rounds=options.rounds, threads=torch.get_num_threads()))


def write(results: list[Measured], told: Mapping[str, str]) -> None:
    """JSON, page and plot."""
    numbers = {
        "sizes": {
            found.size: {
                "flop": found.flop,
                "seconds": {name: [turn.seconds[name] for turn in found.rounds] for name in found.rounds[0].seconds},
                "rates": {name: [turn.rates[name] for turn in found.rounds] for name in found.rounds[0].rates},
            }
            for found in results
        }
    }
    save("engine", told, numbers, report(results, told))
    draw(results)


if __name__ == "__main__":
    main()
