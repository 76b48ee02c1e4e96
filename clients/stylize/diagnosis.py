"""The checks behind `stylize doctor`, each a fact with a verdict and the next step.

They run in the order of the chain: this Python, its packages, the home folder, the daemon's program, the daemon, each
of its targets, its version, worker and weights, room on the disk. What cannot be checked because an earlier link is
broken is left out.
"""

from __future__ import annotations

import importlib.metadata
import re
import shutil
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from neuralstyle.v1 import endpoint
from neuralstyle.v1 import stylize_pb2 as pb
from neuralstyle.v1.endpoint import HOME_VARIABLE, Endpoint
from stylize.autostart import COMMAND, find_command, start_daemon
from stylize.connection import find_daemon, probe_endpoint
from stylize.errors import StylizeError
from stylize.tunables import choice_name
from stylize.version import DISTRIBUTION, client_version

CLIENT_NAME = "doctor"
FREE_BYTES_WANTED = 200 * 2**20
"""For uploads, logs and results."""
LEAST_PYTHON = (3, 10)


@dataclass(frozen=True)
class Check:
    """One link of the chain."""

    name: str
    ok: bool
    found: str
    """What was found, in a few words."""
    remedy: str = ""
    """What to do if it is not well."""


def examine(*, start: bool) -> list[Check]:
    """All checks. start: start the daemon if none runs, to see whether it can be."""
    folder = endpoint.home()
    return [_python(), _packages(), _home(folder), _disk(folder), *examine_daemon(start=start)]


def examine_daemon(*, start: bool) -> list[Check]:
    """The end of the chain, which other doctors share: the daemon's program, the daemon, and how it is reached."""
    return list(_examine_daemon(endpoint.home(), start))


def _examine_daemon(folder: Path, start: bool) -> Iterator[Check]:
    yield _command()
    daemon = _daemon(folder, start)
    yield daemon
    described = endpoint.read_endpoint(folder)
    if daemon.ok and described is not None:
        yield from _targets(described)


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    wanted = ".".join(map(str, LEAST_PYTHON))
    return Check("Python", sys.version_info >= LEAST_PYTHON, version, f"Python {wanted} or later is needed.")


def _packages() -> Check:
    try:
        requirements = importlib.metadata.requires(DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:
        return Check("Packages", True, "run from the source tree")
    names = [re.split(r"[^\w.-]", line)[0] for line in requirements if "extra ==" not in line]
    found, missing = [], []
    for name in names:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    text = f"missing: {', '.join(missing)}" if missing else ", ".join(found)
    return Check("Packages", not missing, text, f"Install them with `pip install {DISTRIBUTION}`.")


def _home(folder: Path) -> Check:
    if not folder.exists():
        return Check("Home folder", True, f"{folder} is not there yet")
    mode = stat.S_IMODE(folder.stat().st_mode)
    return Check(
        "Home folder",
        mode & 0o077 == 0,
        f"{folder}, mode {mode:04o}",
        f"Others can look into it: `chmod 700 {folder}`; or set {HOME_VARIABLE} to another folder.",
    )


def _disk(folder: Path) -> Check:
    present = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(present).free
    return Check(
        "Free disk", free >= FREE_BYTES_WANTED, f"{free / 2**30:.1f} GiB", f"Make room on the disk of {present}."
    )


def _command() -> Check:
    command = find_command()
    return Check(
        "Daemon's program",
        command is not None,
        str(command) if command else f"no command `{COMMAND}` beside this Python nor on PATH",
        "Install it with `pip install 'stylized[daemon]'`.",
    )


def _daemon(folder: Path, start: bool) -> Check:
    name = "Daemon"
    try:
        connection = find_daemon(folder, CLIENT_NAME)
        started = connection is None and start
        if started:
            connection = start_daemon(folder, CLIENT_NAME)
    except StylizeError as error:
        return Check(name, False, str(error), error.remedy)
    if connection is None:
        return Check(name, False, "none runs", "`stylize daemon start` starts it.")
    connection.close()
    return Check(name, True, "started" if started else "runs")


def _targets(described: Endpoint) -> Iterator[Check]:
    info = None
    for probe in probe_endpoint(described, CLIENT_NAME):
        error = probe.error
        yield Check(
            "Target",
            error is None,
            probe.target if error is None else f"{probe.target}: {error}",
            "" if error is None else error.remedy,
        )
        if probe.connection is not None:
            info = probe.connection.info
            probe.connection.close()
    if info is not None:
        yield _version(info)
        yield _worker(info)


def _version(info: pb.GetServerInfoResponse) -> Check:
    client = client_version()
    return Check(
        "Versions",
        info.server_version == client and pb.DESCRIPTOR.package in info.api_versions,
        f"client {client}, daemon {info.server_version}, contract {', '.join(info.api_versions)}",
        "Restart the daemon, so that it is of the client's version: `stylize daemon stop`.",
    )


def _worker(info: pb.GetServerInfoResponse) -> Check:
    state = choice_name(pb.WorkerState.DESCRIPTOR, info.worker_state)
    weights = " and ".join(f"{one.name}, sha256 {one.sha256[:12]}" for one in info.all_weights) or "not loaded yet"
    return Check(
        "Worker",
        info.worker_state != pb.WORKER_STATE_FAILED,
        f"{state}, {info.device or 'device not known yet'}, weights {weights}",
        "It is started again for the next job; `stylize daemon logs` tells why it failed.",
    )
