"""Writing a painting where the photo came from: whole or not at all.

A file is encoded in memory (`stylize.encoding`), written beside its place under another name, flushed to the disk and
then renamed. What can be refused is refused by `check_output`, before hours of painting.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from stylize.encoding import (
    DEEP_SUFFIXES,
    FORMATS,
    WITHOUT_ALPHA,
    Metadata,
    Painting,
    encode,
    encode_bare,
)
from stylize.errors import OutputExists, OutputUnwritable
from stylize.events import Result, Started, Summary
from stylize.pictures import PhotoTraits, Picture
from stylize.provenance import Provenance, Sources
from stylize.renaming import rename_unless_exists


def check_output(path: Path, overwrite: bool, depth: int = 8) -> None:
    """Makes sure, as far as can be known, that a painting of `depth` bits a sample can be written to `path`.

    Raises OutputUnwritable for a suffix that is unknown or of a format without such a depth, and for a folder that is
    missing or not writable; OutputExists if there is such a file and `overwrite` is false.
    """
    format_of(path)
    if depth > 8 and path.suffix.lower() not in DEEP_SUFFIXES:
        deep = ", ".join(DEEP_SUFFIXES)
        raise OutputUnwritable(
            f"{path.suffix} files hold 8 bits a sample, not {depth}.", remedy=f"Use one of {deep}, or --depth 8."
        )
    check_place(path, overwrite)


def check_place(path: Path, overwrite: bool) -> None:
    """Makes sure, as far as can be known, that a file can be written to `path`.

    Raises OutputUnwritable for a folder that is missing or not writable; OutputExists if there is such a file and
    `overwrite` is false.
    """
    if path.is_dir():
        raise OutputUnwritable(f"{path} is a folder.", remedy="Name a file in it.")
    check_folder(path.parent)
    if not overwrite and path.exists():
        raise _exists(path)


def check_folder(folder: Path) -> None:
    """Raises OutputUnwritable for a folder that is missing or not writable."""
    if not folder.is_dir():
        raise OutputUnwritable(f"There is no folder {folder}.", remedy=f"Make it with `mkdir -p {folder}`.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputUnwritable(f"The folder {folder} is not writable for you.")


def format_of(path: Path) -> str:
    """Pillow's name of the format that the suffix asks for. Raises OutputUnwritable for another suffix."""
    try:
        return FORMATS[path.suffix.lower()]
    except KeyError:
        kind = f"the suffix {path.suffix}" if path.suffix else "no suffix"
        raise OutputUnwritable(
            f"{path} has {kind}, which names no format that a painting can be saved in.",
            remedy=f"Use one of {', '.join(FORMATS)}.",
        ) from None


def keeps_alpha(path: Path) -> bool:
    """False if the format of this suffix has no transparency; the painting is then laid on white."""
    return format_of(path) not in WITHOUT_ALPHA


def save_painting(
    painting: Painting,
    path: Path,
    traits: PhotoTraits,
    provenance: Provenance,
    *,
    overwrite: bool = False,
    metadata: Metadata = Metadata.ALL,
) -> None:
    """Writes a painting with the traits of its photo and with how it was made, as far as `metadata` says.

    Raises OutputExists or OutputUnwritable; nothing is left half-written.
    """
    check_output(path, overwrite, 16 if isinstance(painting, np.ndarray) else 8)
    write_whole(path, encode_painting(painting, path, traits, provenance, metadata), overwrite=overwrite)


def encode_painting(
    painting: Painting, path: Path, traits: PhotoTraits, provenance: Provenance, metadata: Metadata = Metadata.ALL
) -> bytes:
    """The file that `save_painting` writes. Raises OutputUnwritable if its format cannot hold the painting."""
    try:
        return encode(painting, format_of(path), traits, provenance, metadata)
    except (OSError, ValueError) as error:
        raise OutputUnwritable(f"{path} could not be encoded: {error}.") from error


@dataclass(frozen=True)
class Finished:
    """What came out of a job, ready to be saved."""

    painting: Painting
    """In the depth in which it came."""
    traits: PhotoTraits
    provenance: Provenance


def finished(
    result: Result,
    started: Started,
    summary: Summary,
    *,
    photo: Picture | None = None,
    sources: Sources | None = None,
) -> Finished:
    """What is saved of a job. photo: for its traits; None if it is not at hand."""
    painting = result.array() if result.depth == 16 else result.image()
    provenance = Provenance.of(started, summary, sources, depth=result.depth)
    return Finished(painting, photo.traits() if photo else PhotoTraits(None, Image.Exif()), provenance)


def write_whole(path: Path, data: bytes, *, overwrite: bool) -> None:
    """Writes a file at once: it is never seen half-written, and an existing one survives a failure."""
    with written_whole(path, overwrite=overwrite) as part:
        part.write_bytes(data)


@contextlib.contextmanager
def written_whole(path: Path, *, overwrite: bool) -> Iterator[Path]:
    """A file that is written under another name, the one that is given, and called `path` when the block has ended
    well; otherwise nothing is left of it.

    Raises OutputExists, or OutputUnwritable, also for an OSError in the block.
    """
    try:
        with _part_file(path) as part:
            yield part
            _flush(part)
            if overwrite:
                part.replace(path)
            else:
                rename_unless_exists(part, path)
    except FileExistsError:
        raise _exists(path) from None
    except OSError as error:
        raise OutputUnwritable(f"{path} could not be written: {error.strerror or error}.") from error


def rescue(painting: Result, name: str) -> Path | None:
    """Saves a painting somewhere else when its place failed: the folder for temporary files, then the current one, then
    the user's home. None if that fails too. What the daemon sent is written as it came; 16 bits as a bare TIFF."""
    if painting.format == "png":
        data, suffix = painting.data, ".png"
    else:
        data, suffix = encode_bare(painting.array()), ".tif"
    for folder in (Path(tempfile.gettempdir()), Path.cwd(), Path.home()):
        try:
            handle, path = tempfile.mkstemp(prefix=f"{name}-", suffix=suffix, dir=folder)
        except OSError:
            continue
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
        except OSError:
            Path(path).unlink(missing_ok=True)
            continue
        return Path(path)
    return None


@contextlib.contextmanager
def _part_file(path: Path) -> Iterator[Path]:
    """An empty file in the same folder; removed unless it was moved away."""
    handle, name = tempfile.mkstemp(prefix=f".{path.stem[:40]}-", suffix=".part", dir=path.parent)
    os.close(handle)
    part = Path(name)
    try:
        part.chmod(0o666 & ~_umask())
        yield part
    finally:
        part.unlink(missing_ok=True)


def _flush(part: Path) -> None:
    """Makes sure that the file is on the disk before it gets its name."""
    with part.open("rb+") as stream:
        os.fsync(stream.fileno())


def _exists(path: Path) -> OutputExists:
    return OutputExists(f"{path} is there already.")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
