"""Orders made ready ahead: they are there when their jobs begin, and leave no shared memory when they do not."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Coroutine
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from neuralstyle.v1.reasons import Reason
from stylized.service import orders
from stylized.service.errors import ServiceError
from stylized.service.jobs import Job, StyleSpec
from stylized.service.limits import Limits
from stylized.service.messages import RunJob
from stylized.service.orders import OrdersAhead
from stylized.service.pixelblocks import PixelBlock
from stylized.service.uploads import ImageStore
from tests.service.test_queue import SPEC


def png(seed: int, width: int = 48, height: int = 32) -> bytes:
    file = io.BytesIO()
    samples = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(samples).save(file, "PNG")
    return file.getvalue()


async def job_of(store: ImageStore, name: str, width: int = 48) -> Job:
    photo, style = await store.put(png(1, width, width * 2 // 3), None), await store.put(png(2), None)
    spec = replace(SPEC, content=photo, styles=(StyleSpec(style, 1.0),))
    return Job(name, replace(spec, parameters=replace(spec.parameters, size=48)), created=0.0)


@pytest.fixture(autouse=True)
def blocks(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Names of the shared memory that this process has made and not removed."""
    open_ones: set[str] = set()
    make, close = PixelBlock.make, PixelBlock.close

    def counted_make(shape: tuple[int, ...], dtype: str) -> PixelBlock:
        block = make(shape, dtype)
        open_ones.add(block.name.name)
        return block

    def counted_close(block: PixelBlock) -> None:
        close(block)
        if block._owner:
            open_ones.discard(block.name.name)

    monkeypatch.setattr(PixelBlock, "make", counted_make)
    monkeypatch.setattr(PixelBlock, "close", counted_close)
    return open_ones


def on(test: Callable[[ImageStore, OrdersAhead], Coroutine[None, None, None]]) -> None:
    async def run() -> None:
        store = ImageStore(Limits())
        try:
            await test(store, OrdersAhead(store, Limits()))
        finally:
            store.close()

    asyncio.run(run())


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(3000):
        if condition():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it took too long")


def test_the_order_of_the_next_job_is_ready_when_it_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    make_order = orders.make_order

    async def counting(job: Job, store: ImageStore, limits: Limits) -> orders.Order:
        order = await make_order(job, store, limits)
        made.append(job.job_id)
        return order

    monkeypatch.setattr(orders, "make_order", counting)

    async def test(store: ImageStore, ahead: OrdersAhead) -> None:
        first, second = await job_of(store, "1"), await job_of(store, "2")
        ahead.want([first])
        await until(lambda: made == ["1"])
        ahead.want([first])
        order = await ahead.take(first)
        assert made == ["1"]
        assert isinstance(order.message, RunJob)
        assert order.message.content is not None
        block = PixelBlock.open(order.message.content)
        with Image.open(io.BytesIO(png(1))) as image:
            assert np.array_equal(block.array, np.asarray(image))
        block.close()
        order.close()
        (await ahead.take(second)).close()  # was not wanted before
        assert made == ["1", "2"]

    on(test)


def test_an_order_that_is_no_longer_wanted_leaves_no_shared_memory(blocks: set[str]) -> None:
    async def test(store: ImageStore, ahead: OrdersAhead) -> None:
        job = await job_of(store, "1")
        ahead.want([job])
        await until(lambda: len(blocks) == 2)  # photo, painting
        ahead.want([])
        await until(lambda: not blocks)
        ahead.want([job])
        await asyncio.sleep(0)  # half made
        ahead.close()
        await asyncio.sleep(0.05)
        assert not blocks

    on(test)


def test_large_jobs_are_not_made_ready_ahead(monkeypatch: pytest.MonkeyPatch, blocks: set[str]) -> None:
    monkeypatch.setattr(orders, "MAX_AHEAD_BYTES", 3 * 32 * 48 * 6)

    async def test(store: ImageStore, ahead: OrdersAhead) -> None:
        small, large = await job_of(store, "1"), await job_of(store, "2", width=320)
        ahead.want([large])
        await asyncio.sleep(0.05)
        assert not blocks
        ahead.want([large, small])
        await until(lambda: len(blocks) == 2)
        ahead.close()

    on(test)


def test_an_order_for_which_there_was_no_room_is_made_when_the_job_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    make_order = orders.make_order
    full = [True]

    async def without_room(job: Job, store: ImageStore, limits: Limits) -> orders.Order:
        if full.pop() if full else False:
            raise ServiceError(Reason.OUT_OF_MEMORY, "no room")
        return await make_order(job, store, limits)

    monkeypatch.setattr(orders, "make_order", without_room)

    async def test(store: ImageStore, ahead: OrdersAhead) -> None:
        job = await job_of(store, "1")
        ahead.want([job])
        await until(lambda: not full)
        (await ahead.take(job)).close()

    on(test)


def test_a_style_that_the_worker_keeps_is_not_sent_again() -> None:
    async def test(store: ImageStore, ahead: OrdersAhead) -> None:
        job = await job_of(store, "1")
        second = await store.put(png(3), None)
        job.spec = replace(job.spec, styles=(*job.spec.styles, StyleSpec(second, 2.0)))
        first = job.spec.styles[0].image
        order = await ahead.take(job)

        async def sent(*kept: str) -> list[bool]:
            message = await order.sharing_styles(job, store, kept)
            assert isinstance(message, RunJob)
            assert [style.image_id for style in message.styles] == [first.image_id, second.image_id]
            return [style.block is not None for style in message.styles]

        assert await sent(first.image_id, second.image_id) == [False, False]
        assert await sent(first.image_id) == [True, True]  # the new one may drive out the other
        assert await sent() == [True, True]
        order.close()

    on(test)
