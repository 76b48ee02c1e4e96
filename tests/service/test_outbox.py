"""The outbox keeps what matters, in order, and one of what does not; who comes late is told where the job stands."""

from __future__ import annotations

import asyncio

import numpy as np

from neuralstyle.v1 import stylize_pb2 as pb
from neuralstyle.v1.reasons import Reason
from stylized.service.errors import ServiceError
from stylized.service.outbox import Broadcast, Outbox, OutboxItem, Painting, Preview, RawFrame

PREVIEW = Preview(64, 0.5, pb.FRAME_FORMAT_JPEG)
PAINTING = Painting(pb.ResultHeader(), b"", pb.Summary())


def read(*items: OutboxItem) -> list[OutboxItem]:
    async def run() -> list[OutboxItem]:
        outbox = Outbox(PREVIEW)
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
        outbox = Outbox(PREVIEW)
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


def waiting_in(outbox: Outbox) -> list[OutboxItem]:
    """What is in it now, taken out."""
    return list(iter(outbox._next, None))


def test_each_viewer_is_told_how_many_frames_it_missed() -> None:
    quick, slow = Outbox(PREVIEW), Outbox(PREVIEW)
    broadcast = Broadcast()
    broadcast.attach(quick)
    broadcast.attach(slow)
    seen = []
    for sequence in range(1, 6):
        broadcast.put(frame(sequence))
        seen += waiting_in(quick)
    assert [(item.sequence, item.skipped) for item in seen] == [(number, 0) for number in range(1, 6)]
    late = Outbox(PREVIEW)
    broadcast.attach(late)
    for outbox, skipped in ((slow, 4), (late, 0)):
        (item,) = waiting_in(outbox)
        assert isinstance(item, RawFrame)
        assert (item.sequence, item.skipped) == (5, skipped)
    broadcast.put(frame(6))
    (item,) = waiting_in(slow)
    assert isinstance(item, RawFrame)
    assert item.skipped == 0


def test_a_viewer_that_wants_frames_seldom_gets_them_seldom_and_missed_none() -> None:
    now = 0.0
    outbox = Outbox(PREVIEW, pause_s=2.0, clock=lambda: now)
    taken = []
    for sequence in range(1, 11):  # one each half second
        outbox.put(frame(sequence))
        taken += waiting_in(outbox)
        now += 0.5
    assert [(item.sequence, item.skipped) for item in taken] == [(1, 0), (5, 0), (9, 0)]


def test_a_viewer_without_preview_gets_no_frames() -> None:
    outbox = Outbox(None)
    outbox.put(frame(1))
    outbox.put(pb.Progress(iteration=1))
    assert waiting_in(outbox) == [pb.Progress(iteration=1)]


def test_who_comes_late_is_told_where_the_job_stands() -> None:
    broadcast = Broadcast()

    def told() -> list[OutboxItem]:
        outbox = Outbox(PREVIEW)
        broadcast.attach(outbox)
        return waiting_in(outbox)

    queued, started, progress = pb.Queued(jobs_ahead=1), pb.Started(seed=1), pb.Progress(iteration=2)
    assert told() == []
    broadcast.put(pb.Queued(jobs_ahead=2))
    broadcast.put(queued)
    assert told() == [queued]
    broadcast.put(started)
    assert told() == [started]
    broadcast.put(pb.Progress(iteration=1))
    broadcast.put(progress)
    broadcast.put(frame(1))
    *others, last = told()
    assert others == [started, progress]
    assert isinstance(last, RawFrame)
    broadcast.put(PAINTING)
    assert told() == [started, progress, PAINTING]


def test_who_has_gone_is_told_nothing() -> None:
    broadcast, outbox = Broadcast(), Outbox(PREVIEW)
    broadcast.attach(outbox)
    assert broadcast.watched
    broadcast.remove(outbox)
    assert not broadcast.watched
    broadcast.put(PAINTING)
    assert waiting_in(outbox) == []


def test_a_place_in_line_is_told_when_it_changes() -> None:
    async def run() -> list[int]:
        broadcast, outbox = Broadcast(), Outbox(None)
        broadcast.attach(outbox)
        told = []
        for ahead in (2, 2, 1, 1, 2):
            broadcast.put(pb.Queued(jobs_ahead=ahead))
            item = outbox._next()
            told += [item.jobs_ahead] if isinstance(item, pb.Queued) else []
        return told

    assert asyncio.run(run()) == [2, 1, 2]
