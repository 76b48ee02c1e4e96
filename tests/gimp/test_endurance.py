"""What must hold after many paintings, after a death, and for a picture of 24 megapixels."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from neuralstyle.v1 import admin_pb2
from tests.gimp.expected import painting
from tests.gimp.real_gimp import RealGimp
from tests.gimp.test_scripts import PHOTO, plug_in_processes, wait_for_step
from tests.real_daemon import RealDaemon, children

RUNS = 100
STATES_BYTES = 8 * 2**20
"""What the worker keeps of finished jobs to paint on: the states of eight of these, so that there is no more room long
before the measuring begins, and growth is a leak."""
GROWTH_KIB = 24 * 1024
"""What the daemon's two processes may grow by after the first runs: allocators keep some of what they once had."""


@pytest.mark.endurance
def test_a_hundred_runs_leave_nothing_behind(
    plug_in: Path, gimp: RealGimp, start_daemon: Callable[..., RealDaemon], tmp_path: Path
) -> None:
    daemon = start_daemon("--threads", "1", f"max_states_bytes={STATES_BYTES}", module="tests.limited_daemon")
    daemon.wait_until_loaded()
    mine = RealGimp(gimp.suite, plug_in, daemon.folder)
    sizes: list[tuple[int, int]] = []
    over = threading.Event()

    def weigh() -> None:
        while not over.wait(0.5):
            sizes.append((memory_kib(daemon), open_files(daemon)))

    scale = threading.Thread(target=weigh)
    scale.start()
    ran = mine.batch(
        PHOTO
        + f"""
import os
image, layer = photo(32, 32)
mine = lambda: sorted(p for p in os.listdir("/proc") if p.isdigit() and b"neural-style.py" in cmdline(p))
def cmdline(process):
    try:
        return open(f"/proc/{{process}}/cmdline", "rb").read()
    except OSError:
        return b""
good = 0
for number in range({RUNS}):
    good += call("run", image, [layer], style="ink", size=64, quality="draft", preset="draft", output="replace")
    if number == 9:
        tell("files-before", sorted(os.listdir("/tmp")))
tell("good", good)
deadline = time.monotonic() + 5  # the last one may still be on its way out
while mine() and time.monotonic() < deadline:
    time.sleep(0.1)
tell("processes", mine())
tell("files", sorted(os.listdir("/tmp")))
tell("images", len(Gimp.get_images()))
tell("layers", len(image.get_layers()))
""",
        tmp_path / "out",
    )
    over.set()
    scale.join()
    assert ran.code == 0, ran.output
    assert ran.results["good"] == RUNS
    assert ran.results["processes"] == []
    assert ran.results["files"] == ran.results["files-before"]
    assert (ran.results["images"], ran.results["layers"]) == (1, 1)
    # The first fifth warms caches up.
    memory, files = np.array(sizes).T
    fifth = len(sizes) // 5
    early, late = slice(fifth, 2 * fifth), slice(-fifth, None)
    grown_kib = np.median(memory[late]) - np.median(memory[early])
    # Between two jobs: during one, more are open, and how many of the weighings meet one depends on the machine.
    left_open = files[late].min() - files[early].min()
    print(f"{grown_kib:.0f} KiB more, {left_open} files more")
    assert grown_kib < GROWTH_KIB, f"grew by {grown_kib:.0f} KiB"
    assert left_open <= 2, "files or sockets stay open"
    assert not daemon.admin().ListJobs(admin_pb2.ListJobsRequest()).jobs


