"""How a painting was made: what is written into its file, and read from it again to paint the same picture once more.

PNG: text chunks `stylized:preset`, `stylized:parameters` and so on, one for each field of `Provenance`; what is no text
is JSON. JPEG, WebP and TIFF: the EXIF tag UserComment holds one JSON object with the same keys. The GIMP plug-in keeps
such an object, without `content` and `styles`, on its layers; exported as a file it is read here too.

Of the photo, of styles and of all else that is a file only the file's name and its sha-256 are recorded, never the
folder: paintings are shown to others, and a home folder's name is nobody's business. The sha-256 makes sure that a file
found again by its name is the same one.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo

from neuralstyle.v1.reasons import Reason
from stylize.errors import InputUnreadable, StylizeError, error_from_reason
from stylize.events import Started, Summary
from stylize.own_presets import OwnPreset
from stylize.pictures import PictureRecord, headers_only
from stylize.tunables import TunableValue

TEXT_PREFIX = "stylized:"
RESUME_FIELD = "resume_from"
"""The field of a request that names the job to go on from."""
_COMMENT_PREFIX = b"ASCII\0\0\0"
_STYLE_NAME = re.compile(r"[a-z0-9_-]+")
_MOST_JSON_BYTES = 1_000_000
"""More than any record has; a larger file is something else."""


@dataclass(frozen=True)
class StyleRecord:
    """A style that went into a painting: a built-in one, or a picture."""

    name: str
    """Name of a built-in style, or "" for a picture."""
    picture: PictureRecord | None
    """None for a built-in style."""
    weight: float = 1.0
    """Share in the mix."""
    mask: PictureRecord | None = None
    """Where it goes, if it has a mask."""
    source_mask: PictureRecord | None = None
    """Which part of it counts, if it has a mask for that."""


@dataclass(frozen=True)
class Resumed:
    """Where a painting went on from."""

    job_id: str
    """The job whose painting it was."""
    painting: PictureRecord | None = None
    """The file of that painting, if it was named by its file."""

    def __str__(self) -> str:
        return self.painting.file if self.painting else f"the painting of job {self.job_id}"

    def explained(self, error: StylizeError) -> StylizeError:
        """An error of the daemon about the job names the painting and what can be done with it."""
        if error.reason is not Reason.JOB_NOT_FOUND or error.field != RESUME_FIELD:
            return error
        return error_from_reason(
            error.reason,
            f"The daemon does not keep where {self} stood, or no longer: it keeps the last few paintings, as memory "
            "allows, until it restarts.",
            field=error.field,
            remedy="Start from its picture instead, without what the optimiser knew: "
            f"`--init {self.painting.file if self.painting else 'FILE'}`, or init_image in Python.",
        )


@dataclass(frozen=True)
class FeatureRecord:
    """What a sheet of features shows."""

    layer: str
    filter: int
    count: int | None
    """None for the daemon's default."""
    pictures: tuple[PictureRecord, ...]
    """Those that were looked through."""


@dataclass(frozen=True)
class Sources:
    """What a job was made from."""

    content: PictureRecord | None
    """None if it was made without a photo."""
    styles: tuple[StyleRecord, ...]
    mask: PictureRecord | None = None
    preset: OwnPreset | None = None
    """A preset of the user's own."""
    init_image: PictureRecord | None = None
    """What it started from, if that was a picture of its own."""
    resumed_from: Resumed | None = None
    """What it went on from, if it did."""
    features: FeatureRecord | None = None
    """What is shown instead of a painting."""


@dataclass(frozen=True)
class Provenance:
    """How a painting was made; the names are the keys in the file."""

    preset: str
    parameters: dict[str, TunableValue]
    """All tunables at the end. Of a job that was stopped early, the iterations are those it did at the full size."""
    seed: int
    precision: str
    weights: str
    weights_sha256: str
    version: str
    """Of the daemon."""
    parameter_hash: str
    """Empty if the job was steered or stopped early: painting again then gives a similar picture, not the same."""
    content: PictureRecord | None = None
    """The photo; None if it is not known, as in paintings of version 0.1 and of jobs that were merely watched."""
    styles: tuple[StyleRecord, ...] = ()
    """Empty if they are not known."""
    mask: PictureRecord | None = None
    """What kept parts of the photo, if anything did."""
    depth: int = 8
    """Bits a sample of the file, 8 or 16."""
    preset_file: str = ""
    """Name of the user's own preset file, if there was one. `preset` is then what it extends, and `parameters` has its
    values, so that painting again needs no file."""
    init_image: PictureRecord | None = None
    """The picture that it started from, if that was one of its own."""
    resumed_from: Resumed | None = None
    """What it went on from, if it did: it then did not start as `parameters` says, nor at coarser sizes."""
    job_id: str = ""
    """The job that painted it: a painting can go on from it while the daemon keeps where it stood."""
    iterations_asked: int = 0
    """Of a job that was stopped early, the iterations that were asked for; else 0."""
    features: FeatureRecord | None = None
    """What a filter responds to, if the picture shows that; None of a painting."""

    @classmethod
    def of(
        cls,
        started: Started,
        summary: Summary,
        sources: Sources | None = None,
        *,
        depth: int = 8,
    ) -> Provenance:
        """What the events of a job tell, and what its caller knows."""
        return cls(
            preset=started.preset,
            parameters={**summary.parameters, **_shortened(started, summary)},
            seed=summary.seed,
            precision=summary.precision,
            weights=summary.weights.name,
            weights_sha256=summary.weights.sha256,
            version=summary.server_version,
            parameter_hash=summary.parameter_hash,
            content=sources.content if sources else None,
            styles=sources.styles if sources else (),
            mask=sources.mask if sources else None,
            depth=depth,
            preset_file=str(sources.preset or "") if sources else "",
            init_image=sources.init_image if sources else None,
            resumed_from=sources.resumed_from if sources else None,
            job_id=summary.job_id,
            iterations_asked=int(str(summary.parameters["iterations"])) if summary.stopped_early else 0,
            features=sources.features if sources else None,
        )

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Provenance:
        """From the keys of a file; unknown ones are ignored. Raises ValueError if it is no such record."""
        given: dict[str, Any] = {field.name: values[field.name] for field in fields(cls) if field.name in values}
        missing = [field.name for field in fields(cls) if field.default is MISSING and field.name not in given]
        if missing:
            raise ValueError(f"{', '.join(missing)} missing")
        try:
            given["parameters"] = dict(given["parameters"])
            given["seed"] = int(given["seed"])
            styles = given.get("styles") or _style_in_gimp(values.get("style"))
            given["styles"] = tuple(_style_record(style) for style in styles)
            for name in ("content", "mask", "init_image"):
                given[name] = _picture_record(given.get(name))
            given["resumed_from"] = _resumed(given.get("resumed_from"))
            given["features"] = _feature_record(given.get("features"))
        except (KeyError, TypeError) as error:
            raise ValueError(f"damaged: {error!r}") from error
        return cls(**given)

    def to_comment(self) -> bytes:
        """The value of the EXIF tag UserComment."""
        return _COMMENT_PREFIX + json.dumps(vars(self), default=vars).encode("ascii")

    def to_png_text(self) -> PngInfo:
        """The text chunks of a PNG."""
        text = PngInfo()
        for key, value in vars(self).items():
            text.add_text(TEXT_PREFIX + key, value if isinstance(value, str) else json.dumps(value, default=vars))
        return text


