"""What a journey sets out with, and what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from stylize.errors import StylizeError
from stylize.hotfolder.filesystem import Fingerprint


@dataclass(frozen=True)
class Parcel:
    """A photo that has stood still."""

    photo: str
    """Relative to `in/`."""
    fingerprint: Fingerprint
    still_for: float
    """Seconds."""


@dataclass(frozen=True)
class Gone:
    """The photo has left `in/`, or is not what it was: the next look says what is there."""

    moved: bool = False
    """It was moved out of there, so that no look is needed."""


@dataclass(frozen=True)
class Again:
    """It is to be taken again."""

    delay: float
    """Seconds from now."""
    error: StylizeError | None = None
    """Why it was given up, where there is no patience."""


@dataclass(frozen=True)
class Held:
    """The settings cannot be painted with: no use to try before they change."""

    error: StylizeError


Outcome: TypeAlias = Gone | Again | Held
