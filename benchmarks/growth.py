"""How the cost of a pixel grows with the picture: an iteration of our engine from 512 to 2048 px and beyond.

The sizes take turns, round after round; each turn begins a painting anew and leaves out what it does once. A size that
does not fit into the memory is left out, and the page says so. Writes JSON, a Markdown table and a plot to
benchmarks/results.

    python -m benchmarks.growth [--sizes 512 1024 2048] [--rounds 3]

With 4096 too it takes a quarter of an hour more on two cores.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from statistics import median

import torch

from benchmarks import plots
from benchmarks.facts import facts, native_precisions
from benchmarks.results import MISSING, RESULTS, page, save, table
from benchmarks.subjects import Pictures, begin_as_worker, engine_steps, our_name, parameters_of_peer, prepare
from stylized.engine.backends import resolve_backend
from stylized.engine.choices import Backend, Precision
from stylized.engine.memory import estimate_bytes
from stylized.engine.schedule import PictureSizes, plan
from stylized.service.device import find_device

PROMISED_GROWTH = 1.15
"""From 512 to 4096 px."""
_SECONDS_A_TURN = 1.0
"""Of iterations at least, so that small sizes are not one short look."""
_MAX_ITERATIONS = 10


@dataclass(frozen=True)
class Cost:
    """Of one size in one arithmetic. seconds: of an iteration, one number for each round; none if it did not fit."""

    size: int
    pixels: int
    seconds: tuple[float, ...]

    @property
    def a_megapixel(self) -> float:
        """Seconds of an iteration for each million pixels."""
        return median(self.seconds) / self.pixels * 1e6


def measure(precision: Precision, sizes: list[int], rounds: int) -> list[Cost]:
    """All sizes in turn."""
    pictures = {size: Pictures.at(size) for size in sizes}
    seconds: dict[int, list[float]] = {size: [] for size in sizes}
    for _ in range(rounds):
        for size in sizes:
            if fits(pictures[size], precision):
                seconds[size].append(_turn(pictures[size], precision))
    return [
        Cost(size, pictures[size].photo.width * pictures[size].photo.height, tuple(seconds[size])) for size in sizes
    ]


def fits(pictures: Pictures, precision: Precision) -> bool:
    """Whether the device has the memory that the engine says a painting takes."""
    device = find_device()
    chosen = parameters_of_peer(max(pictures.photo.size))
    request_sizes = PictureSizes(pictures.photo.size, (pictures.style.size,))
    backend = resolve_backend(Backend.AUTO, device.device, precision)
    need = estimate_bytes(plan(request_sizes, chosen), chosen, precision, backend, request_sizes.styles)
    available = device.available_memory()
    return available is None or need <= available


def _turn(pictures: Pictures, precision: Precision) -> float:
    """Seconds of an iteration: the mean of some, the first left out."""
    steps = engine_steps(pictures, precision)
    next(steps)
    began, count = time.perf_counter(), 0
    while count < _MAX_ITERATIONS and time.perf_counter() - began < _SECONDS_A_TURN:
        next(steps)
        count += 1
    spent = time.perf_counter() - began
    steps.close()  # frees its memory for the next size
    return spent / count


def report(found: Mapping[Precision, list[Cost]], told: Mapping[str, str]) -> str:
    """The Markdown page."""
    rows = [["subject", "long side", "s an iteration", "s a megapixel", "over the smallest"]]
    for precision, costs in found.items():
        for cost in costs:
            cells = [MISSING] * 3
            if cost.seconds:
                numbers = (median(cost.seconds), cost.a_megapixel, growth(costs[0], cost))
                cells = [f"{number:.3f}" for number in numbers]
            rows.append([our_name(precision), f"{cost.size} px", *cells])
    words = [f"Promised are at most {PROMISED_GROWTH:.2f} from 512 to 4096 px."]
    left_out = sorted({cost.size for costs in found.values() for cost in costs if not cost.seconds})
    if left_out:
        words.append(f"Not in this machine's free memory: {', '.join(f'{size} px' for size in left_out)}.")
    return page("What a pixel costs", told, table(rows), " ".join(words))


def growth(smallest: Cost, cost: Cost) -> float:
    """A pixel's cost over that at the smallest size: the median of the rounds, each of which hits both alike."""
    pairs = zip(smallest.seconds, cost.seconds, strict=True)
    return median(theirs / cost.pixels / (ours / smallest.pixels) for ours, theirs in pairs)


def write(found: Mapping[Precision, list[Cost]], told: Mapping[str, str]) -> None:
    """JSON, page and plot."""
    numbers = {"costs": {our_name(precision): [asdict(cost) for cost in costs] for precision, costs in found.items()}}
    save("growth", told, numbers, report(found, told))
    series = {}
    for precision, costs in found.items():
        done = [cost for cost in costs if cost.seconds]
        series[our_name(precision)] = ([cost.size for cost in done], [growth(costs[0], cost) for cost in done])
    with plots.figure(RESULTS / "growth.png", "The cost of a pixel, over that at the smallest size") as axes:
        plots.lines(axes, series, ("long side, px", "times"))
        plots.mark(axes, PROMISED_GROWTH)
        axes.set_xscale("log")
        axes.set_xticks(sizes := [cost.size for cost in next(iter(found.values()))], list(map(str, sizes)))
        axes.minorticks_off()
        axes.set_ylim(0, 1.3)


def main() -> None:
    """Measures and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[512, 1024, 2048])
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    prepare(our_name(Precision.FP32))
    found = {precision: measure(precision, options.sizes, options.rounds) for precision in native_precisions()}
    write(found, facts(rounds=options.rounds, threads=torch.get_num_threads()))


if __name__ == "__main__":
    begin_as_worker("benchmarks.growth")
    main()
