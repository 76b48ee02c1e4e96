"""One iteration of the engine against one of the `pastiche` program, side by side in one run.

Both paint the sample photo in the built-in style `oil` with the same objective (preset `pastiche`), each with its own
L-BFGS, in turn, round after round, and ours also with the network in plain PyTorch operations, so that whatever else
the machine does hits all alike. On a shared machine only the ratios mean something. Writes JSON and a Markdown table to
benchmarks/results.

    PYTHONPATH=. python benchmarks/engine.py [--sizes 256 512] [--rounds 5]
"""

from __future__ import annotations

import argparse
import io
import json
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import torch
from PIL import Image

import stylized
from benchmarks.peer import Pastiche
from stylized.engine.backends import build_network, resolve_backend
from stylized.engine.choices import Backend, Precision
from stylized.engine.precision import resolve_precision
from stylized.engine.presets import builtin_presets
from stylized.engine.schedule import fit_size
from stylized.engine.stylize import Request, Step, StyleSource, stylize
from stylized.service.device import find_device
from stylized.styles import builtin_styles
from stylized.weights import load_weights

RESULTS = Path(__file__).parent / "results"
PHOTO = Path(__file__).parents[1] / "clients" / "stylize" / "data" / "sample.jpg"
STYLE = "oil"
PEER = "pastiche"
WARM_UP = 2


def picture_at(data: bytes, size: int) -> Image.Image:
    """The picture scaled to a long side, so that every subject gets the same pixels."""
    with Image.open(io.BytesIO(data)) as image:
        picture = image.convert("RGB")
    return picture.resize(fit_size(picture.width, picture.height, size), Image.Resampling.LANCZOS)


def to_tensor(picture: Image.Image) -> torch.Tensor:
    """[1, 3, H, W] float32 in 0..1."""
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1).unsqueeze(0) / 255.0


def engine_steps(
    photo: Image.Image, style: Image.Image, precision: Precision, backend: Backend = Backend.AUTO
) -> Iterator[None]:
    """Advances our engine by one step each time."""
    weights = load_weights()
    device = find_device().device
    network = build_network(resolve_backend(backend, device, precision), weights, device, precision)
    parameters = replace(builtin_presets()["pastiche"].parameters, size=max(photo.size), iterations=100_000)
    request = Request(to_tensor(photo), (StyleSource(to_tensor(style), 1.0),), parameters, seed=0)
    for event in stylize(network, request):
        if isinstance(event, Step):
            event.losses()  # waits for the device: an iteration is over when its loss is known
            yield


def peer_steps(photo: Image.Image, style: Image.Image) -> Iterator[None]:
    """Advances the pastiche program by one step each time, with its defaults but for our pixels."""
    artist = Pastiche(photo, style, find_device().device)
    while True:
        artist.draw()
        yield


def measure(size: int, rounds: int) -> dict[str, list[float]]:
    """Seconds of each step of each subject at a size, taken in turn."""
    photo = picture_at(PHOTO.read_bytes(), size)
    style = picture_at(builtin_styles()[STYLE].read(), size)
    subjects: dict[str, Callable[[], Iterator[None]]] = {
        PEER: lambda: peer_steps(photo, style),
        "stylized fp32, plain PyTorch": lambda: engine_steps(photo, style, Precision.FP32, Backend.REFERENCE),
        "stylized fp32": lambda: engine_steps(photo, style, Precision.FP32),
    }
    if resolve_precision(Precision.AUTO, find_device().device) is Precision.BF16:
        subjects["stylized bf16"] = lambda: engine_steps(photo, style, Precision.BF16)
    running = {name: start() for name, start in subjects.items()}
    for steps in running.values():
        for _ in range(WARM_UP):
            next(steps)
    seconds: dict[str, list[float]] = {name: [] for name in running}
    for _ in range(rounds):
        for name, steps in running.items():
            began = time.perf_counter()
            next(steps)
            seconds[name].append(time.perf_counter() - began)
    return seconds


def report(results: dict[int, dict[str, list[float]]], facts: dict[str, str]) -> str:
    """The Markdown page."""
    lines = ["# One iteration, side by side", ""]
    lines += [f"* {name}: {value}" for name, value in facts.items()]
    lines += [
        "",
        "| long side | subject | seconds per iteration, median | times as fast as pastiche |",
        "|---|---|---|---|",
    ]
    for size, seconds in results.items():
        peer = seconds[PEER]
        for name, values in seconds.items():
            # Pair by pair: a slow moment of the machine hits both sides of a ratio.
            ratio = statistics.median(theirs / ours for theirs, ours in zip(peer, values, strict=True))
            lines.append(f"| {size} px | {name} | {statistics.median(values):.3f} | {ratio:.2f} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measures and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 512])
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    facts = {
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d"),
        "device": find_device().name,
        "system": f"{platform.system()}, Python {platform.python_version()}",
        "versions": f"stylized {stylized.__version__}, torch {torch.__version__}, pastiche 1.6.0",
        "rounds": str(options.rounds),
    }
    results = {size: measure(size, options.rounds) for size in options.sizes}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "engine.json").write_text(json.dumps({"facts": facts, "seconds": results}, indent=1) + "\n")
    (RESULTS / "engine.md").write_text(report(results, facts))
    print(report(results, facts), end="")


if __name__ == "__main__":
    main()
