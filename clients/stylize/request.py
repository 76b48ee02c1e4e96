"""What a client asks for: the words of `Client.stylize` and `Client.watch` as messages of the contract.

Nothing here talks to a daemon, so that the client that waits and the one of asyncio (`stylize.aio`) share it. An
`Order` is a request whose pictures have yet to be uploaded; `Order.message` puts their image ids in.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from google.protobuf.duration_pb2 import Duration

from neuralstyle.v1 import admin_pb2
from neuralstyle.v1 import stylize_pb2 as pb
from neuralstyle.v1.reasons import Reason
from stylize.course import Course
from stylize.errors import InputUnreadable, error_from_reason
from stylize.own_presets import OwnPreset
from stylize.pictures import Picture, PictureRecord, PictureSource, open_picture
from stylize.provenance import RESUME_FIELD, FeatureRecord, Resumed, Sources, StyleRecord, parse_provenance
from stylize.style_names import resolve_style
from stylize.tunables import build_tunables, parse_choice

CHUNK_BYTES = 256 * 1024
REMEMBERED_UPLOADS = 1000

StyleSource: TypeAlias = PictureSource
"""A style: a picture as for the content, or a `str` that is the name of a style. `Client.stylize` says how the two are
told apart."""


@dataclass(frozen=True)
class Style:
    """A style with all that can be said of it."""

    source: StyleSource
    """A picture, or the name of a style."""
    weight: float | None = None
    """Share in the mix, > 0; None is 1. Only ratios matter."""
    mask: PictureSource | None = None
    """Where in the painting it goes: white is all of it, black none. A picture of the photo's shape. None: what the
    masks of other styles leave, which is everywhere if there are none."""
    source_mask: PictureSource | None = None
    """Which part of the style picture counts: white does. A picture of its shape. None: all of it."""


WeighableStyle: TypeAlias = StyleSource | tuple[StyleSource, float] | Style
"""A style alone, with its weight in the mix, or with masks."""

ResumeSource: TypeAlias = str | Path | Course | Resumed
"""A painting to go on from: the id of its job, its file (a `Path`), its job, or what a file tells of one."""

MASKS_FEATURE = "masks"
"""What a daemon that knows masks calls it in `GetServerInfo`."""
RESUME_FEATURE = "resume"
"""What a daemon that goes on from paintings calls it."""
FEATURES_FEATURE = "feature-visualization"
"""What a daemon that shows what filters respond to calls it."""

_RESULT_FORMATS = {8: pb.RESULT_FORMAT_PNG, 16: pb.RESULT_FORMAT_RAW_UINT16}


@dataclass(frozen=True)
class WeightedStyle:
    """A style of a job, found and opened."""

    name: str
    """Name of a built-in style, or "" for a picture."""
    picture: Picture | None
    weight: float | None
    mask: Picture | None = None
    source_mask: Picture | None = None

    def record(self) -> StyleRecord:
        """How a painting tells of it."""
        weight = 1.0 if self.weight is None else self.weight
        return StyleRecord(self.name, _record(self.picture), weight, _record(self.mask), _record(self.source_mask))


class Uploads:
    """Pictures that a client has sent, and need not send again."""

    def __init__(self) -> None:
        self._ids: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._ids)

    def find(self, picture: Picture) -> str | None:
        """Its image id, if it was sent."""
        return self._ids.get(picture.key)

    def note(self, picture: Picture, image_id: str) -> str:
        """It has been sent; gives its image id."""
        if len(self._ids) >= REMEMBERED_UPLOADS:  # sending one again is cheap, and a client may live for years
            self._ids.clear()
        self._ids[picture.key] = image_id
        return image_id


@dataclass(frozen=True)
class Order:
    """A job to ask for, once its pictures are with the daemon."""

    request: pb.StylizeRequest
    """All but the pictures."""
    photo: Picture | None
    styles: tuple[WeightedStyle, ...]
    mask: Picture | None = None
    preset: str | OwnPreset = ""
    """As in the request, or the preset of the user's own that it was made from."""
    init_image: Picture | None = None
    resumed_from: Resumed | None = None

    def pictures(self, most_inline_bytes: int) -> list[Picture]:
        """What must be uploaded. most_inline_bytes: of a picture in the request."""
        photo = None if self.photo and self.photo.goes_along(most_inline_bytes) else self.photo
        pictures = [photo, self.init_image, *(style.picture for style in self.styles), *self._masks()]
        return [picture for picture in pictures if picture]

    def check_supported(self, features: Collection[str]) -> None:
        """Raises Unsupported if the daemon, whose features these are, cannot do what is asked for: one that does not
        know a field of the contract would paint as if it were not there."""
        if self._masks() and MASKS_FEATURE not in features:
            raise error_from_reason(
                Reason.FEATURE_UNAVAILABLE,
                "This daemon knows nothing of masks, so the whole photo would be painted alike.",
                remedy="Use a daemon of this client's version, or leave the masks out.",
            )
        if self.resumed_from and RESUME_FEATURE not in features:
            raise error_from_reason(
                Reason.FEATURE_UNAVAILABLE,
                "This daemon does not go on from paintings, so it would begin anew.",
                remedy="Use a daemon of this client's version, or start from the painting's picture.",
            )

    def message(self, image_ids: Mapping[str, str]) -> pb.StylizeRequest:
        """The request; `image_ids` has the id of each picture by its `Picture.key`, but of a photo that goes along."""
        message = pb.StylizeRequest()
        message.CopyFrom(self.request)
        if self.photo and self.photo.key in image_ids:
            message.content.image_id = image_ids[self.photo.key]
        elif self.photo:
            message.content.encoded = self.photo.data
        for style in self.styles:
            added = message.styles.add(weight=style.weight)
            if style.picture is None:
                added.name = style.name
            else:
                added.image.image_id = image_ids[style.picture.key]
            if style.mask:
                added.mask.image_id = image_ids[style.mask.key]
            if style.source_mask:
                added.source_mask.image_id = image_ids[style.source_mask.key]
        if self.mask:
            message.mask.image_id = image_ids[self.mask.key]
        if self.init_image:
            message.init_image.image_id = image_ids[self.init_image.key]
        if self.resumed_from:
            message.resume_from = self.resumed_from.job_id
        return message

    def sources(self) -> Sources:
        """What a saved painting tells of its pictures."""
        own = self.preset if isinstance(self.preset, OwnPreset) else None
        return Sources(
            _record(self.photo),
            tuple(style.record() for style in self.styles),
            _record(self.mask),
            own,
            _record(self.init_image),
            self.resumed_from,
        )

    def _masks(self) -> list[Picture]:
        masks = [self.mask, *(mask for style in self.styles for mask in (style.mask, style.source_mask))]
        return [mask for mask in masks if mask]


