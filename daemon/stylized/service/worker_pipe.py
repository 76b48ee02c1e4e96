"""The worker's side of its pipe: what it is told while it paints, and where its log lines go."""

from __future__ import annotations

import logging
import os
import queue
import threading
from multiprocessing.connection import Connection

from stylized.engine.parameters import Steering
from stylized.engine.stylize import EndNow
from stylized.service.messages import FromWorker, LogLine, StopJob, ToWorker


class Pipe:
    """The worker's end of the pipe; any thread may send."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    def send(self, message: FromWorker) -> None:
        """Sends a message to the front end."""
        with self._lock:
            self._connection.send(message)

    def receive(self) -> ToWorker:
        """The next message; ends the process if the front end is gone."""
        try:
            return self._connection.recv()
        except (EOFError, OSError):
            os._exit(0)


class PipeHandler(logging.Handler):
    """Sends log lines to the front end, which owns the log."""

    def __init__(self, pipe: Pipe) -> None:
        super().__init__()
        self._pipe = pipe

    def emit(self, record: logging.LogRecord) -> None:
        """Sends one line."""
        self._pipe.send(LogLine(record.levelno, self.format(record)))


class Control:
    """What the front end wants of a job that runs. Written by the listening thread, read by the painting one."""

    def __init__(self) -> None:
        self.stop: StopJob | None = None
        self.steering: queue.SimpleQueue[Steering] = queue.SimpleQueue()
        self.steps = 0
        """Steps done."""

    def next_order(self) -> Steering | EndNow | None:
        """What the engine is to be told with its next step, once it has done one."""
        if not self.steps:
            return None
        newest = None
        while not self.steering.empty():
            newest = self.steering.get()
        if self.stop is None:
            return newest
        # The weights came too late for this painting, but not how it is coloured.
        return EndNow(newest.color if newest else None)
