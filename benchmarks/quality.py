"""Which preset paints best in a given time: measured on six pairs of photo and style, and written to docs/quality.md.

Every run gets the same processor time and its own preset's settings, only with as many steps as that time allows: the
cost of a step is measured first, at each size that the preset paints at. Time is processor time of one thread in fp32,
so that what else the machine does counts little. `default` is painted at three strengths, which gives a curve of style
distance over content distance; a rival is compared with the curve's value at the rival's own content distance, so that
nobody wins by keeping less, or more, of the photo. See `measures` for what is measured.

Each run leaves a picture and its numbers in the work folder and is never done twice, so that the work can be cut into
pieces:

    PYTHONPATH=. python benchmarks/quality.py [--work FOLDER] [--seconds N] [--write]

All of it is some 80 minutes of one core. --seconds stops before the first run that starts later than that; --write
brings the tables and pictures of docs/quality.md and benchmarks/results/quality.json up to date with what is done.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from benchmarks.measures import Judge, pixel_distance
from stylized.engine.parameters import Parameters
from stylized.engine.presets import builtin_presets
from stylized.engine.resample import resample
from stylized.engine.schedule import fit_size, plan
from stylized.engine.stylize import Finished, Request, Step, StyleSource, stylize
from stylized.engine.vgg import VGG19
from stylized.styles import builtin_styles
from stylized.weights import load_weights

ROOT = Path(__file__).parents[1]
PICTURES = Path(__file__).parent / "pictures"
SAMPLE = ROOT / "clients" / "stylize" / "data" / "sample.jpg"

OURS = "default"
RIVALS = ("pastiche", "crowson", "johnson")
STRENGTHS = (0.2, 0.5, 0.8)
SEED = 1


@dataclass(frozen=True)
class Pair:
    """A photo and a style, by the names of their pictures."""

    photo: str
    style: str

    @property
    def name(self) -> str:
        """For files and tables."""
        return f"{self.photo}-{self.style}"


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


SCALES = (Scale(256, 40.0, PAIRS), Scale(512, 120.0, PAIRS[:2]))


@dataclass(frozen=True)
class Run:
    """One painting: a preset with changes, at a size, within a time."""

    pair: Pair
    size: int
    budget_s: float
    preset: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    label: str = ""

    @property
    def name(self) -> str:
        """Of its files; what it was painted with is in the JSON."""
        return "_".join(filter(None, (str(self.size), self.pair.name, self.preset, self.label)))

    @property
    def parameters(self) -> Parameters:
        """All that is asked for, before the steps are cut to the time."""
        return replace(builtin_presets()[self.preset].parameters, **self.changes, size=self.size)


def planned_runs(scales: tuple[Scale, ...] = SCALES) -> Iterator[Run]:
    """All runs of the comparison, the decisive ones first."""
    for scale in scales:
        for pair in scale.pairs:
            for strength in STRENGTHS:
                yield Run(pair, scale.size, scale.budget_s, OURS, {"strength": strength}, f"{strength:g}")
            for rival in RIVALS:
                yield Run(pair, scale.size, scale.budget_s, rival)
    # Identity: a photo in its own style should stay as it is.
    first = scales[0]
    photo = first.pairs[0].photo
    for preset in (OURS, *RIVALS):
        yield Run(Pair(photo, photo), first.size, first.budget_s, preset)


class Studio:
    """Paints and measures, keeping what it did in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._network = load_network()

    def done(self, run: Run) -> bool:
        """Whether a run's numbers are there."""
        return self._file(run, "json").exists()

    def paint(self, run: Run) -> dict[str, Any]:
        """Do a run: write NAME.png and NAME.json, and return what the latter holds."""
        photo, style = picture(run.pair.photo), picture(run.pair.style)
        parameters = cut_to(run.parameters, size_of(photo), run.budget_s, lambda p: self._cost(p, photo, style))
        began = time.process_time()
        finished = self._painted(parameters, photo, style)
        cpu_s = time.process_time() - began
        # The numbers are of the picture that is kept: 8 bits a sample.
        pixels = (255.0 * finished.picture).round().clamp(0, 255).to(torch.uint8)
        Image.fromarray(pixels[0].permute(1, 2, 0).numpy()).save(self._file(run, "png"))
        result = {
            "run": {**asdict(run), "changes": dict(run.changes)},
            "iterations": finished.iterations,
            "levels": [asdict(level) for level in plan(*size_of(photo), parameters)],
            "cpu_s": round(cpu_s, 2),
            "losses": finished.losses,
            **self.measured(run, pixels / 255.0),
        }
        self._file(run, "json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        return result

    def measured(self, run: Run, painting: Tensor) -> dict[str, float]:
        """All measures of a painting."""
        photo = resample(picture(run.pair.photo), *size_of(painting))
        style = picture(run.pair.style)
        style = resample(style, *fit_size(*size_of(style), max(size_of(painting))))
        judge = Judge(self._network, photo, style)
        distances = judge.style(painting)
        return {
            "style": distances.overall,
            **asdict(distances),
            "content": judge.content(painting),
            "noise": judge.noise(painting),
            "border": judge.border(painting),
            "pixels": pixel_distance(painting, photo),
        }

    def _painted(self, parameters: Parameters, photo: Tensor, style: Tensor) -> Finished:
        for event in stylize(self._network, Request(photo, (StyleSource(style, 1.0),), parameters, SEED)):
            if isinstance(event, Finished):
                return event
        raise AssertionError("a painting ends with Finished")

    def _cost(self, parameters: Parameters, photo: Tensor, style: Tensor) -> float:
        """Processor seconds of a step at one size."""
        times = [time.process_time()]
        for event in stylize(self._network, Request(photo, (StyleSource(style, 1.0),), parameters, SEED)):
            if isinstance(event, Step):
                times.append(time.process_time())
        # The first step waits for the targets, and warms the caches.
        return min(after - before for before, after in pairwise(times[1:]))

    def _file(self, run: Run, suffix: str) -> Path:
        return self._folder / f"{run.name}.{suffix}"


# Steps that tell the cost of one: the cheapest counts, since what disturbs only adds.
_TRIAL_STEPS = 4


def cut_to(
    parameters: Parameters, size: tuple[int, int], budget_s: float, cost: Callable[[Parameters], float]
) -> Parameters:
    """The parameters with the steps of all levels scaled alike, so that they take a time, or as little above one step
    a level as possible.

    size: the photo's (width, height). cost: processor seconds of a step of a painting with one size only.
    """
    costs = {
        max(level.width, level.height): cost(
            replace(
                parameters,
                size=max(level.width, level.height),
                pyramid_factor=1.0,
                iterations=_TRIAL_STEPS,
                plateau=0.0,
            )
        )
        for level in plan(*size, parameters)
    }

    def scaled(factor: float) -> Parameters:
        return replace(
            parameters,
            iterations=max(1, round(factor * parameters.iterations)),
            coarsest_iterations=round(factor * parameters.coarsest_iterations),
        )

    def total(factor: float) -> float:
        return sum(costs[max(level.width, level.height)] * level.iterations for level in plan(*size, scaled(factor)))

    low, high = 0.0, 1.0
    while total(high) < budget_s:
        low, high = high, 2 * high
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if total(middle) <= budget_s else (low, middle)
    return scaled(low)


@cache
def picture(name: str) -> Tensor:
    """A photo or a style by name, float32 [1, 3, H, W], 0..1."""
    path = SAMPLE if name == "sample" else PICTURES / f"{name}.jpg"
    if name in builtin_styles():
        path = ROOT / "daemon" / "stylized" / "styles" / f"{name}.jpg"
    with Image.open(path) as image:
        return torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1).unsqueeze(0) / 255.0


def load_network() -> VGG19:
    """The network that paints and measures: fp32 on the CPU."""
    weights = load_weights()
    return VGG19(weights.layers, mean_rgb=weights.mean_rgb)


def size_of(image: Tensor) -> tuple[int, int]:
    """(width, height)"""
    return image.shape[-1], image.shape[-2]


def main() -> None:
    """Does what is left to do, and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "quality", help="where runs are kept")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="start no run after this processor time")
    parser.add_argument("--write", action="store_true", help="write docs/quality.md")
    options = parser.parse_args()
    torch.set_num_threads(1)
    studio = Studio(options.work)
    for run in planned_runs():
        if time.process_time() > options.seconds:
            break
        if not studio.done(run):
            result = studio.paint(run)
            print(
                f"{run.name}: style {result['style']:.3f}, content {result['content']:.3f}, {result['cpu_s']} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
