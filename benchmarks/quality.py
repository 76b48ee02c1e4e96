"""Which preset paints best in a given time: measured on six pairs of photo and style, and written to docs/quality.md.

Every run gets the same processor time and its own preset's settings, only with as many steps as that time allows: the
cost of a step is measured first, at each size that the preset paints at. Time is processor time of one thread in fp32,
so that what else the machine does counts little. `default` is painted at three strengths, which gives a curve of style
distance over content distance; a rival is compared with the curve's value at the rival's own content distance, so that
nobody wins by keeping less, or more, of the photo. See `measures` for what is measured.

Each run leaves a picture and its numbers in the work folder and is never done twice there, so that the work can be cut
into pieces. The page takes the numbers of what was not done there from benchmarks/results/quality.json, and keeps its
sheets of pictures until all of a sheet were painted there:

    python -m benchmarks.quality [--work FOLDER] [--seconds N] [--only START] [--write]

All of it is some 40 minutes of one core. --seconds starts no run later than that; --write
brings the tables and pictures of docs/quality.md and benchmarks/results/quality.json up to date with what is done.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from benchmarks import quality_report as report
from benchmarks.facts import fact_lines
from benchmarks.facts import facts as common_facts
from benchmarks.results import RESULTS, fill, geometric_mean, table
from benchmarks.studio import ROOT, Pair, Run, Studio, picture, to_image
from stylized.engine.choices import ContentLoss, Iterate, Optimizer, Padding, Pooling, StyleLoss, StyleStatistic
from stylized.styles import builtin_styles

OURS = "default"
RIVALS = ("pastiche", "crowson", "johnson")
STRENGTHS = (0.2, 0.5, 0.8)


# An animal, a portrait, architecture, a landscape with houses; a bold mosaic, oil in thick and in thin strokes, a
# colour print, a pen drawing.
PAIRS = (
    Pair("sample", "mosaic"),
    Pair("tubingen", "starry_night"),
    Pair("astronaut", "ink"),
    Pair("temple", "woodblock"),
    Pair("tubingen", "shipwreck"),
    Pair("astronaut", "oil"),
)


@dataclass(frozen=True)
class Scale:
    """A size that pairs are painted at, and the processor time of a run."""

    size: int
    budget_s: float
    pairs: tuple[Pair, ...]


SCALES = (Scale(256, 12.0, PAIRS), Scale(512, 40.0, PAIRS[:2]))
TRIALS = Scale(128, 5.0, (PAIRS[0], PAIRS[2]))
"""Where the candidates are tried."""

# What `default` might do otherwise, one thing at a time.
CANDIDATES: Mapping[str, Mapping[str, Any]] = {
    "one size": {"pyramid_factor": 1.0},
    "steps of the root of 2": {"pyramid_factor": math.sqrt(2)},
    "the photo's detail not put back": {"pyramid_detail": 0.0},
    "twice the steps at each coarser size": {"iterations_growth": 2.0},
    "all style layers alike": {"style_layer_ratio": 1.0},
    "each style layer a quarter of the one before": {"style_layer_ratio": 0.25},
    "Gram matrices alone": {"mean_std_weight": 0.0},
    "means and spreads alone": {"mean_std_weight": 0.0, "style_statistic": StyleStatistic.MEAN_STD},
    "covariances": {"style_statistic": StyleStatistic.COVARIANCE},
    "Wasserstein distance": {"style_statistic": StyleStatistic.WASSERSTEIN, "mean_std_weight": 0.0},
    "losses and weights of Gatys": {
        "content_loss": ContentLoss.MEAN,
        "style_loss": StyleLoss.MEAN,
        "style_weight": 1000.0,
        "mean_std_weight": 0.0,
    },
    "averaged Adam": {
        "optimizer": Optimizer.ADAM,
        "learning_rate": 10.0,
        "beta2": 0.99,
        "epsilon": 0.1,
        "iterate": Iterate.AVERAGE,
        "average_decay": 0.8,
    },
    "zeros around the picture": {"padding": Padding.ZERO},
    "the border mirrored": {"padding": Padding.REFLECT},
    "average pooling": {"pooling": Pooling.AVERAGE},
    "L2 pooling": {"pooling": Pooling.L2},
    "total variation, weight 0.0002": {"tv_weight": 2e-4},
}


def our_runs(scale: Scale, pair: Pair) -> list[Run]:
    """Ours at all strengths."""
    return [Run(pair, scale.size, scale.budget_s, OURS, {"strength": s}, f"{s:g}") for s in STRENGTHS]


def rival_runs(scale: Scale, pair: Pair) -> list[Run]:
    """The rivals as they are."""
    return [Run(pair, scale.size, scale.budget_s, rival) for rival in RIVALS]


def compared_runs(scale: Scale, pair: Pair) -> list[Run]:
    """What is compared for a pair."""
    return [*our_runs(scale, pair), *rival_runs(scale, pair)]


def gallery_runs(scale: Scale) -> list[Run]:
    """The sample photo in every built-in style, as a user gets it."""
    pairs = [Pair("sample", style) for style in builtin_styles()]
    return [next(run for run in our_runs(scale, pair) if run.label == "0.5") for pair in pairs]


def identity_runs(scale: Scale) -> list[Run]:
    """A photo in its own style, which should stay as it is."""
    photo = scale.pairs[0].photo
    return [Run(Pair(photo, photo), scale.size, scale.budget_s, preset) for preset in (OURS, *RIVALS)]


def candidate_runs(scale: Scale, pair: Pair) -> list[Run]:
    """Ours with one thing changed."""
    return [Run(pair, scale.size, scale.budget_s, OURS, changes, name) for name, changes in CANDIDATES.items()]


def planned_runs() -> Iterator[Run]:
    """All runs of the comparison, in the order in which they are done."""
    first, *larger = SCALES
    for pair in first.pairs:
        yield from compared_runs(first, pair)
    yield from gallery_runs(first)
    for pair in TRIALS.pairs:
        yield from our_runs(TRIALS, pair)
        yield from candidate_runs(TRIALS, pair)
    yield from identity_runs(TRIALS)
    for scale in larger:
        for pair in scale.pairs:
            yield from compared_runs(scale, pair)


def run_all(studio: Studio, seconds: float = math.inf, only: str = "") -> int:
    """Do what is left to do, but start nothing after `seconds` of time; return how many runs were done.

    only: what the names of runs begin with.
    """
    began, count = time.monotonic(), 0
    for run in planned_runs():
        if time.monotonic() - began >= seconds:
            break
        if run.name.startswith(only) and not studio.is_done(run):
            told = studio.paint(run)
            print(run.name, *(f"{name} {told[name]:.3f}" for name in ("style", "content", "cpu_s")), flush=True)
            count += 1
    return count


def write(studio: Studio, page: Path, images: Path, numbers: Path) -> None:
    """Bring the page, its pictures and the JSON up to date with what is done."""
    everything = {run.name: studio.result(run) for run in planned_runs()}
    dates = sorted({result["date"] for result in everything.values() if result})
    parts: dict[str, str] = {"facts": facts(" to ".join(dict.fromkeys((dates[0], dates[-1]))))}
    for scale in SCALES:
        found = compared(studio, scale)
        parts[f"duels {scale.size}"] = report.duel_table(found, RIVALS) if found else "Not measured yet."
        parts[f"statistics {scale.size}"] = report.statistics_table(found, RIVALS) if found else ""
        parts[f"measures {scale.size}"] = report.measures_table(by_preset(studio, scale)) if found else ""
        name = f"quality-{scale.size}.jpg"
        parts[f"pictures {scale.size}"] = f"![The pairs, in this order](images/{name})" if found else ""
        if found:
            cell = (200, 200) if scale is SCALES[0] else (400, 300)
            pairs = [pair for pair in scale.pairs if results(studio, compared_runs(scale, pair))]
            if all(studio.is_done(run) for pair in pairs for run in compared_runs(scale, pair)):
                report.save_sheet(images / name, [paintings(studio, scale, pair) for pair in pairs], cell)
    sizes = [next(iter(our_runs(scale, scale.pairs[0])[1:])) for scale in (TRIALS, *SCALES)]
    for name, runs, cell in (("styles", gallery_runs(SCALES[0]), (256, 192)), ("sizes", sizes, (320, 240))):
        if all(studio.is_done(run) for run in runs):
            report.save_sheet(images / f"quality-{name}.jpg", [[studio.painting(run) for run in runs]], cell)
    parts["candidates"] = candidates(studio)
    identity = {run.preset: studio.result(run) for run in identity_runs(TRIALS)}
    parts["identity"] = table(
        [["preset", "pixel values"], *([name, f"{r['pixels']:.1f}"] for name, r in identity.items() if r)]
    )
    page.write_text(fill(page.read_text(encoding="utf-8"), parts), encoding="utf-8")
    numbers.write_text(json.dumps(everything, indent=1) + "\n", encoding="utf-8")


def compared(studio: Studio, scale: Scale) -> list[report.Duel]:
    """Ours against the rivals, for the pairs that are done at all our strengths."""
    ours = {pair.name: results(studio, our_runs(scale, pair)) for pair in scale.pairs}
    rivals = {
        pair.name: {run.preset: found for run in rival_runs(scale, pair) if (found := studio.result(run))}
        for pair in scale.pairs
    }
    return report.duels({name: found for name, found in ours.items() if len(found) == len(STRENGTHS)}, rivals)


def by_preset(studio: Studio, scale: Scale) -> dict[str, list[Mapping[str, Any]]]:
    """All results, the pairs of a preset together, ours once for each strength."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for pair in scale.pairs:
        for run in compared_runs(scale, pair):
            if result := studio.result(run):
                found.setdefault(f"{run.preset} {run.label}".strip(), []).append(result)
    return found


