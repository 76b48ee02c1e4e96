"""Runs inside the GIMP root: `headless.py PLUG_IN BATCH` runs a file of Python in a GIMP without windows.

The batch sees what `batch.py` defines. GIMP's exit code is the answer: 0, or 64 if the batch raised.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import gimp_profile


def main() -> int:
    """GIMP's exit code."""
    plug_in, batch = Path(sys.argv[1]), sys.argv[2]
    environment = gimp_profile.make(plug_in)
    here = Path(__file__).resolve().parent
    files = [str(here / "batch.py"), batch]
    code = f"for _file in {files!r}: exec(compile(open(_file).read(), _file, 'exec'), globals())"
    options = ["-n", "-i", "-d", "-f", "-c", "--batch-interpreter=python-fu-eval", "-b", code, "--quit"]
    return subprocess.run([gimp_profile.console(), *options], env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
