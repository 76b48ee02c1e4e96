"""Promise: the page that the Help button opens is there in each language, and says what the dialog and the code say."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
import translations
from neural_style import arguments

HELP = translations.PLUG_IN / "help"
SCRIPT = (translations.PLUG_IN / "neural-style.py").read_text(encoding="utf-8")
GUIDE = Path(__file__).resolve().parents[2] / "docs" / "gimp.md"
LANGUAGES = sorted(folder.name for folder in HELP.iterdir())
VOID = {"meta", "br", "img", "link"}


@dataclass
class Page(HTMLParser):
    """What the tests look at: labels of the dialog (`dfn`), cells of tables, ids and links."""

    labels: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    tags: set[str] = field(default_factory=set)
    open_tags: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        values = dict(attrs)
        self.ids |= {value for value in [values.get("id")] if value}
        self.links += [value for name, value in attrs if name in ("href", "src") and value]
        if tag not in VOID:
            self.open_tags.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("th", "td"):
            self.rows[-1].append("")
        elif tag == "dfn":
            self.labels.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open_tags.pop() == tag, f"line {self.getpos()[0]}"

    def handle_data(self, data: str) -> None:
        if "dfn" in self.open_tags:
            self.labels[-1] += data
        if {"th", "td"} & set(self.open_tags):
            self.rows[-1][-1] += data


def page(language: str) -> Page:
    read = Page()
    read.feed((HELP / language / "index.html").read_text(encoding="utf-8"))
    assert read.open_tags == []
    return read


def plain(label: str) -> str:
    return " ".join(label.replace("_", "").split())


def labels_in_the_dialog(language: str) -> Iterator[str]:
    """What has a mnemonic in English there."""
    texts = translations.read(translations.LOCALE / "de" / "LC_MESSAGES" / "neural-style.po")
    if language != "en":
        texts = translations.read(translations.LOCALE / language / "LC_MESSAGES" / "neural-style.po")
    rooms = {f"neural_style/{room}.py" for room in ("arguments", "controls", "dialog", "gallery")}
    for message in texts:
        english = message.id
        if isinstance(english, str) and re.search(r"_\w", english) and rooms & {file for file, _ in message.locations}:
            yield plain(english if language == "en" else str(message.string))


def procedures() -> list[str]:
    names = {"PROCEDURE", "FETCH", "DOCTOR"}
    tree = ast.parse(SCRIPT)
    assigned = [node for node in tree.body if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)]
    return [str(node.value.value) for node in assigned if {target.id for target in node.targets} & names]  # type: ignore


def argument_names() -> set[str]:
    return {member.name.replace("_", "-") for member in fields(arguments.Settings)}


def test_there_is_a_page_in_english_and_in_each_language_of_the_catalogues() -> None:
    assert {"en", *(path.parents[1].name for path in translations.translations())} == set(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
class TestLanguage:
    def test_gimp_finds_the_page_of_every_procedure(self, language: str) -> None:
        namespace = re.search(r'HELP_NAMESPACE = "(.+)"', SCRIPT)
        assert namespace is not None
        pages = {
            item.get(f"{{{namespace.group(1)}}}id"): item.get("ref", "")
            for item in ElementTree.parse(HELP / language / "gimp-help.xml").iter("help-item")
        }
        assert sorted(filter(None, pages)) == sorted(procedures())
        assert len(procedures()) == 3
        assert all((HELP / language / file).is_file() for file in pages.values())

    def test_the_page_needs_nothing_beside_it(self, language: str) -> None:
        """A sandboxed GIMP hands the browser this one file; and no page of ours runs scripts or asks the network."""
        read = page(language)
        assert all(link.startswith("#") for link in read.links)
        assert {link[1:] for link in read.links} <= read.ids
        assert not read.tags & {"script", "img", "link"}

    def test_what_it_names_stands_in_the_dialog(self, language: str) -> None:
        assert {plain(label) for label in page(language).labels} <= set(labels_in_the_dialog(language))

    def test_everything_in_the_dialog_is_named(self, language: str) -> None:
        file_chooser = {"Add", "Cancel", "Hinzufügen", "Abbrechen"}
        named = {plain(label) for label in page(language).labels}
        assert set(labels_in_the_dialog(language)) - file_chooser - named == set()

    def test_its_arguments_have_the_defaults_and_ranges_of_the_code(self, language: str) -> None:
        numbers = arguments.numbers()
        rows = {row[0]: row for row in page(language).rows if row[0] in argument_names()}
        assert rows.keys() == argument_names()
        for name, number in numbers.items():
            _name, default, takes = rows[name]
            assert default == f"{number.default:g}"
            least = arguments.MIN_SIZE if name == "size" else number.minimum
            assert [int(found) for found in re.findall(r"\d+", takes)][-2:] == [least, number.maximum]
        assert rows["preset"][1] == arguments.DEFAULT_PRESET
        assert rows["style"][1] == arguments.DEFAULT_STYLE
        for kind, name, default in (
            (arguments.Quality, "quality", arguments.Settings().quality),
            (arguments.Output, "output", arguments.Settings().output),
        ):
            assert rows[name][1] == default.value
            assert set(re.findall(r"[a-z]+(?:-[a-z]+)*", rows[name][2])) - {"or", "oder"} == {
                member.value for member in kind
            }

    def test_its_headings_have_the_anchors_of_the_english_page(self, language: str) -> None:
        assert page(language).ids == page("en").ids


def test_the_guide_has_the_arguments_of_the_code() -> None:
    rows = [line.strip("| \n").split(" | ") for line in GUIDE.read_text(encoding="utf-8").splitlines()]
    documented = {row[0].strip("`"): row for row in rows if len(row) == 4}
    assert argument_names() <= documented.keys()
    for name, number in arguments.numbers().items():
        _name, kind, default, takes = documented[name]
        assert kind == ("int" if number.whole else "double")
        assert default == f"{number.default:g}"
        least = arguments.MIN_SIZE if name == "size" else number.minimum
        assert [int(found) for found in re.findall(r"\d+", takes)][-2:] == [least, number.maximum]
