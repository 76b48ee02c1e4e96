"""What the paintings of a folder shall look like: `style.toml` and the pictures in `styles/`.

It is data: names of styles are plain names of pictures in `styles/` or of built-in styles, a preset is one of the
daemon's or a file beside `style.toml`; they are never paths, and links are not followed. A picture in `styles/` goes
before a built-in style of the same name.

A photo in `in/NAME/...`, where NAME is a style, is painted in that style alone; everything else is as `style.toml`
says. Any other subfolder is mere structure.

Every painting belongs to the hash of its `Look`, which covers the bytes of the style pictures: what is changed is
painted anew, and what is changed back is not.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import string
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

from neuralstyle.v1 import stylize_pb2 as pb
from neuralstyle.v1.reasons import Reason
from stylize.encoding import DEEP_SUFFIXES
from stylize.errors import InputUnreadable, OutputUnwritable, StylizeError, error_from_reason
from stylize.hotfolder.filesystem import Fingerprint, NotTheSame, fingerprint_of, read_unchanged
from stylize.hotfolder.layout import SETTINGS_NAME, HotFolder
from stylize.hotfolder.preset_files import PresetFiles
from stylize.hotfolder.scanner import is_ignored
from stylize.own_presets import OwnPreset, is_preset_file
from stylize.saving import format_of
from stylize.tunables import build_tunables, parse_choice, plain_tunables

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # pyright: ignore[reportMissingImports]  (installed below Python 3.11 only)

MAX_SETTINGS_BYTES = 1 << 20
MAX_STYLE_BYTES = 512 << 20

_KEYS = ("styles", "preset", "seed", "precision", "tunables", "output")
_OUTPUT_KEYS = ("format", "depth", "name")
_PLACEHOLDERS = ("name", "style", "preset")
_DEFAULT_FORMAT = "png"
_DEFAULT_PATTERN = "{name}"


@dataclass(frozen=True)
class StylePicture:
    """A picture in `styles/`."""

    path: Path
    fingerprint: Fingerprint

    @property
    def name(self) -> str:
        """Its name without the suffix."""
        return self.path.stem

    def read(self) -> bytes:
        """Its bytes. Raises InputUnreadable, or NotTheSame if it has changed."""
        try:
            return read_unchanged(self.path, self.fingerprint)
        except OSError as error:
            raise InputUnreadable(f"The style {self.path} cannot be read: {error.strerror}.") from error


@dataclass(frozen=True)
class Ingredient:
    """A style of the mix."""

    name: str
    picture: StylePicture | None
    """None for a built-in style."""
    content: str
    """sha-256 of the picture, or "built-in NAME"."""
    weight: float | None = None


@dataclass(frozen=True)
class Look:
    """All that decides about a painting, besides the photo."""

    styles: tuple[Ingredient, ...]
    preset: str | OwnPreset | None
    tunables: Mapping[str, Any]
    seed: int | None
    precision: str | None
    suffix: str
    """Of the painting's file, such as ".png"."""
    depth: int
    """Bits a sample: 8 or 16."""
    pattern: str = field(compare=False)
    """Of its name; not part of the hash, since the painting is the same under another name."""

    @property
    def settings_hash(self) -> str:
        """sha-256 of everything that makes a difference."""
        own = self.preset if isinstance(self.preset, OwnPreset) else None
        facts = {
            "styles": [(style.content, style.weight) for style in self.styles],
            "preset": (own.extends or None) if own else self.preset,
            "tunables": {**(own.values if own else {}), **self.tunables},
            "seed": self.seed,
            "precision": self.precision,
            "suffix": self.suffix,
            "depth": self.depth,
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    @property
    def title(self) -> str:
        """The styles' names, as in "oil+ink"."""
        return "+".join(style.name for style in self.styles)

    def output_name(self, photo_name: str) -> str:
        """The name that a photo's painting asks for."""
        stem = PurePath(photo_name).stem
        preset = PurePath(str(self.preset)).stem if self.preset else "default"
        return self.pattern.format(name=stem, style=self.title, preset=preset) + self.suffix


class Settings:
    """`style.toml` and `styles/` at one moment."""

    def __init__(self, document: Mapping[str, Any], shelf: Shelf, presets: PresetFiles) -> None:
        """Raises StylizeError whose sentence names the key."""
        self._shelf = shelf
        _check_keys(document, _KEYS, "")
        self._styles = _style_weights(document.get("styles"))
        preset = _optional(document, "preset", str)
        self._preset = presets.open(preset) if preset and is_preset_file(preset) else preset
        self._seed = _optional(document, "seed", int)
        if self._seed is not None and not 0 <= self._seed < 2**64:
            raise _wrong("seed", "is a whole number from 0 to 2**64 - 1")
        self._precision = _optional(document, "precision", str)
        if self._precision is not None:
            parse_choice(pb.Precision.DESCRIPTOR, self._precision, "precision")
        self._tunables = plain_tunables(build_tunables(_table(document, "tunables")))
        output = _table(document, "output")
        _check_keys(output, _OUTPUT_KEYS, "output.")
        self._suffix = _suffix(output.get("format", _DEFAULT_FORMAT))
        self._depth = _depth(output.get("depth", 8), self._suffix)
        self._pattern = _pattern(output.get("name", _DEFAULT_PATTERN))

    @property
    def style_names(self) -> frozenset[str]:
        """The styles that `style.toml` names."""
        return frozenset(self._styles)

    def look_for(self, relative: PurePath, builtin: Collection[str]) -> Look:
        """How the photo `relative` to `in/` is painted; `builtin` are the names of the daemon's own styles.

        Raises StylizeError if it names a style that is not there, NotTheSame if a style picture has just changed.
        """
        scope = self.scope(relative, builtin)
        names = {scope: None} if scope else self._styles
        return Look(
            tuple(self._ingredient(name, weight, builtin) for name, weight in names.items()),
            self._preset,
            self._tunables,
            self._seed,
            self._precision,
            self._suffix,
            self._depth,
            self._pattern,
        )

    def scope(self, relative: PurePath, builtin: Collection[str]) -> str:
        """The style whose folder the photo is in, or "" for the styles of `style.toml`."""
        top = relative.parts[0] if len(relative.parts) > 1 else ""
        return top if top in builtin or top in self._shelf.names else ""

    def _ingredient(self, name: str, weight: float | None, builtin: Collection[str]) -> Ingredient:
        picture = self._shelf.find(name)
        if picture is not None:
            return Ingredient(picture.name, picture, self._shelf.digest(picture), weight)
        if name in builtin:
            return Ingredient(name, None, f"built-in {name}", weight)
        known = [*self._shelf.names, *builtin]
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f"Did you mean {near[0]}?" if near else f"There are {', '.join(known)}."
        raise error_from_reason(
            Reason.UNKNOWN_STYLE,
            f"{SETTINGS_NAME} names the style {name!r}, which is neither in styles/ nor built in.",
            field="styles",
            remedy=hint,
        )


class Shelf:
    """The pictures in `styles/`, found by their names with or without suffix; each is read once for its hash."""

    def __init__(self, pictures: Sequence[StylePicture], digests: dict[Fingerprint, str]) -> None:
        self._pictures = pictures
        self._digests = digests
        """Shared by the shelves of one folder over time."""

    @property
    def names(self) -> list[str]:
        """Names without suffix."""
        return [picture.name for picture in self._pictures]

    def find(self, name: str) -> StylePicture | None:
        """The picture of that name. Raises InputUnreadable if two have it."""
        found = [picture for picture in self._pictures if name in (picture.path.name, picture.name)]
        if len(found) > 1:
            raise InputUnreadable(
                f"There are {len(found)} pictures {name!r} in styles/: {', '.join(p.path.name for p in found)}.",
                remedy=f"Write the whole name in {SETTINGS_NAME}, or keep one of them.",
            )
        return found[0] if found else None

    def digest(self, picture: StylePicture) -> str:
        """sha-256 of its bytes. Raises InputUnreadable or NotTheSame."""
        if picture.fingerprint not in self._digests:
            self._digests[picture.fingerprint] = hashlib.sha256(picture.read()).hexdigest()
        return self._digests[picture.fingerprint]


class SettingsReader:
    """Gives the settings of a folder as they are now, and reads them anew only when something has changed."""

    def __init__(self, folder: HotFolder) -> None:
        self._folder = folder
        self._seen: tuple[Fingerprint | None, tuple[StylePicture, ...]] | None = None
        self._settings: Settings | StylizeError | None = None
        self._digests: dict[Fingerprint, str] = {}
        self._presets = PresetFiles(folder.root)

    def read(self) -> Settings:
        """The settings. Raises StylizeError whose sentence says what is wrong with `style.toml` or a preset beside it,
        and where."""
        seen = (fingerprint_of(self._folder.settings_file), self._style_pictures())
        if seen != self._seen or self._settings is None or self._presets.have_changed():
            self._seen, self._settings = seen, self._parse(*seen)
        if isinstance(self._settings, StylizeError):
            raise self._settings
        return self._settings

    def _style_pictures(self) -> tuple[StylePicture, ...]:
        try:
            paths = sorted(self._folder.styles.iterdir())
        except OSError:
            return ()
        prints = [(path, fingerprint_of(path)) for path in paths if not is_ignored(path.name)]
        return tuple(
            StylePicture(path, found) for path, found in prints if found is not None and found.size <= MAX_STYLE_BYTES
        )

    def _parse(self, file: Fingerprint | None, pictures: tuple[StylePicture, ...]) -> Settings | StylizeError:
        path = self._folder.settings_file
        self._presets.forget()
        try:
            if file is None:
                raise InputUnreadable(f"There is no file {path}.", remedy=f"`stylize watch --init {path.parent}`")
            if file.size > MAX_SETTINGS_BYTES:
                raise InputUnreadable(f"{path} has {file.size:,} bytes, which is no {SETTINGS_NAME}.")
            document = tomllib.loads(read_unchanged(path, file).decode("utf-8"))
            return Settings(document, Shelf(pictures, self._digests), self._presets)
        except StylizeError as error:
            return error
        except NotTheSame:  # it is being saved: the next look will see it
            return InputUnreadable(f"{path} is just being written.")
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            return InputUnreadable(f"{path} is no valid TOML: {error}.", remedy="Correct that line and save the file.")
        except OSError as error:
            return InputUnreadable(f"{path} cannot be read: {error.strerror}.")


def _style_weights(value: object) -> dict[str, float | None]:
    if isinstance(value, list) and value:
        weights: dict[str, float | None] = dict.fromkeys(value)
    elif isinstance(value, dict) and value:
        weights = dict(value)
    else:
        raise _wrong(
            "styles", 'is a list of names, such as ["oil"], or a table of weights, such as { oil = 2, ink = 1 }'
        )
    for name, weight in weights.items():
        if not isinstance(name, str) or not name or "/" in name or name.startswith("."):
            raise _wrong("styles", f"holds names of pictures in styles/ or of built-in styles, not {name!r}")
        if weight is not None and (isinstance(weight, bool) or not isinstance(weight, int | float) or not weight > 0):
            raise _wrong(f"styles.{name}", f"is a weight above 0, not {weight!r}")
    return weights


def _suffix(value: object) -> str:
    suffix = f".{value}".lower()
    try:
        format_of(Path("painting" + suffix))
    except OutputUnwritable as error:
        raise _wrong("output.format", f"is the suffix of a picture format, not {value!r}", error.remedy) from None
    return suffix


def _depth(value: object, suffix: str) -> int:
    if value not in (8, 16) or isinstance(value, bool):
        raise _wrong("output.depth", f"is 8 or 16 bits a sample, not {value!r}")
    if value == 16 and suffix not in DEEP_SUFFIXES:
        raise _wrong("output.depth", f"is 16, but {suffix} files hold 8 bits a sample: use {', '.join(DEEP_SUFFIXES)}")
    assert isinstance(value, int)
    return value


def _pattern(value: object) -> str:
    if not isinstance(value, str) or not value or "/" in value or "\0" in value or value.startswith("."):
        raise _wrong("output.name", f"is a file name without folders, such as {{name}}-{{style}}, not {value!r}")
    try:
        fields = [(name, form, kind) for _, name, form, kind in string.Formatter().parse(value) if name is not None]
    except ValueError as error:
        raise _wrong("output.name", f"cannot be read: {error}") from None
    if any(name not in _PLACEHOLDERS or form or kind for name, form, kind in fields):
        raise _wrong("output.name", f"may hold {', '.join('{' + name + '}' for name in _PLACEHOLDERS)}, not {value!r}")
    return value


def _table(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = document.get(key, {})
    if not isinstance(value, dict):
        raise _wrong(key, f"is a section, [{key}]")
    return value


def _optional(document: Mapping[str, Any], key: str, kind: type) -> Any:
    value = document.get(key)
    if value is not None and (not isinstance(value, kind) or isinstance(value, bool)):
        raise _wrong(key, f"is a {'text in quotes' if kind is str else 'whole number'}, not {value!r}")
    return value


def _check_keys(table: Mapping[str, Any], known: Sequence[str], prefix: str) -> None:
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
            hint = f"Did you mean {near[0]}?" if near else f"There are {', '.join(known)}."
            raise _wrong(prefix + key, "means nothing here", hint)


def _wrong(key: str, what: str, remedy: str = "") -> StylizeError:
    return error_from_reason(
        Reason.INVALID_PARAMETER,
        f"{key} in {SETTINGS_NAME} {what}.",
        field=key,
        remedy=remedy or f"Correct {SETTINGS_NAME} and save it.",
    )
