"""The daemon as a Python object: `Client`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TypeVar

import grpc
from google.protobuf.message import Message

from neuralstyle.v1 import admin_pb2
from neuralstyle.v1 import stylize_pb2 as pb
from stylize.autostart import START_TIMEOUT, reach_daemon
from stylize.connection import CALL_TIMEOUT, Connection
from stylize.errors import error_from_rpc
from stylize.job import Job, Stream, WatchStream
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

_Answer = TypeVar("_Answer")


class Client:
    """A connection to a running daemon. Made by `Client.connect`; close it, or use it in a `with` block.

    A client may be shared by threads; a `Job` belongs to one.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._uploaded = Uploads()

    @classmethod
    def connect(
        cls,
        target: str | None = None,
        token: str | None = None,
        *,
        start: bool = True,
        timeout: float = START_TIMEOUT,
        client_name: str = "python",
    ) -> Client:
        """A client of the daemon that runs, or of one that is started for it.

        target: "unix:PATH" or "HOST:PORT"; None looks into `endpoint.json` of $STYLIZED_HOME. Beyond this machine TLS
            is spoken, with the system's roots.
        token: for TCP targets; found by itself if `target` is None.
        start: start the daemon if none runs; never done for an explicit target.
        timeout: seconds until the daemon must answer.
        client_name: how this program introduces itself, such as "python".

        Raises DaemonUnreachable, or Unauthenticated if the token is wrong.
        """
        return cls(reach_daemon(target, token, client_name, start=start, timeout=timeout))

    def close(self) -> None:
        """Closes the connection. Jobs that still run are cancelled, unless they are detached or merely watched."""
        self._connection.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def target(self) -> str:
        """Where the daemon answers, such as "unix:/home/me/.local/state/stylized/daemon.sock"."""
        return self._connection.target

    @property
    def limits(self) -> pb.Limits:
        """What the daemon refuses beyond, as told when the connection was made."""
        return self._connection.info.limits

    @property
    def workers(self) -> int:
        """How many jobs the daemon can run at a time, as told when the connection was made."""
        return max(1, len(self._connection.info.workers))

    def stylize(
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
    ) -> Job:
        """Starts a job: `content` painted in the manner of `styles`.

        content: the photo: a path, the bytes of a file, a Pillow image or a NumPy array (see `PictureSource`). None if
            nothing is taken from one, as by the preset "texture"; the painting then has the shape of the first style.
        styles: one or more (none if their loss has no weight, as by the preset "dream"), each alone, with its weight in
            the mix (`("woodblock", 2.0)`, > 0), or as a `Style`, which may have masks that say where it goes and which
            part of it counts. A `str` that is the name of a built-in style means that style, else the name of one of
            the user's own (`stylize.own_styles`); any other `str` is a path, and so is every `Path` (write
            "./woodblock" for a file of that name).
        preset: a name from `presets()`, or a file of one's own (see `stylize.own_presets`): a `Path`, or a `str` that
            ends in .toml; None for the daemon's default.
        seed: 0 to 2**64 - 1; None lets the daemon choose (it tells in `Started`).
        precision: "auto", "fp32" or "bf16". priority: "interactive" or "batch".
        preview: longest side of preview frames in pixels, 0 for the daemon's default; None for no frames.
        preview_interval: least seconds between two frames.
        preview_every: for recordings, steps between two frames in place of seconds: one after the first step, then one
            after every so many (see `stylize.recording`).
        preview_format: what a frame is sent as: "jpeg", the default, "png" or "raw_rgb8".
        max_runtime: seconds of painting until it is cancelled.
        detach: the job goes on when this program ends or leaves the job's `with` block; `watch` finds it again by its
            `job_id`, which is known at once, and only `cancel` stops it. What became of it is kept until it has been
            fetched, for `limits.detached_ttl` at most.
        depth: bits a sample of the painting, 8 or 16.
        mask: where to paint, a picture of the photo's shape: white is painted, black stays the photo, gray mixes. None:
            everywhere.
        init_image: the picture to start from, scaled to the painting; `init` is then "image" by itself.
        resume_from: a finished painting to go on from: the id of its job, its `Job`, or the `Path` of its file. Of the
            same photo it goes on from where that one stood, for `iterations` steps more at the full size, with what the
            optimiser knew as far as that still holds; `init` does not matter. The daemon keeps the last few paintings
            for this, as memory allows, until it restarts; else NotFound is raised when the job is iterated over.
        tunables: departures from the preset by their names in the contract, such as `size=512`, `iterations=200`,
            `optimizer="adam"`, `style_layers="relu1_1:0.5,relu2_1"`; see `stylize.tunables`.

        Raises InputUnreadable, InvalidRequest, NotFound, Busy, Unsupported and others before the job is queued; what
        the daemon refuses of the job itself is raised when the job is iterated over, or here with `detach`.
        """
        tunables = dict(with_start(tunables, init_image))
        chosen = choose_preset(preset, tunables)
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
        photo = open_optional(content, self.limits.max_image_bytes)
        sources = list_styles(styles)
        names = self.style_names if may_be_named(sources) else []
        limit = self.limits.max_image_bytes
        order = Order(
            request,
            photo,
            open_styles(sources, names, limit),
            open_optional(mask, limit),
            chosen,
            open_optional(init_image, limit),
            open_resumed(resume_from),
        )
        order.check_supported(self._connection.info.features)
        open_stream = functools.partial(self._open_stream, order)
        return Job(open_stream, photo, stop=self.cancel if detach else None, sources=order.sources())

    def visualize_features(
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
    ) -> Job:
        """Starts a job that shows what a filter of the network responds to: of its strongest responses to the pictures,
        what caused them, projected back to pixels, and beside that the parts of the pictures (Zeiler and Fergus 2014).

        layer: such as "relu3_1". filter: from 0. count: how many responses; None for 9.
        tunables: `backbone` and `size`, to which larger pictures are scaled down before they are looked through; there
            are no others.
        For the rest see `stylize`.
        """
        request = job_request("", tunables, priority=priority, max_runtime=max_runtime, detach=detach, depth=depth)
        opened = tuple(open_picture(picture, self.limits.max_image_bytes) for picture in pictures)
        order = FeatureOrder(request, opened, layer, filter, count)
        order.check_supported(self._connection.info.features, self.limits.max_feature_pictures)
        open_stream = functools.partial(self._open_stream, order)
        return Job(open_stream, None, stop=self.cancel if detach else None, sources=order.sources())

    def watch(
        self,
        job_id: str,
        *,
        content: PictureSource | None = None,
        preview: int | None = None,
        preview_interval: float | None = None,
        preview_every: int | None = None,
        preview_format: str | None = None,
    ) -> Job:
        """Attaches to a job of any client, detached or not: its events from where it stands, and its painting.

        Any number may watch a job. Leaving the `with` block of a watched job does not stop it; `Job.cancel` does. What
        became of a detached job can be had once: it is forgotten when one viewer has it.

        content: the photo that it paints, if it is at hand: `Job.save` takes over its profile and EXIF data.
        preview, preview_interval, preview_every, preview_format: as for `stylize`; frames come never larger nor more
            often than the job makes them, and not at all if it was started without. With `preview_every`, whatever its
            number, every frame comes that the job makes.

        Raises InputUnreadable; that the job is not there (NotFound) is raised when it is iterated over.
        """
        request = watch_request(
            job_id,
            preview=preview,
            preview_interval=preview_interval,
            preview_every=preview_every,
            preview_format=preview_format,
        )
        photo = None if content is None else open_picture(content, self.limits.max_image_bytes)
        return Job(
            lambda fresh: WatchStream(self._connection.service.WatchJob(request)),
            photo,
            job_id=job_id,
            stop=self.cancel,
        )

    def upload(self, picture: PictureSource, *, fresh: bool = False) -> str:
        """Sends a picture, unless this client has sent it before, and gives its image id.

        fresh: send it again, for when the daemon has dropped it.
        Raises InvalidRequest if the daemon cannot read it or it is too large, Busy if there is no room.
        """
        picture = open_picture(picture, self.limits.max_image_bytes)
        known = None if fresh else self._uploaded.find(picture)
        if known is not None:
            return known
        try:
            answer = self._connection.service.UploadImage(upload_messages(picture))
        except grpc.RpcError as error:
            raise error_from_rpc(error) from error
        return self._uploaded.note(picture, answer.image_id)

    def cancel(self, job_id: str, *, keep: bool = False) -> bool:
        """Stops a job of any client. True if it was waiting or running. Raises NotFound.

        keep: a running job ends as if it were finished, with the painting as it is.
        """
        request = pb.CancelJobRequest(job_id=job_id, keep=keep)
        return _call(self._connection.service.CancelJob, request).was_active

    def update(self, job_id: str, **tunables: object) -> dict[str, TunableValue]:
        """Changes `content_weight`, `style_weight`, `tv_weight`, `strength` or `color` of a waiting or running job,
        which goes on from where it is. Gives all its tunables.

        Raises NotFound if it has ended or never was, InvalidRequest for other tunables or values out of range.
        """
        request = update_request(job_id, tunables)
        return plain_tunables(_call(self._connection.service.UpdateJob, request).parameters)

    def info(self) -> pb.GetServerInfoResponse:
        """Versions, features, limits, device, weights and load of the daemon, now."""
        return _call(self._connection.service.GetServerInfo, pb.GetServerInfoRequest())

    def styles(self) -> list[pb.StyleInfo]:
        """The built-in styles, with thumbnails."""
        return list(_call(self._connection.service.ListStyles, pb.ListStylesRequest()).styles)

    @functools.cached_property
    def style_names(self) -> list[str]:
        """Names of the built-in styles, asked for once."""
        return [style.name for style in self.styles()]

    def presets(self) -> list[pb.PresetInfo]:
        """The presets, with the values of all their tunables."""
        return list(_call(self._connection.service.ListPresets, pb.ListPresetsRequest()).presets)

    def jobs(self) -> list[admin_pb2.JobInfo]:
        """Running and waiting jobs of all clients, in the order in which they run, then ended ones kept for `watch`."""
        return list(_call(self._connection.admin.ListJobs, admin_pb2.ListJobsRequest()).jobs)

    def shutdown(self, grace: float | None = None) -> int:
        """Asks the daemon to end, and gives its process id. Returns at once.

        grace: seconds that running jobs may go on; 0 cancels them; None leaves it to the daemon.
        """
        return _call(self._connection.admin.Shutdown, shutdown_request(grace)).pid

    def _open_stream(self, order: Order | FeatureOrder, fresh: bool) -> Stream:
        image_ids = {
            picture.key: self.upload(picture, fresh=fresh)
            for picture in order.pictures(self.limits.max_inline_image_bytes)
        }
        return self._connection.service.Stylize(order.message(image_ids))


def _call(method: Callable[..., _Answer], request: Message) -> _Answer:
    try:
        return method(request, timeout=CALL_TIMEOUT)
    except grpc.RpcError as error:
        raise error_from_rpc(error) from error