@dataclass(frozen=True)
class FeatureOrder:
    """A feature visualisation to ask for, once its pictures are with the daemon."""

    request: pb.StylizeRequest
    """All but the pictures and what is to be shown."""
    looked_through: tuple[Picture, ...]
    layer: str
    filter: int
    count: int | None

    def pictures(self, most_inline_bytes: int) -> list[Picture]:
        """What must be uploaded: all, since a request has no room for many."""
        return list(self.looked_through)

    def sources(self) -> Sources:
        """What a saved sheet tells of itself."""
        pictures = tuple(picture.record() for picture in self.looked_through)
        return Sources(None, (), features=FeatureRecord(self.layer, self.filter, self.count, pictures))

    def check_supported(self, features: Collection[str], most_pictures: int) -> None:
        """Raises Unsupported if the daemon, whose features these are, knows nothing of it, InvalidRequest for more
        pictures than it looks through: before they are sent."""
        if FEATURES_FEATURE not in features:
            raise error_from_reason(
                Reason.FEATURE_UNAVAILABLE,
                "This daemon does not show what filters respond to.",
                remedy="Use a daemon of this client's version.",
            )
        if len(self.looked_through) > most_pictures:
            raise error_from_reason(
                Reason.INVALID_REQUEST,
                f"These are {len(self.looked_through)} pictures; the daemon looks through at most {most_pictures}.",
                remedy="Name fewer of them.",
            )

    def message(self, image_ids: Mapping[str, str]) -> pb.StylizeRequest:
        """The request; `image_ids` has the id of each picture by its `Picture.key`."""
        message = pb.StylizeRequest()
        message.CopyFrom(self.request)
        message.features.layer = self.layer
        message.features.filter = self.filter
        if self.count is not None:
            message.features.count = self.count
        for picture in self.looked_through:
            message.features.pictures.add(image_id=image_ids[picture.key])
        return message


