"""The front end's handle on a worker process: start, send, receive, kill."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import threading
from collections.abc import MutableMapping
from dataclasses import dataclass
from multiprocessing.connection import Connection

from stylized.engine.choices import Backend, Precision
from stylized.service.messages import FromWorker, LogLine, ToWorker

EXIT_S = 2.0
"""A worker whose pipe has closed gets this long to be gone."""

SPIN_COUNT = 5000
"""About a tenth of a millisecond. On two cores, beside one busy program, iterations at 64, 256 and 512 px took 3.0, 3.2
and 3.3 times as long as without it (with 1000: 1.6, 1.6, 1.6; with 20,000: 9.5, 7.6, 5.9), with libgomp's own number
more than 40 times. When nothing else runs, pictures of 64 px take a fifth longer for it (with 1000: a half), and larger
ones up to a tenth (up to a fifth)."""

log = logging.getLogger(__name__)
worker_log = logging.getLogger("stylized.worker")


@dataclass(frozen=True)
class WorkerOptions:
    """How a worker is started."""

    weights: tuple[str, ...] = ()
    """Besides the bundled ones, or in their place; each as `stylized.weights.load_weights` takes it."""
    threads: int | None = None
    """CPU threads of all workers on the device together; None leaves it to torch."""
    backend: Backend = Backend.AUTO
    precision: Precision = Precision.AUTO
    """For jobs that ask for none."""
    memory_bytes: int | None = None
    """That a job may plan with at most; None: what is free."""
    device: str | None = None
    """As torch names it; None is the first there is."""
    sharers: int = 1
    """Workers on the device. Each has the same part of the threads, rounded down, from its start to its end: the number
    of threads decides about the last bits of a sum, and the same job gives the same painting on whichever worker."""


class WorkerProcess:
    """One spawned worker. Messages arrive in `inbox`; None means that the process is gone."""

    def __init__(self, options: WorkerOptions) -> None:
        self.inbox: asyncio.Queue[FromWorker | None] = asyncio.Queue()
        self.resumable: tuple[str, ...] = ()
        """Ids of the jobs that this process can paint on, as it told last."""
        self.styles: tuple[str, ...] = ()
        """Ids of the pictures that it keeps as styles, as it told when it finished its last job."""
        self._loop = asyncio.get_running_loop()
        # spawn: neither gRPC nor CUDA survive a fork.
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(
            target=_run,
            args=(theirs, options),
            name="stylized-worker",
            daemon=True,
        )
        self._process.start()
        theirs.close()  # so that our end reports EOF when the worker dies
        self._gone = False
        threading.Thread(target=self._receive, name="worker-pipe", daemon=True).start()

    @property
    def pid(self) -> int:
        """Process id."""
        assert self._process.pid is not None
        return self._process.pid

    @property
    def gone(self) -> bool:
        """True once the process has ended."""
        return self._gone

    def send(self, message: ToWorker) -> None:
        """Sends a message. If the worker is gone, `inbox` tells."""
        try:
            self._connection.send(message)
        except (OSError, ValueError):
            log.debug("worker %d did not take %s", self.pid, type(message).__name__)

    def kill(self) -> None:
        """Ends the process at once."""
        self._process.kill()

    async def close(self) -> int | None:
        """Ends the process, waits for it and returns its exit code."""
        if self._gone:
            # The pipe closes a moment before the process is over: let it end by its own exit code.
            await asyncio.to_thread(self._process.join, EXIT_S)
        self._process.kill()
        await asyncio.to_thread(self._process.join)
        code = self._process.exitcode
        self._connection.close()
        self._process.close()
        return code

    def _receive(self) -> None:
        while True:
            try:
                message = self._connection.recv()
            except (EOFError, OSError):
                break
            if isinstance(message, LogLine):
                worker_log.log(message.level, "%s", message.text)
            else:
                self._post(message)
        self._gone = True
        self._post(None)

    def _post(self, message: FromWorker | None) -> None:
        try:
            self._loop.call_soon_threadsafe(self.inbox.put_nowait, message)
        except RuntimeError:  # the loop is closed: nobody listens any more
            return


def wait_briefly(environment: MutableMapping[str, str]) -> None:
    """Have GNU's OpenMP, once it is loaded, put a thread to sleep soon where it waits for the others.

    By default it spins for milliseconds. On a desktop another program often holds one of the cores for as long: then
    all threads spin while the last one, which they wait for, has no core, since to the scheduler theirs are busy. What
    the user has set stays.
    """
    if not environment.keys() & {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"}:
        environment["GOMP_SPINCOUNT"] = str(SPIN_COUNT)


def _run(connection: Connection, options: WorkerOptions) -> None:
    wait_briefly(os.environ)
    # Imported here, in the worker: this is what keeps torch out of the front end.
    from stylized.service.worker import main

    main(connection, options)
