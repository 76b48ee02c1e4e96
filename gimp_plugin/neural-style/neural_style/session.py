"""The one thread in which all network happens, and what the rest of the plug-in sees of it.

GIMP and GTK may be called from the main thread alone, and must never wait for a network. So orders go in by calls that
return at once, and events come back through a function that the caller gives: it is called in this session's thread
and must hand them over to the main one.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any

from neural_style import endpoints
from neural_style.events import (
    Connected,
    Event,
    Frame,
    Painted,
    Progress,
    Started,
    Starting,
    Style,
    Waiting,
)
from neural_style.failures import DaemonLost, Failure, daemon_lost, daemon_not_starting, no_daemon
from neural_style.orders import Order
from neural_style.samples import Pixels, SampleType

if TYPE_CHECKING:
    from neural_style.client import Client

START_SECONDS = 30.0
_YIELD_SECONDS = 5.0
"""A daemon that ends at once may have given way to one that somebody else is starting: so long that one may take."""
UPLOADS_KEPT = 6
"""Pictures that are not sent again: the photo, its preview's copy, and a few styles that are tried in turn."""
_POLL_SECONDS = 0.1

Deliver = Callable[[Event], None]
_Begin = Callable[[], Coroutine[Any, Any, None]]
"""Makes what is to be awaited, when its turn comes: one that was made before, in a session that is then closed, would
never be."""


class Session:
    """A connection to the daemon in a thread of its own. Close it, or let it end with the process."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="neural-style network", daemon=True)
        self._client: Client | None = None
        self._opening: asyncio.Lock | None = None
        self._uploaded: dict[int, tuple[object, str]] = {}
        """Image ids by the identity of the picture, which is kept alive here so that no other takes its place; the
        latest few."""
        self._thread.start()

    def connect(self, deliver: Deliver) -> None:
        """Finds the daemon, or starts it: delivers Starting perhaps, then Connected or a Failure."""
        self._start(lambda: self._connect(deliver), deliver)

    def paint(self, order: Order, deliver: Deliver) -> Job:
        """Hands in a job: delivers its events up to Painted, or a Failure."""
        job = Job(self)
        job.task = self._start(lambda: self._paint(order, job, deliver), deliver)
        return job

    def watch(self, job_id: str, frame_side: int, deliver: Deliver) -> Job:
        """Attaches to a job that was left alone: delivers as `paint` does."""
        job = Job(self)
        job.job_id = job_id
        job.task = self._start(lambda: self._watch(job, frame_side, deliver), deliver)
        return job

    def close(self) -> None:
        """Ends the connection and the thread; jobs that are not detached end with it."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(timeout=5.0)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        if self._client is not None:
            self._client.close()
        # Sockets are closed, and half-read streams ended, in the loop's next rounds: only then does the daemon notice.
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    def _start(self, begin: _Begin, deliver: Deliver) -> Any:
        return asyncio.run_coroutine_threadsafe(_guarded(begin, deliver), self._loop)

    async def _connect(self, deliver: Deliver) -> None:
        async with self._using(deliver) as client:
            styles, presets = await client.styles(), await client.presets()
        deliver(
            Connected(
                version=client.info.server_version,
                device=client.info.device,
                features=frozenset(client.info.features),
                largest_size=client.info.limits.max_size,
                styles=tuple(Style(style.name, style.title, style.artist, style.thumbnail) for style in styles),
                presets={preset.name: preset for preset in presets},
            )
        )

    async def _open(self, deliver: Deliver) -> Client:
        if self._opening is None:
            self._opening = asyncio.Lock()
        async with self._opening:
            if self._client is None:
                self._client = await _find() or await _start_daemon(deliver)
            return self._client

    @contextlib.asynccontextmanager
    async def _using(self, deliver: Deliver) -> AsyncIterator[Client]:
        """The daemon's client. If the daemon turns out to be gone it is forgotten: another one may be there next time,
        which has none of our pictures."""
        client = await self._open(deliver)
        try:
            yield client
        except Failure as failure:
            if not failure.reason and client is self._client:
                client.close()
                self._client = None
                self._uploaded.clear()
            raise

    async def _paint(self, order: Order, job: Job, deliver: Deliver) -> None:
        try:
            await self._paint_once(order, job, deliver)
        except Failure as failure:
            if failure.reason == "IMAGE_NOT_FOUND":
                self._uploaded.clear()  # the daemon has dropped a picture to make room; it takes it again
            elif isinstance(failure, DaemonLost) and not job.job_id:
                pass  # the daemon had gone while nothing was asked of it, and no job is lost: another one may be there
            else:
                raise
            await self._paint_once(order, job, deliver)

    async def _paint_once(self, order: Order, job: Job, deliver: Deliver) -> None:
        async with self._using(deliver) as client:
            content_id = await self._upload(client, order.content)
            style_id = "" if isinstance(order.style, str) else await self._upload(client, order.style)
            await _follow(client.stylize(order, content_id, style_id), order.result, job, deliver)

    async def _watch(self, job: Job, frame_side: int, deliver: Deliver) -> None:
        async with self._using(deliver) as client:
            await _follow(client.watch(job.job_id, frame_side), None, job, deliver)

    async def _upload(self, client: Client, picture: Pixels | bytes) -> str:
        known = self._uploaded.get(id(picture))
        if known is None:
            known = (picture, await client.upload(picture))
            self._uploaded[id(picture)] = known
            while len(self._uploaded) > UPLOADS_KEPT:
                del self._uploaded[next(iter(self._uploaded))]
        return known[1]

    async def _order(self, job: Job, act: Callable[[Client, str], Coroutine[Any, Any, None]]) -> None:
        """Does something to a job once its id is known; nothing if it ends before."""
        while not job.job_id:
            if job.task is None or job.task.done():
                return
            await asyncio.sleep(_POLL_SECONDS / 10)
        if self._client is not None:
            await act(self._client, job.job_id)


