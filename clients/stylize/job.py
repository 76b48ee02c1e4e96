"""One job as the caller sees it: events to iterate over, a picture at the end, and a way to stop."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import grpc
import numpy as np
from PIL import Image

from neuralstyle.v1 import stylize_pb2 as pb
from stylize.course import Course
from stylize.encoding import Metadata
from stylize.errors import NotFound, StylizeError, error_from_rpc
from stylize.events import Event, Result
from stylize.pictures import Picture
from stylize.provenance import Sources


class Stream(Protocol):
    """What a server-streaming call is to this module."""

    def __iter__(self) -> Iterator[pb.StylizeResponse]: ...

    def cancel(self) -> object:
        """Ends the call; the daemon cancels the job, unless it is detached or merely watched."""
        ...


class WatchStream:
    """A call of WatchJob as a Stream."""

    def __init__(self, call: Any) -> None:
        self._call = call

    def __iter__(self) -> Iterator[pb.StylizeResponse]:
        for response in self._call:
            yield response.event

    def cancel(self) -> None:
        """Ends the call; the job goes on."""
        self._call.cancel()


class Job(Course):
    """A job of `Client.stylize` or `Client.watch`. It runs from the start, whether or not it is iterated over.

    Iterate for events (each is given out once), or ask for the `result`. Leaving its `with` block before the end
    cancels it, unless it is detached or merely watched: then it goes on, and only `cancel` stops it.
    """

    def __init__(
        self,
        open_stream: Callable[[bool], Stream],
        content: Picture | None,
        *,
        job_id: str | None = None,
        stop: Callable[[str], object] | None = None,
        sources: Sources | None = None,
    ) -> None:
        """open_stream: makes the call. It is made again, once, if the daemon has dropped an uploaded picture; its
            argument then says that all pictures must be uploaded afresh.
        stop: how a job that goes on without its stream is stopped by its id; None if ending the stream stops it. The
            job is then waited for until it has been taken, since without its id it could never be stopped.
        content, job_id, sources: see `Course`.
        """
        super().__init__(content, job_id, sources)
        self._open_stream = open_stream
        self._stream = open_stream(False)
        self._stop = stop
        self._events = self._read()
        if stop and job_id is None:
            self._events = itertools.chain([next(self._events)], self._events)

    def __iter__(self) -> Iterator[Event]:
        return self

    def __next__(self) -> Event:
        """The next event. Raises the StylizeError that the job failed with, Cancelled after `cancel`."""
        try:
            return next(self._events)
        except StylizeError as error:
            self._fail(error)

    def __enter__(self) -> Job:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.summary is None:
            self._stream.cancel()

    def cancel(self) -> None:
        """Stops the job; may be called from any thread. The daemon is free again within one iteration."""
        if self._stop is None:
            self._stream.cancel()
            return
        assert self.job_id is not None
        with contextlib.suppress(NotFound):  # it has ended
            self._stop(self.job_id)

    def result(self) -> Image.Image:
        """Waits for the end and gives the painting: mode RGB, or RGBA if the photo had alpha; sRGB, upright, 8 bits a
        sample. `array` has the 16 bits that were asked for by `depth`.

        Raises the StylizeError that the job failed with.
        """
        return self._finished().image()

    def array(self) -> np.ndarray:
        """Waits for the end and gives the painting as an array [H, W, 3], or [H, W, 4] if the photo had alpha, of uint8
        or, after `depth=16`, uint16; sRGB, upright, alpha straight.

        Raises the StylizeError that the job failed with.
        """
        return self._finished().array()

    def save(
        self,
        path: str | Path,
        *,
        overwrite: bool = False,
        metadata: Metadata | str = Metadata.ALL,
    ) -> Path:
        """Waits for the end and writes the painting, in the depth that was asked for, with the profile, EXIF data and
        alpha of the photo and with how it was made, as `stylize.encoding` describes. The suffix of `path` decides:
        PNG, JPEG, WebP or TIFF. Of a photo that is not at hand (`Client.watch` without `content`) only the alpha is
        there.

        metadata: "all", "profile" or "none", see `Metadata`.

        Raises OutputExists, OutputUnwritable, or the error that the job failed with.
        """
        self._finished()
        return self._save(path, overwrite=overwrite, metadata=metadata)

    def encoded(self, path: str | Path, *, metadata: Metadata | str = Metadata.ALL) -> bytes:
        """Waits for the end and gives the bytes of the file that `save` would write to `path`, for who writes it in
        his own way. Raises as `save` does, except for what is there."""
        self._finished()
        return self._encoded(path, metadata=metadata)

    def _finished(self) -> Result:
        for _ in self:
            pass
        return self._outcome()

    def _read(self) -> Iterator[Event]:
        for response in self._responses():
            yield from self._take(response)
        self._end()

    def _responses(self) -> Iterable[pb.StylizeResponse]:
        try:
            yield from self._call(self._stream)
        except NotFound as error:
            if not self._lacks_pictures(error):
                raise
            self._stream = self._open_stream(True)
            yield from self._call(self._stream)

    def _call(self, stream: Stream) -> Iterator[pb.StylizeResponse]:
        try:
            yield from stream
        except grpc.RpcError as error:
            raise error_from_rpc(error) from error
