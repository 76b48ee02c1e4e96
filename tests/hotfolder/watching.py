"""Hot folders for tests, and watchers over them: in a thread, or in a process that can be killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image

from neuralstyle.v1.endpoint import HOME_VARIABLE
from stylize.client import Client
from stylize.hotfolder.layout import HotFolder, create
from stylize.hotfolder.reports import Report, report_to_dict
from stylize.hotfolder.service import WatchService, connector
from stylize.hotfolder.timing import Timing

QUICK = Timing(
    settle=0.15, patience=0.6, rescan=60, rescan_on_network=0.3, least_pause=0.02, first_retry=0.05, longest_retry=0.2
)
"""So that tests need not wait; the logic is that of the usual patience."""
CHEAP = """\
styles = ["tiny"]
preset = "gatys"
seed = 1
precision = "fp32"
[tunables]
size = 16
iterations = 1
content_layers = "relu1_1"
style_layers = "relu1_1"
"""
WAIT_S = 60.0

_R = TypeVar("_R")


def noise(seed: int, width: int = 16, height: int = 16) -> Image.Image:
    """A little picture like no other."""
    samples = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(samples, "RGB")


def hot_folder(path: Path, settings: str = CHEAP) -> HotFolder:
    """A hot folder whose paintings take a moment."""
    folder = create(path)
    noise(1000).save(folder.styles / "tiny.png")
    folder.settings_file.write_text(settings)
    return folder


def drop(folder: HotFolder, name: str, seed: int = 0) -> Path:
    """Renames a picture into `in/`."""
    target = folder.inbox / name
    target.parent.mkdir(parents=True, exist_ok=True)
    part = folder.root / "elsewhere.png"
    noise(seed).save(part)
    return part.rename(target)


def names_in(place: Path) -> list[str]:
    """Relative paths of all files below a folder, hidden ones too, sorted."""
    return sorted(str(path.relative_to(place)) for path in place.rglob("*") if not path.is_dir())


class Watch:
    """A watcher in a thread."""

    def __init__(self, *folders: HotFolder, connect: Callable[[], Client], timing: Timing = QUICK, **options) -> None:
        self.reports: list[Report] = []
        self._news = threading.Condition()
        self.service = WatchService(folders, connect, self._tell, timing=timing, **options)
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            self.service.run()
        except BaseException as error:
            self.error = error
        with self._news:
            self._news.notify_all()

    def _tell(self, report: Report) -> None:
        with self._news:
            self.reports.append(report)
            self._news.notify_all()

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.stop()
        self.join()

    def stop(self) -> None:
        """As a signal would."""
        self.service.stop()

    def join(self) -> None:
        """Waits for the end."""
        self._thread.join(WAIT_S)
        assert not self._thread.is_alive()

    def until(self, condition: Callable[[], bool]) -> None:
        """Waits for what no report tells, or for the end."""
        wait_until(lambda: condition() or not self._thread.is_alive(), "a condition")

    def all(self, kind: type[_R], /, **fields: object) -> list[_R]:
        """The reports of a kind with these fields."""
        return [
            report
            for report in self.reports
            if isinstance(report, kind) and all(getattr(report, name) == value for name, value in fields.items())
        ]

    def wait_for(self, kind: type[_R], count: int = 1, /, **fields: object) -> list[_R]:
        """Waits until there are as many reports of a kind."""
        with self._news:
            come = self._news.wait_for(
                lambda: len(self.all(kind, **fields)) >= count or not self._thread.is_alive(), WAIT_S
            )
            found = self.all(kind, **fields)
            assert come, (kind, count, self.reports)
            assert len(found) >= count, (kind, count, self.error, self.reports)
            return found


class WatcherProcess:
    """A watcher in a process of its own: this module, run as a program."""

    def __init__(self, *folders: HotFolder, home: Path, once: bool = False) -> None:
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.hotfolder.watching",
                *(["--once"] if once else []),
                *map(str, _roots(folders)),
            ],
            env={**os.environ, HOME_VARIABLE: str(home), "PYTHONPATH": os.pathsep.join(sys.path)},
            cwd=Path(__file__).parents[2],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def lines(self) -> list[dict[str, object]]:
        """Waits for the end and gives what it reported."""
        said, wrong = self.process.communicate(timeout=WAIT_S)
        assert "Traceback" not in wrong, wrong
        return [json.loads(line) for line in said.splitlines()]

    def wait_until(self, event: str) -> dict[str, object]:
        """Reads reports up to one of a kind."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            report = json.loads(line)
            if report["event"] == event:
                return report
        raise AssertionError(f"the watcher ended without {event}")

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.communicate()


def _roots(folders: tuple[HotFolder, ...]) -> list[Path]:
    return [folder.root for folder in folders]


def wait_until(condition: Callable[[], bool], what: str, timeout: float = WAIT_S) -> None:
    """Waits for something that no report tells."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"{what} took too long"
        time.sleep(0.01)


def main(*arguments: str) -> None:
    """Watches folders, with quick timing, and prints what happens."""
    paths = [Path(argument) for argument in arguments if argument != "--once"]
    service = WatchService(
        [HotFolder(path) for path in paths],
        connector("test"),
        lambda report: print(json.dumps(report_to_dict(report)), flush=True),
        timing=QUICK,
        once="--once" in arguments,
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: service.stop())
    service.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
