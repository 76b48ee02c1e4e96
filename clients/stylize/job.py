"""One job as the caller sees it: events to iterate over, a picture at the end, and a way to stop."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import grpc
from PIL import Image

from neuralstyle.v1 import stylize_pb2 as pb
from neuralstyle.v1.reasons import Reason
from stylize.errors import ConnectionLost, NotFound, StylizeError, error_from_rpc
from stylize.events import Event, Queued, Result, Started, Summary, event_from_proto
from stylize.pictures import PhotoTraits, Picture
from stylize.saving import Provenance, encode_painting, save_painting


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


class Job:
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
    ) -> None:
        """open_stream: makes the call. It is made again, once, if the daemon has dropped an uploaded picture; its
            argument then says that all pictures must be uploaded afresh.
        content: the photo, for what a saved painting takes over from it; None if it is not at hand.
        job_id: the job, where it is known beforehand.
        stop: how a job that goes on without its stream is stopped by its id; None if ending the stream stops it. The
            job is then waited for until it has been taken, since without its id it could never be stopped.
        """
        self._open_stream = open_stream
        self._stream = open_stream(False)
        self._content = content
        self._stop = stop
        self._error: StylizeError | None = None
        self.job_id: str | None = job_id
        """Id for `Client.cancel` and `Client.watch`, known from the first event on."""
        self.started: Started | None = None
        """What the job does, once it has started."""
        self.painting: Result | None = None
        """The painting as it came, once it is complete."""
        self.summary: Summary | None = None
        """How it went, once it is done."""
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
            self._error = error
            raise

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
        """Waits for the end and gives the painting: mode RGB, or RGBA if the photo had alpha; sRGB, upright.

        Raises the StylizeError that the job failed with.
        """
        return self._finished().image()

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Waits for the end and writes the painting, with the profile, EXIF data and alpha of the photo and with how
        it was made, as `stylize.saving` describes. The suffix of `path` decides: PNG, JPEG, WebP or TIFF. Of a photo
        that is not at hand (`Client.watch` without `content`) only the alpha is there.

        Raises OutputExists, OutputUnwritable, or the error that the job failed with.
        """
        painting, path = self._finished(), Path(path)
        save_painting(painting.image(), path, *self._origin(), overwrite=overwrite)
        return path

    def encoded(self, path: str | Path) -> bytes:
        """Waits for the end and gives the bytes of the file that `save` would write to `path`, for who writes it in
        his own way. Raises as `save` does, except for what is there."""
        painting = self._finished()
        return encode_painting(painting.image(), Path(path), *self._origin())

    def _origin(self) -> tuple[PhotoTraits, Provenance]:
        assert self.started is not None
        assert self.summary is not None
        traits = self._content.traits() if self._content else PhotoTraits(None, Image.Exif())
        return traits, Provenance.of(self.started, self.summary)

    def _finished(self) -> Result:
        for _ in self:
            pass
        if self._error is not None:  # it failed while somebody else iterated
            raise self._error
        assert self.painting is not None
        return self.painting

    def _read(self) -> Iterator[Event]:
        assembler = _Assembler()
        for response in self._responses():
            if response.WhichOneof("event") == "result_chunk":
                assembler.add(response.result_chunk)
                continue
            event = event_from_proto(response)
            if isinstance(event, Summary):
                self.painting = assembler.finish()
                self._remember(event)
                yield self.painting
                yield event
            elif event is not None:
                self._remember(event)
                yield event
        if self.summary is None:
            raise ConnectionLost("The stream from the daemon ended before the painting was complete.")

    def _remember(self, event: Event) -> None:
        if isinstance(event, Queued | Started):
            self.job_id = event.job_id
        if isinstance(event, Started):
            self.started = event
        elif isinstance(event, Summary):
            self.summary = event

    def _responses(self) -> Iterable[pb.StylizeResponse]:
        try:
            yield from self._call(self._stream)
        except NotFound as error:
            if error.reason is not Reason.IMAGE_NOT_FOUND or self.job_id is not None:
                raise
            self._stream = self._open_stream(True)
            yield from self._call(self._stream)

    def _call(self, stream: Stream) -> Iterator[pb.StylizeResponse]:
        try:
            yield from stream
        except grpc.RpcError as error:
            raise error_from_rpc(error) from error


class _Assembler:
    """Puts the chunks of a result together and believes nothing: sizes must be as announced."""

    def __init__(self) -> None:
        self._header: pb.ResultHeader | None = None
        self._data = bytearray()

    def add(self, chunk: pb.ResultChunk) -> None:
        if chunk.HasField("header"):
            self._header = chunk.header
        if self._header is None:
            raise ConnectionLost("The daemon sent a painting without saying what it is.")
        self._data += chunk.data
        if len(self._data) > self._header.size_bytes:
            raise self._wrong_size()

    def finish(self) -> Result:
        if self._header is None:
            raise ConnectionLost("The daemon ended the job without sending a painting.")
        if len(self._data) != self._header.size_bytes:
            raise self._wrong_size()
        pixels = self._header.pixels
        return Result(pixels.width, pixels.height, pixels.channels, len(self._data), bytes(self._data))

    def _wrong_size(self) -> ConnectionLost:
        assert self._header is not None
        return ConnectionLost(
            f"The painting arrived damaged: {len(self._data):,} of {self._header.size_bytes:,} bytes."
        )