class Job:
    """A job of a session. Its methods return at once."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.job_id = ""
        """Empty until the daemon has given it one."""
        self.task: Any = None

    def cancel(self) -> None:
        """Stops it; nothing more is delivered but the events that are under way."""
        self._do(lambda client, job_id: client.cancel(job_id, keep=False))
        self._session._loop.call_soon_threadsafe(self._session._loop.call_later, 0.5, self.task.cancel)

    def keep(self) -> None:
        """Ends it with the painting as it is, which is then delivered."""
        self._do(lambda client, job_id: client.cancel(job_id, keep=True))

    def steer(self, tunables: Mapping[str, float]) -> None:
        """Changes strength and colour while it runs."""
        self._do(lambda client, job_id: client.update(job_id, tunables))

    def _do(self, act: Callable[[Client, str], Coroutine[Any, Any, None]]) -> None:
        asyncio.run_coroutine_threadsafe(_quiet(lambda: self._session._order(self, act)), self._session._loop)


async def _guarded(begin: _Begin, deliver: Deliver) -> None:
    """Runs it, and delivers what it fails with: nothing is lost in a thread that nobody looks at."""
    try:
        await begin()
    except Failure as failure:
        deliver(failure)
    except asyncio.CancelledError:
        raise
    except Exception as error:  # a defect of ours; the user sees it instead of a dialog that waits for ever
        deliver(Failure(f"{type(error).__name__}: {error}"))
        raise


async def _quiet(begin: _Begin) -> None:
    """For orders to a job: if they fail, it has ended meanwhile, or its own stream tells why."""
    with contextlib.suppress(Failure):
        await begin()


async def _find() -> Client | None:
    from neural_style.client import Client

    for found in endpoints.described():
        client = await Client.open(found)
        if client is not None:
            return client
    return None


async def _start_daemon(deliver: Deliver) -> Client:
    command = endpoints.start_command()
    if command is None:
        raise no_daemon()
    deliver(Starting())
    try:
        process = endpoints.start(command)
    except OSError as error:
        raise no_daemon() from error
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        client = await _find()
        if client is not None:
            return client
        if process.poll() is not None:
            deadline = min(deadline, time.monotonic() + _YIELD_SECONDS)
        await asyncio.sleep(_POLL_SECONDS)
    raise daemon_not_starting(endpoints.log_tail())


async def _follow(responses: AsyncIterator[Any], result: SampleType | None, job: Job, deliver: Deliver) -> None:
    """Delivers a job's events. result: the type of its samples; None if its own header must tell."""
    from neural_style import provenance

    started: Any = None
    header: Any = None
    chunks: list[bytes] = []
    painted: Painted | None = None
    async for response in responses:
        kind = response.WhichOneof("event")
        if kind == "queued":
            job.job_id = response.queued.job_id
            deliver(Waiting(job.job_id, response.queued.jobs_ahead))
        elif kind == "started":
            started = response.started
            job.job_id = started.job_id
            last = started.plan[-1]
            steps = sum(level.iterations for level in started.plan)
            deliver(Started(job.job_id, started.device, last.width, last.height, steps))
        elif kind == "progress":
            progress = response.progress
            eta = progress.eta.ToNanoseconds() / 1e9 if progress.HasField("eta") else None
            deliver(Progress(progress.iteration, progress.iterations, eta))
        elif kind == "frame":
            frame = response.frame
            deliver(Frame(frame.iteration, frame.width, frame.height, frame.data))
        elif kind == "result_chunk":
            if response.result_chunk.HasField("header"):
                header = response.result_chunk.header
            chunks.append(response.result_chunk.data)
        elif kind == "summary":
            summary = response.summary
            pixels = _pixels(header, b"".join(chunks))
            if result is not None and pixels.sample_type is not result:
                raise daemon_lost()
            seconds = summary.run_time.ToNanoseconds() / 1e9
            painted = Painted(pixels, provenance.record(started, summary), seconds, tuple(summary.warnings))
    # Read to its end: of a detached job whose stream is cut off there the daemon would keep the painting for an hour.
    if painted is None:
        raise daemon_lost()
    deliver(painted)


def _pixels(header: Any, data: bytes) -> Pixels:
    from neuralstyle.v1 import stylize_pb2 as pb

    kinds = {
        pb.RESULT_FORMAT_RAW_UINT8: SampleType.UINT8,
        pb.RESULT_FORMAT_RAW_UINT16: SampleType.UINT16,
        pb.RESULT_FORMAT_RAW_FLOAT32: SampleType.FLOAT32,
    }
    if header is None or header.format not in kinds or header.pixels.channels != 3:
        raise daemon_lost()
    try:
        return Pixels(header.pixels.width, header.pixels.height, kinds[header.format], data)
    except ValueError:
        raise daemon_lost() from None
