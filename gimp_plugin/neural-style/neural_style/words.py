"""Translation: every text that a user sees goes through `_`.

The catalogues lie in `locale/LANGUAGE/LC_MESSAGES/neural-style.mo` beside the plug-in's script. Read with Python's own
gettext, so that the rooms that know nothing of GIMP speak the same language as those that do.
"""

from __future__ import annotations

import gettext
import itertools
import re
from collections.abc import Sequence
from pathlib import Path

DOMAIN = "neural-style"
CATALOGUES = Path(__file__).resolve().parent.parent / "locale"

_catalogue: gettext.NullTranslations = gettext.NullTranslations()


def speak(languages: Sequence[str]) -> None:
    """Uses the first of these languages that there is a catalogue for, such as ["de_AT", "de"]; else English.

    English has no catalogue, being what the texts are in: who names it first must not get the next in the list.
    """
    global _catalogue
    foreign = itertools.takewhile(lambda language: not re.match(r"(en|C|POSIX)\b|en_", language), languages)
    _catalogue = gettext.translation(DOMAIN, CATALOGUES, languages=list(foreign), fallback=True)


def _(text: str) -> str:
    """The text in the user's language."""
    return _catalogue.gettext(text)


def plural(one: str, many: str, count: int) -> str:
    """The form that fits the count, in the user's language."""
    return _catalogue.ngettext(one, many, count)
