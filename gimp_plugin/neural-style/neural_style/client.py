"""The daemon over gRPC, in pure Python: grpclib and protobuf, which lie in `vendor/` beside the plug-in.

Nothing compiled has to be installed into GIMP's Python, whichever that is. All of this is asyncio and runs in the
session's thread; nothing here knows GIMP. This module is imported only when a request is made: importing protobuf
takes a noticeable part of a second, and GIMP starts the plug-in at every query.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

# grpclib decodes error details only of types that have been imported.
from google.rpc import error_details_pb2
from grpclib.client import Channel, StreamUnaryMethod, UnaryStreamMethod, UnaryUnaryMethod
from grpclib.config import Configuration
from grpclib.const import Status
from grpclib.exceptions import GRPCError, StreamTerminatedError

from neural_style import VERSION
from neural_style.failures import Failure, daemon_lost, from_daemon, wrong_version
from neural_style.orders import Order, Preset
from neural_style.samples import Pixels, SampleType
from neuralstyle.v1 import endpoint
from neuralstyle.v1 import stylize_pb2 as pb

API = "neuralstyle.v1"
SERVICE = f"/{API}.StylizeService/"
CHUNK_BYTES = 256 * 1024
PROBE_SECONDS = 3.0
CALL_SECONDS = 20.0
WINDOW_BYTES = 16 * 2**20
"""HTTP/2 flow control: so much of a result may be on its way at once; grpclib's default of 4 MiB halves the rate."""

_SAMPLE_TYPES = {
    SampleType.UINT8: pb.SAMPLE_TYPE_UINT8,
    SampleType.UINT16: pb.SAMPLE_TYPE_UINT16,
    SampleType.FLOAT32: pb.SAMPLE_TYPE_FLOAT32,
}
_RESULTS = {
    SampleType.UINT8: pb.RESULT_FORMAT_RAW_UINT8,
    SampleType.UINT16: pb.RESULT_FORMAT_RAW_UINT16,
    SampleType.FLOAT32: pb.RESULT_FORMAT_RAW_FLOAT32,
}


class Client:
    """A connection to one running daemon. Made by `Client.open`."""

    def __init__(self, channel: Channel, metadata: Mapping[str, str], info: pb.GetServerInfoResponse) -> None:
        self._channel = channel
        self._metadata = dict(metadata)
        self.info = info

    @classmethod
    async def open(cls, found: endpoint.Endpoint) -> Client | None:
        """A client of the daemon that this endpoint describes, or None if nobody answers at any of its targets.

        Raises Failure if somebody answers who cannot be used: another version, or a refused token.
        """
        for target in found.targets:
            metadata = {"x-client": f"gimp/{VERSION}"}
            try:
                if not target.startswith("unix:"):
                    metadata["authorization"] = f"Bearer {found.token()}"
                channel = _channel(target)
                info = await _info(channel, metadata)
            except (OSError, asyncio.TimeoutError, StreamTerminatedError):
                continue
            except GRPCError as error:
                if error.status is Status.UNAVAILABLE:
                    continue
                raise _failure(error) from error
            if API not in info.api_versions:
                channel.close()
                raise wrong_version(info.server_version)
            return cls(channel, metadata, info)
        return None

    def close(self) -> None:
        """Ends the connection; running jobs are cancelled by the daemon unless they are detached."""
        self._channel.close()

    def has(self, feature: str) -> bool:
        """True if the daemon can do this, such as "update-job"."""
        return feature in self.info.features

    async def styles(self) -> list[pb.StyleInfo]:
        """The built-in styles with thumbnails."""
        return list((await self._unary("ListStyles", pb.ListStylesRequest(), pb.ListStylesResponse)).styles)

    async def presets(self) -> list[Preset]:
        """The presets."""
        answer = await self._unary("ListPresets", pb.ListPresetsRequest(), pb.ListPresetsResponse)
        return [
            Preset(
                preset.name,
                preset.description,
                preset.tunables.size,
                preset.tunables.iterations,
                preset.tunables.style_scale,
            )
            for preset in answer.presets
        ]

    async def upload(self, picture: Pixels | bytes) -> str:
        """Sends a picture and gives its image id."""
        if isinstance(picture, Pixels):
            header = pb.UploadHeader(size_bytes=len(picture.data), raw=_layout(picture))
            data = picture.data
        else:
            header, data = pb.UploadHeader(size_bytes=len(picture)), picture
        method = StreamUnaryMethod(
            self._channel, f"{SERVICE}UploadImage", pb.UploadImageRequest, pb.UploadImageResponse
        )
        with _failures():
            async with method.open(metadata=self._metadata) as stream:
                await stream.send_message(pb.UploadImageRequest(header=header))
                for start in range(0, len(data), CHUNK_BYTES):
                    await stream.send_message(pb.UploadImageRequest(chunk=data[start : start + CHUNK_BYTES]))
                await stream.end()
                answer = await stream.recv_message()
        if answer is None:
            raise daemon_lost()
        return answer.image_id

    async def stylize(self, order: Order, content_id: str, style_id: str) -> AsyncIterator[pb.StylizeResponse]:
        """The events of a job. style_id: of an uploaded style; "" if the order names a built-in one."""
        request = pb.StylizeRequest(
            content=pb.Image(image_id=content_id),
            preset=order.preset,
            seed=order.seed,
            result_format=_RESULTS[order.result],
            tunables=tunables_message(order.tunables),
            detach=order.detach,
        )
        if style_id:
            request.styles.add().image.image_id = style_id
        else:
            request.styles.add(name=str(order.style))
        if order.frame_side:
            request.preview.CopyFrom(preview_policy(order.frame_side, order.frame_interval))
        method = UnaryStreamMethod(self._channel, f"{SERVICE}Stylize", pb.StylizeRequest, pb.StylizeResponse)
        async for event in self._stream(method, request):
            yield event

    async def watch(self, job_id: str, frame_side: int) -> AsyncIterator[pb.StylizeResponse]:
        """The events of a job that was left alone."""
        request = pb.WatchJobRequest(job_id=job_id)
        if frame_side:
            request.preview.CopyFrom(preview_policy(frame_side, 0.25))
        method = UnaryStreamMethod(self._channel, f"{SERVICE}WatchJob", pb.WatchJobRequest, pb.WatchJobResponse)
        async for answer in self._stream(method, request):
            yield answer.event

    async def update(self, job_id: str, tunables: Mapping[str, float]) -> None:
        """Steers a job."""
        request = pb.UpdateJobRequest(job_id=job_id, tunables=tunables_message(tunables))
        await self._unary("UpdateJob", request, pb.UpdateJobResponse)

    async def cancel(self, job_id: str, *, keep: bool) -> None:
        """Stops a job, or ends it with the painting as it is."""
        await self._unary("CancelJob", pb.CancelJobRequest(job_id=job_id, keep=keep), pb.CancelJobResponse)

    async def _stream(self, method: Any, request: Any) -> AsyncIterator[Any]:
        with _failures():
            async with method.open(metadata=self._metadata) as stream:
                await stream.send_message(request, end=True)
                async for event in stream:
                    yield event

    async def _unary(self, name: str, request: Any, answer: Any) -> Any:
        method = UnaryUnaryMethod(self._channel, f"{SERVICE}{name}", type(request), answer)
        with _failures():
            return await method(request, timeout=CALL_SECONDS, metadata=self._metadata)


