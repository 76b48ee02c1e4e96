"""From a request to a job: every field checked and resolved, before the job waits in a queue."""

from __future__ import annotations

import math
import secrets
from collections.abc import Awaitable, Callable, Mapping

from neuralstyle.v1 import stylize_pb2 as pb
from neuralstyle.v1.reasons import Reason
from stylized.engine.choices import Backbone, Init
from stylized.engine.needs import MissingPictureError, check_pictures
from stylized.engine.presets import DEFAULT_PRESET, Preset
from stylized.engine.schedule import PictureTooSmallError, plan
from stylized.service import convert
from stylized.service.errors import ServiceError
from stylized.service.feature_jobs import admit_features, feature_parameters
from stylized.service.jobs import JobSpec, StyleSpec
from stylized.service.limits import (
    DEFAULT_FRAME_INTERVAL_S,
    DEFAULT_FRAME_SIDE,
    MASK_SHAPE_TOLERANCE,
    MAX_FRAME_SIDE,
    MAX_INLINE_IMAGE_BYTES,
    MAX_RAW_FRAME_SIDE,
    MIN_FRAME_SIDE,
    Limits,
)
from stylized.service.messages import NO_STATE
from stylized.service.outbox import Preview
from stylized.service.uploads import ImageStore, StoredImage
from stylized.styles import BuiltinStyle

SEED_BITS = 32
"""Of a seed that the daemon picks: short enough to be typed again."""


class Admission:
    """Checks requests against presets, styles and limits."""

    def __init__(
        self,
        presets: Mapping[str, Preset],
        styles: Mapping[str, BuiltinStyle],
        store: ImageStore,
        limits: Limits,
        check_backbone: Callable[[Backbone], Awaitable[None]],
        can_resume: Callable[[str], bool],
    ) -> None:
        """check_backbone: raises ServiceError for a network that cannot be had. can_resume: tells whether a painting
        can go on from that of a job.
        """
        self._check_backbone = check_backbone
        self._can_resume = can_resume
        self._presets = presets
        self._styles = styles
        self._store = store
        self._limits = limits
        self._builtin_ids: dict[str, str] = {}
        """Image ids of the built-in styles that were asked for."""

    async def admit(self, request: pb.StylizeRequest, client: str) -> JobSpec:
        """The job that `request` asks for. Raises ServiceError that names the field at fault."""
        preset = self._preset(request.preset)
        shows_features = request.HasField("features")
        parameters = (
            feature_parameters(preset.parameters, request)
            if shows_features
            else convert.parameters_from(preset.parameters, request.tunables)
        )
        await self._check_backbone(parameters.backbone)
        features = await admit_features(request, parameters, self._limits, self._image) if shows_features else None
        precision = convert.precision_from(request.precision)
        preview = preview_from(request.preview) if request.HasField("preview") else None
        batch = request.priority == pb.PRIORITY_BATCH
        _check_known(pb.Priority, request.priority, "priority")
        _check_known(pb.ResultFormat, request.result_format, "result_format")
        max_runtime_s = _seconds(request.max_runtime, "max_runtime") if request.HasField("max_runtime") else None
        if len(request.styles) > self._limits.max_styles:
            text = f"The request has {len(request.styles)} styles; at most {self._limits.max_styles} are accepted."
            raise ServiceError(Reason.INVALID_REQUEST, text, field="styles")
        content = await self._image(request.content, "content") if request.HasField("content") else None
        init_image = await self._image(request.init_image, "init_image") if request.HasField("init_image") else None
        styles = [await self._style(style, content, f"styles[{index}]") for index, style in enumerate(request.styles)]
        mask = await self._mask(request, content, "mask", "the photo")
        if mask and content is None:
            text = "There is a mask but no photo that could stay outside it: send one, or leave the mask out."
            raise ServiceError(Reason.INVALID_REQUEST, text, field="mask")
        spec = JobSpec(
            content=content,
            styles=tuple(styles),
            preset=preset.name,
            parameters=parameters,
            precision=precision,
            seed=request.seed if request.HasField("seed") else secrets.randbits(SEED_BITS),
            preview=preview,
            result_format=request.result_format,
            batch=batch,
            max_runtime_s=max_runtime_s,
            client=client,
            detach=request.detach,
            mask=mask,
            init_image=init_image,
            resume_from=request.resume_from,
            features=features,
        )
        _check_start(spec)
        if spec.resume_from and not self._can_resume(spec.resume_from):
            raise ServiceError(Reason.JOB_NOT_FOUND, NO_STATE, field="resume_from")
        if features is None:
            _check_pictures(spec)
        return spec

    def _preset(self, name: str) -> Preset:
        preset = self._presets.get(name or DEFAULT_PRESET)
        if preset is None:
            raise ServiceError(
                Reason.UNKNOWN_PRESET,
                f"There is no preset {name[:80]!r}; use one of {', '.join(self._presets)}.",
                field="preset",
            )
        return preset

    async def _style(self, style: pb.Style, content: StoredImage | None, field: str) -> StyleSpec:
        weight = style.weight if style.HasField("weight") else 1.0
        if not (math.isfinite(weight) and weight > 0):
            text = f"The weight of a style is a positive number, not {weight:g}."
            raise ServiceError(Reason.INVALID_PARAMETER, text, field=f"{field}.weight")
        source = style.WhichOneof("source")
        if source == "name":
            image = await self._builtin(style.name, f"{field}.name")
        elif source == "image":
            image = await self._image(style.image, f"{field}.image")
        else:
            text = "A style has neither a picture nor a name; set one of them."
            raise ServiceError(Reason.INVALID_REQUEST, text, field=field)
        mask = await self._mask(style, content, f"{field}.mask", "the photo")
        source_mask = await self._mask(style, image, f"{field}.source_mask", "the style picture")
        return StyleSpec(image, weight, mask, source_mask)

    async def _mask(
        self, message: pb.StylizeRequest | pb.Style, picture: StoredImage | None, field: str, what: str
    ) -> StoredImage | None:
        """The mask that `message` has in the last part of `field`, if any. Of another shape than its picture it would
        have to be cropped or stretched, and where the user drew is then anybody's guess. picture: None if there is
        none whose shape it could have."""
        name = field.rpartition(".")[2]
        if not message.HasField(name):  # pyright: ignore[reportArgumentType]
            return None
        mask = await self._image(getattr(message, name), field)
        if picture is None:
            return mask
        expected = mask.height * picture.width / picture.height
        if abs(mask.width - expected) > max(1.0, MASK_SHAPE_TOLERANCE * expected):
            raise ServiceError(
                Reason.INVALID_REQUEST,
                f"The mask has {mask.width} x {mask.height} pixels, which is not the shape of {what} with"
                f" {picture.width} x {picture.height}; make it in that size, or scaled down as a whole.",
                field=field,
            )
        return mask

    async def _builtin(self, name: str, field: str) -> StoredImage:
        style = self._styles.get(name)
        if style is None:
            raise ServiceError(
                Reason.UNKNOWN_STYLE,
                f"There is no built-in style {name[:80]!r}; use one of {', '.join(self._styles)}, or send a picture.",
                field=field,
            )
        stored = self._store.find(self._builtin_ids.get(name, ""))
        if stored is None:
            stored = await self._store.put(style.read(), None)
            self._builtin_ids[name] = stored.image_id
        return stored

    async def _image(self, image: pb.Image, field: str) -> StoredImage:
        source = image.WhichOneof("source")
        if source is None:
            text = f"The request has no picture in `{field}`; set encoded, raw or image_id."
            raise ServiceError(Reason.INVALID_REQUEST, text, field=field)
        try:
            if source == "image_id":
                return self._store.get(image.image_id)
            data, layout = (image.encoded, None) if source == "encoded" else (image.raw.data, image.raw.format)
            if len(data) > MAX_INLINE_IMAGE_BYTES:
                raise ServiceError(
                    Reason.IMAGE_TOO_LARGE,
                    f"A picture inside a request has at most {MAX_INLINE_IMAGE_BYTES} bytes, this one has {len(data)};"
                    " send it with UploadImage.",
                )
            return await self._store.put(data, layout)
        except ServiceError as error:  # the store does not know which field of the request a picture came in
            raise ServiceError(error.reason, error.message, field=error.field or field) from error


