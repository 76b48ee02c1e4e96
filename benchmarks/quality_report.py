"""The page docs/quality.md: its tables and pictures, from what `quality` has painted.

The page's words are written by hand. What is between two comments, `<!-- NAME -->` and `<!-- /NAME -->`, is written
here, so that no number is copied by hand.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from benchmarks.results import geometric_mean, table

# What is compared at equal content distance: all three distances to the style together, and each of them.
DISTANCES = ("style", "gram", "moments", "sliced")
MEASURES = ("style", "content", "noise", "border")

Result = Mapping[str, Any]

_GAP = 4


@dataclass(frozen=True)
class Curve:
    """A measure as a function of content distance, through some paintings of one pair at several strengths."""

    points: tuple[tuple[float, float], ...]

    @classmethod
    def through(cls, results: Sequence[Result], measure: str) -> Curve:
        """The curve of a measure; at least two results, of different content distances."""
        return cls(tuple(sorted((result["content"], result[measure]) for result in results)))

    def at(self, content: float) -> float:
        """The measure at a content distance: straight lines between the logarithms, the outermost ones continued."""
        after = next((n for n, (x, _) in enumerate(self.points) if x >= content), len(self.points) - 1)
        (x0, y0), (x1, y1) = self.points[max(0, after - 1)], self.points[max(1, after)]
        if x0 == x1:  # nothing moved: too few steps
            return y0
        share = math.log(content / x0) / math.log(x1 / x0)
        return y0 * (y1 / y0) ** share

    def holds(self, content: float) -> bool:
        """Whether a content distance lies between those that were painted."""
        return self.points[0][0] <= content <= self.points[-1][0]


@dataclass(frozen=True)
class Duel:
    """A rival's painting, and what ours has at its content distance."""

    pair: str
    rival: str
    content: float
    theirs: Mapping[str, float]
    ours: Mapping[str, float]
    inside: bool

    @property
    def won(self) -> bool:
        """Whether ours is nearer to the style."""
        return self.ours["style"] < self.theirs["style"]


def duels(ours: Mapping[str, Sequence[Result]], rivals: Mapping[str, Mapping[str, Result]]) -> list[Duel]:
    """Compare by pair: `ours` has a pair's results at all strengths, `rivals` its results by preset."""
    found = []
    for pair, results in ours.items():
        curves = {measure: Curve.through(results, measure) for measure in DISTANCES}
        for rival, theirs in rivals.get(pair, {}).items():
            content = theirs["content"]
            found.append(
                Duel(
                    pair=pair,
                    rival=rival,
                    content=content,
                    theirs={measure: theirs[measure] for measure in DISTANCES},
                    ours={measure: curve.at(content) for measure, curve in curves.items()},
                    inside=curves["style"].holds(content),
                )
            )
    return found


def duel_table(found: Sequence[Duel], rivals: Sequence[str]) -> str:
    """A row for each pair, a column for each rival: its distance to the style, ours in its place, and their ratio."""
    rows = [["pair", *(f"{rival}: its / ours = ratio" for rival in rivals)]]
    for pair in dict.fromkeys(duel.pair for duel in found):
        cells = [pair]
        for rival in rivals:
            duel = next((d for d in found if (d.pair, d.rival) == (pair, rival)), None)
            cells.append("" if duel is None else _duel_cell(duel))
        rows.append(cells)
    won = ["won"]
    for rival in rivals:
        its = [duel for duel in found if duel.rival == rival]
        won.append(f"**{sum(duel.won for duel in its)} of {len(its)}**")
    return table([*rows, won])


def statistics_table(found: Sequence[Duel], rivals: Sequence[str]) -> str:
    """For each statistic by itself: pairs won, and the mean ratio (geometric)."""
    rows = [["rival", *DISTANCES]]
    for rival in rivals:
        its = [duel for duel in found if duel.rival == rival]
        cells = [rival]
        for measure in DISTANCES:
            ratios = [duel.theirs[measure] / duel.ours[measure] for duel in its]
            cells.append(f"{geometric_mean(ratios):.2f} ({sum(r > 1 for r in ratios)} of {len(its)})" if its else "")
        rows.append(cells)
    return table(rows)


def measures_table(results: Mapping[str, Sequence[Result]]) -> str:
    """Means over pairs for each preset: all measures, steps and time."""
    rows = [["preset", *MEASURES, "steps at each size", "processor seconds"]]
    for name, its in results.items():
        means = [f"{sum(r[m] for r in its) / len(its):.3f}" for m in MEASURES]
        steps = ", ".join(
            f"{max(level['width'], level['height'])}: {level['iterations']}" for level in its[0]["levels"]
        )
        rows.append([name, *means, steps, f"{sum(r['cpu_s'] for r in its) / len(its):.0f}"])
    return table(rows)


def sheet(rows: Sequence[Sequence[Image.Image]], cell: tuple[int, int]) -> Image.Image:
    """Pictures in rows on white, each made to fit its cell."""
    width, height = cell
    columns = max(1, *map(len, rows))
    whole = Image.new("RGB", (columns * (width + _GAP) - _GAP, len(rows) * (height + _GAP) - _GAP), "white")
    for y, row in enumerate(rows):
        for x, picture in enumerate(row):
            small = picture.convert("RGB")
            small.thumbnail(cell, Image.Resampling.LANCZOS)
            left = x * (width + _GAP) + (width - small.width) // 2
            whole.paste(small, (left, y * (height + _GAP) + (height - small.height) // 2))
    return whole


def save_sheet(path: Path, rows: Sequence[Sequence[Image.Image]], cell: tuple[int, int]) -> None:
    """Save a sheet as a small JPEG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet(rows, cell).save(path, quality=80, optimize=True)


def _duel_cell(duel: Duel) -> str:
    theirs, ours = duel.theirs["style"], duel.ours["style"]
    mark = "" if duel.inside else "*"
    return f"{theirs:.3f} / {ours:.3f} = {theirs / ours:.2f}{mark}"