def candidates(studio: Studio) -> str:
    """A row for each candidate: its measures, over ours at the same content distance where they are distances."""
    rows = [["change", "style, over default's", "noise", "border", "processor seconds"]]
    for name in ("", *CANDIDATES):
        ratios, its = [], []
        for pair in TRIALS.pairs:
            ours = results(studio, our_runs(TRIALS, pair))
            runs = candidate_runs(TRIALS, pair) if name else our_runs(TRIALS, pair)
            found = [r for run in runs if run.label == (name or "0.5") and (r := studio.result(run))]
            if len(ours) == len(STRENGTHS) and found:
                ratios.append(found[0]["style"] / report.Curve.through(ours, "style").at(found[0]["content"]))
                its += found
        if its:
            means = [
                f"{sum(r[m] for r in its) / len(its):.{d}f}" for m, d in (("noise", 2), ("border", 3), ("cpu_s", 1))
            ]
            rows.append([name or "none: `default`", f"{geometric_mean(ratios):.2f}", *means])
    return table(rows)


def paintings(studio: Studio, scale: Scale, pair: Pair) -> list[Image.Image]:
    """A row of the sheet: photo, style, ours at all strengths, the rivals."""
    given = [to_image(picture(name)) for name in (pair.photo, pair.style)]
    return given + [studio.painting(run) for run in compared_runs(scale, pair)]


