"""Starting the daemon when none runs.

The daemon is a program of its own: the client runs the command `stylized` and never imports it. A lock file makes sure
that ten clients that start at once start one daemon. Ready is what the daemon itself says through `grpc.health.v1`,
never a line in its log. What it wrote before it failed is shown to the user.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from neuralstyle.v1 import endpoint
from neuralstyle.v1.endpoint import HOME_VARIABLE, log_file
from stylize.connection import PROBE_TIMEOUT, Connection, connect_target, find_daemon, process_exists
from stylize.errors import DaemonUnreachable, StylizeError

COMMAND = "stylized"
BACKGROUND_OPTIONS = ("--background",)
"""With these the command is a daemon that logs to a file; the GIMP plug-in starts it so, too."""
START_TIMEOUT = 30.0
"""Seconds that a daemon may take until it serves."""
LOG_LINES_SHOWN = 12

_POLL_INTERVAL = 0.05
_PATIENT_PROBE_TIMEOUT = 10.0
_started: list[subprocess.Popen[bytes]] = []
"""Daemons that this process started: kept, so that those that end are reaped and do not look alive."""


def reach_daemon(target: str | None, token: str | None, client_name: str, *, start: bool, timeout: float) -> Connection:
    """A connection to the daemon that `Client.connect` means by these arguments."""
    if target is not None:
        return connect_target(target, token, client_name, timeout)
    folder = endpoint.home()
    connection = find_daemon(folder, client_name)
    if connection is None:
        if not start:
            raise DaemonUnreachable("No daemon runs.")
        connection = start_daemon(folder, client_name, timeout)
    return connection


def start_daemon(
    folder: Path,
    client_name: str,
    timeout: float = START_TIMEOUT,
    *,
    weights: Sequence[str] = (),
    workers: int | None = None,
) -> Connection:
    """A connection to the daemon of this folder, which is started unless it runs.

    folder: the home of the daemon; made if it is missing. timeout: seconds until it must serve. weights: what it is
    started with, each as `stylized --weights` takes it; files may be named from here. workers: on each device; None
    leaves it to the daemon.
    Raises DaemonUnreachable with the last lines of the daemon's log if it does not serve, StylizeError if it runs and
    so cannot be given weights or workers.
    """
    deadline = time.monotonic() + timeout
    make_home(folder)
    with _start_lock(folder, deadline):
        connection = find_daemon(folder, client_name)
        if connection is None:
            connection = _wait_until_found(folder, client_name, _spawn(folder, weights, workers), deadline)
        elif weights or workers:
            connection.close()
            raise StylizeError(
                f"The daemon runs already, with the {'weights' if weights else 'workers'} that it was started with.",
                remedy="End it with `stylize daemon stop`, then start it again.",
            )
        _wait_until_serving(folder, connection, deadline)
        return connection


def make_home(folder: Path) -> None:
    """Makes the daemon's home, for its owner alone. Raises DaemonUnreachable if it cannot be made."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise DaemonUnreachable(
            f"The folder {folder} cannot be made: {error.strerror}.",
            remedy=f"Make it yourself, or set {HOME_VARIABLE} to a folder that is yours.",
        ) from error


def find_command() -> Path | None:
    """The daemon's program: beside this Python, else on PATH; None if it is not installed."""
    beside = Path(sys.executable).parent / COMMAND
    if os.access(beside, os.X_OK):
        return beside
    found = shutil.which(COMMAND)
    return Path(found) if found else None


def is_running(pid: int) -> bool:
    """True while the daemon's process runs, also if this process is its parent."""
    for process in _started:
        process.poll()
    return process_exists(pid)


def log_tail(folder: Path, lines: int) -> list[str]:
    """The last lines of the daemon's log; none if there is no log."""
    try:
        with log_file(folder).open(encoding="utf-8", errors="replace") as stream:
            return stream.read().splitlines()[-lines:] if lines else []
    except OSError:
        return []


@contextlib.contextmanager
def _start_lock(folder: Path, deadline: float) -> Iterator[None]:
    with (folder / "autostart.lock").open("a") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise DaemonUnreachable("Another client has been starting the daemon for too long.") from None
                time.sleep(_POLL_INTERVAL)
        yield


def _spawn(folder: Path, weights: Sequence[str], workers: int | None) -> subprocess.Popen[bytes]:
    command = find_command()
    if command is None:
        raise DaemonUnreachable(
            f"No daemon runs, and the command `{COMMAND}` is not installed.",
            remedy="Install it with `pip install 'stylized[daemon]'`.",
        )
    # A word such as "torchvision" stays as it is; a path must not depend on the folder in which it is read.
    places = (str(Path(one).absolute()) if Path(one).exists() else one for one in weights)
    options = [*(f"--weights={place}" for place in places), *([f"--workers={workers}"] if workers else [])]
    # Detached: it outlives the terminal and the client, and keeps no folder busy.
    log = os.open(log_file(folder), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        process = subprocess.Popen(
            [str(command), *BACKGROUND_OPTIONS, *options],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env={**os.environ, HOME_VARIABLE: str(folder)},
            start_new_session=True,
        )
    except OSError as error:
        raise DaemonUnreachable(f"The daemon could not be started: {command}: {error.strerror}.") from error
    finally:
        os.close(log)
    _started.append(process)
    return process


def _wait_until_found(folder: Path, client_name: str, process: subprocess.Popen[bytes], deadline: float) -> Connection:
    while time.monotonic() < deadline:
        ended = process.poll() is not None
        # Also after its end: it gives way to a daemon that somebody else started, or that was too busy to answer.
        connection = find_daemon(folder, client_name, PROBE_TIMEOUT if not ended else _PATIENT_PROBE_TIMEOUT)
        if connection is not None:
            return connection
        if ended:
            raise _failed(folder, f"The daemon ended with exit code {process.returncode} instead of serving.")
        time.sleep(_POLL_INTERVAL)
    raise _failed(folder, "The daemon did not come up in time.")


def _wait_until_serving(folder: Path, connection: Connection, deadline: float) -> None:
    check = health_pb2_grpc.HealthStub(connection.channel).Check  # pyright: ignore[reportAttributeAccessIssue]
    while time.monotonic() < deadline:
        try:
            answer = check(health_pb2.HealthCheckRequest(service=""), timeout=2.0)
        except grpc.RpcError:
            break
        if answer.status == health_pb2.HealthCheckResponse.SERVING:
            return
        time.sleep(_POLL_INTERVAL)
    connection.close()
    raise _failed(folder, "The daemon runs but does not serve.")


def _failed(folder: Path, message: str) -> DaemonUnreachable:
    tail = log_tail(folder, LOG_LINES_SHOWN)
    if tail:
        message += "\n".join([f" The end of {log_file(folder)}:", *(f"  {line}" for line in tail)])
    return DaemonUnreachable(message, remedy=f"Run `{COMMAND}` in a terminal to see it fail, or `stylize doctor`.")
