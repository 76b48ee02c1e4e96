"""Paints with any preset in a given processor time, measures the painting, and keeps both.

Every run gets its own preset's settings, only with as many steps as the time allows: the cost of a step is measured
first, at each size that the preset paints at. Time is processor time of one thread in fp32, so that what else the
machine does counts little.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timezone
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from benchmarks.measures import Judge, pixel_distance
from stylized.engine.network import Network
from stylized.engine.network_torch import TorchNetwork
from stylized.engine.parameters import Parameters
from stylized.engine.presets import builtin_presets
from stylized.engine.resample import resample
from stylized.engine.schedule import Level, PictureSizes, fit_size, plan
from stylized.engine.stylize import Finished, Request, Step, StyleSource, stylize
from stylized.styles import builtin_styles
from stylized.weights import load_weights

ROOT = Path(__file__).parents[1]
PICTURES = Path(__file__).parent / "pictures"
SAMPLE = ROOT / "clients" / "stylize" / "data" / "sample.jpg"
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


class Studio:
    """Paints and measures, keeping what it did in a folder.

    earlier: the numbers of runs that were done elsewhere, by name; their paintings are not here.
    """

    def __init__(self, folder: Path, earlier: Mapping[str, Mapping[str, Any] | None] | None = None) -> None:
        self._folder = folder
        self._earlier = earlier or {}
        folder.mkdir(parents=True, exist_ok=True)
        self._network = load_network()

    def result(self, run: Run) -> Mapping[str, Any] | None:
        """A run's numbers, or None if it was not done yet."""
        if self.is_done(run):
            return json.loads(self._file(run, "json").read_text(encoding="utf-8"))
        return self._earlier.get(run.name)

    def is_done(self, run: Run) -> bool:
        """Whether a run was done here, so that there is its painting."""
        return self._file(run, "json").exists()

    def painting(self, run: Run) -> Image.Image:
        """What a run painted. FileNotFoundError if it was not done yet."""
        with Image.open(self._file(run, "png")) as image:
            return image.convert("RGB")

    def paint(self, run: Run) -> dict[str, Any]:
        """Do a run: write NAME.png and NAME.json, and return what the latter holds."""
        photo, style = picture(run.pair.photo), picture(run.pair.style)
        parameters = cut_to(run.parameters, size_of(photo), run.budget_s, lambda p: self._cost(run, p, photo, style))
        began = time.process_time()
        finished = self._painted(parameters, photo, style)
        cpu_s = time.process_time() - began
        # The numbers are of the picture that is kept: 8 bits a sample.
        pixels = (255.0 * finished.picture).round().clamp(0, 255).to(torch.uint8)
        to_image(pixels / 255.0).save(self._file(run, "png"))
        result = {
            "run": {**asdict(run), "changes": dict(run.changes)},
            "date": f"{datetime.now(timezone.utc):%Y-%m-%d}",
            "iterations": finished.iterations,
            "levels": [asdict(level) for level in plan_for(size_of(photo), parameters)],
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

    def _cost(self, run: Run, parameters: Parameters, photo: Tensor, style: Tensor) -> float:
        """Processor seconds of a step at one size; measured once for all pairs and strengths."""
        file = self._folder / f"costs-{run.size}.json"
        costs = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        (level,) = plan_for(size_of(photo), parameters)
        changes = "" if "strength" in run.changes else run.label
        key = " ".join(filter(None, (run.preset, changes, f"{level.width}x{level.height}")))
        if key not in costs:
            times = [time.process_time()]
            for event in stylize(self._network, Request(photo, (StyleSource(style, 1.0),), parameters, SEED)):
                if isinstance(event, Step):
                    times.append(time.process_time())
            # The first step waits for the targets; the cheapest counts, since what disturbs only adds.
            costs[key] = min(after - before for before, after in pairwise(times[1:]))
            # Whole or not at all, since several may paint side by side.
            fresh = file.with_suffix(f".{os.getpid()}")
            fresh.write_text(json.dumps(costs, indent=1) + "\n", encoding="utf-8")
            fresh.replace(file)
        return costs[key]

    def _file(self, run: Run, suffix: str) -> Path:
        return self._folder / f"{run.name}.{suffix}"


# Steps that tell the cost of one.
_TRIAL_STEPS = 4


def cut_to(
    parameters: Parameters, size: tuple[int, int], budget_s: float, cost: Callable[[Parameters], float]
) -> Parameters:
    """The parameters with the steps of all levels scaled alike, so that they take a time, or as little above one step
    a level as possible.

    size: the photo's (width, height). cost: processor seconds of a step of a painting with one size only.
    """
    costs = {
        long_side(level): cost(
            replace(parameters, size=long_side(level), iterations=_TRIAL_STEPS, pyramid_factor=1.0, plateau=0.0)
        )
        for level in plan_for(size, parameters)
    }

    def scaled(factor: float) -> Parameters:
        return replace(
            parameters,
            iterations=max(1, round(factor * parameters.iterations)),
            coarsest_iterations=round(factor * parameters.coarsest_iterations),
        )

    def total(factor: float) -> float:
        return sum(costs[long_side(level)] * level.iterations for level in plan_for(size, scaled(factor)))

    low, high = 0.0, 1.0
    while total(high) < budget_s:
        low, high = high, 2 * high
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if total(middle) <= budget_s else (low, middle)
    return scaled(low)


def plan_for(size: tuple[int, int], parameters: Parameters) -> tuple[Level, ...]:
    """The sizes and steps for a photo of (width, height)."""
    return plan(PictureSizes(size, ()), parameters)


@cache
def picture(name: str) -> Tensor:
    """A photo or a style by name, float32 [1, 3, H, W], 0..1."""
    path = SAMPLE if name == "sample" else PICTURES / f"{name}.jpg"
    if name in builtin_styles():
        path = ROOT / "daemon" / "stylized" / "styles" / f"{name}.jpg"
    with Image.open(path) as image:
        return torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1).unsqueeze(0) / 255.0


def load_network() -> Network:
    """The network that paints and measures: fp32 on the CPU."""
    return TorchNetwork(load_weights())


def long_side(level: Level) -> int:
    """In pixels."""
    return max(level.width, level.height)


def size_of(image: Tensor) -> tuple[int, int]:
    """(width, height)"""
    return image.shape[-1], image.shape[-2]


def to_image(pixels: Tensor) -> Image.Image:
    """A picture, float32 [1, 3, H, W], 0..1, with 8 bits a sample."""
    return Image.fromarray((255.0 * pixels[0]).round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0).numpy())
