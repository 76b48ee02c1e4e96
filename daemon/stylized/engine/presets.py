"""Presets: complete sets of parameters under a name.

The built-in ones are TOML files in `presets_data`, each number with its source beside it. A preset may extend another
and then gives only what differs; `gatys`, the published method, gives every value and is the root of all. A preset
names the weight set it was made for, because the balance of the losses does not transfer between weight sets: if the
activations of a layer differ by a factor s, its content loss changes by s² and its Gram loss by s⁴. Free of torch.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any

from stylized.engine.parameters import ENUMS, LAYERED, LayerWeight, ParameterError, Parameters
from stylized.engine.preset_sources import read_sources

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # pyright: ignore[reportMissingImports]

# What somebody gets who says nothing: docs/quality.md shows why.
DEFAULT_PRESET = "default"

# The published method, unchanged. The only preset that must be complete.
_ROOT = "gatys"


class PresetError(ValueError):
    """A preset file that cannot be read; the message names the preset and the key."""


@dataclass(frozen=True)
class Origin:
    """Where a value of a preset comes from: the preset that gives it, and what that says of its source."""

    preset: str
    source: str


@dataclass(frozen=True)
class Preset:
    """A named set of parameters, what it is for, and the weight set that it was made for.

    extends: the preset that it takes over the rest from; "" for a complete one. origins: of each parameter by name.
    """

    name: str
    description: str
    weights: str
    parameters: Parameters
    extends: str = ""
    origins: Mapping[str, Origin] = field(default_factory=dict)


def parse_preset(name: str, text: str, known: Mapping[str, Preset]) -> Preset:
    """Read a preset from TOML: `description`, `weights`, perhaps `extends`, and a table `parameters`.

    known: what it may extend. A preset that extends another takes over what it does not give itself, its weights
    included; any other gives every field of Parameters.
    Raises PresetError, which names the preset and the key that is missing, unknown or wrong.
    """
    document = _read(name, text)
    table = document.get("parameters", {})
    if not isinstance(table, dict):
        raise PresetError(f"Preset {name}: parameters must be a table.")
    names = tuple(field.name for field in fields(Parameters))
    values = {key: _value(name, key, value) for key, value in table.items() if key in names}
    base = _base(name, document, known)
    if base is None:
        _check_keys(name, "", document, required=("description", "weights", "parameters"))
        _check_keys(name, "parameters.", table, required=names)
    else:
        _check_keys(name, "", document, required=("description", "extends"), allowed=("weights", "parameters"))
        _check_keys(name, "parameters.", table, allowed=names)
    try:
        parameters = (replace(base.parameters, **values) if base else Parameters(**values)).validated()
    except ParameterError as error:
        raise PresetError(f"Preset {name}: {error.message}") from error
    weights = document["weights"] if base is None else document.get("weights", base.weights)
    sources = read_sources(text)
    own = {key: Origin(name, sources.get(key, "")) for key in values}
    return Preset(
        name=name,
        description=_string(name, "description", document["description"]),
        weights=_string(name, "weights", weights),
        parameters=parameters,
        extends=base.name if base else "",
        origins=MappingProxyType({**base.origins, **own} if base else own),
    )


@cache
def builtin_presets() -> Mapping[str, Preset]:
    """Return the presets that come with the engine, by name."""
    folder = resources.files("stylized.engine") / "presets_data"
    texts = {
        entry.name.removesuffix(".toml"): entry.read_text(encoding="utf-8")
        for entry in folder.iterdir()
        if entry.name.endswith(".toml")
    }
    presets: dict[str, Preset] = {}
    while waiting := [name for name in texts if name not in presets]:
        ready = [name for name in waiting if _read(name, texts[name]).get("extends", _ROOT) in {*presets, _ROOT}]
        for name in ready if presets else [_ROOT]:
            presets[name] = parse_preset(name, texts[name], presets)
        if not ready:
            raise PresetError(f"Preset {waiting[0]} extends a preset that there is not, or itself.")
    return MappingProxyType(dict(sorted(presets.items())))


def _read(name: str, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PresetError(f"Preset {name} is not TOML: {error}.") from error


def _base(name: str, document: Mapping[str, Any], known: Mapping[str, Preset]) -> Preset | None:
    if "extends" not in document:
        return None
    extended = document["extends"]
    if extended not in known:
        raise PresetError(f"Preset {name}: extends must be one of {', '.join(sorted(known))}.")
    return known[extended]


def _check_keys(
    name: str,
    prefix: str,
    table: Mapping[str, Any],
    *,
    required: tuple[str, ...] = (),
    allowed: tuple[str, ...] = (),
) -> None:
    for key in required:
        if key not in table:
            raise PresetError(f"Preset {name} lacks {prefix}{key}.")
    for key in table:
        if key not in required and key not in allowed:
            raise PresetError(f"Preset {name} has the unknown key {prefix}{key}.")


def _string(name: str, key: str, value: object) -> str:
    if not isinstance(value, str):
        raise PresetError(f"Preset {name}: {key} must be a string.")
    return value


def _value(name: str, key: str, value: object) -> Any:
    if key in ENUMS:
        choices = [str(member.value) for member in ENUMS[key]]
        if value not in choices:
            raise PresetError(f"Preset {name}: parameters.{key} must be one of {', '.join(choices)}.")
        return ENUMS[key](value)
    if key in LAYERED:
        if not isinstance(value, dict):
            raise PresetError(f"Preset {name}: parameters.{key} must be a table of layer = weight.")
        return tuple(LayerWeight(layer, _number(name, f"{key}.{layer}", weight)) for layer, weight in value.items())
    return _number(name, key, value)


def _number(name: str, key: str, value: object) -> int | float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise PresetError(f"Preset {name}: parameters.{key} must be a number.")
    return value
