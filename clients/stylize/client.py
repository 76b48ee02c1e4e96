"""The daemon as a Python object: `Client`."""

from __future__ import annotations

import difflib
import functools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, TypeAlias, TypeVar

import grpc
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

from neuralstyle.v1 import admin_pb2, endpoint
from neuralstyle.v1 import stylize_pb2 as pb
from neuralstyle.v1.reasons import Reason
from stylize.autostart import START_TIMEOUT, start_daemon
from stylize.connection import Connection, connect_target, find_daemon
from stylize.errors import DaemonUnreachable, error_from_reason, error_from_rpc
from stylize.job import Job, Stream, WatchStream
from stylize.pictures import Picture, PictureSource, open_picture
from stylize.tunables import TunableValue, build_tunables, parse_choice, plain_tunables

CHUNK_BYTES = 256 * 1024
REMEMBERED_UPLOADS = 1000
"""Pictures whose ids a client keeps."""
CALL_TIMEOUT = 10.0
"""Seconds for calls that a living daemon answers at once."""

StyleSource: TypeAlias = PictureSource
"""A style: a picture as for the content, or a `str` that is the name of a built-in style. `Client.stylize` says how
the two are told apart."""


WeighableStyle: TypeAlias = StyleSource | tuple[StyleSource, float]
"""A style alone, or with its weight in the mix."""
_Answer = TypeVar("_Answer")


class _WeightedStyle(NamedTuple):
    """A style of a job, found and opened."""

    name: str
    """Name of a built-in style, or "" for a picture."""
    picture: Picture | None
    weight: float | None


