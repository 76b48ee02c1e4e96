"""Where the time of an iteration goes, by torch's profiler: convolutions and products of matrices, and all the rest.

Self time of each operation of each subject; and how near convolutions and products come to a large convolution in the
same arithmetic, measured right before and after. All in one thread: the profiler sees the thread that asks alone, and
ours divides a layer among several from end to end (`engine.crew`). Also counts how often the host waits for a number of
the device (`Tensor.item` and what comes to it), which on a GPU holds up everything behind it. Writes JSON, a Markdown
table and a plot to benchmarks/results.

    python -m benchmarks.breakdown [--size 512] [--iterations 3]
"""

from __future__ import annotations

import argparse
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from statistics import mean

import torch
from torch.autograd.profiler_util import EventList
from torch.profiler import ProfilerActivity, profile

from benchmarks import plots
from benchmarks.facts import PEER as PEER_VERSION
from benchmarks.facts import facts
from benchmarks.results import RESULTS, page, save, table
from benchmarks.subjects import Pictures, parameters_of_peer, precision_of, prepare, subjects
from benchmarks.work import MAPS_SIDE, ceilings, iteration_flop
from stylized.service.device import find_device

WARM_UP = 2
PROMISED_SHARE = 0.8
PROMISED_OF_CEILING = 0.85
LARGEST = 6
"""Operations besides convolutions and products that a row names."""

# Names of torch's operations, and of kernels on a GPU, which are all that is seen of a captured graph.
_PRODUCTS = re.compile(
    r"^(aten|mkldnn|stylized)::\w*(conv|mm$|matmul|linear|gram)|gemm|cudnn|xmma|nvjet|cutlass|[fdw](prop|grad)"
)
_TRANSFORMS = "stylized::winograd_convolution"
# On a GPU the waits themselves; cudaDeviceSynchronize is left out, which the profiler calls at its end.
_WAITS = {"cpu": "aten::_local_scalar_dense", "cuda": "cudaStreamSynchronize"}


@dataclass(frozen=True)
class Breakdown:
    """Of one subject. products, rest: seconds of an iteration, by operation. waits: for the device, an iteration."""

    products: Mapping[str, float]
    rest: Mapping[str, float]
    waits: float

    def rate(self, flop: float) -> float:
        """FLOP/s of convolutions and products. flop: of an iteration."""
        return flop / sum(self.products.values())

    @property
    def share(self) -> float:
        """Of the time that is in convolutions and products of matrices."""
        products = sum(self.products.values())
        return products / (products + sum(self.rest.values()))


def break_down(steps: Iterator[object], iterations: int) -> Breakdown:
    """Profile so many iterations of a subject that is under way."""
    on_gpu = find_device().device.type == "cuda"
    products, rest = Counter[str](), Counter[str]()
    events = _profiled(steps, iterations)
    for event in events:
        if on_gpu and event.device_type.name != "CUDA":
            continue
        spent = (event.self_device_time_total if on_gpu else event.self_cpu_time_total) / 1e6 / iterations
        (products if is_product(event.key) else rest)[event.key] += spent
    return Breakdown(dict(products.most_common()), dict(rest.most_common()), _count_waits(events) / iterations)


def waits(steps: Iterator[object], iterations: int) -> int:
    """How often the host waits for the device in so many iterations."""
    return _count_waits(_profiled(steps, iterations))


def _profiled(steps: Iterator[object], iterations: int) -> EventList:
    on_gpu = find_device().device.type == "cuda"
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]
    with profile(activities=activities) as profiler:
        for _ in range(iterations):
            next(steps)
    return profiler.key_averages()


def _count_waits(events: EventList) -> int:
    return sum(event.count for event in events if event.key == _WAITS[find_device().device.type])


def is_product(operation: str) -> bool:
    """Whether an operation, by its name in the profiler, is a convolution or a product of matrices."""
    return bool(_PRODUCTS.search(operation))


@dataclass(frozen=True)
class Measured:
    """flop: of an iteration. ceilings: FLOP/s of a large convolution in each subject's arithmetic."""

    flop: float
    subjects: Mapping[str, Breakdown]
    ceilings: Mapping[str, float]

    def of_ceiling(self, subject: str) -> float:
        """How near a subject's convolutions and products come to it, by the arithmetic of direct convolutions."""
        return self.subjects[subject].rate(self.flop) / self.ceilings[subject]


def measure(size: int, iterations: int, maps_side: int = MAPS_SIDE) -> Measured:
    """All subjects, one after the other."""
    pictures, device = Pictures.at(size), find_device().device
    found, tops = {}, {}
    for name, start in subjects().items():
        _, convolution = ceilings(device, precision_of(name), 1, maps_side)
        prepare(name)
        steps = start(pictures)
        for _ in range(WARM_UP):
            next(steps)
        convolution.rate(device)
        rates = [convolution.rate(device)]
        found[name] = break_down(steps, iterations)
        rates.append(convolution.rate(device))
        tops[name] = mean(rates)
    return Measured(iteration_flop(*pictures.photo.size, parameters_of_peer(size)), found, tops)


def report(found: Measured, told: Mapping[str, str]) -> str:
    """The Markdown page."""
    head = ["subject", "in convolutions and products", "of it transforms", "of a large convolution"]
    head += ["waits for a number"]
    rows = [[*head, f"the {LARGEST} largest of the rest"]]
    for name, one in found.subjects.items():
        whole = sum(one.products.values()) + sum(one.rest.values())
        largest = list(one.rest.items())[:LARGEST]
        others = ", ".join(f"{key} {seconds / whole:.1%}" for key, seconds in largest)
        transforms = one.products.get(_TRANSFORMS, 0.0) / whole
        cells = [f"{one.share:.1%}", f"{transforms:.1%}", f"{found.of_ceiling(name):.0%}", f"{one.waits:.1f}"]
        rows.append([name, *cells, others])
    words = (
        f"Promised in bf16 are {PROMISED_SHARE:.0%} of the time and {PROMISED_OF_CEILING:.0%} of a large convolution. "
        "That share is of the arithmetic that direct convolutions need, so Winograd's can pass 100 %. A subject's own "
        f"look at its loss is among its waits. Winograd's transforms are part of a convolution, `{_TRANSFORMS}`; the "
        "products between them are convolutions of oneDNN."
    )
    return page("Where the time of an iteration goes", told, table(rows), words)


def write(found: Measured, told: Mapping[str, str]) -> None:
    """JSON, page and plot."""
    told_of = {
        name: {**asdict(one), "share": one.share, "of_ceiling": found.of_ceiling(name)}
        for name, one in found.subjects.items()
    }
    save("breakdown", told, {"flop": found.flop, "subjects": told_of}, report(found, told))
    groups = {
        name.replace(" (", "\n("): {
            "convolutions and products": sum(one.products.values()),
            "rest": sum(one.rest.values()),
        }
        for name, one in found.subjects.items()
    }
    with plots.figure(RESULTS / "breakdown.png", f"Where an iteration's time goes, {told['size']}") as axes:
        plots.bars(axes, groups, "s")


def main() -> None:
    """Measures and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--iterations", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    told = facts(PEER_VERSION, size=f"{options.size} px", threads=torch.get_num_threads())
    write(measure(options.size, options.iterations), told)


if __name__ == "__main__":
    main()
