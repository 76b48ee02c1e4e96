"""Where the time of an iteration goes, by torch's profiler: convolutions and products of matrices, and all the rest.

Self time of each operation of each subject. Also counts how often the host waits for a number of the device
(`Tensor.item` and what comes to it), which on a GPU holds up everything behind it; the one look at the loss with which
an iteration ends here is taken off. Writes JSON, a Markdown table and a plot to benchmarks/results.

    python -m benchmarks.breakdown [--size 512] [--iterations 3]
"""

from __future__ import annotations

import argparse
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

import torch
from torch.autograd.profiler_util import EventList
from torch.profiler import ProfilerActivity, profile

from benchmarks import plots
from benchmarks.facts import PEER as PEER_VERSION
from benchmarks.facts import facts
from benchmarks.results import RESULTS, page, save, table
from benchmarks.subjects import Pictures, subjects
from stylized.service.device import find_device

WARM_UP = 2
PROMISED_SHARE = 0.8
LARGEST = 6
"""Operations besides convolutions and products that a row names."""

# Names of torch's operations, and of kernels on a GPU, which are all that is seen of a captured graph.
_PRODUCTS = re.compile(r"^(aten|mkldnn)::\w*(conv|mm$|matmul|linear)|gemm|cudnn|xmma|nvjet|cutlass|[fdw](prop|grad)")
# On a GPU the waits themselves; cudaDeviceSynchronize is left out, which the profiler calls at its end.
_WAITS = {"cpu": "aten::_local_scalar_dense", "cuda": "cudaStreamSynchronize"}


@dataclass(frozen=True)
class Breakdown:
    """Of one subject. products, rest: seconds of an iteration, by operation. waits: for the device, an iteration."""

    products: Mapping[str, float]
    rest: Mapping[str, float]
    waits: float

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


def measure(size: int, iterations: int) -> dict[str, Breakdown]:
    """All subjects, one after the other."""
    pictures = Pictures.at(size)
    found = {}
    for name, start in subjects().items():
        steps = start(pictures)
        for _ in range(WARM_UP):
            next(steps)
        found[name] = break_down(steps, iterations)
    return found


def report(found: Mapping[str, Breakdown], told: Mapping[str, str]) -> str:
    """The Markdown page."""
    rows = [["subject", "in convolutions and products", "waits for a number", f"the {LARGEST} largest of the rest"]]
    for name, one in found.items():
        whole = sum(one.products.values()) + sum(one.rest.values())
        largest = list(one.rest.items())[:LARGEST]
        others = ", ".join(f"{key} {seconds / whole:.1%}" for key, seconds in largest)
        rows.append([name, f"{one.share:.1%}", f"{one.waits:.1f}", others])
    words = f"Promised in bf16 are {PROMISED_SHARE:.0%}. A subject's own look at its loss is among its waits."
    return page("Where the time of an iteration goes", told, table(rows), words)


def write(found: Mapping[str, Breakdown], told: Mapping[str, str]) -> None:
    """JSON, page and plot."""
    numbers = {"subjects": {name: {**asdict(one), "share": one.share} for name, one in found.items()}}
    save("breakdown", told, numbers, report(found, told))
    groups = {
        name: {"convolutions and products": 1000 * sum(one.products.values()), "rest": 1000 * sum(one.rest.values())}
        for name, one in found.items()
    }
    with plots.figure(RESULTS / "breakdown.png", f"Where an iteration's time goes, {told['size']}") as axes:
        plots.bars(axes, groups, "ms")


def main() -> None:
    """Measures and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--iterations", type=int, default=3)
    options = parser.parse_args()
    told = facts(PEER_VERSION, size=f"{options.size} px", threads=torch.get_num_threads())
    write(measure(options.size, options.iterations), told)


if __name__ == "__main__":
    main()
