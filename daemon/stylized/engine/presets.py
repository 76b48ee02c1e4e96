"""Presets: complete sets of parameters under a name.

The built-in ones are TOML files in `presets_data`, each number with its source beside it. A preset names the weight
set it was made for, because the balance of the losses does not transfer between weight sets: if the activations of
a layer differ by a factor s, its content loss changes by s² and its Gram loss by s⁴. Free of torch.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import Enum
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any

from stylized.engine.parameters import (
    Init,
    LayerWeight,
    Optimizer,
    Padding,
    ParameterError,
    Parameters,
    Pooling,
)

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # pyright: ignore[reportMissingImports]

# The published method, unchanged: what somebody who asks for "neural style transfer" means.
DEFAULT_PRESET = "gatys"

_ENUMS: Mapping[str, type[Enum]] = MappingProxyType(
    {"pooling": Pooling, "padding": Padding, "optimizer": Optimizer, "init": Init}
)
_LAYERS = ("content_layers", "style_layers")


class PresetError(ValueError):
    """A preset file that cannot be read; the message names the preset and the key."""


@dataclass(frozen=True)
class Preset:
    """A named set of parameters, what it is for, and the weight set that it was made for."""

    name: str
    description: str
    weights: str
    parameters: Parameters


def parse_preset(name: str, text: str) -> Preset:
    """Read a preset from TOML: `description`, `weights` and a table `parameters` with every field of Parameters.

    Raises PresetError, which names the preset and the key that is missing, unknown or wrong.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PresetError(f"Preset {name} is not TOML: {error}.") from error
    _check_keys(name, "", document, ("description", "weights", "parameters"))
    table = document["parameters"]
    if not isinstance(table, dict):
        raise PresetError(f"Preset {name}: parameters must be a table.")
    _check_keys(name, "parameters.", table, tuple(field.name for field in fields(Parameters)))
    values = {key: _value(name, key, value) for key, value in table.items()}
    try:
        parameters = Parameters(**values).validated()
    except ParameterError as error:
        raise PresetError(f"Preset {name}: {error.message}") from error
    return Preset(
        name=name,
        description=_string(name, "description", document["description"]),
        weights=_string(name, "weights", document["weights"]),
        parameters=parameters,
    )


@cache
def builtin_presets() -> Mapping[str, Preset]:
    """Return the presets that come with the engine, by name."""
    folder = resources.files("stylized.engine") / "presets_data"
    files = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".toml")), key=lambda entry: entry.name)
    presets = (parse_preset(entry.name.removesuffix(".toml"), entry.read_text(encoding="utf-8")) for entry in files)
    return MappingProxyType({preset.name: preset for preset in presets})


def _check_keys(name: str, prefix: str, table: Mapping[str, Any], expected: tuple[str, ...]) -> None:
    for key in expected:
        if key not in table:
            raise PresetError(f"Preset {name} lacks {prefix}{key}.")
    for key in table:
        if key not in expected:
            raise PresetError(f"Preset {name} has the unknown key {prefix}{key}.")


def _string(name: str, key: str, value: object) -> str:
    if not isinstance(value, str):
        raise PresetError(f"Preset {name}: {key} must be a string.")
    return value


def _value(name: str, key: str, value: object) -> Any:
    if key in _ENUMS:
        choices = [str(member.value) for member in _ENUMS[key]]
        if value not in choices:
            raise PresetError(f"Preset {name}: parameters.{key} must be one of {', '.join(choices)}.")
        return _ENUMS[key](value)
    if key in _LAYERS:
        if not isinstance(value, dict):
            raise PresetError(f"Preset {name}: parameters.{key} must be a table of layer = weight.")
        return tuple(LayerWeight(layer, _number(name, f"{key}.{layer}", weight)) for layer, weight in value.items())
    return _number(name, key, value)


def _number(name: str, key: str, value: object) -> int | float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise PresetError(f"Preset {name}: parameters.{key} must be a number.")
    return value
