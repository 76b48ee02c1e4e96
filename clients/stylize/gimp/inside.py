"""What GIMP itself says: its Python, whether it registered the plug-in, and what the plug-in finds from in there."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

from stylize.diagnosis import Check
from stylize.gimp import PLUG_IN
from stylize.gimp.profiles import FOLDER_VARIABLE, Machine, Profile
from stylize.gimp.programs import Program, desktop_environment, run_script, version_key

PROCEDURE = f"plug-in-{PLUG_IN}"
DOCTOR = f"{PROCEDURE}-doctor"
"""Procedure of the plug-in, with no argument but perhaps the run mode. Returns a JSON list of objects with the strings
`name`, `found`, `remedy` and the boolean `ok`."""
TIMEOUT = 60.0
"""Seconds for GIMP: a first start takes about 10 on two cores."""
PYTHON_TIMEOUT = 20.0

_MARK = "stylize-gimp-doctor:"
_PYTHON_PROBE = """
import sys
print(".".join(map(str, sys.version_info[:3])), flush=True)
import gi
gi.require_version("Gimp", "3.0")
from gi.repository import Gimp
"""
_GIMP_PROBE = f"""
import json, sys
pdb = Gimp.get_pdb()
answer = {{"registered": bool(pdb.procedure_exists("{PROCEDURE}")), "python": sys.version.split()[0], "rows": None}}
doctor = pdb.lookup_procedure("{DOCTOR}")
if doctor is not None:
    try:
        config = doctor.create_config()
        if config.find_property("run-mode") is not None:  # GIMP leaves it out of some kinds of procedures
            config.set_property("run-mode", Gimp.RunMode.NONINTERACTIVE)
        result = doctor.run(config)
        answer["rows"] = str(result.index(1))
        if result.index(0) != Gimp.PDBStatusType.SUCCESS:
            answer["trouble"] = answer["rows"]
    except Exception as error:
        answer["trouble"] = type(error).__name__ + ": " + str(error)
print("\\n{_MARK}" + json.dumps(answer), flush=True)
"""


def ask_python(profile: Profile, machine: Machine, oldest: str) -> Check:
    """Whether the Python that runs plug-ins of a native GIMP can: the one that PATH names, as the script's first line
    asks for. oldest: the least version that the plug-in's libraries need; "" if it is not known.
    """
    name = f"{profile.title}: Python"
    environment = desktop_environment(machine.environment)
    python = shutil.which("python3", path=environment.get("PATH", ""))
    if python is None:
        return Check(name, False, "no python3 on PATH", "Install it; on Debian and Ubuntu: `apt install python3-gi`.")
    try:
        ended = subprocess.run(
            [python, "-c", _PYTHON_PROBE],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PYTHON_TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Check(name, False, f"{python} does not run: {error}", f"See why `{python} --version` fails.")
    version = ended.stdout.strip()
    if ended.returncode != 0:
        reason = ended.stderr.strip().splitlines()[-1:] or ["it fails"]
        return Check(
            name,
            False,
            f"{python} {version}: {reason[0]}",
            "GIMP's Python modules belong to the system's Python: on Debian and Ubuntu `apt install python3-gi "
            "gir1.2-gimp-3.0`; if another Python comes first on PATH, start GIMP without it.",
        )
    if oldest and version_key(version)[:2] < version_key(oldest):
        return Check(
            name,
            False,
            f"{python} {version}; the plug-in's libraries need {oldest}",
            f"Install stylized with {python}, which picks libraries that it can run; then `stylize gimp install`.",
        )
    return Check(name, True, f"{python} {version}")


def ask_gimp(profile: Profile, machine: Machine, program: Program) -> Iterator[Check]:
    """Starts GIMP without a window, and asks it for the plug-in and the plug-in for its own checks."""
    name = f"Inside GIMP {program.version}"
    environment = {**machine.environment, FOLDER_VARIABLE: str(profile.folder)}
    answer = run_script(program, _GIMP_PROBE, environment, TIMEOUT)
    said = _parse(answer.output)
    if said is None:
        trouble = answer.trouble or f"{program.path.name} ended without an answer."
        remedy = f"Run `{program.path} --no-interface --quit` in a terminal to see what it complains about."
        yield Check(name, False, trouble, remedy)
        return
    python = f"Python {said.get('python')}"
    if not said.get("registered"):
        remedy = (
            f"Run `{program.path} --no-interface --verbose --quit` in a terminal and look for {PLUG_IN}: its lines "
            "show what went wrong in it; if there are none, GIMP does not see it."
        )
        yield Check(name, False, f"the plug-in is not registered; {python}", remedy)
        return
    yield Check(name, True, f"the plug-in is registered; {python}")
    yield from _plug_in_checks(name, said)


def _plug_in_checks(name: str, said: dict[str, Any]) -> Iterator[Check]:
    try:
        rows = [
            Check(f"{name}: {row['name']}", bool(row["ok"]), str(row["found"]), str(row.get("remedy", "")))
            for row in json.loads(said["rows"])
        ]
    except (TypeError, ValueError, KeyError, AttributeError):
        trouble = said.get("trouble") or "its own checks gave no answer"
        yield Check(f"{name}: plug-in", False, str(trouble), "`stylize gimp install`, then restart GIMP.")
    else:
        yield from rows


def _parse(output: str) -> dict[str, Any] | None:
    for line in output.splitlines():
        if line.startswith(_MARK):
            try:
                said = json.loads(line.removeprefix(_MARK))
            except ValueError:
                return None
            return said if isinstance(said, dict) else None
    return None
