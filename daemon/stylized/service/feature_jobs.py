"""Feature visualisations in the front end: what is asked for, checked, and the pixels for the worker."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from neuralstyle.v1 import stylize_pb2 as pb
from neuralstyle.v1.reasons import Reason
from stylized.engine.feature_sheet import DEFAULT_COUNT, FeatureQuery, Sheet
from stylized.engine.layers import min_side
from stylized.engine.parameters import ParameterError, Parameters, UnknownLayerError
from stylized.engine.schedule import PictureTooSmallError, fit_size
from stylized.service import convert
from stylized.service.errors import ServiceError
from stylized.service.jobs import FeatureSpec, Job
from stylized.service.limits import Limits, progress_interval_s
from stylized.service.messages import ShowFeatures
from stylized.service.pixelblocks import PixelBlock
from stylized.service.uploads import ImageStore, StoredImage

_OF_PAINTINGS = ("content", "styles", "mask", "init_image", "resume_from")
"""Fields of a request that have no meaning for a feature visualisation."""

TUNABLES = ("size", "backbone")
"""Those that have one."""


def feature_parameters(base: Parameters, request: pb.StylizeRequest) -> Parameters:
    """Those of the preset with size and backbone as `request` has them. The layers that a painting would be compared in
    do not matter, so they may be another network's.

    Raises ServiceError that names the field at fault.
    """
    _check_fields(request)
    asked = convert.with_tunables(base, request.tunables)
    return replace(convert.checked_parameters(replace(base, size=asked.size)), backbone=asked.backbone)


async def admit_features(
    request: pb.StylizeRequest,
    parameters: Parameters,
    limits: Limits,
    find: Callable[[pb.Image, str], Awaitable[StoredImage]],
) -> FeatureSpec:
    """The feature visualisation that `request` asks for.

    parameters: what `feature_parameters` gives. find: gives the stored picture that a field of the request has.
    Raises ServiceError that names the field at fault.
    """
    asked = request.features
    query = FeatureQuery(asked.layer, asked.filter, asked.count if asked.HasField("count") else DEFAULT_COUNT)
    try:
        query.validated(parameters.backbone)
    except ParameterError as error:
        reason = Reason.UNKNOWN_LAYER if isinstance(error, UnknownLayerError) else Reason.INVALID_PARAMETER
        raise ServiceError(reason, error.message, field=f"features.{error.field}") from error
    if not 1 <= len(asked.pictures) <= limits.max_feature_pictures:
        raise ServiceError(
            Reason.INVALID_REQUEST,
            f"The request has {len(asked.pictures)} pictures to look through; 1 to {limits.max_feature_pictures} are"
            " accepted.",
            field="features.pictures",
        )
    pictures, sizes = [], []
    for index, image in enumerate(asked.pictures):
        field = f"features.pictures[{index}]"
        picture = await find(image, field)
        try:
            size = fit_size(picture.width, picture.height, parameters.size, min_side(parameters.backbone))
        except PictureTooSmallError as error:
            raise ServiceError(Reason.IMAGE_TOO_SMALL, error.message, field=field) from error
        pictures.append(picture)
        sizes.append(size)
    pixels = sum(width * height for width, height in sizes)
    if pixels > limits.max_feature_pixels:
        raise ServiceError(
            Reason.IMAGE_TOO_LARGE,
            f"The pictures to look through have {pixels / 1e6:.0f} megapixels together at size {parameters.size}; at"
            f" most {limits.max_feature_pixels / 1e6:.0f} are accepted. Choose a smaller size, or fewer pictures.",
            field="tunables.size",
        )
    return FeatureSpec(query, tuple(pictures), tuple(sizes))


async def order_features(
    job: Job, features: FeatureSpec, store: ImageStore, keep: Callable[[PixelBlock], PixelBlock]
) -> tuple[ShowFeatures, PixelBlock]:
    """What the worker is told, and the block for the sheet. keep: is given every block that is made."""
    parameters = job.spec.parameters
    blocks = []
    for picture, size in zip(features.pictures, features.sizes, strict=True):
        blocks.append(keep(PixelBlock.holding(await store.decode_scaled(picture, *size))).name)
    sheet = Sheet.of(features.query, parameters.backbone)
    result = keep(PixelBlock.make((sheet.height, sheet.width, 3), "<f4"))
    order = ShowFeatures(
        job_id=job.job_id,
        pictures=tuple(blocks),
        query=features.query,
        backbone=parameters.backbone,
        size=parameters.size,
        result=result.name,
        progress_interval_s=progress_interval_s(batch=job.spec.batch),
    )
    return order, result


def _check_fields(request: pb.StylizeRequest) -> None:
    """Raises ServiceError for what would be ignored in silence."""
    for descriptor, _ in request.ListFields():
        if descriptor.name in _OF_PAINTINGS:
            text = f"Nothing is painted to show what a filter responds to: leave {descriptor.name} out."
            raise ServiceError(Reason.INVALID_REQUEST, text, field=descriptor.name)
    for descriptor, _ in request.tunables.ListFields():
        if descriptor.name not in TUNABLES:
            raise ServiceError(
                Reason.INVALID_PARAMETER,
                f"{descriptor.name} has no meaning for what a filter responds to; only {' and '.join(TUNABLES)} have.",
                field=f"tunables.{descriptor.name}",
            )
    if request.precision == pb.PRECISION_BF16:
        text = "What a filter responds to is computed in 32-bit floats only; leave precision unset."
        raise ServiceError(Reason.INVALID_PARAMETER, text, field="precision")
