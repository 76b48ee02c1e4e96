"""`installed.json`: what an installed plug-in says about itself.

The plug-in reads from it how to start the daemon and where to look for it; the installer, which files are ours to
replace and remove; the doctor, which of them are missing or were edited.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

MANIFEST = "installed.json"


@dataclass(frozen=True)
class Manifest:
    """One installation of the plug-in."""

    version: str
    """Version of the program that installed it."""
    daemon_command: tuple[str, ...]
    """Starts the daemon in the background, complete; () if no daemon was installed."""
    daemon_home: str
    """Folder in which that daemon is found (`neuralstyle.v1.endpoint.home`). In a sandbox the variables that decide
    about it differ, so it is written down."""
    oldest_python: str
    """Oldest Python that `vendor/` runs on, such as "3.10"."""
    vendored: dict[str, str]
    """Version of each distribution in `vendor/`."""
    files: dict[str, str]
    """sha256 of each file but this one, by its path with "/" in the plug-in's folder."""

    def write(self, folder: Path) -> None:
        """Writes it into the plug-in's folder."""
        (folder / MANIFEST).write_text(json.dumps(asdict(self), indent=1, sort_keys=True) + "\n", encoding="utf-8")


def read_manifest(folder: Path) -> Manifest | None:
    """What the plug-in in this folder says about itself, or None if there is nothing usable: then it is not ours."""
    try:
        data = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        files = {str(name): str(digest) for name, digest in data["files"].items()}
        if not all(map(_stays_inside, files)):
            return None
        return Manifest(
            version=str(data["version"]),
            daemon_command=tuple(str(word) for word in data["daemon_command"]),
            daemon_home=str(data["daemon_home"]),
            oldest_python=str(data["oldest_python"]),
            vendored={str(name): str(version) for name, version in data["vendored"].items()},
            files=files,
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def digests(folder: Path) -> dict[str, str]:
    """sha256 of each file in the folder but the manifest, by its path with "/"; without what Python caches there."""
    return {
        path.relative_to(folder).as_posix(): digest(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != MANIFEST and path.parent.name != "__pycache__"
    }


def damaged_files(folder: Path, manifest: Manifest) -> list[str]:
    """Paths of the installed files that are missing or were edited since."""
    return [name for name, wanted in manifest.files.items() if not _is_as_installed(folder / name, wanted)]


def digest(path: Path) -> str:
    """sha256 of a file's bytes, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _is_as_installed(path: Path, wanted: str) -> bool:
    try:
        return digest(path) == wanted
    except OSError:
        return False


def _stays_inside(name: str) -> bool:
    # The manifest lies where others may edit it, and decides what is deleted.
    path = PurePosixPath(name)
    return bool(name) and not path.is_absolute() and ".." not in path.parts and "\\" not in name and ":" not in name
