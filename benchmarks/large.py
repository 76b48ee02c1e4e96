"""Pictures up to 8192 x 8192 within a given memory: whether they are painted, what they take, and what a pixel costs.

Each size is painted for two iterations by a process of its own (preset `gatys` with Adam; the sample photo and the
built-in style `oil`, enlarged), in the blocks that `fitting` chooses for the memory. Of a size that is no longer
under way the results are written at once, as the largest takes hours on two cores. Peak memory is the rise of the
process's resident memory over that with the network loaded; a pixel's cost is the processor's time of the second
iteration, which a busy machine changes less than seconds. Writes JSON and a Markdown table to benchmarks/results.

    python -m benchmarks.large [--sizes 512 1024] [--memory 16] [--threads 1] [--precision fp32]
"""

from __future__ import annotations

import argparse
import ctypes
import io
import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from benchmarks.facts import facts
from benchmarks.results import page, save, table
from benchmarks.subjects import PHOTO, STYLE, environment_of, network, our_name, prepare
from stylized.engine.backends import resolve_backend
from stylized.engine.choices import Backend, Optimizer, Precision
from stylized.engine.fitting import Means, fit
from stylized.engine.precision import resolve_precision
from stylized.engine.presets import builtin_presets
from stylized.engine.stylize import Request, Step, StyleSource, stylize
from stylized.styles import builtin_styles

STYLE_SIDE = 1024
ITERATIONS = 2
_MIB, _GIB = 2**20, 2**30


@dataclass(frozen=True)
class Painted:
    """What painting a square of so many pixels on each side took.

    block, kept: of the tiling; None for a picture that was computed as a whole. seconds, processor_seconds: of the last
    iteration. losses: of each iteration.
    """

    size: int
    block: int | None
    kept: int | None
    estimate_mib: float
    peak_mib: float
    seconds: float
    processor_seconds: float
    losses: list[float]

    @property
    def microseconds_per_pixel(self) -> float:
        """Of the processor."""
        return 1e6 * self.processor_seconds / self.size**2


def paint(size: int, max_bytes: int, precision: Precision) -> Painted:
    """Paint in this process."""
    parameters = replace(
        builtin_presets()["gatys"].parameters, size=size, iterations=ITERATIONS, optimizer=Optimizer.ADAM
    )
    backend = resolve_backend(Backend.AUTO, torch.device("cpu"), precision)
    means = Means(precision, backend, torch.get_num_threads())
    vgg19 = network(precision)
    photo, style = _square(PHOTO.read_bytes(), size), _square(builtin_styles()[STYLE].read(), min(size, STYLE_SIDE))
    request = Request(photo, (StyleSource(style, 1.0),), parameters, seed=0)
    found = fit(request.sizes, parameters, means, max_bytes)
    prepare(our_name(precision), found.peak_bytes)
    del photo, style
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # resets VmHWM, see proc(5)
    before = _memory("VmRSS")
    marks, losses = [], []
    for event in stylize(vgg19, replace(request, tilings=found.tilings)):
        if isinstance(event, Step):
            losses.append(sum(event.losses().values()))
            marks.append((time.perf_counter(), time.process_time()))
    (began, processor_began), (ended, processor_ended) = marks[-2:]
    tiling = found.tilings.get((size, size))
    return Painted(
        size,
        tiling.side if tiling else None,
        tiling.kept if tiling else None,
        found.peak_bytes / _MIB,
        (_memory("VmHWM") - before) / _MIB,
        ended - began,
        processor_ended - processor_began,
        losses,
    )


def report(painted: list[Painted], told: dict[str, str]) -> str:
    """The Markdown page."""
    head = ["side", "computed", "estimate", "peak", "of the estimate", "s an iteration", "processor, a pixel"]
    rows = [[*head, "of the first"]]
    for one in painted:
        how = "as a whole" if one.block is None else f"in blocks of about {one.block}, {one.kept} of them kept"
        rows.append(
            [
                f"{one.size} px",
                how,
                f"{one.estimate_mib:,.0f} MiB",
                f"{one.peak_mib:,.0f} MiB",
                f"{one.peak_mib / one.estimate_mib:.2f}",
                f"{one.seconds:,.1f}",
                f"{one.microseconds_per_pixel:.1f} µs",
                f"{one.microseconds_per_pixel / painted[0].microseconds_per_pixel:.2f}",
            ]
        )
    return page("Large pictures", told, table(rows))


def main() -> None:
    """Measures and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[512, 1024, 2048, 4096, 8192])
    parser.add_argument("--memory", type=float, default=16.0, help="GiB that the painting may take beyond the network.")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument(
        "--precision",
        type=Precision,
        choices=[Precision.FP32, Precision.BF16],
        default=resolve_precision(Precision.AUTO, torch.device("cpu")),
        help="Of the network; what the daemon chooses here, if nothing is said.",
    )
    parser.add_argument("--paint", type=int, help="Paint this size in this process and print what it took.")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.paint:
        print(json.dumps(asdict(paint(options.paint, int(options.memory * _GIB), options.precision))))
        return
    told = facts(
        memory=f"{options.memory:g} GiB",
        iterations=f"{ITERATIONS}, with Adam",
        threads=options.threads,
        painted_by=our_name(options.precision),
    )
    painted: list[Painted] = []
    for size in options.sizes:
        order = [sys.executable, "-m", "benchmarks.large", "--paint", str(size), "--memory", str(options.memory)]
        order += ["--threads", str(options.threads), "--precision", options.precision.value]
        environment = environment_of(our_name(options.precision))
        run = subprocess.run(order, check=True, stdout=subprocess.PIPE, text=True, env=environment)
        painted.append(Painted(**json.loads(run.stdout)))
        save("large", told, {"painted": [asdict(one) for one in painted]}, report(painted, told))


def _square(data: bytes, side: int) -> torch.Tensor:
    """A picture as a square, [1, 3, side, side] float32 in 0..1."""
    with Image.open(io.BytesIO(data)) as image:
        pixels = np.array(image.convert("RGB").resize((side, side), Image.Resampling.BICUBIC))
    return torch.from_numpy(pixels).permute(2, 0, 1).unsqueeze(0).contiguous() / 255.0


def _memory(key: str) -> int:
    """A number of bytes from /proc/self/status."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith(key)).split()[1])


if __name__ == "__main__":
    main()