def _shortened(started: Started, summary: Summary) -> dict[str, TunableValue]:
    """The iterations of a job that was stopped early: those at the full size, for which the tunable stands. One that
    was stopped at a coarser size did none; 1 is the least that can be asked for."""
    if not summary.stopped_early:
        return {}
    coarser = sum(level.iterations for level in started.plan[:-1])
    return {"iterations": max(1, summary.iterations - coarser)}


def read_provenance(path: str | Path) -> Provenance:
    """What a painting, or a JSON file with the record of one, tells of how it was made.

    Raises InputUnreadable if it cannot be read or tells nothing.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise InputUnreadable(f"{path} cannot be read: {error.strerror}.") from error
    return parse_provenance(data, str(path))


def parse_provenance(data: bytes, name: str) -> Provenance:
    """The same of a file's bytes; `name` is for the error."""
    try:
        values = _json_values(data) if data.lstrip()[:1] == b"{" else _picture_values(data)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputUnreadable(
            f"{name} is neither a picture nor the record of one.", remedy="Name a painting that stylize has made."
        ) from error
    if not values:
        raise InputUnreadable(
            f"{name} does not tell how it was made.",
            remedy="Only paintings that stylize saved, with their metadata, can be painted again.",
        )
    try:
        return Provenance.from_values(values)
    except ValueError as error:
        raise InputUnreadable(
            f"The record of how {name} was made is not complete: {error}.",
            remedy="It was changed by another program; paint the photo anew with `stylize image`.",
        ) from error


def is_painting(path: Path) -> bool:
    """True if the file tells that it was made by stylize. Only its headers are read."""
    try:
        with headers_only(), Image.open(path) as image:
            return bool(_values_of(image))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return False


def _json_values(data: bytes) -> dict[str, Any]:
    if len(data) > _MOST_JSON_BYTES:
        raise ValueError("too long for a record")
    return json.loads(data)


def _picture_values(data: bytes) -> dict[str, Any]:
    with headers_only(), Image.open(io.BytesIO(data)) as image:
        return _values_of(image)


def _values_of(image: Image.Image) -> dict[str, Any]:
    found = {
        key.removeprefix(TEXT_PREFIX): _from_text(key, text)
        for key, text in image.info.items()
        if isinstance(key, str) and key.startswith(TEXT_PREFIX)
    }
    if found:
        return found
    comment = image.getexif().get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.UserComment, b"")
    if not isinstance(comment, bytes) or not comment.startswith(_COMMENT_PREFIX + b"{"):
        return {}
    values = json.loads(comment.removeprefix(_COMMENT_PREFIX).rstrip(b"\0"))
    return values if "parameter_hash" in values else {}


def _from_text(key: str, text: str) -> Any:
    kinds = {TEXT_PREFIX + field.name: field.type for field in fields(Provenance)}
    return text if kinds.get(key) == "str" else json.loads(text)


def _picture_record(values: Any) -> PictureRecord | None:
    return PictureRecord(str(values["file"]), str(values["sha256"])) if values else None


def _resumed(values: Any) -> Resumed | None:
    return Resumed(str(values["job_id"]), _picture_record(values["painting"])) if values else None


def _feature_record(values: Any) -> FeatureRecord | None:
    if not values:
        return None
    pictures = [_picture_record(picture) for picture in values["pictures"]]
    known = tuple(picture for picture in pictures if picture)
    return FeatureRecord(str(values["layer"]), int(values["filter"]), values["count"], known)


def _style_in_gimp(style: Any) -> list[dict[str, Any]]:
    """The plug-in's own word for the style: of use here if it is a name, not a path or the title of a layer."""
    named = isinstance(style, str) and _STYLE_NAME.fullmatch(style)
    return [{"name": style, "picture": None, "weight": 1.0}] if named else []


def _style_record(values: Any) -> StyleRecord:
    masks = (_picture_record(values.get(name)) for name in ("mask", "source_mask"))
    return StyleRecord(str(values["name"]), _picture_record(values["picture"]), float(values["weight"]), *masks)
