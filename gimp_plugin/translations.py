"""The plug-in's catalogues: `make translations`, or `python gimp_plugin/translations.py`, brings them all up to date.

`locale/neural-style.pot` holds every text of the sources, `locale/LANGUAGE/LC_MESSAGES/neural-style.po` what a person
made of it, and the `.mo` beside it what the plug-in reads. All three are committed: neither GIMP nor the build has a
tool that makes one of another. Nothing is written that says the same as before, so a run without changes changes
nothing. To begin a language: `pybabel init -D neural-style -i LOCALE/neural-style.pot -d LOCALE -l LANGUAGE`.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_file
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

PLUG_IN = Path(__file__).resolve().parent / "neural-style"
LOCALE = PLUG_IN / "locale"
DOMAIN = "neural-style"
TEMPLATE = LOCALE / f"{DOMAIN}.pot"
KEYWORDS = {"_": None, "plural": (1, 2)}
"""The functions of `neural_style.words` that take a text."""
HEADER = """\
# Texts of the GIMP plug-in "Neural Style" of Stylized.
# Distributed under the MIT licence, like the plug-in.
# Made by `make translations` from the sources; translate in LANGUAGE/LC_MESSAGES/neural-style.po.
#"""


def extracted() -> Catalog:
    """Every text of the sources."""
    catalog = Catalog(
        domain=DOMAIN,
        project="Stylized",
        version=DOMAIN,
        header_comment=HEADER,
        msgid_bugs_address="none",
        last_translator="none",
        language_team="none",
        charset="utf-8",
        fuzzy=False,
    )
    for source in sources():
        name = source.relative_to(PLUG_IN).as_posix()
        for line, message, comments, context in extract_from_file("python", source, keywords=KEYWORDS):
            catalog.add(message, None, [(name, line)], auto_comments=comments, context=context)
    return catalog


def sources() -> Iterator[Path]:
    """The plug-in's Python files."""
    yield PLUG_IN / "neural-style.py"
    yield from sorted((PLUG_IN / "neural_style").glob("*.py"))


def translations() -> Iterator[Path]:
    """The `.po` of each language."""
    yield from sorted(LOCALE.glob(f"*/LC_MESSAGES/{DOMAIN}.po"))


def read(path: Path) -> Catalog:
    """A `.po` or `.pot` file."""
    with path.open("rb") as file:
        return read_po(file, locale=None if path == TEMPLATE else path.parents[1].name, domain=DOMAIN)


def compiled(catalog: Catalog) -> bytes:
    """The `.mo` of a language."""
    file = BytesIO()
    write_mo(file, catalog)
    return file.getvalue()


def _written(catalog: Catalog) -> bytes:
    """A catalogue as text. With the names of the files but without lines, which move with every edit."""
    file = BytesIO()
    write_po(file, catalog, width=120, include_lineno=False, sort_by_file=True)
    return file.getvalue()


def _put(path: Path, data: bytes) -> None:
    if not path.is_file() or path.read_bytes() != data:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        print(path.relative_to(PLUG_IN))


def main() -> None:
    """Extracts, merges and compiles."""
    template = extracted()
    if TEMPLATE.is_file():
        now, template.creation_date = template.creation_date, read(TEMPLATE).creation_date
        if _written(template) != TEMPLATE.read_bytes():
            template.creation_date = now
    _put(TEMPLATE, _written(template))
    for path in translations():
        catalog = read(path)
        # A guess at what a changed text may mean would have to be looked at; without one, the test names what is open.
        catalog.update(template, no_fuzzy_matching=True)
        catalog.obsolete.clear()
        _put(path, _written(catalog))
        _put(path.with_suffix(".mo"), compiled(catalog))


if __name__ == "__main__":
    main()
