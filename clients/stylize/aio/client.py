"""The daemon as a Python object for asyncio: `AsyncClient`."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Sequence
from types import TracebackType

import grpc

from neuralstyle.v1 import admin_pb2
from neuralstyle.v1 import stylize_pb2 as pb
from stylize.aio.connection import AsyncConnection, connect
from stylize.aio.job import AsyncJob, Call
from stylize.autostart import START_TIMEOUT
from stylize.errors import error_from_rpc
from stylize.own_presets import PresetSource, choose_preset
from stylize.pictures import PictureSource, open_picture
from stylize.request import (
    FeatureOrder,
    Order,
    ResumeSource,
    Uploads,
    WeighableStyle,
    job_request,
    list_styles,
    may_be_named,
    open_optional,
    open_resumed,
    open_styles,
    shutdown_request,
    update_request,
    upload_messages,
    watch_request,
    with_start,
)
from stylize.tunables import TunableValue, plain_tunables


class AsyncClient:
    """A connection to a running daemon, for asyncio. Made by `AsyncClient.connect`; close it, or use it in an
    `async with` block.

    Its methods take the arguments of `Client`'s, give the same values and raise the same errors; see there. Any number
    of tasks of one event loop may share it. A call whose task is cancelled is cancelled.
    """

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._uploaded = Uploads()
        self._uploading = asyncio.Lock()
        """One upload at a time, so that a style which many tasks want travels once."""
        self._style_names: list[str] | None = None

    @classmethod
    async def connect(
        cls,
        target: str | None = None,
        token: str | None = None,
        *,
        start: bool = True,
        timeout: float = START_TIMEOUT,
        client_name: str = "python",
    ) -> AsyncClient:
        """A client of the daemon that runs, or of one that is started for it; see `Client.connect`."""
        return cls(await connect(target, token, client_name, start=start, timeout=timeout))

    async def close(self) -> None:
        """Closes the connection. Jobs that still run are cancelled, unless they are detached or merely watched."""
        await self._connection.close()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def target(self) -> str:
        """Where the daemon answers, such as "unix:/home/me/.local/state/stylized/daemon.sock"."""
        return self._connection.access.target

    @property
    def limits(self) -> pb.Limits:
        """What the daemon refuses beyond, as told when the connection was made."""
        return self._connection.info.limits

    async def stylize(
        self,
        content: PictureSource | None,
        styles: WeighableStyle | Sequence[WeighableStyle] = (),
        preset: PresetSource | None = None,
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
        mask: PictureSource | None = None,
        init_image: PictureSource | None = None,
        resume_from: ResumeSource | None = None,
        **tunables: object,
    ) -> AsyncJob:
        """Uploads what must be and starts a job; see `Client.stylize`."""
        tunables = dict(with_start(tunables, init_image))
        chosen = await asyncio.to_thread(choose_preset, preset, tunables)
        request = job_request(
            chosen,
            tunables,
            seed=seed,
            precision=precision,
            priority=priority,
            preview=preview,
            preview_interval=preview_interval,
            preview_every=preview_every,
            preview_format=preview_format,
            max_runtime=max_runtime,
            detach=detach,
            depth=depth,
        )
        sources = list_styles(styles)
        names = await self.style_names() if may_be_named(sources) else []
        limit = self.limits.max_image_bytes
        photo = await asyncio.to_thread(open_optional, content, limit)
        opened = await asyncio.to_thread(open_styles, sources, names, limit)
        order = Order(
            request,
            photo,
            opened,
            await asyncio.to_thread(open_optional, mask, limit),
            chosen,
            await asyncio.to_thread(open_optional, init_image, limit),
            await asyncio.to_thread(open_resumed, resume_from),
        )
        order.check_supported(self._connection.info.features)
        told = await asyncio.to_thread(order.sources)
        open_call = functools.partial(self._open_call, order)
        return await AsyncJob(open_call, photo, stop=self.cancel if detach else None, sources=told).begin()

    async def visualize_features(
        self,
        pictures: Sequence[PictureSource],
        layer: str,
        filter: int,
        *,
        count: int | None = None,
        priority: str | None = None,
        max_runtime: float | None = None,
        detach: bool = False,
        depth: int = 8,
        **tunables: object,
    ) -> AsyncJob:
        """Starts a job that shows what a filter of the network responds to; see `Client.visualize_features`."""
        request = job_request("", tunables, priority=priority, max_runtime=max_runtime, detach=detach, depth=depth)
        limit = self.limits.max_image_bytes
        opened = [await asyncio.to_thread(open_picture, picture, limit) for picture in pictures]
        order = FeatureOrder(request, tuple(opened), layer, filter, count)
        order.check_supported(self._connection.info.features, self.limits.max_feature_pictures)
        open_call = functools.partial(self._open_call, order)
        told = await asyncio.to_thread(order.sources)
        return await AsyncJob(open_call, None, stop=self.cancel if detach else None, sources=told).begin()

    async def watch(
        self,
        job_id: str,
        *,
        content: PictureSource | None = None,
        preview: int | None = None,
        preview_interval: float | None = None,
        preview_every: int | None = None,
        preview_format: str | None = None,
    ) -> AsyncJob:
        """Attaches to a job of any client; see `Client.watch`."""
        request = watch_request(
            job_id,
            preview=preview,
            preview_interval=preview_interval,
            preview_every=preview_every,
            preview_format=preview_format,
        )
        photo = None
        if content is not None:
            photo = await asyncio.to_thread(open_picture, content, self.limits.max_image_bytes)

        async def open_call(fresh: bool) -> Call:
            return self._connection.service.WatchJob(request, metadata=self._connection.access.metadata)

        return await AsyncJob(open_call, photo, job_id=job_id, stop=self.cancel).begin()

    async def upload(self, picture: PictureSource, *, fresh: bool = False) -> str:
        """Sends a picture, unless this client has sent it before, and gives its image id; see `Client.upload`."""
        picture = await asyncio.to_thread(open_picture, picture, self.limits.max_image_bytes)
        async with self._uploading:
            known = None if fresh else self._uploaded.find(picture)
            if known is not None:
                return known
            try:
                answer = await self._connection.service.UploadImage(
                    upload_messages(picture), metadata=self._connection.access.metadata
                )
            except grpc.RpcError as error:
                raise error_from_rpc(error) from error
            return self._uploaded.note(picture, answer.image_id)

    async def cancel(self, job_id: str, *, keep: bool = False) -> bool:
        """Stops a job of any client. True if it was waiting or running; see `Client.cancel`."""
        request = pb.CancelJobRequest(job_id=job_id, keep=keep)
        return (await self._connection.call(self._connection.service.CancelJob, request)).was_active

    async def update(self, job_id: str, **tunables: object) -> dict[str, TunableValue]:
        """Changes the weights of a waiting or running job. Gives all its tunables; see `Client.update`."""
        request = update_request(job_id, tunables)
        return plain_tunables((await self._connection.call(self._connection.service.UpdateJob, request)).parameters)

    async def info(self) -> pb.GetServerInfoResponse:
        """Versions, features, limits, device, weights and load of the daemon, now."""
        return await self._connection.call(self._connection.service.GetServerInfo, pb.GetServerInfoRequest())

    async def styles(self) -> list[pb.StyleInfo]:
        """The built-in styles, with thumbnails."""
        answer = await self._connection.call(self._connection.service.ListStyles, pb.ListStylesRequest())
        return list(answer.styles)

    async def style_names(self) -> list[str]:
        """Names of the built-in styles, asked for once."""
        if self._style_names is None:
            self._style_names = [style.name for style in await self.styles()]
        return self._style_names

    async def presets(self) -> list[pb.PresetInfo]:
        """The presets, with the values of all their tunables."""
        answer = await self._connection.call(self._connection.service.ListPresets, pb.ListPresetsRequest())
        return list(answer.presets)

    async def jobs(self) -> list[admin_pb2.JobInfo]:
        """Running and waiting jobs of all clients, then ended ones kept for `watch`; see `Client.jobs`."""
        answer = await self._connection.call(self._connection.admin.ListJobs, admin_pb2.ListJobsRequest())
        return list(answer.jobs)

    async def shutdown(self, grace: float | None = None) -> int:
        """Asks the daemon to end, and gives its process id. Returns at once; see `Client.shutdown`."""
        answer = await self._connection.call(self._connection.admin.Shutdown, shutdown_request(grace))
        return answer.pid

    async def _open_call(self, order: Order | FeatureOrder, fresh: bool) -> Call:
        image_ids = {
            picture.key: await self.upload(picture, fresh=fresh)
            for picture in order.pictures(self.limits.max_inline_image_bytes)
        }
        return self._connection.service.Stylize(order.message(image_ids), metadata=self._connection.access.metadata)
