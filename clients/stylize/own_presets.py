"""Presets of the user's own: TOML files, accepted wherever the name of a preset is.

    description = "Broad strokes, the photo's colours."
    extends = "draft"          # a preset of the daemon, or another such file, named from this one's folder

    [parameters]
    style_scale = 1.6
    color = 0.2

    [parameters.style_layers]
    relu3_1 = 1.0
    relu4_1 = 2.0

All three parts may be left out; what extends nothing extends the daemon's default preset. Files are resolved here, to
the daemon's preset at the end of the chain and the values that differ from it: the daemon never sees a file, and judges
the values as if they had been given one by one.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

from neuralstyle.v1.reasons import Reason
from stylize.errors import InputUnreadable, StylizeError, error_from_reason
from stylize.tunables import TunableValue, build_tunables, plain_tunables

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # pyright: ignore[reportMissingImports]  (installed below Python 3.11 only)

SUFFIX = ".toml"
PresetSource: TypeAlias = "str | Path | OwnPreset"
"""A preset: the name of one of the daemon's, or a file: a `str` that ends in .toml, a `Path`, or an open one."""

_KEYS = ("description", "extends", "parameters")
_MOST_BYTES = 1 << 20
"""More than any preset has; a larger file is something else."""


@dataclass(frozen=True)
class OwnPreset:
    """A preset file, resolved."""

    path: Path
    description: str
    """Its own, or that of the nearest file that it extends and that has one; or ""."""
    extends: str
    """The daemon's preset at the end of the chain; "" for its default one."""
    values: Mapping[str, TunableValue]
    """What differs from that, in plain form."""
    origins: Mapping[str, Path]
    """The file that each value is from."""

    def __str__(self) -> str:
        return self.path.name

    def without(self, tunables: Mapping[str, object]) -> OwnPreset:
        """The same without the values that were given beside the preset; None is no value."""
        given = {key for key, value in tunables.items() if value is not None}
        return replace(
            self,
            values={key: value for key, value in self.values.items() if key not in given},
            origins={key: path for key, path in self.origins.items() if key not in given},
        )

    def explained(self, error: StylizeError) -> StylizeError:
        """An error of the daemon about a value that is from a file names the file and the key."""
        key = error.field.removeprefix("tunables.")
        if error.reason is None or key not in self.origins:
            return error
        return error_from_reason(
            error.reason,
            f"{self.origins[key]}, parameters.{key}: {error}",
            field=error.field,
            remedy="Correct that line of the file.",
        )


def is_preset_file(preset: str | Path) -> bool:
    """True if a file is meant and not one of the daemon's presets."""
    return isinstance(preset, Path) or preset.endswith(SUFFIX)


def choose_preset(preset: PresetSource | None, tunables: Mapping[str, object]) -> str | OwnPreset:
    """The daemon's preset of that name ("" for its default one), or the user's own, opened, without the values that
    `tunables` gives.

    Raises what `open_preset` raises.
    """
    if preset is None:
        return ""
    if not isinstance(preset, OwnPreset):
        if not is_preset_file(preset):
            return str(preset)
        preset = open_preset(Path(preset))
    return preset.without(tunables)


def open_preset(path: Path, read: Callable[[Path], bytes] | None = None) -> OwnPreset:
    """The preset in a file, with what it takes over from the files that it extends.

    read: gives the bytes of a file, for who has rules of his own about which may be read; it raises OSError or
        StylizeError.

    Raises InputUnreadable for a file that cannot be read or is no TOML, InvalidRequest that names the file, the key and
    what is right for anything else.
    """
    files: list[_File] = []
    while True:
        files.append(_File.read(path, read or Path.read_bytes))
        extends = files[-1].extends
        if not is_preset_file(extends):
            break
        path = path.parent / extends
        if any(_same(path, file.path) for file in files):
            raise _wrong(files[-1].path, "extends", f"{extends} extends this file in turn", "Let one of them end it.")
    values: dict[str, TunableValue] = {}
    origins: dict[str, Path] = {}
    for file in reversed(files):
        values |= file.values
        origins |= dict.fromkeys(file.values, file.path)
    description = next((file.description for file in files if file.description), "")
    return OwnPreset(files[0].path, description, extends, values, origins)


@dataclass(frozen=True)
class _File:
    """One file of a chain."""

    path: Path
    description: str
    extends: str
    values: Mapping[str, TunableValue]

    @classmethod
    def read(cls, path: Path, read: Callable[[Path], bytes]) -> _File:
        document = _document(path, read)
        for key in document:
            if key == "weights":
                raise _wrong(path, key, "is told by the preset that this one extends", "Remove the line.")
            if key not in _KEYS:
                raise _wrong(path, key, "means nothing here", _nearest(key))
        parameters = document.get("parameters", {})
        if not isinstance(parameters, dict):
            raise _wrong(path, "parameters", "is a section", "Write [parameters], and the values under it.")
        return cls(
            path, _text(path, document, "description"), _text(path, document, "extends"), _values(path, parameters)
        )


def _document(path: Path, read: Callable[[Path], bytes]) -> dict[str, Any]:
    try:
        data = read(path)
    except OSError as error:
        raise InputUnreadable(f"The preset {path} cannot be read: {error.strerror}.") from error
    if len(data) > _MOST_BYTES:
        raise InputUnreadable(f"{path} has {len(data):,} bytes, which is no preset.")
    try:
        return tomllib.loads(data.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputUnreadable(f"{path} is no valid TOML: {error}.", remedy="Correct that line of the file.") from error


def _text(path: Path, document: Mapping[str, Any], key: str) -> str:
    value = document.get(key, "")
    if not isinstance(value, str):
        raise _wrong(path, key, f"is text in quotes, not {value!r}", "Correct that line of the file.")
    return value


def _values(path: Path, parameters: Mapping[str, Any]) -> dict[str, TunableValue]:
    values: dict[str, TunableValue] = {}
    for key, value in parameters.items():
        if isinstance(value, bool):
            raise _wrong(path, f"parameters.{key}", f"is neither true nor false, but {value!r} was given", "")
        try:
            values |= plain_tunables(build_tunables({key: value}))
        except StylizeError as error:
            raise error_from_reason(
                Reason.INVALID_PARAMETER,
                f"{path}, parameters.{key}: {error}",
                field=f"tunables.{key}",
                remedy=error.remedy,
            ) from error
    return values


def _nearest(key: str) -> str:
    near = difflib.get_close_matches(key, _KEYS, n=1, cutoff=0.5)
    return f"Did you mean {near[0]}?" if near else f"There are {', '.join(_KEYS)}; tunables go under [parameters]."


def _same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()


def _wrong(path: Path, key: str, what: str, remedy: str) -> StylizeError:
    return error_from_reason(Reason.INVALID_PARAMETER, f"{path}: {key} {what}.", field="preset", remedy=remedy)
