"""The GIMP programs on PATH: which versions they are, and running a script inside one."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

VERSION_TIMEOUT = 20.0
_NAMES = re.compile(r"gimp(-console)?(-3(\.\d+)?)?")
_EXCEPTION = re.compile(r"[\w.]*(Error|Exception)\b: ")
_NO_WINDOW = ("--new-instance", "--no-interface", "--no-data", "--no-fonts")


@dataclass(frozen=True)
class Program:
    """One GIMP that can be run from here."""

    path: Path
    version: str
    """As it says itself, such as "3.0.4"."""

    @property
    def series(self) -> str:
        """What its profile is named after, such as "3.0"."""
        return ".".join(self.version.split(".")[:2])


@dataclass(frozen=True)
class Answer:
    """What came of running a script inside GIMP."""

    output: str
    trouble: str
    """Why it did not end well, in one sentence; "" if it did."""


def find_programs(environment: Mapping[str, str]) -> list[Program]:
    """The native GIMPs on PATH, one for each version, oldest first; those without windows are preferred.

    Flatpak has no program named so; a Snap's is left out, because it reads a profile of its own.
    """
    found: dict[str, Program] = {}
    for path in _candidates(environment):
        version = _ask_version(path, environment)
        if version is not None:
            found.setdefault(version, Program(path, version))
    return [found[version] for version in sorted(found, key=version_key)]


def version_key(version: str) -> tuple[int, ...]:
    """Sorts versions by their numbers: "3.10" after "3.2"."""
    return tuple(int(number) for number in re.findall(r"\d+", version))


def start_once(program: Program, environment: Mapping[str, str], timeout: float) -> Answer:
    """Starts GIMP without a window and ends it, so that it makes its profile, with older settings taken over."""
    return _run([str(program.path), *_NO_WINDOW, "--quit"], environment, timeout)


def run_script(program: Program, script: str, environment: Mapping[str, str], timeout: float) -> Answer:
    """Runs Python code inside GIMP, where `Gimp` is imported already."""
    options = ("--console-messages", "--batch-interpreter=python-fu-eval", "--batch", script, "--quit")
    return _run([str(program.path), *_NO_WINDOW, *options], environment, timeout)


def desktop_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment that GIMP has when it is started from the desktop: without the virtual environment of this
    program, whose `python3` would run GIMP's plug-ins and lacks what they need.
    """
    clean = {name: value for name, value in environment.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    ours = {Path(sys.prefix) / "bin", Path(environment.get("VIRTUAL_ENV", sys.prefix)) / "bin"}
    if sys.prefix != sys.base_prefix:
        clean["PATH"] = os.pathsep.join(str(folder) for folder in _path_folders(environment) if folder not in ours)
    return clean


def _candidates(environment: Mapping[str, str]) -> Iterator[Path]:
    programs: dict[Path, Path] = {}
    for folder in _path_folders(environment):
        with contextlib.suppress(OSError):  # PATH may name what is not there
            for path in folder.iterdir():
                if _NAMES.fullmatch(path.name) and os.access(path, os.X_OK):
                    real = path.resolve()
                    if real.name != "snap":
                        programs.setdefault(real, path)
    yield from sorted(programs.values(), key=lambda path: "console" not in path.name)


def _path_folders(environment: Mapping[str, str]) -> list[Path]:
    return [Path(folder) for folder in environment.get("PATH", "").split(os.pathsep) if folder]


def _ask_version(path: Path, environment: Mapping[str, str]) -> str | None:
    answer = _run([str(path), "--version"], environment, VERSION_TIMEOUT)
    match = re.search(r"\b(\d+\.\d+\.\d+)\b", answer.output)
    return match.group(1) if match and not answer.trouble else None


def _run(command: list[str], environment: Mapping[str, str], timeout: float) -> Answer:
    name = Path(command[0]).name
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=desktop_environment(environment),
            text=True,
            errors="replace",
            start_new_session=True,  # its plug-ins are processes, too
        )
    except OSError as error:
        return Answer("", f"{name} could not be started: {error.strerror}.")
    try:
        output, complaints = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        _kill(process)
        return Answer("", f"{name} did not end within {timeout:.0f} seconds.")
    if process.returncode == 0:
        return Answer(output, "")
    last = next((line for line in reversed(complaints.splitlines()) if _EXCEPTION.match(line)), "")
    return Answer(output, f"{name} ended with exit code {process.returncode}{f': {last}' if last else ''}.")


def _kill(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
