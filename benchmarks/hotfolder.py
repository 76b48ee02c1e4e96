"""Many small pictures through one hot folder, against the engine alone over the same pictures, side by side in one run.

The watcher is the real one (`stylize watch`), the daemon too: one with one worker and, over a folder of its own, one
with two. The engine paints in this process, in a loop, on all cores, from the same files with the same settings,
measures the style once and has the heap and the OpenMP that the daemon's worker has, and writes nothing. They take
turns, round after round, so that whatever else the machine does hits all alike; the engine paints a few pictures of
each round, a folder all of them, and its time is that from the drop of the first to the end of the last. The promise:
the throughput of a folder is within 5 % of the engine's, and the watcher's memory stays flat. Also tells what watcher
and front end take of the processor, which a busy machine changes less than it does times. Writes JSON and a Markdown
table to benchmarks/results.

What a picture costs beside its painting is the same at all sizes, so that the smaller it is the more that weighs: at
128 px an engine on two cores takes half a second to a second, at 64 px a fifth to a half. By default all takes about an
hour.

    python -m benchmarks.hotfolder [--count 1000] [--rounds 25] [--alone 10] [--size 128] [--iterations 10]
        [--workers 1,2]
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from benchmarks.facts import facts
from benchmarks.results import page, save, table
from benchmarks.subjects import PHOTO, STYLE, begin_as_worker, network, our_name, prepare
from neuralstyle.v1.endpoint import HOME_VARIABLE
from stylize.hotfolder.layout import HotFolder, create
from stylized.engine.choices import Precision
from stylized.engine.measurements import Measurements
from stylized.engine.parameters import Parameters
from stylized.engine.presets import builtin_presets
from stylized.engine.schedule import fit_size
from stylized.engine.stylize import Finished, Request, StyleSource, stylize
from stylized.service.device import find_device
from stylized.service.limits import MAX_MEASUREMENTS_BYTES
from stylized.service.worker import NICENESS
from stylized.styles import builtin_styles
from tests.real_daemon import RealDaemon

PRESET = "draft"
SEED = 1
WARM_UP = 3
PROMISED_SHARE = 0.95
"""Of the engine's throughput."""


@dataclass(frozen=True)
class ProcessorTime:
    """Seconds, of all threads of a process."""

    watcher: float
    front_end: float
    """The daemon without its workers."""
    workers: float

    def __sub__(self, earlier: ProcessorTime) -> ProcessorTime:
        return ProcessorTime(
            self.watcher - earlier.watcher, self.front_end - earlier.front_end, self.workers - earlier.workers
        )


@dataclass(frozen=True)
class Round:
    """Some pictures, through a folder and through the engine alone."""

    workers: int
    """Of the folder's daemon."""
    pictures: int
    """Through the folder."""
    folder_s: float
    alone: int
    """Of them, by the engine alone."""
    engine_s: float
    cpu: ProcessorTime
    watcher_rss_mib: float
    """At the end of the round."""

    @property
    def share(self) -> float:
        """The folder's throughput in parts of the engine's."""
        return (self.pictures / self.folder_s) / (self.alone / self.engine_s)


class Engine:
    """Our engine alone, in this process."""

    def __init__(self, size: int, iterations: int) -> None:
        os.nice(NICENESS)  # as the daemon's worker
        prepare(our_name(Precision.FP32))
        self._device = find_device().device
        self._network = network(Precision.FP32)
        preset = builtin_presets()[PRESET].parameters
        self._parameters: Parameters = replace(preset, size=size, iterations=iterations)
        self._style = StyleSource(self._to_tensor(builtin_styles()[STYLE].read()), 1.0, name=STYLE)
        self._measurements = Measurements(MAX_MEASUREMENTS_BYTES)

    def paint(self, photo: Path) -> None:
        """Paints a file, and waits for the device."""
        request = Request(
            self._to_tensor(photo.read_bytes()),
            (self._style,),
            self._parameters,
            seed=SEED,
            measurements=self._measurements,
        )
        for event in stylize(self._network, request):
            if isinstance(event, Finished):
                event.picture.cpu()

    def _to_tensor(self, data: bytes) -> torch.Tensor:
        with Image.open(io.BytesIO(data)) as image:
            samples = torch.from_numpy(np.array(image.convert("RGB")))
        return (samples.permute(2, 0, 1).unsqueeze(0).float() / 255.0).contiguous().to(self._device)


