"""A real GIMP for tests: its root, the plug-in as the installer puts it together, and runs inside."""

from __future__ import annotations

import json
import os
import subprocess
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

HERE = Path(__file__).resolve().parent
SUITES: Mapping[str, str] = {"3.0": "trixie", "3.2": "forky"}
"""GIMP's versions by the Debian release that has them."""
RUN_SECONDS = 280
CANNOT = 3
"""Exit code of the scripts where there can be no root on this machine."""


class NoRootError(Exception):
    """There is no GIMP root, and none can be made here; the message says why."""


def make_root(suite: str) -> None:
    """Makes the root unless it is there: a minute or two, the first time on a machine. Raises NoRootError."""
    made = subprocess.run(
        [HERE / "setup_gimp3.sh"], env={**os.environ, "GIMP3_SUITE": suite}, capture_output=True, text=True
    )
    if made.returncode == CANNOT:
        raise NoRootError(made.stderr.strip())
    if made.returncode:
        raise RuntimeError(f"setup_gimp3.sh failed:\n{made.stderr}")


@dataclass(frozen=True)
class Outcome:
    """What a run left behind."""

    code: int
    """Exit code of what was run; GIMP's own is 64 if the batch raised."""
    output: str
    folder: Path
    results: dict[str, Any]
    """What the batch told."""

    def pixels(self, name: str, channels: int = 4, kind: str = "float32") -> NDArray[Any]:
        """Dumped pixels, [height, width, channels]."""
        width, height = self.results[f"{name}.size"]
        return np.fromfile(self.folder / f"{name}.raw", kind).reshape(height, width, channels)


@dataclass(frozen=True)
class RealGimp:
    """A GIMP in its root, with the plug-in beside it."""

    suite: str
    plug_in: Path
    home: Path
    """Of the daemon."""

    def batch(self, code: str, folder: Path, *, daemon: bool = True, **pictures: Path) -> Outcome:
        """Runs Python in a GIMP without windows; see `inside/batch.py` for what it can use.

        pictures: files that the code finds as /mnt/pictures/NAME.
        """
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "test.py").write_text(textwrap.dedent(code))
        command = self._command(folder, daemon=daemon, pictures=pictures)
        command += ["python3", "/mnt/inside/headless.py", f"/mnt/plug-in/{self.plug_in.name}", "/mnt/out/test.py"]
        return self._finish(command, folder)

    def screen(self, code: str, folder: Path, **pictures: Path) -> Outcome:
        """Runs Python that drives a GIMP with windows; see `inside/screen.py`."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "test.py").write_text(SCREEN_HEAD + textwrap.dedent(code))
        command = self._command(folder, daemon=True, pictures=pictures)
        return self._finish([*command, "python3", "/mnt/out/test.py"], folder)

    def _command(self, folder: Path, *, daemon: bool, pictures: Mapping[str, Path]) -> list[str]:
        command = [str(HERE / "run_gimp3.sh"), "-b", f"{HERE / 'inside'}:/mnt/inside:ro"]
        # As the user's own folder would be: the plug-in writes its bytecode there.
        command += ["-b", f"{self.plug_in.parent}:/mnt/plug-in", "-b", f"{folder}:/mnt/out"]
        if daemon:
            # Under its own path, which is written in endpoint.json.
            command += ["-b", f"{self.home}:{self.home}", "-e", f"STYLIZED_HOME={self.home}"]
        for name, path in pictures.items():
            command += ["-b", f"{path}:/mnt/pictures/{name}:ro"]
        return command

    def _finish(self, command: list[str], folder: Path) -> Outcome:
        environment = {**os.environ, "GIMP3_SUITE": self.suite}
        try:
            ran = subprocess.run(
                command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=RUN_SECONDS
            )
            code, output = ran.returncode, ran.stdout.decode(errors="replace")
        except subprocess.TimeoutExpired as error:
            code, output = -1, (error.stdout or b"").decode(errors="replace") + f"\nstopped after {RUN_SECONDS} s"
        (folder / "output.txt").write_text(output)
        told = folder / "results.json"
        return Outcome(code, output, folder, json.loads(told.read_text()) if told.exists() else {})


SCREEN_HEAD = """
import json, sys, time
sys.path.insert(0, "/mnt/inside")
from pathlib import Path
from screen import Screen, wait
OUT = Path("/mnt/out")
PLUG_IN = next(Path("/mnt/plug-in").glob("neural-style"))
RESULTS = {}
def tell(name, value):
    RESULTS[name] = value
    (OUT / "results.json").write_text(json.dumps(RESULTS))
"""
