"""The client for asyncio: `AsyncClient` and `AsyncJob`, the same as `stylize.Client` and `stylize.Job` but awaited.

    import stylize

    async with await stylize.AsyncClient.connect() as client:
        job = await client.stylize("photo.jpg", "woodblock", preview=256)
        async for event in job:
            print(event)
        await job.save("painting.png")

What would block the event loop is done in threads: finding and starting the daemon, reading, decoding and writing
pictures. Errors are those of `stylize.errors`.
"""

from __future__ import annotations

from stylize.aio.client import AsyncClient
from stylize.aio.job import AsyncJob

__all__ = ["AsyncClient", "AsyncJob"]
