"""The checks behind `stylize gimp doctor`: what is on the disk, and what GIMP itself says.

GIMP says nothing about a plug-in that it does not like: a wrong folder, a missing executable bit or a Python without
GIMP's modules look the same to the user, who just finds no entry in the menu. Each has a check here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from neuralstyle.v1 import endpoint
from stylize.diagnosis import Check
from stylize.gimp import PLUG_IN, SCRIPT
from stylize.gimp.inside import ask_gimp, ask_python
from stylize.gimp.installer import is_executable
from stylize.gimp.manifest import Manifest, damaged_files, read_manifest
from stylize.gimp.profiles import Kind, Machine, NoGimp, Profile, find_profiles
from stylize.gimp.programs import Program
from stylize.version import client_version

INSTALL = "`stylize gimp install` puts it right."
_SYSTEM_FOLDERS = ("usr/lib/gimp/{}", "usr/lib/*/gimp/{}", "usr/lib64/gimp/{}", "usr/local/lib/gimp/{}")
_NAMED_AT_MOST = 3


def examine_gimp(
    machine: Machine, programs: Sequence[Program], named: Profile | None = None, *, ask: bool = True
) -> list[Check]:
    """All checks of all profiles, or of the one that was named. ask: start GIMP without a window and ask it, too."""
    try:
        profiles = [named] if named else find_profiles(machine, programs)
    except NoGimp as error:
        return [Check("GIMP", False, str(error), error.remedy)]
    return [check for profile in profiles for check in _examine(profile, machine, programs, ask)]


def _examine(profile: Profile, machine: Machine, programs: Sequence[Program], ask: bool) -> Iterator[Check]:
    there = profile.folder.is_dir()
    yield Check(profile.title, True, f"{profile.folder}{'' if there else ', never started yet'}")
    manifest = read_manifest(profile.plug_in)
    yield _place(profile, manifest)
    if (profile.plug_in / SCRIPT).is_file():
        yield _executable(profile)
        if manifest is not None:
            yield _files(profile, manifest)
            yield _version(profile, manifest)
            yield _daemon(profile, manifest)
        yield _only_one(profile, machine)
        yield _searched(profile, machine)
        program = _program_of(profile, programs)
        if program is not None:
            yield ask_python(profile, machine, manifest.oldest_python if manifest else "")
            if ask:
                yield from ask_gimp(profile, machine, program)


def _place(profile: Profile, manifest: Manifest | None) -> Check:
    name = f"{profile.title}: plug-in"
    if (profile.plug_in / SCRIPT).is_file():
        if manifest is not None:
            return Check(name, True, f"{manifest.version} in {profile.plug_in}")
        return Check(
            name,
            False,
            f"{profile.plug_in} was not installed by stylize",
            "`stylize gimp install --force` replaces it.",
        )
    astray = _strays(profile.plug_ins)
    if astray:
        return Check(
            name,
            False,
            f"in the wrong place: {astray[0]}",
            f"GIMP takes it only from {profile.plug_in / SCRIPT}: remove this one, then `stylize gimp install`.",
        )
    return Check(name, False, "not installed", "`stylize gimp install` installs it.")


def _executable(profile: Profile) -> Check:
    script = profile.plug_in / SCRIPT
    ok = is_executable(script)
    found = "yes" if ok else f"{script} may not be run, so that GIMP skips it"
    return Check(f"{profile.title}: executable", ok, found, f"{INSTALL} Or: `chmod +x {script}`.")


def _files(profile: Profile, manifest: Manifest) -> Check:
    damaged = damaged_files(profile.plug_in, manifest)
    found = f"{len(manifest.files)}, all as installed"
    if damaged:
        more = len(damaged) - _NAMED_AT_MOST
        shown = ", ".join(damaged[:_NAMED_AT_MOST]) + (f" and {more} more" if more > 0 else "")
        found = f"missing or changed: {shown}"
    return Check(f"{profile.title}: files", not damaged, found, INSTALL)


def _version(profile: Profile, manifest: Manifest) -> Check:
    ours = client_version()
    return Check(
        f"{profile.title}: version", manifest.version == ours, f"plug-in {manifest.version}, stylize {ours}", INSTALL
    )


def _daemon(profile: Profile, manifest: Manifest) -> Check:
    """Whether the plug-in can start the daemon, and looks for the one that we look for."""
    name = f"{profile.title}: daemon's command"
    if profile.kind in (Kind.FLATPAK, Kind.SNAP):
        return Check(name, True, f"{profile.kind.value} lets no plug-in start programs: `stylize daemon start` before")
    if not manifest.daemon_command:
        return Check(
            name,
            False,
            "none was installed when the plug-in was",
            "`pip install 'stylized[daemon]'`, then `stylize gimp install`.",
        )
    command = " ".join(manifest.daemon_command)
    if not os.access(manifest.daemon_command[0], os.X_OK):
        return Check(name, False, f"{command}: not there any more", INSTALL)
    if manifest.daemon_home != str(endpoint.home()):
        return Check(name, False, f"{command}, in {manifest.daemon_home} and not in {endpoint.home()}", INSTALL)
    return Check(name, True, command)


def _only_one(profile: Profile, machine: Machine) -> Check:
    folders = [*_plug_in_path(profile, machine), *_system_folders(profile, machine)]
    others = _strays(profile.plug_ins)
    others += [folder / PLUG_IN for folder in folders if folder != profile.plug_ins and (folder / PLUG_IN).exists()]
    return Check(
        f"{profile.title}: only one",
        not others,
        f"also in {', '.join(map(str, others))}" if others else "yes",
        "Remove the others: GIMP would take one of them, or be confused by it.",
    )


def _searched(profile: Profile, machine: Machine) -> Check:
    folders = _plug_in_path(profile, machine)
    ok = not folders or profile.plug_ins in folders
    return Check(
        f"{profile.title}: folder is searched",
        ok,
        "yes" if ok else f"{profile.folder / 'gimprc'} names {', '.join(map(str, folders))} instead",
        f"Add {profile.plug_ins} in GIMP under Edit > Preferences > Folders > Plug-ins, and restart GIMP.",
    )


def _strays(plug_ins: Path) -> list[Path]:
    """Copies of our script where GIMP does not take it from: beside the folders, or a folder too deep or misnamed."""
    found = (path for pattern in (SCRIPT, f"*/{SCRIPT}", f"*/*/{SCRIPT}") for path in plug_ins.glob(pattern))
    right = plug_ins / PLUG_IN / SCRIPT
    return sorted(path for path in found if path != right and not path.relative_to(plug_ins).parts[0].startswith("."))


def _plug_in_path(profile: Profile, machine: Machine) -> list[Path]:
    """The folders that the user's gimprc names instead of the usual ones; [] if it names none."""
    try:
        text = (profile.folder / "gimprc").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    match = re.search(r'^\s*\(plug-in-path\s+"([^"]*)"\)', text, re.MULTILINE)
    if match is None:
        return []
    separator = ";" if machine.platform == "win32" else ":"
    named = match.group(1).replace("${gimp_dir}", str(profile.folder)).split(separator)
    return [Path(folder) for folder in named if folder and "${" not in folder]


def _system_folders(profile: Profile, machine: Machine) -> list[Path]:
    if profile.kind is not Kind.NATIVE or machine.platform != "linux":
        return []
    patterns = [f"{folder.format('3.*')}/plug-ins" for folder in _SYSTEM_FOLDERS]
    return sorted(folder for pattern in patterns for folder in machine.root.glob(pattern))


def _program_of(profile: Profile, programs: Sequence[Program]) -> Program | None:
    if profile.kind not in (Kind.NATIVE, Kind.NAMED):
        return None
    fitting = [program for program in programs if program.series == profile.series]
    if not fitting and not profile.series:
        fitting = [program for program in programs if program.series.startswith("3.")]
    return fitting[-1] if fitting else None
