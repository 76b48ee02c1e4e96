"""The course of the losses as a picture."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from stylize.errors import OutputUnwritable
from stylize.events import Event
from stylize.recording.extras import require
from stylize.recording.losses import LossLog
from stylize.recording.recorder import Recorder
from stylize.saving import check_place, written_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg", ".pdf")
_INCHES = (8.0, 4.5)
_DPI = 150
_INK = "#222222"
_FAINT = "#8a8a8a"
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f3c8d", "#a5761d")
"""That the colour-blind can tell apart: Okabe and Ito 2008, "Color Universal Design", without yellow, and two more."""
_NAME_GAP = 0.055
"""Least distance of two names beside the lines, as a share of the height."""
_NARROW = 0.07
"""Share of the width under which a level's size is not written."""


class LossPlot(Recorder):
    """Draws the loss and its terms over the steps, on a logarithmic scale, with the levels of the pyramid: .png, .svg
    or .pdf. Needs the extra `record`. Terms that are nothing all along are left out."""

    def __init__(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Raises OutputExists, or OutputUnwritable, also if what is needed is not installed."""
        super().__init__(path, overwrite=overwrite)
        if self.path.suffix.lower() not in SUFFIXES:
            raise OutputUnwritable(
                f"{self.path} is no name for a plot.", remedy=f"Let it end in {', '.join(SUFFIXES[:-1])} or .pdf."
            )
        check_place(self.path, overwrite)
        require("matplotlib", "matplotlib", "a plot of the losses")
        self._log = LossLog()

    def _take(self, event: Event) -> None:
        self._log.take(event)

    def _finish(self) -> None:
        if not self._log.rows:
            return
        with written_whole(self.path, overwrite=self._overwrite) as part:
            draw(self._log).savefig(part, format=self.path.suffix[1:].lower(), dpi=_DPI)
        self.written = True


def draw(log: LossLog) -> Figure:
    """The plot as a figure of matplotlib, which its global state knows nothing of. log: with one row at least."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=_INCHES, layout="constrained")
    axes = figure.subplots()
    curves = _curves(log)
    _set_scale(axes, curves)
    for curve in curves:
        _draw_curve(axes, curve, log)
    _trim(axes, log)
    _mark_levels(axes, log)
    _name_curves(axes, curves)
    return figure


class _Curve:
    """One line: steps and values, NaN where there is none."""

    def __init__(self, name: str, values: Sequence[float], colour: str, width: float) -> None:
        self.name = name
        self.values = [value if math.isfinite(value) else math.nan for value in values]
        self.colour = colour
        self.width = width

    @property
    def last(self) -> float:
        """The last value that there is."""
        return next(value for value in reversed(self.values) if not math.isnan(value))


def _curves(log: LossLog) -> list[_Curve]:
    """The terms, and on top their sum if there are several."""
    columns = {name: [row.terms.get(name, math.nan) for row in log.rows] for name in log.terms}
    shown = {
        name: values for name, values in columns.items() if any(math.isfinite(value) and value for value in values)
    }
    curves = [
        _Curve(name, values, colour, 1.4)
        for (name, values), colour in zip(shown.items(), itertools.cycle(_COLOURS), strict=False)
    ]
    total = [row.loss for row in log.rows]
    if len(curves) != 1 and any(map(math.isfinite, total)):
        curves.append(_Curve("loss", total, _INK, 2.2))
    return curves


def _set_scale(axes: Axes, curves: Sequence[_Curve]) -> None:
    found = [value for curve in curves for value in curve.values if not math.isnan(value)]
    if any(value < 0 for value in found):
        # What is maximised has a loss below zero: logarithmic on both sides, straight between.
        least = min(abs(value) for value in found if value)
        axes.set_yscale("symlog", linthresh=10 ** math.ceil(math.log10(least)))
    elif any(found):
        axes.set_yscale("log", nonpositive="mask")


def _draw_curve(axes: Axes, curve: _Curve, log: LossLog) -> None:
    """A piece for each level: between two the picture changes its size, and no line leads from one to the other."""
    ends = _ends(log)
    level_of = [sum(row.iteration > end for end in ends) for row in log.rows]
    for _, group in itertools.groupby(range(len(log.rows)), key=level_of.__getitem__):
        numbers = list(group)
        steps = [log.rows[number].iteration for number in numbers]
        values = [curve.values[number] for number in numbers]
        marker = "." if len(numbers) == 1 else None
        axes.plot(steps, values, color=curve.colour, linewidth=curve.width, marker=marker, solid_capstyle="round")


def _ends(log: LossLog) -> list[int]:
    """The last step of each level but the last."""
    return list(itertools.accumulate(level.iterations for level in log.plan))[:-1]


def _trim(axes: Axes, log: LossLog) -> None:
    from matplotlib.ticker import MaxNLocator

    first, last = log.rows[0].iteration, log.rows[-1].iteration
    axes.set_xlim(min(first, 1), max(last, 2))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    axes.set_xlabel("iteration", color=_INK)
    axes.set_ylabel("weighted loss", color=_INK)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(_FAINT)
    axes.tick_params(which="both", color=_FAINT, labelcolor=_INK)
    axes.grid(axis="y", color="#e6e6e6", linewidth=0.8)
    axes.set_axisbelow(True)


def _mark_levels(axes: Axes, log: LossLog) -> None:
    if len(log.plan) < 2:
        return
    left, right = axes.get_xlim()
    starts = [0, *_ends(log)]
    for start, end, level in zip(starts, [*starts[1:], math.inf], log.plan, strict=True):
        if start >= right:
            break
        if start:
            axes.axvline(start + 0.5, color=_FAINT, linewidth=0.8, linestyle=(0, (4, 3)))
        begin, finish = max(start, left), min(end, right)
        if (finish - begin) / (right - left) >= _NARROW:
            axes.text(
                (begin + finish) / 2,
                1.01,
                f"{max(level.width, level.height)} px",
                transform=axes.get_xaxis_transform(),
                ha="center",
                va="bottom",
                color=_FAINT,
                fontsize="small",
            )


def _name_curves(axes: Axes, curves: Sequence[_Curve]) -> None:
    """Each name beside the end of its line, in its colour; moved apart where they would lie on each other."""
    axes.autoscale_view(scalex=False)
    right = axes.get_xlim()[1]
    to_share = axes.transScale + axes.transLimits
    places = [(float(to_share.transform((right, curve.last))[1]), curve) for curve in curves]
    # A last value of zero has no place on a logarithmic scale: at the bottom.
    places = [(place if math.isfinite(place) else 0.0, curve) for place, curve in places]
    places.sort(key=lambda pair: pair[0])
    gap = min(_NAME_GAP, 1 / len(places))
    lowest = 0.0
    for number, (wished, curve) in enumerate(places):
        above = len(places) - 1 - number
        place = max(lowest, min(wished, 1.0 - above * gap))
        lowest = place + gap
        axes.text(1.012, place, curve.name, transform=axes.transAxes, va="center", color=curve.colour)
