"""The outbox keeps what matters, in order, and one of what does not."""

from __future__ import annotations

import asyncio

import numpy as np

from neuralstyle.v1 import stylize_pb2 as pb
from neuralstyle.v1.reasons import Reason
from stylized.service.errors import ServiceError
from stylized.service.jobs import Outbox, OutboxItem, Painting, RawFrame

PAINTING = Painting(pb.ResultHeader(), b"", pb.Summary())


def read(*items: OutboxItem) -> list[OutboxItem]:
    async def run() -> list[OutboxItem]:
        outbox = Outbox()
        for item in items:
            outbox.put(item)
        return [item async for item in outbox.items()]

    return asyncio.run(run())


def frame(sequence: int) -> RawFrame:
    return RawFrame(sequence, sequence, np.zeros((2, 2, 3), np.uint8))


def test_only_the_newest_progress_and_frame_are_kept_and_nothing_else_is_lost() -> None:
    items = read(
        pb.Queued(jobs_ahead=2),
        pb.Queued(jobs_ahead=1),
        pb.Started(seed=1),
        pb.Progress(iteration=1),
        frame(1),
        pb.Progress(iteration=2),
        frame(2),
        PAINTING,
    )
    assert items[:3] == [pb.Queued(jobs_ahead=1), pb.Started(seed=1), pb.Progress(iteration=2)]
    assert isinstance(items[3], RawFrame)
    assert items[3].sequence == 2
    assert items[4] is PAINTING


def test_an_error_is_the_last_item_and_does_not_wait_behind_previews() -> None:
    error = ServiceError(Reason.CANCELLED, "The job was cancelled.")
    assert read(pb.Started(), pb.Progress(iteration=9), error) == [pb.Started(), error]


def test_a_reader_that_waits_is_woken() -> None:
    async def run() -> list[OutboxItem]:
        outbox = Outbox()
        found: list[OutboxItem] = []

        async def reader() -> None:
            async for item in outbox.items():
                found.append(item)

        task = asyncio.create_task(reader())
        for item in (pb.Started(), pb.Progress(iteration=1), PAINTING):
            await asyncio.sleep(0)
            outbox.put(item)
        await asyncio.wait_for(task, 5)
        return found

    assert len(asyncio.run(run())) == 3
