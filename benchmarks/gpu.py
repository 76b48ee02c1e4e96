"""What is promised on a GPU, where there is one; elsewhere the rows stay empty and say so.

Iterations per second of Gatys' objective at 512 px, the seconds of a whole painting by `default` at 2048 px, and how
often the host waits for the device between two frames, by torch's profiler. The first frame is in `streaming`. Writes
JSON and a Markdown table to benchmarks/results.

    python -m benchmarks.gpu [--size 512] [--large 2048]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from statistics import median

from benchmarks.breakdown import waits
from benchmarks.facts import facts, native_precisions
from benchmarks.results import MISSING, page, save, table
from benchmarks.subjects import PEER, Pictures, network, our_name, parameters_of_peer, request
from benchmarks.work import wait_for
from stylized.engine.choices import Precision
from stylized.engine.parameters import Parameters
from stylized.engine.presets import builtin_presets
from stylized.engine.stylize import Step, stylize
from stylized.service.device import find_device

PROMISED_RATE = 400.0
"""Iterations per second at 512 px on an H100."""
PROMISED_LARGE_S = 30.0
"""Of a painting by `default` at 2048 px."""
WARM_UP = 10
ITERATIONS = 100
BETWEEN_FRAMES = 20


@dataclass(frozen=True)
class OnGpu:
    """rates: iterations per second, one number for each round. large_s: of a painting. waits: between two frames."""

    rates: list[float]
    large_s: float
    waits: int


def measure(size: int, large: int, rounds: int, iterations: int = ITERATIONS) -> OnGpu:
    """On whatever device there is, in its best arithmetic."""
    precision = native_precisions()[-1]
    pictures = Pictures.at(size)
    chosen = parameters_of_peer(size, iterations=WARM_UP + iterations)
    rates = [rate(pictures, precision, chosen) for _ in range(rounds)]
    return OnGpu(rates, painting_s(Pictures.at(large), precision, large), waits_between_frames(pictures, precision))


def rate(pictures: Pictures, precision: Precision, chosen: Parameters) -> float:
    """Iterations per second: nobody looks at a step, so that the host never waits."""
    device, began = find_device().device, 0.0
    for event in stylize(network(precision), request(pictures, chosen)):
        if isinstance(event, Step) and event.iteration == WARM_UP:
            wait_for(device)
            began = time.perf_counter()
        if isinstance(event, Step) and event.iteration == chosen.iterations:
            wait_for(device)
            return (chosen.iterations - WARM_UP) / (time.perf_counter() - began)
    raise AssertionError("all iterations are done")


def painting_s(pictures: Pictures, precision: Precision, size: int) -> float:
    """Seconds of a painting by `default`, its targets and the copy of its picture to the host included."""
    chosen = replace(builtin_presets()["default"].parameters, size=size)
    began = time.perf_counter()
    for event in stylize(network(precision), request(pictures, chosen)):
        last = event
    last.picture.cpu()  # pyright: ignore[reportPossiblyUnboundVariable, reportAttributeAccessIssue]
    return time.perf_counter() - began


def waits_between_frames(pictures: Pictures, precision: Precision) -> int:
    """How often the host waits for the device in the steps between two frames, of which none is looked at."""
    chosen = parameters_of_peer(max(pictures.photo.size), iterations=WARM_UP + BETWEEN_FRAMES)
    steps = (event for event in stylize(network(precision), request(pictures, chosen)) if isinstance(event, Step))
    for _ in range(WARM_UP):
        next(steps)
    return waits(steps, BETWEEN_FRAMES)


def report(found: OnGpu | None, size: int, large: int, told: Mapping[str, str]) -> str:
    """The Markdown page. found: None without a GPU."""
    cells = [MISSING] * 3
    if found:
        cells = [f"{median(found.rates):.0f}", f"{found.large_s:.1f}", str(found.waits)]
    whats = (
        (f"iterations per second, {size} px, objective of {PEER}", f"{PROMISED_RATE:.0f} on an H100"),
        (f"seconds of a painting by `default`, {large} px", f"less than {PROMISED_LARGE_S:.0f}"),
        (f"waits of the host in {BETWEEN_FRAMES} iterations between two frames", "0"),
    )
    rows = [[what, cell, promised] for (what, promised), cell in zip(whats, cells, strict=True)]
    missing = [] if found else ["This machine has no GPU that torch can use, so nothing was measured."]
    return page("On a GPU", told, table([["what", "measured", "promised"], *rows]), *missing)


def main() -> None:
    """Measures, if there is a GPU, and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--large", type=int, default=2048)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    found = None
    told = facts(rounds=options.rounds)
    if find_device().device.type == "cuda":
        found = measure(options.size, options.large, options.rounds)
        told["engine"] = our_name(native_precisions()[-1])
    numbers = {"measured": asdict(found) if found else None}
    save("gpu", told, numbers, report(found, options.size, options.large, told))


if __name__ == "__main__":
    main()
