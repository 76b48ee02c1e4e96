"""What the shell may offer where a value is asked for.

Nothing here starts a daemon, waits for one that hangs, or fails: names of built-in styles and presets are asked of a
daemon that runs, and remembered in the user's cache folder for when none does.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ASK_TIMEOUT = 1.0
"""Seconds for which a shell may hang at a press of the tab key."""


def styles(incomplete: str) -> list[tuple[str, str]]:
    """Built-in styles and the user's own. What fits none of them is completed as a file by the shell."""
    from stylize import own_styles

    own = [(style.name, "your own") for style in own_styles.stored()]
    return _fitting([*_known("styles"), *own], incomplete)


def presets(incomplete: str) -> list[tuple[str, str]]:
    """Names of presets."""
    return _fitting(_known("presets"), incomplete)


def own_style_names(incomplete: str) -> list[tuple[str, str]]:
    """The user's own styles."""
    from stylize import own_styles

    return _fitting([(style.name, "your own") for style in own_styles.stored()], incomplete)


def assignments(incomplete: str) -> list[tuple[str, str]]:
    """Names of tunables with the equals sign, and the choices of those that have some."""
    from neuralstyle.v1.comments import FIELD_COMMENTS

    name, equals, _ = incomplete.partition("=")
    if equals:
        return _fitting([(f"{name}={choice}", "") for choice in _choices(name)], incomplete)
    found = [
        (f"{key.removeprefix('Tunables.')}=", text)
        for key, text in FIELD_COMMENTS.items()
        if key.startswith("Tunables.")
    ]
    return _fitting(found, incomplete)


def colours(incomplete: str) -> list[tuple[str, str]]:
    """Values of `--colors`."""
    return _fitting([("keep", "the photo's"), ("style", "the style's")], incomplete)


def precisions(incomplete: str) -> list[tuple[str, str]]:
    """Values of `--precision`."""
    from neuralstyle.v1 import stylize_pb2 as pb
    from stylize.tunables import choice_names

    return _fitting([(name, "") for name in choice_names(pb.Precision.DESCRIPTOR)], incomplete)


def metadata(incomplete: str) -> list[tuple[str, str]]:
    """Values of `--metadata`."""
    from stylize.encoding import Metadata

    return _fitting([(choice.value, "") for choice in Metadata], incomplete)


def remember(kind: str, names: list[tuple[str, str]]) -> None:
    """Keeps names, each with a word of help, for when no daemon runs. kind: "styles" or "presets"."""
    path = _cache()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_text(json.dumps({**_remembered(), kind: names}))
        part.replace(path)
    except OSError:
        pass  # then there is a little less to offer


def _known(kind: str) -> list[tuple[str, str]]:
    from neuralstyle.v1 import endpoint
    from stylize.client import Client
    from stylize.connection import find_daemon
    from stylize.errors import DaemonUnreachable, StylizeError

    try:
        connection = find_daemon(endpoint.home(), "completion", ASK_TIMEOUT / 2)  # it has two targets
        if connection is None:
            raise DaemonUnreachable("No daemon runs.")
        with Client(connection) as client:
            if kind == "styles":
                found = [(style.name, style.title) for style in client.styles()]
            else:
                found = [(preset.name, preset.description) for preset in client.presets()]
    except StylizeError:
        return [(str(name), str(text)) for name, text in _remembered().get(kind, [])]
    remember(kind, found)
    return found


def _remembered() -> dict[str, Any]:
    try:
        found = json.loads(_cache().read_text())
        return found if isinstance(found, dict) else {}
    except (OSError, ValueError):
        return {}


def _cache() -> Path:
    import os

    import platformdirs

    from neuralstyle.v1 import endpoint

    if os.environ.get(endpoint.HOME_VARIABLE):
        return endpoint.home() / "completion.json"
    return platformdirs.user_cache_path(endpoint.APP_NAME, appauthor=False) / "completion.json"


def _choices(name: str) -> list[str]:
    from neuralstyle.v1 import stylize_pb2 as pb
    from stylize.tunables import choice_names

    field: Any = pb.Tunables.DESCRIPTOR.fields_by_name.get(name)
    return choice_names(field.enum_type) if field is not None and field.enum_type is not None else []


def _fitting(found: list[tuple[str, str]], incomplete: str) -> list[tuple[str, str]]:
    return [(name, text) for name, text in found if name.startswith(incomplete)]