def results(studio: Studio, runs: list[Run]) -> list[Mapping[str, Any]]:
    """Those that are done."""
    return [found for run in runs if (found := studio.result(run))]


def facts(dates: str) -> str:
    """Where and when, for the page."""
    told = common_facts()
    told["date"] = dates
    told["device"] += ", of which one thread in fp32; other work was going on beside it"
    budgets = {f"{scale.size} px": f"{scale.budget_s:g} processor seconds a painting" for scale in (*SCALES, TRIALS)}
    return "\n".join(fact_lines({**told, **budgets}))


def main() -> None:
    """Does what is left to do, and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "quality", help="where runs are kept")
    parser.add_argument("--seconds", type=float, default=math.inf, help="start no run after this time")
    parser.add_argument("--only", default="", metavar="START", help="only runs whose name begins so, such as 256_")
    parser.add_argument("--write", action="store_true", help="write docs/quality.md and its pictures")
    options = parser.parse_args()
    torch.set_num_threads(1)
    studio = Studio(options.work, json.loads((RESULTS / "quality.json").read_text(encoding="utf-8")))
    run_all(studio, options.seconds, options.only)
    if options.write:
        write(studio, ROOT / "docs" / "quality.md", ROOT / "docs" / "images", RESULTS / "quality.json")


if __name__ == "__main__":
    main()
