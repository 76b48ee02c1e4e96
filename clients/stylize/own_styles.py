"""The user's own styles: pictures kept under a name, in the user's data folder.

A style is one file, `NAME.SUFFIX`, as it was given: no index that could disagree with it, so files may be put there or
taken away by hand. The folder is `$STYLIZED_HOME/styles` if that variable is set, else the platform's data folder:
`~/.local/share/stylized/styles` on Linux.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import platformdirs
from PIL import Image

from neuralstyle.v1 import endpoint
from neuralstyle.v1.reasons import Reason
from stylize.errors import InputUnreadable, NotFound, OutputExists, OutputUnwritable, error_from_reason
from stylize.pictures import open_picture
from stylize.saving import write_whole

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_SUFFIXES = {"PNG": ".png", "JPEG": ".jpg", "WEBP": ".webp", "TIFF": ".tif", "BMP": ".bmp", "GIF": ".gif"}
"""What the daemon reads, by Pillow's names of the formats."""


@dataclass(frozen=True)
class OwnStyle:
    """A picture with a name."""

    name: str
    path: Path


def folder() -> Path:
    """Where the styles are; it need not exist."""
    if os.environ.get(endpoint.HOME_VARIABLE):
        return endpoint.home() / "styles"
    return platformdirs.user_data_path(endpoint.APP_NAME, appauthor=False) / "styles"


def stored() -> list[OwnStyle]:
    """All of them, by name."""
    place = folder()
    if not place.is_dir():
        return []
    found = {
        path.stem: OwnStyle(path.stem, path)
        for path in sorted(place.iterdir())
        if _NAME.fullmatch(path.stem) and path.suffix in _SUFFIXES.values()
    }
    return list(found.values())


def find(name: str) -> OwnStyle | None:
    """The style of that name, if there is one."""
    return next((style for style in stored() if style.name == name), None)


def add(source: Path, name: str, built_in: Sequence[str], *, overwrite: bool = False) -> OwnStyle:
    """Keeps a copy of the picture `source` under `name`.

    Raises InvalidRequest for a name that is not allowed or is built in, InputUnreadable for what is no picture,
    OutputExists if there is such a style and `overwrite` is false, OutputUnwritable.
    """
    if not _NAME.fullmatch(name):
        raise error_from_reason(
            Reason.INVALID_REQUEST,
            f"{name!r} is no name for a style.",
            remedy="Use up to 64 small letters, digits, - and _, such as --name my-oil.",
        )
    if name in built_in:
        raise error_from_reason(
            Reason.INVALID_REQUEST, f"{name} is a built-in style.", remedy="Choose another --name; built-in ones stay."
        )
    before = find(name)
    if before and not overwrite:
        raise OutputExists(f"You have a style {name} already.")
    data = open_picture(source).data
    path = folder() / f"{name}{_suffix(source)}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputUnwritable(
            f"The folder {path.parent} cannot be made: {error.strerror}.", remedy="Make room for it, or set its rights."
        ) from error
    write_whole(path, data, overwrite=overwrite)
    if before and before.path != path:
        before.path.unlink(missing_ok=True)
    return OwnStyle(name, path)


def remove(name: str, built_in: Sequence[str] = ()) -> None:
    """Forgets the style. Raises InvalidRequest if it is built in, NotFound, OutputUnwritable."""
    style = find(name)
    if style is None:
        if name in built_in:
            raise error_from_reason(
                Reason.INVALID_REQUEST, f"{name} is a built-in style and stays.", remedy="Only your own can be removed."
            )
        raise NotFound(f"You have no style {name}.", reason=Reason.UNKNOWN_STYLE, remedy="`stylize styles` lists them.")
    try:
        style.path.unlink()
    except OSError as error:
        raise OutputUnwritable(
            f"{style.path} cannot be removed: {error.strerror}.", remedy="Remove the file by hand."
        ) from error


def _suffix(source: Path) -> str:
    try:
        with Image.open(source) as image:
            kind = image.format or ""
            image.verify()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputUnreadable(
            f"{source} is no picture that can be read.", remedy="Open it in an image editor and save it as PNG or JPEG."
        ) from error
    if kind not in _SUFFIXES:
        raise InputUnreadable(
            f"{source} is a {kind} file, which the daemon does not read.", remedy="Save it as PNG or JPEG first."
        )
    return _SUFFIXES[kind]
