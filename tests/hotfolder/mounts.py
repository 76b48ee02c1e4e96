"""Real file systems for tests that need one that is full, read-only or another one."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


@contextlib.contextmanager
def mounted(place: Path, options: str = "size=1m") -> Iterator[None]:
    """A tmpfs at a folder of its own; skips the test where nobody may mount."""
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"needs the right to mount: {made.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def remount(place: Path, options: str) -> None:
    """Changes the options of a mount, such as "ro"."""
    subprocess.run(["mount", "-o", f"remount,{options}", str(place)], check=True)
