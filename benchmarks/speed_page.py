"""Brings docs/speed.md up to date with benchmarks/results, whatever of it there is.

The page's words are written by hand. What is between two comments, `<!-- NAME -->` and `<!-- /NAME -->`, is the page of
the result of that name, without its title, and its plot.

    python -m benchmarks.speed_page
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.results import RESULTS, fill

PAGE = Path(__file__).parents[1] / "docs" / "speed.md"
PARTS = (
    "engine",
    "breakdown",
    "reach",
    "losses",
    "streaming",
    "peak",
    "growth",
    "large",
    "gpu",
    "hotfolder-128",
    "hotfolder-64",
    "schedules",
)


def write(page: Path = PAGE, results: Path = RESULTS) -> None:
    """Fill the page. A result that is not there says so."""
    parts = {name: _part(results, name) for name in PARTS}
    page.write_text(fill(page.read_text(encoding="utf-8"), parts), encoding="utf-8")


def _part(results: Path, name: str) -> str:
    result, plot = results / f"{name}.md", results / f"{name}.png"
    if not result.exists():
        return "Not measured yet."
    title, _, body = result.read_text(encoding="utf-8").partition("\n\n")
    shown = f"\n\n![{title.removeprefix('# ')}](../benchmarks/results/{name}.png)" if plot.exists() else ""
    return body.strip() + shown


if __name__ == "__main__":
    write()