class Client:
    """A connection to a running daemon. Made by `Client.connect`; close it, or use it in a `with` block.

    A client may be shared by threads; a `Job` belongs to one.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._uploaded: dict[str, str] = {}
        """Image ids by `Picture.key`."""

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
        if target is not None:
            return cls(connect_target(target, token, client_name, timeout))
        home = endpoint.home()
        connection = find_daemon(home, client_name)
        if connection is None:
            if not start:
                raise DaemonUnreachable("No daemon runs.")
            connection = start_daemon(home, client_name, timeout)
        return cls(connection)

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

    def stylize(
        self,
        content: PictureSource,
        styles: WeighableStyle | Sequence[WeighableStyle],
        preset: str | None = None,
        *,
        seed: int | None = None,
        precision: str | None = None,
        priority: str | None = None,
        preview: int | None = None,
        preview_interval: float | None = None,
        max_runtime: float | None = None,
        detach: bool = False,
        **tunables: object,
    ) -> Job:
        """Starts a job: `content` painted in the manner of `styles`.

        content: the photo: a path, the bytes of a file, a Pillow image or a NumPy array (see `PictureSource`).
        styles: one or more, each alone or with its weight in the mix (`("woodblock", 2.0)`, > 0). A `str` that is the
            name of a built-in style means that style; any other `str` is a path, and so is every `Path` (write
            "./woodblock" for a file of that name).
        preset: a name from `presets()`; None for the daemon's default.
        seed: 0 to 2**64 - 1; None lets the daemon choose (it tells in `Started`).
        precision: "auto", "fp32" or "bf16". priority: "interactive" or "batch".
        preview: longest side of preview frames in pixels, 0 for the daemon's default; None for no frames.
        preview_interval: least seconds between two frames. max_runtime: seconds of painting until it is cancelled.
        detach: the job goes on when this program ends or leaves the job's `with` block; `watch` finds it again by its
            `job_id`, which is known at once, and only `cancel` stops it. What became of it is kept until it has been
            fetched, for `limits.detached_ttl` at most.
        tunables: departures from the preset by their names in the contract, such as `size=512`, `iterations=200`,
            `optimizer="adam"`, `style_layers="relu1_1:0.5,relu2_1"`; see `stylize.tunables`.

        Raises InputUnreadable, InvalidRequest, NotFound, Busy and others before the job is queued; what the daemon
        refuses of the job itself is raised when the job is iterated over, or here with `detach`.
        """
        request = pb.StylizeRequest(preset=preset or "", tunables=build_tunables(tunables), detach=detach)
        if precision is not None:
            request.precision = parse_choice(pb.Precision.DESCRIPTOR, precision, "precision")
        if priority is not None:
            request.priority = parse_choice(pb.Priority.DESCRIPTOR, priority, "priority")
        if seed is not None:
            if not 0 <= seed < 2**64:
                raise error_from_reason(Reason.INVALID_PARAMETER, "A seed is a whole number from 0 to 2**64 - 1.")
            request.seed = seed
        if preview is not None or preview_interval is not None:
            request.preview.CopyFrom(_preview_policy(preview, preview_interval))
        if max_runtime is not None:
            request.max_runtime.CopyFrom(_duration(max_runtime))
        photo = open_picture(content, self.limits.max_image_bytes)
        mix = [self._style(style) for style in _as_list(styles)]
        open_stream = functools.partial(self._open_stream, request, photo, mix)
        return Job(open_stream, photo, stop=self.cancel if detach else None)

    def watch(
        self,
        job_id: str,
        *,
        content: PictureSource | None = None,
        preview: int | None = None,
        preview_interval: float | None = None,
    ) -> Job:
        """Attaches to a job of any client, detached or not: its events from where it stands, and its painting.

        Any number may watch a job. Leaving the `with` block of a watched job does not stop it; `Job.cancel` does. What
        became of a detached job can be had once: it is forgotten when one viewer has it.

        content: the photo that it paints, if it is at hand: `Job.save` takes over its profile and EXIF data.
        preview, preview_interval: as for `stylize`; frames come never larger nor more often than the job makes them,
            and not at all if it was started without.

        Raises InputUnreadable; that the job is not there (NotFound) is raised when it is iterated over.
        """
        request = pb.WatchJobRequest(job_id=job_id)
        if preview is not None or preview_interval is not None:
            request.preview.CopyFrom(_preview_policy(preview, preview_interval))
        photo = None if content is None else open_picture(content, self.limits.max_image_bytes)
        return Job(
            lambda fresh: WatchStream(self._connection.service.WatchJob(request)),
            photo,
            job_id=job_id,
            stop=self.cancel,
        )

    def upload(self, picture: PictureSource | Picture, *, fresh: bool = False) -> str:
        """Sends a picture, unless this client has sent it before, and gives its image id.

        fresh: send it again, for when the daemon has dropped it.
        Raises InvalidRequest if the daemon cannot read it or it is too large, Busy if there is no room.
        """
        if not isinstance(picture, Picture):
            picture = open_picture(picture, self.limits.max_image_bytes)
        known = None if fresh else self._uploaded.get(picture.key)
        if known is not None:
            return known
        try:
            answer = self._connection.service.UploadImage(_upload_messages(picture))
        except grpc.RpcError as error:
            raise error_from_rpc(error) from error
        if len(self._uploaded) >= REMEMBERED_UPLOADS:  # sending one again is cheap; a client may live for years
            self._uploaded.clear()
        self._uploaded[picture.key] = answer.image_id
        return answer.image_id

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
        request = pb.UpdateJobRequest(job_id=job_id, tunables=build_tunables(tunables))
        return plain_tunables(_call(self._connection.service.UpdateJob, request).parameters)

    def info(self) -> pb.GetServerInfoResponse:
        """Versions, features, limits, device, weights and load of the daemon, now."""
        return _call(self._connection.service.GetServerInfo, pb.GetServerInfoRequest())

    def styles(self) -> list[pb.StyleInfo]:
        """The built-in styles, with thumbnails."""
        return list(_call(self._connection.service.ListStyles, pb.ListStylesRequest()).styles)

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
        request = admin_pb2.ShutdownRequest(grace=None if grace is None else _duration(grace))
        return _call(self._connection.admin.Shutdown, request).pid

    @functools.cached_property
    def _style_names(self) -> list[str]:
        return [style.name for style in self.styles()]

    def _style(self, source: WeighableStyle) -> _WeightedStyle:
        style, weight = source if isinstance(source, tuple) else (source, None)
        if isinstance(style, str):
            if style in self._style_names:
                return _WeightedStyle(style, None, weight)
            if not _is_path(style):
                raise _unknown_style(style, self._style_names)
        return _WeightedStyle("", open_picture(style, self.limits.max_image_bytes), weight)

    def _open_stream(
        self, request: pb.StylizeRequest, photo: Picture, mix: list[_WeightedStyle], fresh: bool
    ) -> Stream:
        request.content.image_id = self.upload(photo, fresh=fresh)
        del request.styles[:]
        for style in mix:
            message = request.styles.add(weight=style.weight)
            if style.picture is None:
                message.name = style.name
            else:
                message.image.image_id = self.upload(style.picture, fresh=fresh)
        return self._connection.service.Stylize(request)


def _upload_messages(picture: Picture) -> Iterator[pb.UploadImageRequest]:
    yield pb.UploadImageRequest(header=pb.UploadHeader(size_bytes=len(picture.data), raw=picture.raw))
    for start in range(0, len(picture.data), CHUNK_BYTES):
        yield pb.UploadImageRequest(chunk=picture.data[start : start + CHUNK_BYTES])


def _call(method: Callable[..., _Answer], request: Message) -> _Answer:
    try:
        return method(request, timeout=CALL_TIMEOUT)
    except grpc.RpcError as error:
        raise error_from_rpc(error) from error


def _as_list(styles: WeighableStyle | Sequence[WeighableStyle]) -> list[WeighableStyle]:
    weighted = isinstance(styles, tuple) and len(styles) == 2 and isinstance(styles[1], int | float)
    if weighted or isinstance(styles, str | bytes) or not isinstance(styles, Sequence):
        return [styles]  # pyright: ignore[reportReturnType]  (it cannot follow `weighted`)
    return list(styles)  # pyright: ignore[reportReturnType]


def _is_path(text: str) -> bool:
    path = Path(text)
    return len(path.parts) > 1 or bool(path.suffix) or path.exists()


def _unknown_style(name: str, names: list[str]) -> Exception:
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"Did you mean {near[0]}? " if near else ""
    return error_from_reason(
        Reason.UNKNOWN_STYLE,
        f"{name} is neither a built-in style nor a file.",
        remedy=f"{hint}Built-in styles are {', '.join(names)}.",
    )


def _preview_policy(max_side: int | None, interval: float | None) -> pb.PreviewPolicy:
    return pb.PreviewPolicy(
        max_side=max_side or 0,
        min_interval=None if interval is None else _duration(interval),
    )


def _duration(seconds: float) -> Duration:
    duration = Duration()
    duration.FromNanoseconds(int(seconds * 1e9))
    return duration
