"""Promise: texts come in the user's language where there is a catalogue of it, else in English."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from neural_style import words


@pytest.fixture(autouse=True)
def catalogues(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(words, "CATALOGUES", tmp_path)
    yield tmp_path
    monkeypatch.undo()
    words.speak([])


def write_catalogue(folder: Path, language: str, texts: dict[str, str]) -> None:
    """A .mo file (GNU gettext manual, "The Format of GNU MO Files")."""
    header = "Content-Type: text/plain; charset=UTF-8\nPlural-Forms: nplurals=2; plural=(n != 1);\n"
    entries = sorted({"": header, **texts}.items())
    start = 28 + 16 * len(entries)
    table: list[tuple[int, int]] = []
    blob = b""
    for column in (0, 1):
        for entry in entries:
            text = entry[column].encode()
            table.append((len(text), start + len(blob)))
            blob += text + b"\0"
    path = folder / language / "LC_MESSAGES" / f"{words.DOMAIN}.mo"
    path.parent.mkdir(parents=True)
    count = len(entries)
    data = struct.pack("<7I", 0x950412DE, 0, count, 28, 28 + 8 * count, 0, 0)
    path.write_bytes(data + b"".join(struct.pack("<2I", *pair) for pair in table) + blob)


def test_the_first_language_that_there_is_counts(catalogues: Path) -> None:
    write_catalogue(catalogues, "de", {"Style": "Stil", "{count} style\0{count} styles": "{count} Stil\0{count} Stile"})
    words.speak(["de_AT.UTF-8", "de_AT", "de", "C"])
    assert words._("Style") == "Stil"
    assert [words.plural("{count} style", "{count} styles", count) for count in (1, 2)] == [
        "{count} Stil",
        "{count} Stile",
    ]


@pytest.mark.parametrize("english", ["en_GB.UTF-8", "en_GB", "en", "en.UTF-8", "C", "C.UTF-8"])
def test_who_prefers_english_does_not_get_the_second_choice(english: str, catalogues: Path) -> None:
    write_catalogue(catalogues, "de", {"Style": "Stil"})
    words.speak(["tlh", english, "de"])
    assert words._("Style") == "Style"


def test_a_text_that_is_not_translated_stays_english(catalogues: Path) -> None:
    write_catalogue(catalogues, "de", {"Style": "Stil"})
    words.speak(["de"])
    assert words._("Preset") == "Preset"


def test_without_a_catalogue_all_is_english(catalogues: Path) -> None:
    words.speak(["tlh", "C"])
    assert words._("Style") == "Style"
    assert [words.plural("one", "many", count) for count in (1, 2)] == ["one", "many"]
