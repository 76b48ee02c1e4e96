"""Where the daemon may be, and how it is started.

A GIMP in a Flatpak or a Snap has another XDG_STATE_HOME, and a Snap another HOME, than the daemon outside; so the
places are also named by the user's own home. What starts the daemon was written down by `stylize gimp install`; in a
sandbox that command is not there, and the user is told the one line to type.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from neuralstyle.v1 import endpoint

INSTALLED = Path(__file__).resolve().parent.parent / "installed.json"
LOG_LINES = 6
_SCRUBBED = ("GI_TYPELIB_PATH", "LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH", "GDK_PIXBUF_MODULE_FILE")
"""GIMP's own, which would mislead another Python."""
_started: list[subprocess.Popen[bytes]] = []
"""Kept, since Python complains of a process that is forgotten while it runs."""


def folders() -> Iterator[Path]:
    """Homes that a daemon of this user may have, in order of preference."""
    seen = set()
    for folder in _folders():
        if folder not in seen:
            seen.add(folder)
            yield folder


def _folders() -> Iterator[Path]:
    yield endpoint.home()
    if not os.environ.get(endpoint.HOME_VARIABLE):
        real = os.environ.get("SNAP_REAL_HOME")
        yield (Path(real) if real else Path.home()) / ".local" / "state" / endpoint.APP_NAME


def described() -> Iterator[endpoint.Endpoint]:
    """What the daemons in these homes last wrote. Each may be long dead."""
    for folder in folders():
        found = endpoint.read_endpoint(folder)
        if found is not None:
            yield found


def start_command() -> list[str] | None:
    """The command that starts the daemon in the background, or None if it cannot be started from here."""
    try:
        command = json.loads(INSTALLED.read_text(encoding="utf-8"))["daemon_command"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if not (isinstance(command, list) and command and os.access(command[0], os.X_OK)):
        return None
    return [str(word) for word in command]


def start(command: list[str]) -> subprocess.Popen[bytes]:
    """Starts the daemon in a session of its own, so that it outlives GIMP. Raises OSError if it cannot be run."""
    folder = next(folders())
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if name not in _SCRUBBED}
    # What a daemon writes is for its user alone.
    log = os.open(endpoint.log_file(folder), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
            cwd="/" if os.name == "posix" else None,
            start_new_session=True,
        )
    finally:
        os.close(log)
    _started.append(process)
    return process


def log_tail() -> str:
    """The last lines of the daemon's log, or nothing."""
    try:
        text = endpoint.log_file(next(folders())).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-LOG_LINES:])
