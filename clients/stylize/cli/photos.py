"""Which photos are meant, and where their paintings go: files, folders and patterns on the command line."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif"}
"""What is taken from a folder: what the daemon reads."""


@dataclass(frozen=True)
class Found:
    """What the arguments mean."""

    photos: list[Path]
    """In the order of the arguments, each once; those of a folder or pattern by name."""
    paintings: list[Path]
    """Paintings of ours in folders and patterns, which are left out: they lie beside their photos."""
    several: bool
    """False if the arguments are the name of one file."""


def find_photos(arguments: Sequence[str]) -> Found:
    """The photos that `arguments` mean: names of files, folders (without their subfolders) and patterns such as
    "*.jpg" or "**/*.jpg", which the shell need not have expanded.

    A file that is named is taken as it is, also if it is missing: reading it tells why. Raises InputUnreadable for a
    folder or pattern without any photo.
    """
    from stylize.errors import InputUnreadable
    from stylize.provenance import is_painting

    photos: dict[Path, None] = {}
    paintings: dict[Path, None] = {}
    for argument in arguments:
        path = Path(argument)
        if path.is_dir():
            candidates = [entry for entry in sorted(path.iterdir()) if entry.suffix.lower() in SUFFIXES]
        elif not path.exists() and glob.has_magic(argument):
            # Path.glob takes no absolute pattern.
            candidates = [Path(match) for match in sorted(glob.glob(argument, recursive=True))]  # noqa: PTH207
        else:
            photos[path] = None
            continue
        candidates = [entry for entry in candidates if entry.is_file() and not entry.name.startswith(".")]
        made = [entry for entry in candidates if is_painting(entry)]
        photos.update(dict.fromkeys(entry for entry in candidates if entry not in made))
        paintings.update(dict.fromkeys(made))
        if len(made) == len(candidates):
            kind = "folder" if path.is_dir() else "pattern"
            raise InputUnreadable(
                f"The {kind} {argument} has no photo{', only paintings made by stylize' if made else ''}.",
                remedy="Name a painting itself to paint over it."
                if made
                else f"Photos end in {', '.join(sorted(SUFFIXES))}.",
            )
    only = Path(arguments[0]) if len(arguments) == 1 else None
    return Found(list(photos), list(paintings), several=list(photos) != [only] if only else True)


def default_output(photo: Path, styles: Sequence[str], folder: Path | None = None) -> Path:
    """Beside the photo, or in `folder`: "cat.jpg" in "woodblock" and "oil.jpg" becomes "cat.woodblock+oil.png"."""
    name = f"{photo.stem}.{'+'.join(Path(style).stem for style in styles)}.png"
    return photo.with_name(name) if folder is None else folder / name


def is_folder_name(out: str) -> bool:
    """True if `-o` names a folder: one that is there, or a name that ends in a slash."""
    return out.endswith("/") or Path(out).is_dir()
