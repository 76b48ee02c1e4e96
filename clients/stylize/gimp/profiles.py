"""Where the GIMPs of a user keep their profiles, on each platform.

A profile is a folder named after GIMP's series ("3.0", "3.2"), and each GIMP reads only its own: who has two GIMPs, or
one from the distribution and one from Flatpak, gets the plug-in twice. The rules are those of GIMP's own
`gimp_directory()`, and of what Flatpak and Snap make of the home folder.
"""

from __future__ import annotations

import enum
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stylize.errors import InputUnreadable, StylizeError
from stylize.gimp import PLUG_IN, PLUG_INS
from stylize.gimp.programs import Program, start_once, version_key

FOLDER_VARIABLE = "GIMP3_DIRECTORY"
"""GIMP's own variable for another profile."""
FIRST_START_TIMEOUT = 90.0
"""Seconds; a first start, which asks each plug-in for what it offers, took 11 on two cores."""
FLATPAK = "org.gimp.GIMP"
_SUPPORTED = re.compile(r"3\.\d+")
_OLDER = re.compile(r"[12]\.\d+")


class NoGimp(StylizeError):  # noqa: N818  (named like its relatives in stylize.errors)
    """No GIMP 3 was found."""


class Kind(enum.Enum):
    """How a GIMP came to this machine."""

    NATIVE = "native"
    FLATPAK = "Flatpak"
    SNAP = "Snap"
    NAMED = "named by you"


@dataclass(frozen=True)
class Machine:
    """What decides where profiles are."""

    platform: str
    """As `sys.platform`."""
    environment: Mapping[str, str]
    home: Path
    root: Path = Path("/")
    """Where GIMP's own folders are searched."""

    @classmethod
    def this(cls) -> Machine:
        """The one that this runs on."""
        return cls(sys.platform, dict(os.environ), Path.home())


@dataclass(frozen=True)
class Profile:
    """One profile of GIMP."""

    kind: Kind
    series: str
    """Such as "3.0"; "" if the folder's name does not say."""
    folder: Path
    """Is not there yet if this GIMP was never started."""

    @property
    def title(self) -> str:
        """For people."""
        return f"GIMP {self.series or '3'} ({self.kind.value})"

    @property
    def plug_ins(self) -> Path:
        """The folder with one folder for each plug-in."""
        return self.folder / PLUG_INS

    @property
    def plug_in(self) -> Path:
        """The folder of our plug-in."""
        return self.plug_ins / PLUG_IN


def find_profiles(machine: Machine, programs: Sequence[Program] = ()) -> list[Profile]:
    """Every profile of GIMP 3, also of the `programs` that were never started.

    Raises NoGimp with a sentence about what there is instead.
    """
    profiles: dict[Path, Profile] = {}
    for profile in (*_native(machine, programs), *_flatpak(machine), *_snap(machine)):
        # The Flatpak may see the native folder through a link: one profile.
        profiles.setdefault(profile.folder.resolve(), profile)
    if not profiles:
        raise _no_gimp(machine, programs)
    return sorted(profiles.values(), key=lambda profile: (profile.kind.value, version_key(profile.series)))


def named_profile(folder: Path) -> Profile:
    """The profile that the user names, by its folder or by the plug-ins folder in it.

    Raises InputUnreadable if it is not there, NoGimp if it is that of an older GIMP.
    """
    folder = folder.expanduser().absolute()
    if folder.name == PLUG_INS:
        folder = folder.parent
    if not folder.is_dir():
        raise InputUnreadable(
            f"There is no folder {folder}.",
            remedy="GIMP makes it when it starts, and names it under Edit > Preferences > Folders > Plug-ins.",
        )
    if _OLDER.fullmatch(folder.name):
        raise NoGimp(f"{folder} belongs to GIMP {folder.name}.", remedy="The plug-in needs GIMP 3.0 or newer.")
    return Profile(Kind.NAMED, folder.name if _SUPPORTED.fullmatch(folder.name) else "", folder)


