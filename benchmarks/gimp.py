"""What the GIMP plug-in costs, over the time that the daemon itself needs.

A real GIMP without windows (tests/gimp) paints a layer with the plug-in, and the Python client library asks the same
daemon for the same job, in turn, round after round. The difference is what the plug-in adds: its start in a new
process, connecting, reading the layer, and making a layer of the painting. Writes JSON and a Markdown table to
benchmarks/results. Needs what tests/gimp needs.

    python -m benchmarks.gimp [--rounds 7]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.facts import facts
from benchmarks.results import page, save, table
from stylize import Client
from stylize.gimp.bundle import assemble
from tests.gimp.real_gimp import SUITES, RealGimp, make_root
from tests.real_daemon import RealDaemon

SIDE = 64
"""Of the painting: as little work for the daemon as there can be."""
LAYERS = {
    "1 megapixel, RGBA, opaque": (1200, 834, False),
    "24 megapixels, RGBA, opaque": (6000, 4000, False),
    "24 megapixels, RGBA, a quarter transparent": (6000, 4000, True),
}
PROMISED = {"1 megapixel, RGBA, opaque": 0.3, "24 megapixels, RGBA, opaque": 1.0}
"""Seconds; by issue 3."""

BATCH = """
image = new_image({width}, {height})
layer = add_layer(image, "photo", {width}, {height}, alpha=True)
row = bytes((x * 7 % 256 if c < 3 else 255) for x in range({width}) for c in range(4))
clear = {height} // 4 if {transparent} else 0
fill(layer, "R'G'B'A u8", bytes(4 * {width} * clear) + row * ({height} - clear))
for number in range({rounds} + 1):
    # The other side takes its turn while this file is not there.
    while not (OUT / f"turn-{{number}}").exists():
        time.sleep(0.002)
    call(f"run-{{number}}", image, [layer], style="ink", size={side}, quality="draft", preset="draft")
    image.remove_layer(image.get_layers()[0])
    (OUT / f"done-{{number}}").touch()
"""


def direct(daemon: RealDaemon, width: int, height: int) -> float:
    """Seconds of the same job for the client library, with a photo of the size that the plug-in sends."""
    halvings = 0
    while max(width, height) >= 2 ** (halvings + 1) * SIDE:
        halvings += 1
    shape = (height // 2**halvings, width // 2**halvings, 3)
    photo = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    with Client.connect(daemon.endpoint.targets[0]) as client:
        started = time.monotonic()
        client.stylize(photo, "ink", "draft", seed=0, size=SIDE, iterations=40).result()
        return time.monotonic() - started


def measure(gimp: RealGimp, daemon: RealDaemon, name: str, rounds: int, folder: Path) -> dict[str, object]:
    """Medians for one layer. The first round of both warms up and does not count."""
    width, height, transparent = LAYERS[name]
    alone: list[float] = []

    def take_turns() -> None:
        for number in range(rounds + 1):
            alone.append(direct(daemon, width, height))
            (folder / f"turn-{number}").touch()
            while not (folder / f"done-{number}").exists():
                time.sleep(0.002)

    folder.mkdir()
    other = threading.Thread(target=take_turns, daemon=True)
    other.start()
    code = BATCH.format(width=width, height=height, transparent=transparent, rounds=rounds, side=SIDE)
    outcome = gimp.batch(code, folder)
    if outcome.code:
        raise SystemExit(outcome.output)
    with_gimp = [outcome.results[f"run-{number}"]["seconds"] for number in range(1, rounds + 1)]
    added = [ours - theirs for ours, theirs in zip(with_gimp, alone[1:], strict=True)]
    return {
        "layer": name,
        "plug_in_s": round(statistics.median(with_gimp), 3),
        "client_s": round(statistics.median(alone[1:]), 3),
        "added_s": round(statistics.median(added), 3),
        "added_range_s": [round(min(added), 3), round(max(added), 3)],
        "promised_s": PROMISED.get(name),
    }


def main() -> None:
    """Measures and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    rows = []
    for version, suite in SUITES.items():
        make_root(suite)
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "plug-in").mkdir()
            assemble(Path(folder) / "plug-in" / "neural-style")
            # One thread: two that wait for each other measure what else the machine does.
            daemon = RealDaemon(Path(folder) / "home", "--threads", "1")
            try:
                daemon.wait_until_loaded()
                gimp = RealGimp(suite, Path(folder) / "plug-in" / "neural-style", daemon.folder)
                for index, name in enumerate(LAYERS):
                    row = {"gimp": version, **measure(gimp, daemon, name, rounds, Path(folder) / f"out-{index}")}
                    print(row, flush=True)
                    rows.append(row)
            finally:
                daemon.close()
    told = facts(rounds=rounds)
    save("gimp", told, {"rows": rows}, report(rows, told))


def report(rows: Sequence[Mapping[str, Any]], told: Mapping[str, str]) -> str:
    """The Markdown page."""
    cells = [["GIMP", "layer", "with the plug-in", "client library", "added", "least to most", "promised"]]
    for row in rows:
        low, high = row["added_range_s"]
        seconds = [f"{row[name]} s" for name in ("plug_in_s", "client_s", "added_s")]
        promised = f"{row['promised_s']} s" if row["promised_s"] else ""
        cells.append([row["gimp"], row["layer"], *seconds, f"{low} to {high} s", promised])
    words = "Medians of the rounds. Added: over the same job asked for by the client library."
    return page("What the GIMP plug-in adds", told, table(cells), words)


if __name__ == "__main__":
    main()
