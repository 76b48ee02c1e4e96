"""What makes a hot folder: its subfolders and files, how they are made, and what is refused of them.

    FOLDER/in/         photos to paint
    FOLDER/out/        their paintings; subfolders of in/ keep their structure here
    FOLDER/done/       photos that have been painted
    FOLDER/failed/     photos that could not be painted, each with NAME.error.txt
    FOLDER/styles/     style pictures
    FOLDER/style.toml  what the paintings shall look like
    FOLDER/.stylize/   the ledger and the lock

All of them must be plain files and folders, none of them links, and no two watched folders may share one: a painting
must never come back as a photo.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stylize.errors import InputUnreadable, OutputUnwritable
from stylize.hotfolder.filesystem import is_plain_folder

SETTINGS_NAME = "style.toml"

_TEMPLATE = """\
# What the paintings of this folder look like. Saved changes count at once, for pictures that are not painted yet.

# Pictures in styles/, by their names, or built-in styles (`stylize styles`). Several are mixed.
styles = ["oil"]
# With weights: styles = { oil = 2, "my wave.jpg" = 1 }

# Which values to start from: a preset (`stylize presets`), or a file of your own beside this one, "mine.toml"
# (`stylize presets new mine.toml`).
preset = "draft"

# The same seed gives the same painting on the same machine.
# seed = 7

# Departures from the preset; `stylize presets show draft` shows all there are.
[tunables]
# size = 640
# strength = 0.5
# color = 1.0

[output]
# png, jpg, webp or tif
format = "png"
# Bits a sample: 8, or 16 in png and tif.
depth = 8
# {name} is the photo's name, {style} that of the style, {preset} that of the preset.
name = "{name}"
"""


@dataclass(frozen=True)
class HotFolder:
    """The places of one hot folder."""

    root: Path
    """Absolute, without links."""

    @functools.cached_property
    def inbox(self) -> Path:
        """Photos to paint."""
        return self.root / "in"

    @functools.cached_property
    def outbox(self) -> Path:
        """Paintings."""
        return self.root / "out"

    @functools.cached_property
    def done(self) -> Path:
        """Photos that have been painted."""
        return self.root / "done"

    @functools.cached_property
    def failed(self) -> Path:
        """Photos that could not be painted."""
        return self.root / "failed"

    @functools.cached_property
    def styles(self) -> Path:
        """Style pictures."""
        return self.root / "styles"

    @functools.cached_property
    def settings_file(self) -> Path:
        """What the paintings shall look like."""
        return self.root / SETTINGS_NAME

    @functools.cached_property
    def state(self) -> Path:
        """Where the ledger and the lock are."""
        return self.root / ".stylize"

    @functools.cached_property
    def ledger_file(self) -> Path:
        """What has become of each picture."""
        return self.state / "ledger.sqlite3"

    @functools.cached_property
    def lock_file(self) -> Path:
        """Held by the one process that watches."""
        return self.state / "watch.lock"

    @functools.cached_property
    def places(self) -> tuple[Path, ...]:
        """All its folders."""
        return (self.inbox, self.outbox, self.done, self.failed, self.styles, self.state)

    def identity(self) -> tuple[tuple[int, int], ...] | None:
        """Device and inode of all its folders: changes when a disk is unmounted. None if one is missing."""
        try:
            facts = [place.lstat() for place in self.places]
        except OSError:
            return None
        return tuple((fact.st_dev, fact.st_ino) for fact in facts)


def create(path: Path) -> HotFolder:
    """Makes `path` a hot folder: adds what is missing and leaves alone what is there.

    Raises OutputUnwritable.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        folder = HotFolder(path.resolve(strict=True))
        for place in folder.places:
            place.mkdir(exist_ok=True)
        try:
            with folder.settings_file.open("x", encoding="utf-8") as stream:
                stream.write(_TEMPLATE)
        except FileExistsError:
            pass
    except OSError as error:
        raise OutputUnwritable(
            f"{path} cannot be made a hot folder: {error.strerror}.", remedy="Choose another place."
        ) from error
    return find(path)


def find(path: Path) -> HotFolder:
    """The hot folder at `path`. Raises InputUnreadable if it is none, or if one of its places is a link."""
    try:
        folder = HotFolder(path.resolve(strict=True))
    except (OSError, RuntimeError):
        raise _no_hot_folder(path, "there is no such folder") from None
    for place in folder.places:
        name = place.relative_to(folder.root)
        if place.is_symlink():
            raise InputUnreadable(
                f"{path}/{name} is a link; a hot folder keeps everything inside itself.",
                remedy=f"Put a real folder in its place, or watch the folder that {name} points to.",
            )
        if not is_plain_folder(place):
            raise _no_hot_folder(path, f"it has no folder {name}")
    return folder


def check_apart(folders: Sequence[HotFolder]) -> None:
    """Raises InputUnreadable if two of the folders are one, lie in each other, or share a place."""
    owners: dict[tuple[int, int], HotFolder] = {}
    for folder in folders:
        for other in folders:
            if other is not folder and (other.root == folder.root or other.root in folder.root.parents):
                raise _overlap(other.root, folder.root)
        for place in folder.places:
            facts = place.lstat()
            owner = owners.setdefault((facts.st_dev, facts.st_ino), folder)
            if owner is not folder:
                raise _overlap(owner.root, folder.root)
        if len(set(folder.identity() or ())) != len(folder.places):
            raise InputUnreadable(
                f"Two of the folders in {folder.root} are the same folder.",
                remedy="Undo the mount that shows one as the other; paintings would come back as photos.",
            )


def _overlap(one: Path, other: Path) -> InputUnreadable:
    if one == other:
        return InputUnreadable(f"{one} is given twice.", remedy="Name each folder once.")
    return InputUnreadable(
        f"The hot folders {one} and {other} overlap: paintings of one could become photos of the other.",
        remedy="Move one of them out of the other.",
    )


def _no_hot_folder(path: Path, why: str) -> InputUnreadable:
    return InputUnreadable(
        f"{path} is no hot folder: {why}.",
        remedy=f"`stylize watch --init {path}` makes it one; if it is on a disk or share, see that it is mounted.",
    )