def job_request(
    preset: str | OwnPreset,
    tunables: Mapping[str, object],
    *,
    seed: int | None = None,
    precision: str | None = None,
    priority: str | None = None,
    preview: int | None = None,
    preview_interval: float | None = None,
    preview_every: int | None = None,
    preview_format: str | None = None,
    max_runtime: float | None = None,
    detach: bool = False,
    depth: int = 8,
) -> pb.StylizeRequest:
    """The request without its pictures, from the arguments of `Client.stylize`. Raises InvalidRequest.

    preset: what `choose_preset` gives, without the values of `tunables`.
    """
    own = preset if isinstance(preset, OwnPreset) else None
    request = pb.StylizeRequest(
        preset=own.extends if own else str(preset),
        tunables=build_tunables({**tunables, **(own.values if own else {})}),
        detach=detach,
        result_format=_result_format(depth),
        preview=_preview_policy(preview, preview_interval, preview_every, preview_format),
        max_runtime=None if max_runtime is None else _duration(max_runtime),
    )
    if precision is not None:
        request.precision = parse_choice(pb.Precision.DESCRIPTOR, precision, "precision")
    if priority is not None:
        request.priority = parse_choice(pb.Priority.DESCRIPTOR, priority, "priority")
    if seed is not None:
        if not 0 <= seed < 2**64:
            raise error_from_reason(Reason.INVALID_PARAMETER, "A seed is a whole number from 0 to 2**64 - 1.")
        request.seed = seed
    return request


def watch_request(
    job_id: str,
    *,
    preview: int | None,
    preview_interval: float | None,
    preview_every: int | None,
    preview_format: str | None,
) -> pb.WatchJobRequest:
    """The request from the arguments of `Client.watch`. Raises InvalidRequest."""
    policy = _preview_policy(preview, preview_interval, preview_every, preview_format)
    return pb.WatchJobRequest(job_id=job_id, preview=policy)


def update_request(job_id: str, tunables: Mapping[str, object]) -> pb.UpdateJobRequest:
    """The request from the arguments of `Client.update`. Raises InvalidRequest."""
    return pb.UpdateJobRequest(job_id=job_id, tunables=build_tunables(tunables))


def shutdown_request(grace: float | None) -> admin_pb2.ShutdownRequest:
    """The request from the argument of `Client.shutdown`."""
    return admin_pb2.ShutdownRequest(grace=None if grace is None else _duration(grace))


def list_styles(styles: WeighableStyle | Sequence[WeighableStyle]) -> list[WeighableStyle]:
    """One style or several as a list."""
    weighted = isinstance(styles, tuple) and len(styles) == 2 and isinstance(styles[1], int | float)
    if weighted or isinstance(styles, str | bytes) or not isinstance(styles, Sequence):
        return [styles]  # pyright: ignore[reportReturnType]  (it cannot follow `weighted`)
    return list(styles)  # pyright: ignore[reportReturnType]


def may_be_named(styles: Sequence[WeighableStyle]) -> bool:
    """True if `open_styles` needs the names of the built-in styles."""
    return any(isinstance(_whole(style).source, str) for style in styles)


