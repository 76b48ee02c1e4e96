"""The built-in styles: pictures that come with the daemon, and what is known about each of them.

`styles.toml` says which there are, in which order, and whose they are; NAME.jpg beside it is the picture. Nothing is
decoded here and neither torch, NumPy nor Pillow is imported, so that listing the styles costs a front end nothing.
`stylized.styles.drawing` draws the pictures that are our own; it is not needed to use them.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # pyright: ignore[reportMissingImports]  (installed below Python 3.11 only)


@dataclass(frozen=True)
class BuiltinStyle:
    """A picture to paint in the manner of, with its title, its maker, its origin and the rights in it.

    All are plain sentences to show to people; `name` is what a request says.
    """

    name: str
    title: str
    artist: str
    source: str
    rights: str

    def read(self) -> bytes:
        """Return the picture as it lies in the package: a JPEG, sRGB, 640 to 900 pixels on its long side."""
        return (resources.files(__name__) / f"{self.name}.jpg").read_bytes()


@cache
def builtin_styles() -> Mapping[str, BuiltinStyle]:
    """Return the built-in styles by name, in the order in which they are to be shown."""
    text = (resources.files(__name__) / "styles.toml").read_text(encoding="utf-8")
    return MappingProxyType({name: BuiltinStyle(name=name, **facts) for name, facts in tomllib.loads(text).items()})
