"""What a word means where a style is asked for: a built-in style, one of the user's own, or a file.

A built-in name always wins, then the user's own styles (`stylize.own_styles`), then a path. A file of a style's name is
meant by "./NAME".
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

from neuralstyle.v1.reasons import Reason
from stylize import own_styles
from stylize.errors import StylizeError, error_from_reason


def resolve_style(text: str, built_in: Sequence[str]) -> str | Path:
    """A name of `built_in`, or the picture that `text` means.

    Raises NotFound (UNKNOWN_STYLE) that names the nearest.
    """
    if text in built_in:
        return text
    own = own_styles.find(text)
    if own is not None:
        return own.path
    if _is_path(text):
        return Path(text)
    raise _unknown_style(text, [*built_in, *(style.name for style in own_styles.stored())])


def _is_path(text: str) -> bool:
    path = Path(text)
    return len(path.parts) > 1 or bool(path.suffix) or path.exists()


def _unknown_style(name: str, names: Sequence[str]) -> StylizeError:
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"Did you mean {near[0]}? " if near else ""
    return error_from_reason(
        Reason.UNKNOWN_STYLE,
        f"{name} is neither a style nor a file.",
        remedy=f"{hint}Styles are {', '.join(names)}.",
    )
