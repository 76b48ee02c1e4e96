"""How much memory a painting takes: the peak of each subject, in a fresh process each, at several sizes.

A process loads its network, makes the painting's targets and takes three iterations; then its highest resident memory
is read (VmHWM of proc(5)), on a GPU that of the device. Told beside it: what the process had after it imported torch.
L-BFGS keeps pairs of pictures: torch's keeps 100 of them, which three iterations do not show, so what a full memory
adds is told too. Writes JSON, a Markdown table and a plot to benchmarks/results.

    python -m benchmarks.peak [--sizes 256 512 1024]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from benchmarks import plots
from benchmarks.facts import PEER as PEER_VERSION
from benchmarks.facts import facts
from benchmarks.results import RESULTS, page, save, table
from benchmarks.subjects import PEER, PLAIN, Pictures, environment_of, parameters_of_peer, prepare, subjects
from stylized.service.device import find_device

ITERATIONS = 3
_MIB = 2**20
_FLOAT = 4
_TORCH_HISTORY = 100
"""torch.optim.LBFGS, history_size."""


@dataclass(frozen=True)
class Peak:
    """Bytes. before: with torch and all programs imported. highest: of the whole run. history: pairs of a full L-BFGS
    memory that the run has not filled yet."""

    before: int
    highest: int
    history: int


def of_this_process(subject: str, size: int) -> Peak:
    """Paint a little in this process, which should be a fresh one."""
    device = find_device()
    before = device.peak_memory()
    prepare(subject)
    pictures = Pictures.at(size)
    steps = subjects()[subject](pictures)
    for _ in range(ITERATIONS):
        next(steps)
    numbers = 3 * pictures.photo.width * pictures.photo.height
    return Peak(before, device.peak_memory(), 2 * numbers * _FLOAT * _missing_pairs(subject))


def _missing_pairs(subject: str) -> int:
    """Ours has all the places of its memory from the start."""
    return _TORCH_HISTORY - (ITERATIONS - 1) if subject in (PEER, PLAIN) else 0


def measure(sizes: list[int]) -> dict[int, dict[str, Peak]]:
    """Of every subject at every size, one process at a time."""
    return {size: {name: _in_process(name, size) for name in subjects()} for size in sizes}


def _in_process(subject: str, size: int) -> Peak:
    command = [sys.executable, "-m", "benchmarks.peak", "--one", subject, "--sizes", str(size)]
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment_of(subject)).stdout
    return Peak(**json.loads(told.splitlines()[-1]))


def report(found: Mapping[int, Mapping[str, Peak]], told: Mapping[str, str]) -> str:
    """The Markdown page."""
    history = parameters_of_peer(1).history_size
    rows = [["long side", "subject", "MiB at most", "of that before it began", "a full memory of L-BFGS adds"]]
    for size, peaks in found.items():
        for name, peak in peaks.items():
            numbers = (peak.highest, peak.before, peak.history)
            rows.append([f"{size} px", name, *(f"{number / _MIB:.0f}" for number in numbers)])
    words = f"The programs keep {_TORCH_HISTORY} pairs of pictures, ours {history}, from its first iteration on."
    return page("Memory of a painting", told, table(rows), words)


def write(found: Mapping[int, Mapping[str, Peak]], told: Mapping[str, str]) -> None:
    """JSON, page and plot."""
    numbers = {"sizes": {size: {name: asdict(peak) for name, peak in peaks.items()} for size, peaks in found.items()}}
    save("peak", told, numbers, report(found, told))
    groups = {
        f"{size} px": {name: (peak.highest + peak.history) / _MIB for name, peak in peaks.items()}
        for size, peaks in found.items()
    }
    with plots.figure(RESULTS / "peak.png", "Peak memory, with a full memory of L-BFGS") as axes:
        plots.bars(axes, groups, "MiB")


def main() -> None:
    """Measures and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 512, 1024])
    parser.add_argument("--one", metavar="SUBJECT", help="only this, in this process; prints JSON")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(asdict(of_this_process(options.one, options.sizes[0]))))
        return
    write(measure(options.sizes), facts(PEER_VERSION, iterations=ITERATIONS))


if __name__ == "__main__":
    main()
