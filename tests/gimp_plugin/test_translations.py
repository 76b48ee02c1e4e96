"""The plug-in speaks other languages as completely as its own, and what is committed is what the sources say."""

from __future__ import annotations

import gettext
import io
import re
import string
from collections import Counter
from typing import Any

import pytest
import translations
from babel.messages.catalog import Catalog, Message

LANGUAGES = [path.parents[1].name for path in translations.translations()]
TAKEN = {"en": "CHLRS", "de": "CGHSZ"}
"""Mnemonics of the buttons that GIMP puts into the dialog: Cancel, Help, Load and Save settings, Reset. For a language
that is not here yet: `gimp30-libgimp.mo` of a GIMP in that language has them."""
DIALOG = {f"neural_style/{room}.py" for room in ("arguments", "controls", "dialog", "gallery")}
FILE_CHOOSER = {"_Add", "_Cancel"}
"""Buttons of the window in which a picture is chosen, which has none of the dialog's."""


def catalog(language: str) -> Catalog:
    return translations.read(translations.LOCALE / language / "LC_MESSAGES" / f"{translations.DOMAIN}.po")


def forms(text: Any) -> tuple[str, ...]:
    """The one form of a text, or all forms of one that counts something."""
    return (text,) if isinstance(text, str) else tuple(text or ())


def texts(of: Catalog) -> dict[tuple[str, ...], Message]:
    return {forms(message.id): message for message in of if message.id}


def placeholders(text: str) -> Counter[str]:
    """Names with their formats, such as "value:g"; a translation that names others would raise when it is used."""
    fields = ((name, spec) for _text, name, spec, _conversion in string.Formatter().parse(text) if name is not None)
    return Counter(f"{name}:{spec}" if spec else name for name, spec in fields)


def mnemonics(labels: list[str]) -> list[str]:
    return [found.group(1).upper() for label in labels if (found := re.search(r"_(\w)", label))]


def labels(language: str) -> list[str]:
    """What stands in the dialog beside GIMP's own buttons, and has a mnemonic in English."""
    return [
        str(message.id) if language == "en" else str(message.string)
        for message in catalog("de" if language == "en" else language)
        if isinstance(message.id, str)
        and mnemonics([message.id])
        and message.id not in FILE_CHOOSER
        and DIALOG & {file for file, _line in message.locations}
    ]


def test_there_is_a_german_translation() -> None:
    assert "de" in LANGUAGES


def test_the_template_holds_every_text_of_the_sources_and_no_other() -> None:
    assert texts(translations.read(translations.TEMPLATE)).keys() == texts(translations.extracted()).keys(), (
        "run `make translations`"
    )


@pytest.mark.parametrize("language", LANGUAGES)
class TestLanguage:
    def test_every_text_is_translated(self, language: str) -> None:
        present = texts(catalog(language))
        missing = [
            text
            for text in texts(translations.extracted())
            if text not in present or present[text].fuzzy or not all(forms(present[text].string) or [""])
        ]
        assert missing == []

    def test_a_translation_has_the_placeholders_of_its_text(self, language: str) -> None:
        for text, message in texts(catalog(language)).items():
            # Of plural texts the second form counts: the first may say "one" in words.
            expected = placeholders(text[-1])
            translated = [placeholders(form) for form in forms(message.string)]
            assert translated[-1] == expected, text
            assert all(form <= expected for form in translated), text

    def test_there_are_as_many_plural_forms_as_the_language_has(self, language: str) -> None:
        of = catalog(language)
        assert all(len(forms(message.string)) == of.num_plurals for message in of if message.pluralizable)

    def test_what_ends_like_a_sentence_still_does(self, language: str) -> None:
        for text, message in texts(catalog(language)).items():
            for form in forms(message.string):
                assert form == form.strip(), text
                ending = text[0][-1]
                assert ending not in ".:)" or form[-1] == ending or text[0].endswith("..."), text

    def test_the_compiled_catalogue_is_that_of_the_text(self, language: str) -> None:
        path = translations.LOCALE / language / "LC_MESSAGES" / f"{translations.DOMAIN}.mo"
        committed = gettext.GNUTranslations(io.BytesIO(path.read_bytes()))
        fresh = gettext.GNUTranslations(io.BytesIO(translations.compiled(catalog(language))))
        assert vars(committed)["_catalog"] == vars(fresh)["_catalog"], "run `make translations`"
        for count in (0, 1, 2, 5, 21):
            assert vars(committed)["plural"](count) == vars(fresh)["plural"](count)


@pytest.mark.parametrize("language", ["en", *LANGUAGES])
def test_no_two_things_in_the_dialog_have_the_same_mnemonic(language: str) -> None:
    used = Counter([*TAKEN[language], *mnemonics(labels(language))])
    assert [letter for letter, times in used.items() if times > 1] == [], labels(language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_has_a_mnemonic_has_one_in_every_language(language: str) -> None:
    assert [label for label in labels(language) if len(mnemonics([label])) != 1] == []