def _check_start(spec: JobSpec) -> None:
    """Raises ServiceError for a picture to start from that would not be looked at."""
    if spec.init_image is None:
        return
    if spec.resume_from:
        text = "A painting that goes on from another starts where that one stood: leave init_image or resume_from out."
        raise ServiceError(Reason.INVALID_REQUEST, text, field="init_image")
    if spec.parameters.init is not Init.IMAGE:
        text = (
            f"There is a picture to start from, but init is {spec.parameters.init.value}: leave init_image out, or set"
            " init to image."
        )
        raise ServiceError(Reason.INVALID_REQUEST, text, field="init_image")


def _check_pictures(spec: JobSpec) -> None:
    """Raises ServiceError for a picture that is missing or too small."""
    resumed = bool(spec.resume_from)
    try:
        check_pictures(spec.sizes, spec.parameters, resumed=resumed)
    except MissingPictureError as error:
        raise ServiceError(Reason.INVALID_REQUEST, error.message, field=error.picture) from error
    shape = "content" if spec.content else "styles[0]" if spec.styles else "init_image"
    try:
        plan(spec.sizes, spec.parameters, resumed=resumed)
    except PictureTooSmallError as error:
        raise ServiceError(Reason.IMAGE_TOO_SMALL, error.message, field=shape) from error


def preview_from(policy: pb.PreviewPolicy) -> Preview:
    """What frames a viewer wants. Raises ServiceError that names the field at fault, below `preview`."""
    _check_known(pb.FrameFormat, policy.format, "preview.format")
    frame_format = policy.format or pb.FRAME_FORMAT_JPEG
    side = policy.max_side or DEFAULT_FRAME_SIDE
    largest = MAX_RAW_FRAME_SIDE if frame_format == pb.FRAME_FORMAT_RAW_RGB8 else MAX_FRAME_SIDE
    if not MIN_FRAME_SIDE <= side <= largest:
        text = f"The longest side of a preview is {MIN_FRAME_SIDE} to {largest} pixels in this format, not {side}."
        raise ServiceError(Reason.INVALID_PARAMETER, text, field="preview.max_side")
    interval = DEFAULT_FRAME_INTERVAL_S
    if policy.HasField("min_interval"):
        interval = _seconds(policy.min_interval, "preview.min_interval")
    return Preview(side, interval, frame_format, policy.every_iterations)


def _seconds(duration, field: str) -> float:
    seconds = duration.seconds + duration.nanos / 1e9
    if seconds < 0:
        raise ServiceError(Reason.INVALID_PARAMETER, f"{field} is a time of 0 s or more.", field=field)
    return seconds


def _check_known(enum, value: int, field: str) -> None:
    if value not in enum.values():
        text = f"This daemon does not know {field} number {value}; leave it unset or use a value of its contract."
        raise ServiceError(Reason.INVALID_REQUEST, text, field=field)
