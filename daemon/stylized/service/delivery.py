"""From a viewer's outbox to the messages of its stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from neuralstyle.v1 import stylize_pb2 as pb
from stylized.service.encode import encode_frame, shrink
from stylized.service.limits import CHUNK_BYTES
from stylized.service.outbox import Outbox, Painting, Preview, RawFrame


async def responses(outbox: Outbox) -> AsyncIterator[pb.StylizeResponse]:
    """The outbox's items as messages, the painting in chunks. Raises the ServiceError with which the job ended."""
    async for item in outbox.items():
        if isinstance(item, pb.Queued):
            yield pb.StylizeResponse(queued=item)
        elif isinstance(item, pb.Started):
            yield pb.StylizeResponse(started=item)
        elif isinstance(item, pb.Progress):
            yield pb.StylizeResponse(progress=item)
        elif isinstance(item, RawFrame):
            assert outbox.preview is not None
            yield pb.StylizeResponse(frame=await asyncio.to_thread(_frame, item, outbox.preview))
        elif isinstance(item, Painting):
            for start in range(0, len(item.data), CHUNK_BYTES):
                chunk = pb.ResultChunk(data=item.data[start : start + CHUNK_BYTES])
                if start == 0:
                    chunk.header.CopyFrom(item.header)
                yield pb.StylizeResponse(result_chunk=chunk)
            yield pb.StylizeResponse(summary=item.summary)
        else:
            raise item


def _frame(raw: RawFrame, preview: Preview) -> pb.Frame:
    rgb = shrink(raw.rgb, preview.max_side)
    return pb.Frame(
        sequence=raw.sequence,
        skipped=raw.skipped,
        iteration=raw.iteration,
        width=rgb.shape[1],
        height=rgb.shape[0],
        format=preview.format,
        data=encode_frame(rgb, preview.format),
    )
