"""What the tests of the session share: a listener that plays GIMP's main thread, and orders that are soon done."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import TypeVar

import numpy as np
from neural_style.events import Event, Painted
from neural_style.failures import Failure
from neural_style.orders import Order
from neural_style.samples import Pixels, SampleType

from tests.real_daemon import raw_image

PATIENCE = 30.0
THREAD = "neural-style network"
_Kind = TypeVar("_Kind", bound=Event)


class Listener:
    """Give it to a session as `deliver`; every event must come from the session's own thread."""

    def __init__(self) -> None:
        self._events: queue.Queue[Event] = queue.Queue()
        self.threads: set[str] = set()

    def __call__(self, event: Event) -> None:
        self.threads.add(threading.current_thread().name)
        self._events.put(event)

    def events(self) -> Iterator[Event]:
        """All events up to a Painted or a Failure, that one included."""
        while True:
            event = self._events.get(timeout=PATIENCE)
            assert self.threads == {THREAD}
            yield event
            if isinstance(event, (Painted, Failure)):
                return

    def first(self, kind: type[_Kind]) -> _Kind:
        """The next event of this kind. Fails if the job ends before it."""
        for event in self.events():
            if isinstance(event, kind):
                return event
            assert not isinstance(event, (Painted, Failure)), event
        raise AssertionError(f"no {kind.__name__}")

    def so_far(self, seconds: float = 0.2) -> list[Event]:
        """What comes until nothing does for so long."""
        came: list[Event] = []
        with contextlib.suppress(queue.Empty):
            while True:
                came.append(self._events.get(timeout=seconds))
        return came


def pixels(seed: int = 0, width: int = 48, height: int = 32, sample_type: SampleType = SampleType.UINT8) -> Pixels:
    """A small picture with some structure."""
    data = raw_image(width, height, seed).raw.data
    if sample_type is not SampleType.UINT8:
        values = np.frombuffer(data, "u1")
        scaled = values * np.uint16(257) if sample_type is SampleType.UINT16 else values / np.float32(255)
        data = scaled.astype({SampleType.UINT16: "<u2", SampleType.FLOAT32: "<f4"}[sample_type]).tobytes()
    return Pixels(width, height, sample_type, data)


def small_order(**changes: object) -> Order:
    """A job of a few cheap steps."""
    order = Order(
        content=pixels(),
        style=pixels(seed=1, width=40, height=40),
        preset="gatys",
        tunables={"size": 48, "iterations": 3},
        seed=7,
        result=SampleType.UINT8,
        frame_side=0,
    )
    return replace(order, **changes)  # pyright: ignore[reportArgumentType]


def endless_order(**changes: object) -> Order:
    """A job that does not end by itself within a test."""
    return small_order(tunables={"size": 48, "iterations": 100_000}, **changes)


def network_threads() -> list[threading.Thread]:
    """The sessions' threads that run."""
    return [thread for thread in threading.enumerate() if thread.name == THREAD]


def wait_until(condition, seconds: float = 10.0) -> None:
    """Waits until `condition()` is true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)
