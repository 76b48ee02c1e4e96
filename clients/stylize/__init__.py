"""Neural style transfer from Python: send a photo and a style, watch the painting form, collect the result.

    from stylize import Client

    with Client.connect() as client:
        job = client.stylize("photo.jpg", ["woodblock"], preset="draft", iterations=120)
        for event in job:
            print(event)
        job.save("painting.png")

The daemon is found, or started, by `Client.connect`. `AsyncClient` is the same for asyncio. Everything here is free of
torch. Names are imported when they are first used, so that `stylize --help` does not wait for gRPC.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stylize.aio import AsyncClient, AsyncJob
    from stylize.client import Client
    from stylize.encoding import Metadata
    from stylize.errors import (
        Busy,
        Cancelled,
        ConnectionLost,
        DaemonError,
        DaemonUnreachable,
        InputUnreadable,
        InvalidRequest,
        NotFound,
        OutOfMemory,
        OutputExists,
        OutputUnwritable,
        PreconditionFailed,
        StylizeError,
        TimeLimit,
        Unauthenticated,
        Unavailable,
        Unsupported,
    )
    from stylize.events import Event, Frame, Level, Progress, Queued, Result, Started, Summary
    from stylize.job import Job
    from stylize.provenance import Provenance, read_provenance
    from stylize.recording import LossPlot, LossTable, Recording, StepPictures, Timelapse
    from stylize.request import Style
    from stylize.sample import SAMPLE_PHOTO

__all__ = [
    "SAMPLE_PHOTO",
    "AsyncClient",
    "AsyncJob",
    "Busy",
    "Cancelled",
    "Client",
    "ConnectionLost",
    "DaemonError",
    "DaemonUnreachable",
    "Event",
    "Frame",
    "InputUnreadable",
    "InvalidRequest",
    "Job",
    "Level",
    "LossPlot",
    "LossTable",
    "Metadata",
    "NotFound",
    "OutOfMemory",
    "OutputExists",
    "OutputUnwritable",
    "PreconditionFailed",
    "Progress",
    "Provenance",
    "Queued",
    "Recording",
    "Result",
    "Started",
    "StepPictures",
    "Style",
    "StylizeError",
    "Summary",
    "TimeLimit",
    "Timelapse",
    "Unauthenticated",
    "Unavailable",
    "Unsupported",
    "read_provenance",
]


_HOMES = ("sample", "errors", "events", "job", "client", "aio", "encoding", "provenance", "recording", "request")


def __getattr__(name: str) -> object:
    if name in __all__:
        for home in _HOMES:
            module = importlib.import_module(f"{__name__}.{home}")
            if hasattr(module, name):
                return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
