"""The store keeps what is needed, drops what is not, and never grows beyond its bound."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from neuralstyle.v1 import stylize_pb2 as pb
from neuralstyle.v1.reasons import Reason
from stylized.service import images
from stylized.service.errors import ServiceError
from stylized.service.limits import Limits
from stylized.service.uploads import ImageStore, StoredImage

SIDE = 20
BYTES = SIDE * SIDE
LAYOUT = pb.RawFormat(width=SIDE, height=SIDE, channels=1)
Answer = TypeVar("Answer")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def with_store(
    use: Callable[[ImageStore, Clock], Awaitable[Answer]], *, room: int = 3 * BYTES, ttl: float = 100
) -> Answer:
    async def run() -> Answer:
        clock = Clock()
        store = ImageStore(Limits(max_uploads_bytes=room, image_ttl_s=ttl), clock)
        try:
            return await use(store, clock)
        finally:
            store.close()

    return asyncio.run(run())


async def put(store: ImageStore, shade: int) -> StoredImage:
    return await store.put(bytes([shade]) * BYTES, LAYOUT)


def holds(store: ImageStore, image: StoredImage) -> bool:
    with contextlib.suppress(ServiceError):
        return store.get(image.image_id) is image
    return False


def test_the_least_recently_used_picture_goes_first() -> None:
    async def use(store: ImageStore, clock: Clock) -> None:
        one, two, three = await put(store, 1), await put(store, 2), await put(store, 3)
        store.get(one.image_id)
        await put(store, 4)
        assert [holds(store, image) for image in (one, two, three)] == [True, False, True]

    with_store(use)


def test_pictures_of_waiting_jobs_stay_and_the_upload_that_does_not_fit_is_told() -> None:
    async def use(store: ImageStore, clock: Clock) -> None:
        pinned = [await put(store, shade) for shade in (1, 2, 3)]
        for image in pinned:
            image.pins += 1
        with pytest.raises(ServiceError) as caught:
            await put(store, 4)
        assert caught.value.reason is Reason.UPLOADS_FULL
        assert all(holds(store, image) for image in pinned)
        pinned[0].pins -= 1
        await put(store, 4)
        assert [holds(store, image) for image in pinned] == [False, True, True]

    with_store(use)


def test_unused_pictures_go_after_their_time() -> None:
    async def use(store: ImageStore, clock: Clock) -> None:
        old, used = await put(store, 1), await put(store, 2)
        clock.now = 90
        store.get(used.image_id)
        clock.now = 120
        await put(store, 3)
        assert (holds(store, old), holds(store, used)) == (False, True)

    with_store(use)


def test_the_same_bytes_count_once_even_when_they_arrive_together() -> None:
    async def use(store: ImageStore, clock: Clock) -> None:
        first, second = await asyncio.gather(put(store, 1), put(store, 1))
        assert first is second
        await put(store, 2)
        await put(store, 3)
        assert holds(store, first)

    with_store(use)


def test_uploads_in_progress_are_bounded_by_what_has_come_and_give_their_room_back() -> None:
    async def use(store: ImageStore, clock: Clock) -> None:
        with store.receiving() as one, store.receiving() as other:
            one(2 * BYTES)
            other(BYTES)
            with pytest.raises(ServiceError) as caught:
                other(1)
            assert caught.value.reason is Reason.UPLOADS_FULL
        with store.receiving() as again:
            again(3 * BYTES)

    with_store(use)


def test_the_same_bytes_in_another_layout_are_another_picture() -> None:
    async def use(store: ImageStore, clock: Clock) -> None:
        other = pb.RawFormat(width=SIDE, height=SIDE, channels=1, color_space=pb.COLOR_SPACE_LINEAR_SRGB)
        assert (await put(store, 7)).image_id != (await store.put(bytes([7]) * BYTES, other)).image_id

    with_store(use)


def test_a_photo_is_decoded_once_on_its_way_to_be_painted_and_a_style_once_for_all_jobs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    decoded: list[int] = []
    decode = images.decode_raw

    def counted(layout: pb.RawFormat, data: bytes, limits: Limits) -> images.Pixels:
        decoded.append(data[0])
        return decode(layout, data, limits)

    monkeypatch.setattr(images, "decode_raw", counted)

    async def use(store: ImageStore, clock: Clock) -> None:
        style = await put(store, 9)
        for shade in (1, 2):
            photo = await put(store, shade)
            assert (await store.decode(photo, last=True)).rgb.max() == shade
            assert (await store.decode(style, last=False)).rgb.max() == 9
        assert decoded == [9, 1, 2]
        assert (await store.decode(photo, last=True)).rgb.max() == 2
        assert decoded == [9, 1, 2, 2]
        await store.decode(style, last=True)  # as if others had driven it out
        for _ in range(2):
            await store.decode(style, last=False)
        assert decoded == [9, 1, 2, 2, 9]

    with_store(use)


def test_samples_go_with_their_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    async def use(store: ImageStore, clock: Clock) -> None:
        first = await put(store, 1)
        await put(store, 2)
        await put(store, 3)
        await put(store, 4)
        assert not holds(store, first)
        monkeypatch.setattr(images, "decode_raw", lambda *_: "decoded again")
        assert await store.decode(first, last=True) == "decoded again"

    with_store(use)