def open_styles(
    styles: Sequence[WeighableStyle], built_in: Sequence[str], max_bytes: int | None
) -> tuple[WeightedStyle, ...]:
    """The styles, found and opened.

    built_in: names of the daemon's styles. max_bytes: see `open_picture`.
    Raises NotFound for a word that means nothing, and what `open_picture` raises.
    """
    opened = []
    for style in map(_whole, styles):
        source = resolve_style(style.source, built_in) if isinstance(style.source, str) else style.source
        name, picture = (source, None) if isinstance(source, str) else ("", open_picture(source, max_bytes))
        masks = (open_optional(mask, max_bytes) for mask in (style.mask, style.source_mask))
        opened.append(WeightedStyle(name, picture, style.weight, *masks))
    return tuple(opened)


def open_optional(source: PictureSource | None, max_bytes: int | None) -> Picture | None:
    """A picture, if there is one. Raises what `open_picture` raises."""
    return None if source is None else open_picture(source, max_bytes)


def with_start(tunables: Mapping[str, object], init_image: PictureSource | None) -> Mapping[str, object]:
    """The tunables of a job with a picture to start from: its `init` is image, unless something else is said."""
    if init_image is None or tunables.get("init") is not None:
        return tunables
    return {**tunables, "init": "image"}


def open_resumed(source: ResumeSource | None) -> Resumed | None:
    """What to go on from, if there is something.

    Raises InputUnreadable for a file that does not tell which job painted it, InvalidRequest for a job without an id.
    """
    if source is None or isinstance(source, Resumed):
        return source
    if isinstance(source, Path):
        picture = open_picture(source)
        job_id = parse_provenance(picture.data, str(source)).job_id
        if not job_id:
            raise InputUnreadable(
                f"{source} does not tell which job painted it, so nothing can go on from there.",
                remedy="Start from its picture instead.",
            )
        return Resumed(job_id, picture.record())
    job_id = source.job_id if isinstance(source, Course) else source
    if not job_id:
        raise error_from_reason(
            Reason.INVALID_REQUEST,
            "The job to go on from has no id yet: wait for its result.",
            field=RESUME_FIELD,
        )
    return Resumed(job_id)


def upload_messages(picture: Picture) -> Iterator[pb.UploadImageRequest]:
    """What UploadImage is sent."""
    yield pb.UploadImageRequest(header=pb.UploadHeader(size_bytes=len(picture.data), raw=picture.raw))
    for start in range(0, len(picture.data), CHUNK_BYTES):
        yield pb.UploadImageRequest(chunk=picture.data[start : start + CHUNK_BYTES])


def _whole(style: WeighableStyle) -> Style:
    if isinstance(style, Style):
        return style
    return Style(*style) if isinstance(style, tuple) else Style(style)


def _record(picture: Picture | None) -> PictureRecord | None:
    return picture.record() if picture else None


def _result_format(depth: int) -> pb.ResultFormat:
    if depth not in _RESULT_FORMATS:
        raise error_from_reason(Reason.INVALID_PARAMETER, f"A painting has 8 or 16 bits a sample, not {depth}.")
    return _RESULT_FORMATS[depth]


def _preview_policy(
    max_side: int | None, interval: float | None, every: int | None, kind: str | None
) -> pb.PreviewPolicy | None:
    if max_side is None and interval is None and every is None and kind is None:
        return None
    if every is not None and not 1 <= every < 2**32:
        raise error_from_reason(Reason.INVALID_PARAMETER, f"A frame comes every so many steps, 1 or more, not {every}.")
    return pb.PreviewPolicy(
        max_side=max_side or 0,
        min_interval=None if interval is None else _duration(interval),
        every_iterations=every or 0,
        format=None if kind is None else parse_choice(pb.FrameFormat.DESCRIPTOR, kind, "preview_format"),
    )


def _duration(seconds: float) -> Duration:
    duration = Duration()
    duration.FromNanoseconds(int(seconds * 1e9))
    return duration
