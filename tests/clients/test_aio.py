"""Promise: the client of asyncio does what the other does, never blocks the loop, and ends what its task gives up."""

from __future__ import annotations

import asyncio
import functools
import inspect
import pkgutil
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import stylize
from neuralstyle.v1 import stylize_pb2 as pb
from neuralstyle.v1.reasons import Reason
from stylize import AsyncClient, AsyncJob, Client, Job
from tests.real_daemon import RealDaemon

from .photos import camera_exif, colours, encode
from .scripted_daemon import RunningDaemon, ScriptedService, abort, started
from .test_job import CHUNKS, endless, follow
from .test_watching import until_stopped

PHOTO = encode(colours(), "PNG")
Scenario = Callable[[AsyncClient], Coroutine[Any, Any, None]]


@pytest.fixture
def run(scripted: RunningDaemon) -> Callable[[Scenario], None]:
    """Runs a scenario with a client of the scripted daemon."""

    def run(scenario: Scenario) -> None:
        async def with_client() -> None:
            async with await AsyncClient.connect(start=False) as client:
                await scenario(client)

        asyncio.run(with_client())

    return run


async def is_set(event: Any, timeout: float = 2) -> bool:
    return await asyncio.to_thread(event.wait, timeout)


@pytest.mark.parametrize(("blocking", "awaited"), [(Client, AsyncClient), (Job, AsyncJob)])
def test_it_has_the_same_methods_with_the_same_arguments(blocking: type, awaited: type) -> None:
    def methods(kind: type) -> dict[str, list[inspect.Parameter]]:
        return {
            name: list(inspect.signature(member).parameters.values())
            for name, member in inspect.getmembers(kind, callable)
            if not name.startswith("_")
        }

    extra = {"begin", "style_names"}  # made by the client alone; a property in the other
    assert {name: value for name, value in methods(awaited).items() if name not in extra} == methods(blocking)


def test_the_same_job_gives_the_same_events_and_paintings(
    run: Callable[[Scenario], None], client: Client, tmp_path: Path
) -> None:
    photo = tmp_path / "photo.jpg"
    colours().save(photo, exif=camera_exif())
    options: dict[str, Any] = {"preview": 64, "seed": 7, "precision": "fp32", "iterations": 4}
    job = client.stylize(photo, ("woodblock", 2.0), "draft", **options)
    expected = list(job)
    job.save(tmp_path / "blocking.jpg")

    async def scenario(client: AsyncClient) -> None:
        async with await client.stylize(photo, ("woodblock", 2.0), "draft", **options) as same:
            assert [event async for event in same] == expected
        assert (same.job_id, same.started, same.summary) == (job.job_id, job.started, job.summary)
        assert (await same.result()).tobytes() == job.result().tobytes()
        assert np.array_equal(await same.array(), job.array())
        await same.save(tmp_path / "awaited.jpg")
        with pytest.raises(stylize.OutputExists):
            await same.save(tmp_path / "awaited.jpg")

    run(scenario)
    assert (tmp_path / "awaited.jpg").read_bytes() == (tmp_path / "blocking.jpg").read_bytes()


def test_a_painting_is_an_array(run: Callable[[Scenario], None]) -> None:
    async def scenario(client: AsyncClient) -> None:
        samples = await (await client.stylize(PHOTO, "woodblock")).array()
        assert (samples.shape, samples.dtype) == ((40, 60, 3), np.uint8)
        with_alpha = encode(colours(alpha=True), "PNG")
        assert (await (await client.stylize(with_alpha, "woodblock")).array()).shape == (40, 60, 4)

    run(scenario)


def test_the_rest_of_the_client_answers_as_the_other(run: Callable[[Scenario], None], client: Client) -> None:
    async def scenario(awaited: AsyncClient) -> None:
        assert (awaited.target, awaited.limits) == (client.target, client.limits)
        assert await awaited.info() == client.info()
        assert (await awaited.styles(), await awaited.style_names()) == (client.styles(), client.style_names)
        assert (await awaited.presets(), await awaited.jobs()) == (client.presets(), client.jobs())
        assert await awaited.update("job-1", strength=0.8) == client.update("job-1", strength=0.8)
        assert await awaited.cancel("job-1")
        assert not await awaited.cancel("job-1", keep=True)
        assert await awaited.shutdown() == client.shutdown()

    run(scenario)


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (("nix.jpg", "woodblock"), stylize.InputUnreadable),
        ((PHOTO, "woodblok"), stylize.NotFound),
        ((np.zeros(5), "woodblock"), stylize.InvalidRequest),
    ],
)
def test_what_is_refused_at_once_is_the_same_error(
    run: Callable[[Scenario], None], arguments: tuple[Any, Any], kind: type[stylize.StylizeError]
) -> None:
    async def scenario(client: AsyncClient) -> None:
        with pytest.raises(kind):
            await client.stylize(*arguments)

    run(scenario)


def test_what_the_daemon_says_carries_its_reason(run: Callable[[Scenario], None], service: ScriptedService) -> None:
    def script(request, context, photo):
        yield started()
        abort(context, Reason.OUT_OF_MEMORY, "It does not fit.", field="tunables.size")

    service.script = script

    async def scenario(client: AsyncClient) -> None:
        job = await client.stylize(PHOTO, "woodblock")
        with pytest.raises(stylize.OutOfMemory) as caught:
            await job.result()
        assert (caught.value.reason, caught.value.field) == (Reason.OUT_OF_MEMORY, "tunables.size")
        with pytest.raises(stylize.OutOfMemory):
            await job.result()

    run(scenario)


@pytest.mark.parametrize("responses", [[started(), *CHUNKS], [started(), *CHUNKS[:-1]], []])
def test_an_incomplete_stream_is_an_error(
    run: Callable[[Scenario], None], service: ScriptedService, responses: list[pb.StylizeResponse]
) -> None:
    follow(service, *responses)

    async def scenario(client: AsyncClient) -> None:
        with pytest.raises(stylize.ConnectionLost):
            await (await client.stylize(PHOTO, "woodblock")).result()

    run(scenario)


def test_cancelling_the_task_cancels_the_job(run: Callable[[Scenario], None], service: ScriptedService) -> None:
    endless(service)

    async def scenario(client: AsyncClient) -> None:
        job = await client.stylize(PHOTO, "woodblock")
        task = asyncio.create_task(job.result())
        await asyncio.sleep(0.1)
        assert not service.cancelled.is_set()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await is_set(service.cancelled)

    run(scenario)


def test_a_passed_timeout_cancels_the_job(run: Callable[[Scenario], None], service: ScriptedService) -> None:
    endless(service)

    async def scenario(client: AsyncClient) -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for((await client.stylize(PHOTO, "woodblock")).result(), 0.1)
        assert await is_set(service.cancelled)

    run(scenario)


def test_leaving_the_block_cancels_but_not_a_finished_job(
    run: Callable[[Scenario], None], service: ScriptedService
) -> None:
    async def scenario(client: AsyncClient) -> None:
        async with await client.stylize(PHOTO, "woodblock") as job:
            await job.result()
        assert not await is_set(service.cancelled, 0.1)
        endless(service)
        async with await client.stylize(PHOTO, "woodblock") as job:
            await anext(aiter(job))
        assert await is_set(service.cancelled)

    run(scenario)


@pytest.mark.parametrize("how", ["the job", "the client"])
def test_who_waits_for_a_job_that_another_task_ends_is_told_and_goes_on(
    run: Callable[[Scenario], None], service: ScriptedService, how: str
) -> None:
    endless(service)

    async def scenario(client: AsyncClient) -> None:
        job = await client.stylize(PHOTO, "woodblock")

        async def waiting() -> str:
            with pytest.raises(stylize.Cancelled):
                await job.result()
            await asyncio.sleep(0)  # the task itself was not cancelled
            return "went on"

        task = asyncio.create_task(waiting())
        await asyncio.sleep(0.1)
        await (job.cancel() if how == "the job" else client.close())
        assert await asyncio.wait_for(task, 5) == "went on"
        assert await is_set(service.cancelled)

    run(scenario)


@pytest.mark.parametrize("how", ["detached", "watched"])
def test_a_job_that_goes_on_by_itself_is_known_at_once_and_stopped_by_its_id(
    run: Callable[[Scenario], None], service: ScriptedService, how: str
) -> None:
    service.has_watch_job = True
    until_stopped(service)

    async def scenario(client: AsyncClient) -> None:
        begin = functools.partial(client.stylize, PHOTO, "woodblock", detach=True)
        if how == "watched":
            begin = functools.partial(client.watch, "job-1")
        async with await begin() as job:
            assert job.job_id == "job-1"
            names = [type(await anext(aiter(job))).__name__ for _ in range(3)]
            assert names == ["Queued", "Started", "Progress"]
        assert await is_set(service.cancelled if how == "detached" else service.left)
        assert service.stopped == []
        job = await begin()
        task = asyncio.create_task(job.result())
        await job.cancel()
        with pytest.raises(stylize.Cancelled):
            await task
        assert service.stopped == ["job-1"]
        service.gone = {"job-1"}
        await job.cancel()  # it has ended

    run(scenario)


def test_a_style_that_many_jobs_want_travels_once(run: Callable[[Scenario], None], service: ScriptedService) -> None:
    async def scenario(client: AsyncClient) -> None:
        style = encode(colours(30, 30), "PNG")
        jobs = await asyncio.gather(*(client.stylize(PHOTO, style) for _ in range(3)))
        assert [image.size for image in await asyncio.gather(*(job.result() for job in jobs))] == [(60, 40)] * 3
        assert service.methods().count("UploadImage") == 2
        service.uploads.clear()
        assert (await (await client.stylize(PHOTO, "woodblock")).result()).size == (60, 40)
        assert service.methods().count("UploadImage") == 3

    run(scenario)


def test_every_call_over_tcp_carries_the_token(scripted: RunningDaemon, service: ScriptedService) -> None:
    service.token, service.has_watch_job = "0123abcd", True
    scripted.announce(targets=(scripted.tcp_target,))

    async def scenario() -> None:
        async with await AsyncClient.connect(start=False, client_name="studio") as client:
            await (await client.stylize(PHOTO, "woodblock")).result()
            await (await client.watch("job-1")).cancel()
            await client.jobs()

    asyncio.run(scenario())
    assert set(service.methods()) >= {"UploadImage", "Stylize", "ListJobs", "CancelJob"}
    assert {call.metadata.get("authorization") for call in service.calls} == {"Bearer 0123abcd"}
    assert all(call.metadata["x-client"].startswith("studio/") for call in service.calls)


@pytest.mark.parametrize(
    "slow", ["stylize.aio.client.open_picture", "stylize.aio.client.open_styles", "stylize.course.save_painting"]
)
def test_the_loop_goes_on_while_pictures_are_read_and_written(
    run: Callable[[Scenario], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, slow: str
) -> None:
    function = pkgutil.resolve_name(slow)

    def slowly(*arguments: Any, **options: Any) -> Any:
        time.sleep(0.5)
        return function(*arguments, **options)

    monkeypatch.setattr(slow, slowly)

    async def scenario(client: AsyncClient) -> None:
        watching = asyncio.create_task(longest_pause())
        await (await client.stylize(PHOTO, "woodblock")).save(tmp_path / "out.png")
        watching.cancel()
        assert await watching < 0.4

    run(scenario)


async def longest_pause() -> float:
    """Seconds for which the loop did not come round; told when cancelled."""
    longest, last = 0.0, time.monotonic()
    try:
        while True:
            await asyncio.sleep(0.005)
            longest, last = max(longest, time.monotonic() - last), time.monotonic()
    except asyncio.CancelledError:
        return max(longest, time.monotonic() - last)


def test_several_paintings_of_a_real_daemon_at_once(
    hasty_daemon: RealDaemon, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("STYLIZED_HOME", str(hasty_daemon.folder))

    async def scenario() -> None:
        async with await AsyncClient.connect(start=False) as client:
            styles = await client.style_names()
            jobs = await asyncio.gather(*(client.stylize(PHOTO, style, "draft", seed=1) for style in styles))
            outputs = [tmp_path / f"{style}.png" for style in styles]
            saved = await asyncio.gather(*(job.save(path) for job, path in zip(jobs, outputs, strict=True)))
            assert len({path.read_bytes() for path in saved}) == len(styles) == 4
            gone = await client.stylize(PHOTO, styles[0], iterations=100_000)
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(gone.result(), 0.3)
            deadline = time.monotonic() + 10
            while await client.jobs():
                assert time.monotonic() < deadline
                await asyncio.sleep(0.02)

    asyncio.run(scenario())
