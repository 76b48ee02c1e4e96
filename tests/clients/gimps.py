"""Stand-ins for the GIMPs of a user: profiles on any platform, a plug-in without contents, a `gimp-console`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from stylize.gimp.profiles import Machine

SCRIPT = "#!/usr/bin/env python3\n"

# What it is told to run with --batch it really runs, with as much of `Gimp` as there is of it here.
_CONSOLE = """#!{python}
import json, os, pathlib, sys, time

VERSION, REGISTERED, ROWS, SECONDS = {version!r}, {registered!r}, {rows!r}, {seconds!r}
FIRST_START = {first_start!r}

if "--version" in sys.argv:
    print("GNU Image Manipulation Program version", VERSION)
    sys.exit()
time.sleep(SECONDS)
folder = os.environ.get("GIMP3_DIRECTORY") or os.path.join(os.environ["HOME"], ".config/GIMP", VERSION[:3])
if FIRST_START and not os.path.isdir(folder):
    for name in ("brushes", "plug-ins"):
        os.makedirs(os.path.join(folder, name))

class Values(list):
    def index(self, place): return self[place]
    def length(self): return len(self)

class Config:
    def find_property(self, name): return None
    def set_property(self, name, value): raise TypeError("no property " + name)

class Procedure:
    def create_config(self): return Config()
    def run(self, config):
        ok = ROWS is not None
        return Values(["SUCCESS", json.dumps(ROWS)] if ok else ["EXECUTION_ERROR", "it is broken"])

class Gimp:
    class PDBStatusType: SUCCESS = "SUCCESS"
    class RunMode: NONINTERACTIVE = 1
    @classmethod
    def get_pdb(cls): return cls
    @staticmethod
    def procedure_exists(name): return REGISTERED and name == "plug-in-neural-style"
    @staticmethod
    def lookup_procedure(name): return Procedure() if REGISTERED and name == "plug-in-neural-style-doctor" else None

if "--batch" in sys.argv:
    print("something that a plug-in says")
    exec(sys.argv[sys.argv.index("--batch") + 1], {{"Gimp": Gimp}})
"""


def machine(home: Path, platform: str = "linux", /, **environment: str) -> Machine:
    """A computer with this home folder, on whose PATH is `bin` in it and nothing else."""
    return Machine(platform, {"PATH": str(home / "bin"), "HOME": str(home), **environment}, home, root=home / "root")


def make_plug_in(folder: Path, text: str = "") -> Path:
    """The plug-in's sources, with what belongs to GIMP and what does not."""
    contents = {
        "neural-style.py": SCRIPT + text,
        "neural_style/__init__.py": "",
        "locale/de/LC_MESSAGES/neural-style.mo": "compiled",
        "locale/de/neural-style.po": "source",
        "help/index.html": "<p>Help</p>",
        "tests/test_pixels.py": "",
        "neural_style/__pycache__/__init__.cpython-313.pyc": "",
        "vendor/left_over.py": "",
    }
    for name, content in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return folder


def add_gimp(
    home: Path,
    version: str,
    *,
    name: str = "gimp-console",
    registered: bool = True,
    rows: list[dict[str, object]] | None = None,
    seconds: float = 0,
    first_start: bool = True,
) -> Path:
    """A GIMP in the `bin` of this home folder."""
    return add_program(
        home,
        name,
        _CONSOLE.format(
            python=sys.executable,
            version=version,
            registered=registered,
            rows=rows,
            seconds=seconds,
            first_start=first_start,
        ),
    )


def add_program(home: Path, name: str, text: str) -> Path:
    """An executable script in the `bin` of this home folder."""
    path = home / "bin" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def contents(folder: Path) -> Mapping[str, bytes]:
    """All files of a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }
