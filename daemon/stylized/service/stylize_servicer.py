"""StylizeService: the RPCs that paint."""

from __future__ import annotations

import asyncio
import functools
import io
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, TypeVar

import grpc
from PIL import Image

from neuralstyle.v1 import stylize_pb2 as pb
from neuralstyle.v1 import stylize_pb2_grpc as rpc
from neuralstyle.v1.reasons import Reason
from stylized import __version__
from stylized.engine.parameters import RANGES
from stylized.engine.presets import DEFAULT_PRESET, Preset
from stylized.service import convert, images
from stylized.service.admission import Admission, preview_from
from stylized.service.delivery import responses
from stylized.service.desk import JobDesk
from stylized.service.errors import ServiceError, abort
from stylized.service.limits import MAX_INLINE_IMAGE_BYTES, MAX_MESSAGE_BYTES, Limits
from stylized.service.queue import JobQueue
from stylized.service.supervisor import Supervisor
from stylized.service.uploads import ImageStore
from stylized.styles import BuiltinStyle

API_VERSIONS = ("neuralstyle.v1",)
FEATURES = (
    "stylize",
    "upload-image",
    "cancel-job",
    "stop-and-keep",
    "update-job",
    "watch-job",
    "masks",
    "resume",
    "feature-visualization",
)
THUMBNAIL_SIDE = 192
CLIENT_METADATA = "x-client"
MAX_CLIENT_NAME = 64

log = logging.getLogger(__name__)

_Answer = TypeVar("_Answer")


def _unary(method: Callable[..., Awaitable[_Answer]]) -> Callable[..., Awaitable[_Answer]]:
    """Turns a ServiceError into the call's status."""

    @functools.wraps(method)
    async def wrapped(self: Any, request: Any, context: grpc.aio.ServicerContext) -> _Answer:
        try:
            return await method(self, request, context)
        except ServiceError as error:
            await abort(context, error)

    return wrapped


class StylizeServicer(rpc.StylizeServiceServicer):
    """Checks requests, hands jobs in and streams what becomes of them."""

    def __init__(
        self,
        presets: Mapping[str, Preset],
        styles: Mapping[str, BuiltinStyle],
        store: ImageStore,
        queue: JobQueue,
        desk: JobDesk,
        supervisor: Supervisor,
        limits: Limits,
    ) -> None:
        self._presets = presets
        self._styles = styles
        self._store = store
        self._queue = queue
        self._desk = desk
        self._supervisor = supervisor
        self._limits = limits
        self._admission = Admission(presets, styles, store, limits, supervisor.check_backbone, supervisor.can_resume)
        self._started = time.time()
        self._thumbnails: list[pb.StyleInfo] = []

    async def Stylize(  # noqa: N802 (gRPC's names)
        self, request: pb.StylizeRequest, context: grpc.aio.ServicerContext
    ) -> AsyncIterator[pb.StylizeResponse]:
        """Runs one job. However the stream ends, leaving the `with` block frees the worker: grpc.aio raises
        CancelledError where the handler awaits, but GeneratorExit where it is suspended at a `yield`
        (grpc/grpc#36193)."""
        try:
            self._desk.check_open()
            spec = await self._admission.admit(request, _client_name(context))
            with self._desk.viewing(self._desk.hand_in(spec), spec.preview, owner=True) as outbox:
                async for event in responses(outbox):
                    yield event
        except ServiceError as error:
            await abort(context, error)

    @_unary
    async def UploadImage(  # noqa: N802
        self, requests: AsyncIterator[pb.UploadImageRequest], context: grpc.aio.ServicerContext
    ) -> pb.UploadImageResponse:
        """Collects and checks a picture. What exceeds its own header is refused as soon as it does."""
        header: pb.UploadHeader | None = None
        data = bytearray()
        with self._store.receiving() as more:
            async for request in requests:
                part = request.WhichOneof("part")
                if header is None:
                    if part != "header":
                        text = "The first message of an upload is its header."
                        raise ServiceError(Reason.INVALID_REQUEST, text, field="header")
                    header = request.header
                    self._check_upload(header)
                elif part != "chunk":
                    text = "After its header an upload has chunks only."
                    raise ServiceError(Reason.INVALID_REQUEST, text, field="chunk")
                else:
                    more(len(request.chunk))
                    data += request.chunk
                    if len(data) > header.size_bytes:
                        break
            if header is None or len(data) != header.size_bytes:
                announced = header.size_bytes if header else 0
                text = f"The header announced {announced} bytes, but {len(data)} were sent."
                raise ServiceError(Reason.INVALID_REQUEST, text, field="header.size_bytes")
            stored = await self._store.put(bytes(data), header.raw if header.HasField("raw") else None)
        return pb.UploadImageResponse(
            image_id=stored.image_id, width=stored.width, height=stored.height, has_alpha=stored.has_alpha
        )

    @_unary
    async def UpdateJob(  # noqa: N802
        self, request: pb.UpdateJobRequest, context: grpc.aio.ServicerContext
    ) -> pb.UpdateJobResponse:
        """Steers a job."""
        return pb.UpdateJobResponse(parameters=convert.tunables_to(self._desk.steer(request.job_id, request.tunables)))

    @_unary
    async def CancelJob(  # noqa: N802
        self, request: pb.CancelJobRequest, context: grpc.aio.ServicerContext
    ) -> pb.CancelJobResponse:
        """Stops a job."""
        return pb.CancelJobResponse(was_active=self._desk.stop(request.job_id, keep=request.keep))

    async def WatchJob(  # noqa: N802
        self, request: pb.WatchJobRequest, context: grpc.aio.ServicerContext
    ) -> AsyncIterator[pb.WatchJobResponse]:
        """Attaches one more viewer."""
        try:
            preview = preview_from(request.preview) if request.HasField("preview") else None
            with self._desk.viewing(self._desk.find(request.job_id), preview) as outbox:
                async for event in responses(outbox):
                    yield pb.WatchJobResponse(event=event)
        except ServiceError as error:
            await abort(context, error)

    async def GetServerInfo(  # noqa: N802
        self, request: pb.GetServerInfoRequest, context: grpc.aio.ServicerContext
    ) -> pb.GetServerInfoResponse:
        """Answers from memory: never waits for the worker."""
        ready = self._supervisor.ready
        info = pb.GetServerInfoResponse(
            server_version=__version__,
            api_versions=API_VERSIONS,
            features=FEATURES,
            limits=self._limits_message(),
            worker_state=self._supervisor.state,
            device=ready.device if ready else "",
            running_jobs=self._supervisor.running,
            workers=self._supervisor.workers,
            queued_jobs=len(self._queue),
            default_preset=DEFAULT_PRESET,
        )
        if ready:
            info.all_weights.extend(map(convert.weights_to, ready.weights))
            info.weights.CopyFrom(info.all_weights[0])
        info.start_time.FromNanoseconds(int(self._started * 1e9))
        return info

    async def ListStyles(  # noqa: N802
        self, request: pb.ListStylesRequest, context: grpc.aio.ServicerContext
    ) -> pb.ListStylesResponse:
        """The built-in styles; their thumbnails are made once."""
        if not self._thumbnails:
            self._thumbnails = await asyncio.to_thread(lambda: [_style_info(style) for style in self._styles.values()])
        return pb.ListStylesResponse(styles=self._thumbnails)

    async def ListPresets(  # noqa: N802
        self, request: pb.ListPresetsRequest, context: grpc.aio.ServicerContext
    ) -> pb.ListPresetsResponse:
        """The presets with all their values."""
        return pb.ListPresetsResponse(
            presets=[
                pb.PresetInfo(
                    name=preset.name,
                    description=preset.description,
                    weights=preset.weights,
                    tunables=convert.tunables_to(preset.parameters),
                    extends=preset.extends,
                    origins=convert.origins_to(preset),
                )
                for preset in self._presets.values()
            ]
        )

    def _check_upload(self, header: pb.UploadHeader) -> None:
        """Refuses what cannot be accepted before it is sent."""
        if header.size_bytes > self._limits.max_image_bytes:
            text = f"The picture has {header.size_bytes} bytes; at most {self._limits.max_image_bytes} are accepted."
            raise ServiceError(Reason.IMAGE_TOO_LARGE, text, field="header.size_bytes")
        if header.HasField("raw"):
            expected = images.raw_size_bytes(header.raw, self._limits)
            if expected != header.size_bytes:
                text = f"Raw pixels of this layout are {expected} bytes, but the header says {header.size_bytes}."
                raise ServiceError(Reason.INVALID_REQUEST, text, field="header.size_bytes")

    def _limits_message(self) -> pb.Limits:
        size = RANGES["size"]
        message = pb.Limits(
            max_message_bytes=MAX_MESSAGE_BYTES,
            max_inline_image_bytes=MAX_INLINE_IMAGE_BYTES,
            max_image_bytes=self._limits.max_image_bytes,
            max_image_pixels=self._limits.max_image_pixels,
            max_image_side=self._limits.max_image_side,
            min_image_side=self._limits.min_image_side,
            min_size=int(size.minimum),
            max_size=int(size.maximum),
            max_iterations=int(RANGES["iterations"].maximum),
            max_styles=self._limits.max_styles,
            max_queued_jobs=self._limits.max_queued_jobs,
            max_feature_pictures=self._limits.max_feature_pictures,
        )
        message.image_ttl.FromMilliseconds(int(self._limits.image_ttl_s * 1000))
        message.detached_ttl.FromMilliseconds(int(self._limits.detached_ttl_s * 1000))
        return message


def _client_name(context: grpc.aio.ServicerContext) -> str:
    """Who asks, by the client's own word; for the log and the list of jobs only."""
    for key, value in context.invocation_metadata() or ():
        if key == CLIENT_METADATA and isinstance(value, str):
            return "".join(character for character in value[:MAX_CLIENT_NAME] if character.isprintable())
    return "an unnamed client"


def _style_info(style: BuiltinStyle) -> pb.StyleInfo:
    with Image.open(io.BytesIO(style.read())) as image:
        width, height = image.size
        thumbnail = image.convert("RGB")
    thumbnail.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    file = io.BytesIO()
    thumbnail.save(file, "JPEG", quality=85)
    return pb.StyleInfo(
        name=style.name,
        title=style.title,
        artist=style.artist,
        source=style.source,
        rights=style.rights,
        width=width,
        height=height,
        thumbnail=file.getvalue(),
    )
