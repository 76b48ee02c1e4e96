"""The snippets of a guide: its fenced blocks, by section."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
_OWN_IMPORT = re.compile(r"^\s*(?:import|from) stylize\b", re.MULTILINE)
_PICTURE = re.compile(r"[\"']([\w-]+\.(?:png|jpg|tif|webp))[\"']")


@dataclass(frozen=True)
class Snippet:
    """A fenced block."""

    language: str
    text: str

    @property
    def uses_our_library(self) -> bool:
        """False for a snippet that must do without the packages of this repository."""
        return bool(_OWN_IMPORT.search(self.text))


@dataclass(frozen=True)
class Section:
    """The snippets under one heading, in their order: what a reader pastes one after the other."""

    page: str
    title: str
    snippets: tuple[Snippet, ...]

    def __str__(self) -> str:
        return f"{self.page}: {self.title}"

    @property
    def pictures(self) -> set[str]:
        """The pictures that the snippets name: those that they read, and those that they leave."""
        return {name for snippet in self.snippets for name in _PICTURE.findall(snippet.text)}


def sections(page: Path, *, except_for: Collection[str] = ()) -> list[Section]:
    """The sections of a page that have snippets, other than in the languages `except_for`. The text before the first
    heading is a section without a title."""
    title, *rest = _HEADING.split(page.read_text(encoding="utf-8"))
    pairs = [("", title), *zip(rest[::2], rest[1::2], strict=True)]
    found = [
        Section(
            page.stem,
            heading,
            tuple(Snippet(language, text) for language, text in _FENCE.findall(body) if language not in except_for),
        )
        for heading, body in pairs
    ]
    return [section for section in found if section.snippets]
