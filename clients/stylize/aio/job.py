"""One job as an asyncio program sees it: events to iterate over, a picture at the end, and a way to stop.

A call of grpc.aio that was cancelled raises asyncio.CancelledError in whoever reads it, also where it was the call that
was cancelled and not the reader's task. Here the two are told apart: a reader whose job was stopped gets
`stylize.Cancelled`, a task that was cancelled its CancelledError, and then the job is stopped.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Any, TypeAlias

import grpc
import numpy as np
from PIL import Image

from neuralstyle.v1 import stylize_pb2 as pb
from neuralstyle.v1.reasons import Reason
from stylize.course import Course
from stylize.encoding import Metadata
from stylize.errors import NotFound, StylizeError, error_from_reason, error_from_rpc
from stylize.events import Event, Result
from stylize.pictures import Picture
from stylize.provenance import Sources

Call: TypeAlias = Any
"""A server-streaming call of grpc.aio, of Stylize or of WatchJob."""


class AsyncJob(Course):
    """A job of `AsyncClient.stylize` or `AsyncClient.watch`. It runs from the start, iterated over or not.

    Iterate with `async for` for events (each is given out once), or await the `result`. Leaving its `async with` block
    before the end cancels it, and so does cancelling a task that waits for it, unless it is detached or merely watched:
    then it goes on, and only `cancel` stops it. It belongs to one task; `cancel` may be called from others.
    """

    def __init__(
        self,
        open_call: Callable[[bool], Awaitable[Call]],
        content: Picture | None,
        *,
        job_id: str | None = None,
        stop: Callable[[str], Awaitable[object]] | None = None,
        sources: Sources | None = None,
    ) -> None:
        """The arguments are those of `Job`'s. Nothing is sent yet; see `begin`."""
        super().__init__(content, job_id, sources)
        self._open_call = open_call
        self._stop = stop
        self._call: Call = None
        self._waiting: deque[Event] = deque()
        self._stopped = False

    async def begin(self) -> AsyncJob:
        """Makes the call; done by the client. A job that can only be stopped by its id is waited for until that is
        known."""
        self._call = await self._open_call(False)
        if self._stop and self.job_id is None:
            await self._receive()
        return self

    def __aiter__(self) -> AsyncJob:
        return self

    async def __anext__(self) -> Event:
        """The next event. Raises the StylizeError that the job failed with, Cancelled after `cancel`."""
        while not self._waiting:
            if self._error is not None or not await self._receive():
                raise StopAsyncIteration
        return self._waiting.popleft()

    async def __aenter__(self) -> AsyncJob:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.summary is None:
            self._end_call()

    async def cancel(self) -> None:
        """Stops the job. The daemon is free again within one iteration."""
        if self._stop is None:
            self._end_call()
            return
        assert self.job_id is not None
        with contextlib.suppress(NotFound):  # it has ended
            await self._stop(self.job_id)

    async def result(self) -> Image.Image:
        """Waits for the end and gives the painting; see `Job.result`."""
        return await asyncio.to_thread((await self._finished()).image)

    async def array(self) -> np.ndarray:
        """Waits for the end and gives the painting as an array; see `Job.array`."""
        return await asyncio.to_thread((await self._finished()).array)

    async def save(
        self,
        path: str | Path,
        *,
        overwrite: bool = False,
        metadata: Metadata | str = Metadata.ALL,
    ) -> Path:
        """Waits for the end and writes the painting; see `Job.save`."""
        await self._finished()
        return await asyncio.to_thread(self._save, path, overwrite=overwrite, metadata=metadata)

    async def encoded(self, path: str | Path, *, metadata: Metadata | str = Metadata.ALL) -> bytes:
        """Waits for the end and gives the bytes of the file that `save` would write; see `Job.encoded`."""
        await self._finished()
        return await asyncio.to_thread(self._encoded, path, metadata=metadata)

    async def _finished(self) -> Result:
        async for _ in self:
            pass
        return self._outcome()

    async def _receive(self) -> bool:
        """Waits for a message and keeps its events. False at the end of the stream."""
        try:
            response = await self._read()
            if response is None:
                self._end()
                return False
            self._waiting.extend(self._take(response))
            return True
        except StylizeError as error:
            self._fail(error)

    async def _read(self) -> pb.StylizeResponse | None:
        try:
            return await self._read_call()
        except NotFound as error:
            if not self._lacks_pictures(error):
                raise
        self._call = await self._open_call(True)
        return await self._read_call()

    async def _read_call(self) -> pb.StylizeResponse | None:
        try:
            message = await self._call.read()
        except grpc.RpcError as error:
            raise error_from_rpc(error) from error
        except asyncio.CancelledError:
            if self._is_task_cancelled():
                raise
            raise error_from_reason(Reason.CANCELLED, Reason.CANCELLED.info.meaning) from None
        if message is grpc.aio.EOF:  # pyright: ignore[reportAttributeAccessIssue]  (its stubs lack it)
            return None
        return message.event if isinstance(message, pb.WatchJobResponse) else message

    def _is_task_cancelled(self) -> bool:
        cancelling = getattr(asyncio.current_task(), "cancelling", None)
        # Python 3.10 does not tell: there it was the task, unless we ended the call.
        return cancelling() > 0 if cancelling else not self._stopped

    def _end_call(self) -> None:
        self._stopped = True
        self._call.cancel()
