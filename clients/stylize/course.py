"""The course of a job as its stream tells it: messages go in, events come out, and what matters is kept.

Nothing here waits for anything, so that the job that blocks (`stylize.job`) and the one of asyncio (`stylize.aio`)
share it.
"""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

from neuralstyle.v1 import stylize_pb2 as pb
from neuralstyle.v1.reasons import Reason
from stylize.encoding import Metadata
from stylize.errors import ConnectionLost, NotFound, StylizeError
from stylize.events import Event, Queued, Result, Started, Summary, event_from_proto, result_from_chunks
from stylize.pictures import Picture
from stylize.provenance import Sources
from stylize.saving import Finished, encode_painting, finished, save_painting


class Course:
    """What is known of a job; the base of `Job` and `AsyncJob`."""

    def __init__(self, content: Picture | None, job_id: str | None, sources: Sources | None) -> None:
        """content: the photo, for what a saved painting takes over from it; None if it is not at hand.
        job_id: the job, where it is known beforehand.
        sources: what it is made from, for what a saved painting tells; None if it is not known.
        """
        self.job_id: str | None = job_id
        """Id for `Client.cancel` and `Client.watch`, known from the first event on."""
        self.started: Started | None = None
        """What the job does, once it has started."""
        self.painting: Result | None = None
        """The painting as it came, once it is complete."""
        self.summary: Summary | None = None
        """How it went, once it is done."""
        self._content = content
        self._sources = sources
        self._assembler = _Assembler()
        self._error: StylizeError | None = None

    def _take(self, response: pb.StylizeResponse) -> list[Event]:
        """The events that a message amounts to; none for a chunk of the painting."""
        if response.WhichOneof("event") == "result_chunk":
            self._assembler.add(response.result_chunk)
            return []
        event = event_from_proto(response)
        if event is None:
            return []
        if isinstance(event, Queued | Started):
            self.job_id = event.job_id
        if isinstance(event, Started):
            self.started = event
        if isinstance(event, Summary):
            self.painting = self._assembler.finish()
            self.summary = event
            return [self.painting, event]
        return [event]

    def _end(self) -> None:
        """The stream has ended. Raises ConnectionLost if it may not have."""
        if self.summary is None:
            raise ConnectionLost("The stream from the daemon ended before the painting was complete.")

    def _lacks_pictures(self, error: StylizeError) -> bool:
        """True if the daemon refused the job because it has dropped a picture that was uploaded earlier."""
        return isinstance(error, NotFound) and error.reason is Reason.IMAGE_NOT_FOUND and self.job_id is None

    def _fail(self, error: StylizeError) -> NoReturn:
        """Raises the error that the job ends with: where what is at fault is from a file, it says so."""
        self._error = error
        for source in (self._sources.preset, self._sources.resumed_from) if self._sources else ():
            self._error = source.explained(self._error) if source else self._error
        if self._error is error:
            raise error
        raise self._error from error

    def _outcome(self) -> Result:
        """The painting of a job that has ended. Raises the error that it failed with."""
        if self._error is not None:
            raise self._error
        assert self.painting is not None
        return self.painting

    def _save(self, path: str | Path, *, overwrite: bool, metadata: Metadata | str) -> Path:
        """Writes the painting of a job that has ended."""
        path, made = Path(path), self._made()
        save_painting(
            made.painting, path, made.traits, made.provenance, overwrite=overwrite, metadata=Metadata(metadata)
        )
        return path

    def _encoded(self, path: str | Path, *, metadata: Metadata | str) -> bytes:
        """The file that `_save` would write."""
        made = self._made()
        return encode_painting(made.painting, Path(path), made.traits, made.provenance, Metadata(metadata))

    def _made(self) -> Finished:
        painting = self._outcome()
        assert self.started is not None
        assert self.summary is not None
        return finished(painting, self.started, self.summary, photo=self._content, sources=self._sources)


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
        return result_from_chunks(self._header, bytes(self._data))

    def _wrong_size(self) -> ConnectionLost:
        assert self._header is not None
        return ConnectionLost(
            f"The painting arrived damaged: {len(self._data):,} of {self._header.size_bytes:,} bytes."
        )
