"""Plots of the results: few lines, light, named where they end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # no window, wherever it runs

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

OURS = ("#1b6ca8", "#4fa3d9")
OTHERS = ("#8a8d91", "#edae49", "#d1495b", "#2e8b57", "#6a4c93", "#c77d33", "#5f6f52", "#b08bbb", "#3a3d40")
_INK = "#3a3d40"
_FAINT = "#d9dbde"


@contextmanager
def figure(path: Path, title: str, size: tuple[float, float] = (7.2, 3.8)) -> Iterator[Axes]:
    """Axes to draw on; a PNG at `path` when the block ends. size: in inches of 110 pixels."""
    drawn, axes = plt.subplots(figsize=size, dpi=110)
    axes.set_title(title, loc="left", fontsize=11, color=_INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(_FAINT)
    axes.tick_params(colors=_INK, labelsize=9, length=0)
    axes.xaxis.label.set_color(_INK)
    axes.yaxis.label.set_color(_INK)
    axes.grid(axis="y", color=_FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    try:
        yield axes
        drawn.tight_layout()
        # Without a date, so that the same numbers make the same file.
        drawn.savefig(path, metadata={"Software": None})
    finally:
        plt.close(drawn)


def bars(axes: Axes, groups: Mapping[str, Mapping[str, float]], unit: str) -> None:
    """Groups of bars side by side, each with its number above it. groups: by name, its bars by name."""
    names = list(dict.fromkeys(name for bars in groups.values() for name in bars))
    width, colors = 0.8 / max(1, len(names)), _colors(names)
    for place, name in enumerate(names):
        places = [n + (place - (len(names) - 1) / 2) * width for n, bars in enumerate(groups.values()) if name in bars]
        heights = [bars[name] for bars in groups.values() if name in bars]
        drawn = axes.bar(places, heights, 0.92 * width, label=name, color=colors[name])
        axes.bar_label(drawn, fmt=lambda value: f"{value:.3g}", fontsize=7.5, color=_INK, padding=1)
    axes.set_xticks(range(len(groups)), list(groups))
    axes.set_ylabel(unit, fontsize=9)
    axes.margins(y=0.12)
    if len(names) > 1:
        axes.legend(frameon=False, fontsize=8, labelcolor=_INK)


def lines(axes: Axes, series: Mapping[str, tuple[Sequence[float], Sequence[float]]], labels: tuple[str, str]) -> None:
    """Lines through (xs, ys), by name. labels: of the axes."""
    colors = _colors(list(series))
    for name, (xs, ys) in series.items():
        axes.plot(
            xs, ys, label=name, color=colors[name], linewidth=1.6, marker="o" if len(xs) < 6 else None, markersize=4
        )
    axes.set_xlabel(labels[0], fontsize=9)
    axes.set_ylabel(labels[1], fontsize=9)
    axes.legend(frameon=False, fontsize=8, labelcolor=_INK)


def mark(axes: Axes, height: float) -> None:
    """A dotted line at what was promised, or is to be reached."""
    axes.axhline(height, color=_INK, linewidth=0.9, linestyle=":")


def _colors(names: Sequence[str]) -> dict[str, str]:
    """What is ours is blue."""
    ours = [name for name in names if name.startswith(("stylized", "as it is"))]
    others = [name for name in names if name not in ours]
    return {
        name: palette[place % len(palette)]
        for group, palette in ((ours, OURS), (others, OTHERS))
        for place, name in enumerate(group)
    }