def test_a_detached_painting_outlives_gimp_and_is_fetched_again(
    gimp: RealGimp, daemon: RealDaemon, tmp_path: Path
) -> None:
    """The profile outlives GIMP, as on a disk; the plug-in is killed, as when GIMP crashes."""
    profile = tmp_path / "neural-style"
    profile.mkdir()

    def crash() -> None:
        wait_for_step(daemon)
        for pid in plug_in_processes(daemon):
            os.kill(pid, signal.SIGKILL)

    killer = threading.Thread(target=crash)
    killer.start()
    first = gimp.batch(
        PHOTO
        + """
image, layer = photo(96, 64)
dump("before", layer, "R'G'B' u8")
call("crashed", image, [layer], style="mosaic", size=96, quality="fine", preset="draft", detach=True)
tell("ids", json.loads((Path(Gimp.directory()) / "neural-style" / "detached.json").read_text()))
""",
        tmp_path / "first",
    )
    killer.join(60)
    assert first.code == 0, first.output
    assert first.results["crashed"]["status"] != "success"
    [job_id] = first.results["ids"]
    assert job_id in [job.job_id for job in daemon.admin().ListJobs(admin_pb2.ListJobsRequest()).jobs]
    (profile / "detached.json").write_text(f'["{job_id}"]')
    second = gimp.batch(
        """
import shutil
shutil.copytree("/mnt/pictures/kept", Path(Gimp.directory()) / "neural-style", dirs_exist_ok=True)
fetch = procedure("plug-in-neural-style-fetch")
values = fetch.run(fetch.create_config())
tell("status", values.index(0).value_nick)
image = values.index(1)
dump("fetched", image.get_layers()[0], "R'G'B' u8")
tell("record", record(image))
tell("left", json.loads((Path(Gimp.directory()) / "neural-style" / "detached.json").read_text()))
again = fetch.run(fetch.create_config())
tell("again", str(again.index(1)))
""",
        tmp_path / "second",
        kept=profile,
    )
    assert second.code == 0, second.output
    assert second.results["status"] == "success"
    assert second.results["left"] == []
    assert "No painting was left behind" in second.results["again"]
    record = {**second.results["record"], "style": "mosaic"}
    wanted = painting(daemon, first.pixels("before", 3, "uint8"), record)
    assert np.abs(second.pixels("fetched", 3, "uint8") / 255 - wanted).max() <= 0.5 / 255 + 1e-6


@pytest.mark.parametrize("transparent", [False, True])
def test_twenty_four_megapixels_come_back_at_their_own_size(
    gimp: RealGimp, daemon: RealDaemon, tmp_path: Path, transparent: bool
) -> None:
    ran = gimp.batch(
        f"""
from array import array
small = array("f", picture(150, 100))
image = new_image(6000, 4000)
layer = add_layer(image, "large", 6000, 4000, alpha=True)
rows = []
for y in range(100):
    row = bytearray()
    for x in range(150):
        pixel = bytes(round(255 * v) for v in small[4 * (150 * y + x):4 * (150 * y + x) + 3])
        row += (pixel + bytes([0 if {transparent} and x < 40 else 255])) * 40
    rows.append(bytes(row) * 40)
fill(layer, "R'G'B'A u8", b"".join(rows))
call("large", image, [layer], style="ink", size=96, quality="draft", output="replace", strength=0.0)
scaled = layer.get_buffer().get(Gegl.Rectangle.new(0, 0, 750, 500), 0.125, "R'G'B'A u8", Gegl.AbyssPolicy.NONE)
(OUT / "small.raw").write_bytes(scaled)
tell("size", [layer.get_width(), layer.get_height()])
""",
        tmp_path,
    )
    assert ran.code == 0, ran.output
    assert ran.results["large"]["status"] == "success", ran.results["large"]["message"]
    assert ran.results["size"] == [6000, 4000]
    after = np.fromfile(tmp_path / "small.raw", np.uint8).reshape(500, 750, 4)
    np.testing.assert_array_equal(after[:, 210:, 3], 255)
    assert after[:, :190, 3].max() == (0 if transparent else 255)
    # Where the painting lies: dark and bright areas of the picture are where they were.
    x, y = np.meshgrid(np.arange(750), np.arange(500))
    original = 0.4 * np.sin(x / 25) + 0.4 * np.cos(y / 20) + 0.3 * np.sin((x + y) / 35)
    seen = after[:, 250:, :3].mean(axis=-1)
    assert np.corrcoef(seen.ravel(), original[:, 250:].ravel())[0, 1] > 0.9


def memory_kib(daemon: RealDaemon) -> int:
    """Resident memory of the front end and its worker."""
    total = 0
    for pid in (daemon.process.pid, *children(daemon.process.pid)):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                total += int(line.split()[1])
    return total


def open_files(daemon: RealDaemon) -> int:
    """Open files and sockets of both."""
    return sum(
        len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in (daemon.process.pid, *children(daemon.process.pid))
    )