def make_profile(profile: Profile, machine: Machine, programs: Sequence[Program]) -> None:
    """Has GIMP make its profile, if it was never started.

    A folder that we made ourselves would keep GIMP from its first-run work: it then neither makes its other folders
    (tried with 3.0.4) nor takes over the settings of an older GIMP. If GIMP does not do it, the installer has to.
    """
    program = next((program for program in programs if program.series == profile.series), None)
    if program is not None and not profile.folder.exists():
        start_once(program, machine.environment, FIRST_START_TIMEOUT)


def _native(machine: Machine, programs: Sequence[Program]) -> Iterator[Profile]:
    supported = [program for program in programs if _SUPPORTED.fullmatch(program.series)]
    override = machine.environment.get(FOLDER_VARIABLE)
    if override:  # GIMP then reads no other; a relative one is below the home folder
        folder = machine.home / override
        series = [folder.name] if _SUPPORTED.fullmatch(folder.name) else [program.series for program in supported]
        yield Profile(Kind.NATIVE, series[-1] if series else "", folder)
        return
    base = _native_base(machine)
    # Without a program of its own, this folder is one that Flatpak was given.
    kind = Kind.FLATPAK if _flatpak_home(machine).is_dir() and not supported else Kind.NATIVE
    yield from _profiles_in(base, kind)
    for program in supported:
        yield Profile(Kind.NATIVE, program.series, base / program.series)


def _native_base(machine: Machine) -> Path:
    if machine.platform == "win32":
        roaming = machine.environment.get("APPDATA")
        return (Path(roaming) if roaming else machine.home / "AppData" / "Roaming") / "GIMP"
    if machine.platform == "darwin":
        return machine.home / "Library" / "Application Support" / "GIMP"
    configured = machine.environment.get("XDG_CONFIG_HOME")
    return (Path(configured) if configured else machine.home / ".config") / "GIMP"


def _flatpak(machine: Machine) -> Iterator[Profile]:
    if machine.platform == "linux":
        yield from _profiles_in(_flatpak_home(machine) / "config" / "GIMP", Kind.FLATPAK)


def _flatpak_home(machine: Machine) -> Path:
    return machine.home / ".var" / "app" / FLATPAK


def _snap(machine: Machine) -> Iterator[Profile]:
    if machine.platform == "linux":
        current = machine.home / "snap" / "gimp" / "current"
        for base in (current / "GIMP", current / ".config" / "GIMP"):
            yield from _profiles_in(base, Kind.SNAP)


def _profiles_in(base: Path, kind: Kind) -> Iterator[Profile]:
    for folder in _folders_in(base):
        if _SUPPORTED.fullmatch(folder.name):
            yield Profile(kind, folder.name, folder)


def _folders_in(base: Path) -> list[Path]:
    try:
        return sorted(folder for folder in base.iterdir() if folder.is_dir())
    except OSError:
        return []


def _no_gimp(machine: Machine, programs: Sequence[Program]) -> NoGimp:
    named = f"If it keeps its profile elsewhere, name that folder with --profile or in {FOLDER_VARIABLE}."
    if (machine.platform == "linux" and _flatpak_home(machine).is_dir()) or _starts_from_elsewhere(machine):
        return NoGimp("There is a GIMP, but no profile of GIMP 3.", remedy=f"Start GIMP 3 once and quit it. {named}")
    older = {folder.name for folder in _folders_in(_native_base(machine)) if _OLDER.fullmatch(folder.name)}
    older |= {program.series for program in programs}
    if older:
        newest = max(older, key=version_key)
        return NoGimp(
            f"Only GIMP {newest} was found.",
            remedy=f"The plug-in needs GIMP 3.0 or newer: install it and start it once. {named}",
        )
    return NoGimp("No GIMP 3 was found.", remedy=f"Install GIMP 3.0 or newer and start it once. {named}")


def _starts_from_elsewhere(machine: Machine) -> bool:
    return machine.platform == "linux" and (machine.home / "snap" / "gimp").is_dir()