class Folder:
    """A hot folder with the real watcher over it and a daemon of its own, in processes of their own."""

    def __init__(self, place: Path, workers: int, size: int, iterations: int) -> None:
        """place: a folder for the hot folder and its daemon, which is started."""
        self.workers = workers
        place.mkdir()
        self.daemon = RealDaemon(place / "home", "--workers", str(workers))
        root = place / "hot"
        self.places: HotFolder = create(root)
        self.places.settings_file.write_text(
            f'styles = ["{STYLE}"]\npreset = "{PRESET}"\nseed = {SEED}\nprecision = "fp32"\n'
            f"[tunables]\nsize = {size}\niterations = {iterations}\n"
        )
        self._watcher = subprocess.Popen(
            [sys.executable, "-m", "stylize", "watch", str(root), "--json"],
            env={**os.environ, HOME_VARIABLE: str(self.daemon.folder)},
            stdout=subprocess.PIPE,
            text=True,
        )
        self._wait_for("counted", 1)
        self.daemon.wait_until_loaded()

    def paint(self, photos: list[Path]) -> None:
        """Drops copies of the photos, and waits until they are all painted."""
        for photo in photos:
            part = self.places.root / photo.name
            shutil.copy(photo, part)
            part.rename(self.places.inbox / photo.name)
        self._wait_for("painted", len(photos))

    def memory_mib(self) -> float:
        """Resident memory of the watcher."""
        for line in Path(f"/proc/{self._watcher.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        raise AssertionError("no VmRSS")

    def spent(self) -> ProcessorTime:
        """Processor time so far."""
        workers = sum(map(cpu_s, self.daemon.worker_pids()))
        return ProcessorTime(cpu_s(self._watcher.pid), cpu_s(self.daemon.process.pid), workers)

    def close(self) -> None:
        """Ends the watcher and the daemon."""
        self._watcher.send_signal(signal.SIGTERM)
        self._watcher.communicate(timeout=60)
        self.daemon.close()

    def _wait_for(self, event: str, count: int) -> None:
        assert self._watcher.stdout is not None
        for line in self._watcher.stdout:
            report = json.loads(line)
            assert report["event"] not in ("failed", "repeated", "trouble"), report
            count -= report["event"] == event
            if not count:
                return
        raise AssertionError("the watcher has ended")


def cpu_s(pid: int) -> float:
    """Processor time of a process so far, in user and in system mode (proc(5), stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def make_photos(folder: Path, count: int, size: int) -> list[Path]:
    """So many different small photos: pieces of the sample photo."""
    with Image.open(PHOTO) as image:
        sample = image.convert("RGB")
    sample = sample.resize(fit_size(sample.width, sample.height, 4 * size), Image.Resampling.LANCZOS)
    width, height = size, size * 3 // 4
    generator = np.random.default_rng(0)
    paths = []
    for number in range(count):
        left = int(generator.integers(0, sample.width - width))
        top = int(generator.integers(0, sample.height - height))
        piece = sample.crop((left, top, left + width, top + height))
        piece.putpixel((0, 0), (number % 256, number // 256 % 256, 0))  # no two are the same
        paths.append(folder / f"{number:05}.png")
        piece.save(paths[-1])
    return paths


def measure(count: int, rounds: int, alone: int, size: int, iterations: int, workers: Sequence[int]) -> list[Round]:
    """All in turn. count: pictures through each folder. alone: pictures of each round that the engine paints too."""
    with tempfile.TemporaryDirectory() as temporary, contextlib.ExitStack() as closing:
        place = Path(temporary)
        (place / "photos").mkdir()
        photos = make_photos(place / "photos", count + WARM_UP, size)
        folders = []
        for number in workers:
            folders.append(Folder(place / str(number), number, size, iterations))
            closing.callback(folders[-1].close)
        engine = Engine(size, iterations)
        for folder in folders:
            folder.paint(photos[:WARM_UP])
        for photo in photos[:WARM_UP]:
            engine.paint(photo)
        results = []
        for number in range(rounds):
            mine = photos[WARM_UP + number :: rounds]
            for folder in folders[:: 1 if number % 2 else -1]:
                results.append(one_round(folder, engine, mine, alone))
                print(results[-1], flush=True)
    return results


def one_round(folder: Folder, engine: Engine, photos: list[Path], alone: int) -> Round:
    """Pictures through a folder, in between two halves of those that the engine paints too."""
    engine_s = 0.0

    def paint_alone(some: list[Path]) -> None:
        nonlocal engine_s
        began = time.perf_counter()
        for photo in some:
            engine.paint(photo)
        engine_s += time.perf_counter() - began

    paint_alone(photos[: alone // 2])
    before, began = folder.spent(), time.perf_counter()
    folder.paint(photos)
    folder_s = time.perf_counter() - began
    cpu = folder.spent() - before
    paint_alone(photos[alone // 2 : alone])
    return Round(folder.workers, len(photos), folder_s, len(photos[:alone]), engine_s, cpu, folder.memory_mib())


def report(results: list[Round], told: dict[str, str]) -> str:
    """The Markdown page."""
    alone, engine_s = sum(result.alone for result in results), sum(result.engine_s for result in results)
    rates = [["subject", "pictures", "seconds", "pictures per second"]]
    rates.append(["engine alone", str(alone), f"{engine_s:.1f}", f"{alone / engine_s:.3f}"])
    processor = [["processor time a picture, ms", "watcher", "daemon's front end", "workers"]]
    words = []
    by_workers: dict[int, list[Round]] = {}
    for result in results:
        by_workers.setdefault(result.workers, []).append(result)
    for workers, rounds in by_workers.items():
        name = workers_text(workers)
        pictures, folder_s = sum(r.pictures for r in rounds), sum(r.folder_s for r in rounds)
        rates.append([f"hot folder, {name}", str(pictures), f"{folder_s:.1f}", f"{pictures / folder_s:.3f}"])
        processor.append([name])
        for field in ("watcher", "front_end", "workers"):
            spent = statistics.median(1000 * getattr(one.cpu, field) / one.pictures for one in rounds)
            processor[-1].append(f"{spent:.1f}")
        shares, rss = [result.share for result in rounds], [result.watcher_rss_mib for result in rounds]
        words.append(
            f"With {name}: throughput of the folder {statistics.median(shares):.1%} of the engine's beside it, median"
            f" of {len(rounds)} rounds from {min(shares):.1%} to {max(shares):.1%} (promised: {PROMISED_SHARE:.0%})."
            f" Resident memory of the watcher: {rss[0]:.1f} MiB after the first round, {rss[-1]:.1f} MiB after the"
            f" last, {max(rss):.1f} MiB at most."
        )
    return page("Many small pictures through a hot folder", told, table(rates), table(processor), *words)


def workers_text(count: int) -> str:
    """So many workers, in words."""
    return "1 worker" if count == 1 else f"{count} workers"


def main() -> None:
    """Measures and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000, help="pictures in all")
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--alone", type=int, default=10, help="pictures of a round that the engine paints too")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--iterations", type=int, default=10)
    parser.add_argument(
        "--workers", default="1,2", help="of the daemons, each of which has a folder; separated by commas"
    )
    options = parser.parse_args()
    workers = [int(number) for number in options.workers.split(",")]
    told = facts(
        pictures=f"{options.count} through each folder, of {options.size} x {options.size * 3 // 4} pixels,"
        f" preset {PRESET}, {options.iterations} iterations",
        rounds=options.rounds,
    )
    results = measure(options.count, options.rounds, options.alone, options.size, options.iterations, workers)
    save(f"hotfolder-{options.size}", told, {"rounds": [asdict(result) for result in results]}, report(results, told))


if __name__ == "__main__":
    begin_as_worker("benchmarks.hotfolder")
    main()
