"""The daemon's side of being found: its folder, lock, socket path and endpoint.json.

The lock decides who is the daemon. Neither the socket nor the port can: gRPC lets a second server bind the same Unix
path, and unlinks it when that one ends (grpc/grpc#17122). The kernel releases the lock however the daemon dies.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from pathlib import Path

from filelock import FileLock, Timeout

from neuralstyle.v1.endpoint import Endpoint, endpoint_file, read_endpoint

POLL_S = 0.1
"""Between two looks at a lock that will soon be free."""

MAX_SOCKET_PATH_BYTES = 107
"""sun_path of Linux holds 108 bytes with its NUL; beyond, bind fails with an error that names nothing."""


class AlreadyRunningError(Exception):
    """Another daemon holds the folder."""


class EndpointFolder:
    """The daemon's folder, held exclusively between `acquire` and `release`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = FileLock(folder / "daemon.lock", mode=0o600)

    def acquire(self, patience_s: float) -> None:
        """Makes the folder, closes it to others and takes the lock; clears what a killed daemon left behind.

        A daemon that holds the lock without an endpoint file is about to serve or about to end: that is waited for, up
        to `patience_s`, so that a client that comes while one drains gets the next one.
        Raises AlreadyRunningError if a daemon runs, OSError if the folder cannot be made.
        """
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder.chmod(0o700)
        deadline = time.monotonic() + patience_s
        while True:
            try:
                self._lock.acquire(timeout=0)
                break
            except Timeout:
                other = read_endpoint(self.folder)
                if other or time.monotonic() > deadline:
                    who = f" (pid {other.pid})" if other else ""
                    raise AlreadyRunningError(
                        f"A daemon{who} already serves {self.folder}; `stylize daemon status` shows it, and setting"
                        " STYLIZED_HOME to another folder runs a second one."
                    ) from None
            time.sleep(POLL_S)
        endpoint_file(self.folder).unlink(missing_ok=True)
        self.socket_path.unlink(missing_ok=True)

    @property
    def socket_path(self) -> Path:
        """Where the Unix socket goes."""
        return self.folder / "daemon.sock"

    @property
    def token_path(self) -> Path:
        """Where the token for TCP is kept, over restarts too, so that it can be pasted into a sandboxed client."""
        return self.folder / "token"

    def socket_fits(self) -> bool:
        """False if the path is too long for a Unix socket (or there are none on this platform)."""
        return os.name == "posix" and len(os.fsencode(self.socket_path)) <= MAX_SOCKET_PATH_BYTES

    def publish(self, endpoint: Endpoint) -> None:
        """Writes endpoint.json in one step: a reader sees all of it or none."""
        handle, name = tempfile.mkstemp(dir=self.folder, prefix=".endpoint-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(endpoint.to_json())
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(endpoint_file(self.folder))
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    def withdraw(self) -> None:
        """Removes endpoint.json, so that no new client comes; the lock stays held."""
        endpoint_file(self.folder).unlink(missing_ok=True)

    def release(self) -> None:
        """Removes the socket and gives the folder up."""
        self.withdraw()
        with contextlib.suppress(OSError):
            self.socket_path.unlink(missing_ok=True)
        self._lock.release()
