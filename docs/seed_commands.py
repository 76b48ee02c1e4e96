"""The commands of docs/seeds.md, each with the picture that it makes: read from the page, which is their one home."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).with_name("seeds.md")
IMAGES = Path(__file__).parent / "images" / "seeds"
PICTURES = ("tubingen", "starry_night", "shipwreck")
"""What the commands take for granted, as .jpg."""
_COMMAND = re.compile(r"`(stylize (?:image|texture|dream|reconstruct|features) [^`]+)`")
_PICTURE = re.compile(r"!\[[^\]]*\]\(images/seeds/([\w-]+\.webp)\)")


@dataclass(frozen=True)
class Row:
    """A row of a table."""

    command: str
    image: Path | None
    """Of docs/images/seeds; None for a row without a picture."""

    @property
    def words(self) -> list[str]:
        """The command as a shell takes it apart."""
        return shlex.split(self.command)

    @property
    def made(self) -> str:
        """The name of the file that the command makes."""
        return self.words[self.words.index("-o") + 1]


def rows() -> list[Row]:
    """All rows that have a command."""
    found = []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        command, picture = _COMMAND.search(line), _PICTURE.search(line)
        if line.startswith("|") and command:
            found.append(Row(command[1], IMAGES / picture[1] if picture else None))
    return found
