"""Loss against time of the schedules that `default` and `draft` might have: sizes, steps at each, optimiser.

What is minimised stays; only the way there differs. The loss is that at the full size. Time is counted in work: an
iteration at the full size is 1, and one at a coarser size its share of the pixels, so that what else the machine does
counts nothing; processor seconds of one thread stand beside it. Each schedule is painted with several numbers of steps,
those of `draft` and of `default` among them; of ours they are a curve, and another is compared with its value after the
work of the other. Writes JSON, a Markdown table and a plot to benchmarks/results.

    python -m benchmarks.schedules [--size 128] [--iterations 15 50]
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch

from benchmarks import plots
from benchmarks.facts import facts
from benchmarks.quality_report import Curve
from benchmarks.results import RESULTS, geometric_mean, page, save, table
from benchmarks.studio import Pair, load_network, picture
from stylized.engine.choices import Iterate, Optimizer
from stylized.engine.network import Network
from stylized.engine.presets import builtin_presets
from stylized.engine.stylize import Finished, Planned, Request, Step, StyleSource, stylize

PRESET = "default"
PAIRS = (Pair("sample", "mosaic"), Pair("tubingen", "starry_night"))
SEED = 1

OURS = "as it is"
SCHEDULES: Mapping[str, Mapping[str, Any]] = {
    OURS: {},
    "twice the steps at each coarser size": {"iterations_growth": 2.0},
    "half the steps at each coarser size": {"iterations_growth": 0.5},
    "steps of the root of 2": {"pyramid_factor": math.sqrt(2)},
    "steps of 4": {"pyramid_factor": 4.0},
    "one size": {"pyramid_factor": 1.0},
    "the photo's detail not put back": {"pyramid_detail": 0.0},
    "20 pairs in memory": {"history_size": 20},
    "5 pairs in memory": {"history_size": 5},
    "averaged Adam": {
        "optimizer": Optimizer.ADAM,
        "learning_rate": 10.0,
        "beta2": 0.99,
        "epsilon": 0.1,
        "iterate": Iterate.AVERAGE,
        "average_decay": 0.8,
    },
}
"""What the parameters of the preset are changed by."""


@dataclass(frozen=True)
class Outcome:
    """iterations: at the full size. cpu_s: of the whole painting. work: its iterations, each counted as its share of
    the full size's pixels. loss: at the full size."""

    pair: str
    schedule: str
    iterations: int
    cpu_s: float
    work: float
    loss: float


def paint(network: Network, pair: Pair, schedule: str, size: int, iterations: int) -> Outcome:
    """One painting. iterations: at the full size; the coarser ones have as many as the schedule says."""
    preset = builtin_presets()[PRESET].parameters
    chosen = replace(preset, size=size, iterations=iterations, **SCHEDULES[schedule])
    source = StyleSource(picture(pair.style), 1.0)
    began, work, full = time.process_time(), 0.0, 1
    for event in stylize(network, Request(picture(pair.photo), (source,), chosen, SEED)):
        match event:
            case Planned():
                full = event.levels[-1].width * event.levels[-1].height
            case Step():
                work += event.level.width * event.level.height / full
            case Finished():
                cpu_s = time.process_time() - began
                return Outcome(pair.name, schedule, iterations, cpu_s, work, sum(event.losses.values()))
    raise AssertionError("a painting ends with Finished")


def measure(size: int, iterations: Sequence[int]) -> list[Outcome]:
    """Every schedule, for every pair with each number of steps at the full size."""
    network = load_network()
    return [
        paint(network, pair, schedule, size, count) for pair in PAIRS for count in iterations for schedule in SCHEDULES
    ]


def curve(found: Sequence[Outcome], pair: str, schedule: str) -> Curve:
    """The loss as a function of work."""
    return Curve(tuple(sorted((one.work, one.loss) for one in found if (one.pair, one.schedule) == (pair, schedule))))


def ratio(found: Sequence[Outcome], schedule: str, iterations: int) -> float:
    """A schedule's loss with a number of steps over that of ours after the same work: the mean over pairs."""
    its = [one for one in found if (one.schedule, one.iterations) == (schedule, iterations)]
    return geometric_mean([one.loss / curve(found, one.pair, OURS).at(one.work) for one in its])


def report(found: Sequence[Outcome], iterations: Sequence[int], told: Mapping[str, str]) -> str:
    """The Markdown page."""
    rows = [["schedule", *(f"loss over ours, {count} steps" for count in sorted(iterations)), "processor s over ours"]]
    for schedule in SCHEDULES:
        its, ours = (_seconds_a_step(found, name) for name in (schedule, OURS))
        losses = [f"{ratio(found, schedule, count):.3f}" for count in sorted(iterations)]
        rows.append([schedule, *losses, f"{its / ours:.2f}"])
    words = (
        "Losses are those of `default`'s own objective at the full size after the same work, below 1 is better; the "
        "last column is the processor time of as much work."
    )
    return page("Loss against time of schedules", told, table(rows), words)


def _seconds_a_step(found: Sequence[Outcome], schedule: str) -> float:
    own = [one for one in found if one.schedule == schedule]
    return sum(one.cpu_s for one in own) / sum(one.work for one in own)


def write(found: Sequence[Outcome], iterations: Sequence[int], told: Mapping[str, str]) -> None:
    """JSON, page and plot."""
    save("schedules", told, {"outcomes": [asdict(one) for one in found]}, report(found, iterations, told))
    pair = found[0].pair
    series = {}
    for schedule in SCHEDULES:
        points = curve(found, pair, schedule).points
        series[schedule] = ([work for work, _ in points], [loss for _, loss in points])
    with plots.figure(RESULTS / "schedules.png", f"Loss of `default` on {pair} at {told['size']}", (8.6, 4.4)) as axes:
        plots.lines(axes, series, ("work, in iterations at the full size", "loss"))
        axes.set_yscale("log")


def main() -> None:
    """Measures and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=128)
    draft = builtin_presets()["draft"].parameters.iterations
    ours = builtin_presets()[PRESET].parameters.iterations
    parser.add_argument("--iterations", type=int, nargs="+", default=[draft, ours], help="at the full size")
    options = parser.parse_args()
    if len(set(options.iterations)) < 2:
        parser.error("one number of steps makes no curve: give at least two")
    torch.set_num_threads(1)
    told = facts(size=f"{options.size} px", pairs=", ".join(pair.name for pair in PAIRS))
    write(measure(options.size, options.iterations), options.iterations, told)


if __name__ == "__main__":
    main()