def tunables_message(values: Mapping[str, float]) -> pb.Tunables:
    """The contract's message; numbers without a fraction where it wants whole ones."""
    message = pb.Tunables()
    for name, value in values.items():
        whole = (
            message.DESCRIPTOR.fields_by_name[name].cpp_type == message.DESCRIPTOR.fields_by_name[name].CPPTYPE_UINT32
        )
        setattr(message, name, round(value) if whole else float(value))
    return message


def preview_policy(side: int, interval: float) -> pb.PreviewPolicy:
    """Frames as plain pixels: nothing to decode on the way to the screen."""
    policy = pb.PreviewPolicy(max_side=side, format=pb.FRAME_FORMAT_RAW_RGB8)
    policy.min_interval.FromMilliseconds(round(interval * 1000))
    return policy


def _channel(target: str) -> Channel:
    config = Configuration(http2_connection_window_size=WINDOW_BYTES, http2_stream_window_size=WINDOW_BYTES)
    if target.startswith("unix:"):
        return Channel(path=target.removeprefix("unix:"), config=config)
    host, _colon, port = target.rpartition(":")
    return Channel(host=host.strip("[]"), port=int(port), config=config)


async def _info(channel: Channel, metadata: Mapping[str, str]) -> pb.GetServerInfoResponse:
    method = UnaryUnaryMethod(channel, f"{SERVICE}GetServerInfo", pb.GetServerInfoRequest, pb.GetServerInfoResponse)
    try:
        answer = await method(pb.GetServerInfoRequest(), timeout=PROBE_SECONDS, metadata=dict(metadata))
    except BaseException:
        channel.close()
        raise
    return answer


def _layout(picture: Pixels) -> pb.RawFormat:
    return pb.RawFormat(
        width=picture.width, height=picture.height, channels=3, sample_type=_SAMPLE_TYPES[picture.sample_type]
    )


@contextlib.contextmanager
def _failures() -> Iterator[None]:
    """Turns what grpclib raises into a Failure."""
    try:
        yield
    except GRPCError as error:
        raise _failure(error) from error
    except (OSError, asyncio.TimeoutError, StreamTerminatedError) as error:
        raise daemon_lost() from error


def _failure(error: GRPCError) -> Failure:
    for detail in error.details or ():
        if isinstance(detail, error_details_pb2.ErrorInfo):
            return from_daemon(detail.reason, error.message or "", dict(detail.metadata))
    if error.status is Status.UNIMPLEMENTED:
        return from_daemon("FEATURE_UNAVAILABLE", error.message or "", {})
    if error.status is Status.UNAUTHENTICATED:
        return from_daemon("BAD_TOKEN", error.message or "", {})
    if error.status in (Status.UNAVAILABLE, Status.CANCELLED):
        return daemon_lost()
    return from_daemon("", error.message or "", {})
