"""Finding again what a painting was made from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from stylize import own_styles
from stylize.cli.look import FROM_PICTURE, LookStyle
from stylize.errors import InputUnreadable
from stylize.pictures import PictureRecord
from stylize.provenance import Provenance, Resumed, StyleRecord
from stylize.tunables import TunableValue


@dataclass(frozen=True)
class Given:
    """What the user named."""

    photo: Path | None = None
    styles: tuple[str, ...] = ()
    mask: Path | None = None
    init_image: Path | None = None


@dataclass
class FoundSources:
    """What to paint with."""

    photo: Path | None
    """None if it was made without one."""
    styles: list[LookStyle]
    mask: Path | None
    init_image: Path | None
    """The picture to start from, if it starts from one."""
    resume_from: Resumed | None
    """What to go on from, if it does."""
    notes: list[str] = field(default_factory=list)
    """What the user should know, one sentence each."""


def find_sources(told: Provenance, place: Path, given: Given) -> FoundSources:
    """Photo, styles, mask and start of a painting that lies in `place`.

    What the user named is taken, with a note if it is not what was recorded; so is a picture to start from in place of
    a painting that it went on from. Raises InputUnreadable, with what to name, for what is not found, is found changed,
    or was never recorded; and for what is no painting.
    """
    if told.features:
        layer, number = told.features.layer, told.features.filter
        raise InputUnreadable(
            f"This is no painting: it shows what filter {number} of {layer} responds to.",
            remedy=f"Make it again with `stylize features PICTURE... --layer {layer} --filter {number}`.",
        )
    search = _Search([place, place / "..", Path(), own_styles.folder()])
    photo = None
    if told.content or given.photo or _needs_photo(told):
        photo = search.picture(told.content, given.photo, "photo", "--photo")
    mask = given.mask
    if told.mask is not None or given.mask is not None:
        mask = search.picture(told.mask, given.mask, "mask", "--mask")
    needs_styles = bool(told.styles or given.styles) or _needs_styles(told)
    styles = search.styles(told.styles, given.styles) if needs_styles else []
    init_image, resume_from = given.init_image, None
    if told.resumed_from is not None and init_image is None:
        resume_from = told.resumed_from
    elif told.resumed_from is not None:
        search.notes.append(f"It starts from the picture {init_image}, without what the optimiser knew.")
    elif told.init_image is not None or told.parameters.get("init") == FROM_PICTURE:
        init_image = search.picture(told.init_image, init_image, "start picture", "--init")
    elif init_image is not None:
        search.notes.append(f"It did not start from {init_image}, so the picture is another.")
    return FoundSources(photo, styles, mask, init_image, resume_from, search.notes)


def start_values(told: Provenance, init_image: Path | None) -> dict[str, TunableValue]:
    """The tunables that make a painting start from a picture, if it does: where it went on from another, all of the
    picture stays, as it did then, with no coarser size and no noise."""
    if init_image is None:
        return {}
    whole: dict[str, TunableValue] = {"init_noise": 0.0, "pyramid_factor": 1.0} if told.resumed_from else {}
    return {"init": FROM_PICTURE, **whole}


def _needs_photo(told: Provenance) -> bool:
    """True unless it is told that nothing is taken from a photo, as in a texture."""
    values = told.parameters
    return values.get("content_weight") != 0 or values.get("init") == "content" or values.get("color") != 1


def _needs_styles(told: Provenance) -> bool:
    """True unless it is told that nothing is taken from a style, as in a dream."""
    return told.parameters.get("style_weight") != 0 or told.parameters.get("init") == "style_statistics"


class _Search:
    def __init__(self, places: Iterable[Path]) -> None:
        self._places = list(places)
        self.notes: list[str] = []

    def picture(self, record: PictureRecord | None, given: Path | None, what: str, option: str) -> Path:
        if given is not None:
            if record is not None and _sha256(given) not in (record.sha256, None):
                self.notes.append(f"{given} is not the {what} that it was painted from, so the picture is another.")
            return given
        if record is None:
            raise InputUnreadable(f"It is not recorded which {what} it was.", remedy=f"Name it with {option} FILE.")
        path = self._recorded(record)
        if path is not None:
            return path
        name = Path(record.file).name
        changed = [place / name for place in self._places if record.file and (place / name).is_file()]
        if changed:
            raise InputUnreadable(
                f"{changed[0]} is not the {what} that it was painted from: its sha-256 is another.",
                remedy=f"Name the right one with {option} FILE, or take this one all the same: {option} {changed[0]}.",
            )
        raise InputUnreadable(
            f"The {what} {name or '(which was no file)'} is neither beside the painting nor here.",
            remedy=f"Name it with {option} FILE.",
        )

    def styles(self, records: tuple[StyleRecord, ...], given: tuple[str, ...]) -> list[LookStyle]:
        if not records:
            if not given:
                raise InputUnreadable(
                    "It is not recorded which styles it was painted in.", remedy="Name them with --style STYLE."
                )
            return [LookStyle(style) for style in given]
        if given and not any(record.picture for record in records):
            self.notes.append("These are not the styles that it was painted in, so the picture is another.")
            return [LookStyle(style) for style in given]
        rest = list(given)
        found: list[LookStyle] = []
        for record in records:
            name = record.name
            if record.picture is not None:
                path = self._recorded(record.picture)
                if path is None:
                    named = Path(rest.pop(0)) if rest else None
                    path = self.picture(record.picture, named, "style", "--style")
                name = str(path)
            found.append(LookStyle(name, record.weight, self._mask(record.mask), self._mask(record.source_mask)))
        if rest:
            self.notes.append(f"{', '.join(rest)} was not needed: the recorded styles were found.")
        return found

    def _mask(self, record: PictureRecord | None) -> Path | None:
        """The mask of a style. It has no option of its own: it is found, or else the styles are named anew."""
        if record is None:
            return None
        path = self._recorded(record)
        if path is None:
            raise InputUnreadable(
                f"The mask of a style, {Path(record.file).name or 'which was no file'}, is neither beside the painting "
                "nor here.",
                remedy="Put it beside the painting, or paint the photo anew with `stylize image`.",
            )
        return path

    def _recorded(self, record: PictureRecord) -> Path | None:
        """The file of that name and content. The name is taken as a name: no record leads out of the places."""
        name = Path(record.file).name
        for place in self._places:
            path = place / name
            if name and path.is_file() and _sha256(path) == record.sha256:
                return path.absolute()
        return None


def _sha256(path: Path) -> str | None:
    """None if it cannot be read; whoever opens it tells why."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None
