"""The folder that GIMP is given: the plug-in, and beside it the libraries that GIMP's Python lacks.

GIMP's Python has none of them, and one cannot count on pip there; on Windows compiled wheels would not even load. So
`vendor/` holds pure Python only, copied from this installation without a network: protobuf and multidict fall back on
their Python implementations where their compiled modules are missing. One folder serves every CPython from the oldest
that these releases of the libraries support; the manifest says which that is, and the doctor compares.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePath

from neuralstyle.v1 import endpoint
from stylize.autostart import BACKGROUND_OPTIONS, find_command
from stylize.errors import InputUnreadable
from stylize.gimp import PLUG_IN, SCRIPT
from stylize.gimp.manifest import MANIFEST, Manifest, digests
from stylize.version import DISTRIBUTION, client_version

VENDOR = "vendor"
LICENSES = "LICENSES"


@dataclass(frozen=True)
class Vendored:
    """What the plug-in needs of one distribution."""

    distribution: str
    modules: tuple[str, ...]
    """Modules, or packages with all that is in them."""


VENDORED = (
    Vendored("grpclib", ("grpclib",)),
    Vendored("h2", ("h2",)),
    Vendored("hpack", ("hpack",)),
    Vendored("hyperframe", ("hyperframe",)),
    Vendored("multidict", ("multidict",)),
    Vendored("typing_extensions", ("typing_extensions",)),  # of grpclib, and of multidict for Python 3.10
    Vendored("protobuf", ("google.protobuf",)),
    Vendored(
        "googleapis-common-protos", ("google.rpc.code_pb2", "google.rpc.error_details_pb2", "google.rpc.status_pb2")
    ),
    Vendored("platformdirs", ("platformdirs",)),
    # Of our own contract what needs no grpcio.
    Vendored(DISTRIBUTION, ("neuralstyle.v1.endpoint", "neuralstyle.v1.stylize_pb2")),
)

_SOURCES_ONLY = ("*.po", "*.pot", "test", "tests", "test_*.py", "__pycache__", ".*", VENDOR, MANIFEST)
"""Files and folders of the plug-in's sources that are no use in GIMP, or are made here."""
_NO_USE = ("test*", "*_benchmark.py", "pytest_plugin.py", "__pycache__")
"""Modules of the libraries that are no use in GIMP."""
_LICENSE_NAMES = ("LICENSE", "LICENCE", "COPYING", "NOTICE", "AUTHORS")
_GUARD = '''"""Of this folder alone.

A regular package, not a namespace: otherwise `google.protobuf` here would be mixed with compiled modules of another
version that somebody installed into GIMP's Python.
"""
'''


def assemble(folder: Path) -> Manifest:
    """Writes the whole plug-in into `folder`, which is made. Returns what it wrote down about it.

    Raises InputUnreadable if this installation lacks something, OSError if writing fails.
    """
    folder.mkdir()
    for name, source in _files_below(plug_in_source(), _SOURCES_ONLY):
        _copy(source, folder / name)
    (folder / SCRIPT).chmod(0o755)
    vendor(folder / VENDOR)
    command = find_command()
    manifest = Manifest(
        version=client_version(),
        daemon_command=(str(command.absolute()), *BACKGROUND_OPTIONS) if command else (),
        daemon_home=str(endpoint.home()),
        oldest_python=_oldest_python(),
        vendored={item.distribution: _metadata(item.distribution)["Version"] for item in VENDORED},
        files=digests(folder),
    )
    manifest.write(folder)
    return manifest


def plug_in_source() -> Path:
    """The plug-in's files: inside this package as it is installed, beside it in a source tree.

    Raises InputUnreadable if they are not there.
    """
    here = Path(__file__).resolve()
    tree = here.parents[3] / "gimp_plugin" / PLUG_IN
    for folder in (tree, here.parent / "plugin" / PLUG_IN):
        if (folder / SCRIPT).is_file():
            return folder
    raise InputUnreadable(
        "This installation came without the GIMP plug-in.",
        remedy=f"Install it again: `pip install --force-reinstall --no-deps {DISTRIBUTION}`.",
    )


def vendor(folder: Path) -> None:
    """Writes the libraries into `folder`, with their licences. Raises InputUnreadable, OSError."""
    for item in VENDORED:
        for module in item.modules:
            for name, source in _module_files(module):
                _copy(source, folder / name)
    (folder / "google" / "__init__.py").write_text(_GUARD, encoding="utf-8")
    (folder / LICENSES).mkdir()
    for item in VENDORED:
        text = "\n".join(_license_texts(item.distribution))
        (folder / LICENSES / f"{item.distribution}.txt").write_text(text, encoding="utf-8")


def _files_below(folder: Path, no_use: tuple[str, ...]) -> Iterator[tuple[PurePath, Path]]:
    """Each file's path within the folder, and where it is."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.is_file() and not any(fnmatch(part, pattern) for part in name.parts for pattern in no_use):
            yield name, path


def _module_files(module: str) -> Iterator[tuple[PurePath, Path]]:
    """Each file of a module or package and of the packages it is in, by its path in `vendor/`."""
    place = PurePath(*module.split("."))
    source = _source(module)
    if source.name == "__init__.py":
        for name, path in _files_below(source.parent, _NO_USE):
            if path.suffix == ".py":
                yield place / name, path
    else:
        yield place.with_suffix(".py"), source
    parent = module.rpartition(".")[0]
    while parent:
        spec = importlib.util.find_spec(parent)
        if spec is not None and spec.origin is not None:  # else a namespace, such as google
            yield PurePath(*parent.split("."), "__init__.py"), Path(spec.origin)
        parent = parent.rpartition(".")[0]


def _source(module: str) -> Path:
    try:
        spec = importlib.util.find_spec(module)
    except ModuleNotFoundError:
        spec = None
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        raise InputUnreadable(
            f"The Python package {module} is missing, which the plug-in needs.",
            remedy=f"Install it with `pip install {DISTRIBUTION}`.",
        )
    return Path(spec.origin)


def _copy(source: Path, target: Path) -> None:
    # Bytes only: neither the modes nor the times of an installation that may be read-only.
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _license_texts(distribution: str) -> Iterator[str]:
    metadata = _metadata(distribution)
    yield f"{metadata['Name']} {metadata['Version']}: {metadata['License-Expression'] or metadata['License']}\n"
    for file in importlib.metadata.files(distribution) or []:
        in_metadata = any(part.endswith(".dist-info") for part in file.parts)
        if in_metadata and file.name.partition(".")[0].upper() in _LICENSE_NAMES:
            yield file.read_text(encoding="utf-8").rstrip() + "\n"


def _oldest_python() -> str:
    declared = (_metadata(item.distribution)["Requires-Python"] or "" for item in VENDORED)
    least = [match.groups() for text in declared if (match := re.search(r">=\s*(\d+)\.(\d+)", text))]
    return ".".join(map(str, max((int(major), int(minor)) for major, minor in least)))


def _metadata(distribution: str) -> importlib.metadata.PackageMetadata:
    try:
        return importlib.metadata.metadata(distribution)
    except importlib.metadata.PackageNotFoundError:
        raise InputUnreadable(
            f"The distribution {distribution} is not installed, which the plug-in needs.",
            remedy=f"Install it with `pip install {DISTRIBUTION}`, or `make .venv/ready` in a source tree.",
        ) from None
