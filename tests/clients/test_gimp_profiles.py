"""Promise: each GIMP 3 of a user is found, on every platform; where there is none, it is said what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from stylize.errors import InputUnreadable
from stylize.gimp.profiles import Kind, NoGimp, find_profiles, make_profile, named_profile
from stylize.gimp.programs import Program, desktop_environment, find_programs

from .gimps import add_gimp, add_program, machine

FLATPAK = ".var/app/org.gimp.GIMP/config/GIMP"


@pytest.mark.parametrize(
    ("platform", "environment", "folder", "kind"),
    [
        ("linux", {}, ".config/GIMP/3.0", Kind.NATIVE),
        ("linux", {"XDG_CONFIG_HOME": "{home}/settings"}, "settings/GIMP/3.2", Kind.NATIVE),
        ("linux", {"GIMP3_DIRECTORY": "{home}/other"}, "other", Kind.NATIVE),
        ("linux", {"GIMP3_DIRECTORY": "below/home/3.0"}, "below/home/3.0", Kind.NATIVE),
        ("linux", {}, f"{FLATPAK}/3.0", Kind.FLATPAK),
        ("linux", {}, "snap/gimp/current/GIMP/3.0", Kind.SNAP),
        ("linux", {}, "snap/gimp/current/.config/GIMP/3.2", Kind.SNAP),
        ("win32", {"APPDATA": "{home}/Roaming"}, "Roaming/GIMP/3.0", Kind.NATIVE),
        ("win32", {}, "AppData/Roaming/GIMP/3.2", Kind.NATIVE),
        ("darwin", {}, "Library/Application Support/GIMP/3.10", Kind.NATIVE),
    ],
)
def test_a_profile_is_found(
    tmp_path: Path, platform: str, environment: dict[str, str], folder: str, kind: Kind
) -> None:
    (tmp_path / folder).mkdir(parents=True)
    there = machine(tmp_path, platform, **{name: text.format(home=tmp_path) for name, text in environment.items()})
    (profile,) = find_profiles(there)
    assert (profile.folder, profile.kind) == (tmp_path / folder, kind)
    assert profile.series == (Path(folder).name if Path(folder).name.startswith("3") else "")


def test_each_gimp_gets_its_own(tmp_path: Path) -> None:
    for folder in (".config/GIMP/3.0", ".config/GIMP/3.2", ".config/GIMP/2.10", f"{FLATPAK}/3.2", ".config/GIMP/3.x"):
        (tmp_path / folder).mkdir(parents=True)
    found = find_profiles(machine(tmp_path), [Program(Path("gimp"), "3.0.4")])
    assert [profile.title for profile in found] == ["GIMP 3.2 (Flatpak)", "GIMP 3.0 (native)", "GIMP 3.2 (native)"]


def test_a_folder_that_flatpak_shares_counts_once(tmp_path: Path) -> None:
    (tmp_path / ".config/GIMP/3.0").mkdir(parents=True)
    (tmp_path / FLATPAK).parent.mkdir(parents=True)
    (tmp_path / FLATPAK).symlink_to(tmp_path / ".config/GIMP")
    (profile,) = find_profiles(machine(tmp_path))
    assert profile.kind is Kind.FLATPAK


def test_a_gimp_that_was_never_started_makes_its_profile_itself(tmp_path: Path) -> None:
    add_gimp(tmp_path, "3.2.6", name="gimp")
    there = machine(tmp_path)
    programs = find_programs(there.environment)
    (profile,) = find_profiles(there, programs)
    assert profile.folder == tmp_path / ".config/GIMP/3.2"
    assert not profile.folder.exists()
    make_profile(profile, there, programs)
    # A folder that we made would lack these, and GIMP would not make them any more.
    assert (profile.folder / "brushes").is_dir()


def test_programs_are_found_once_each_and_the_wrong_ones_not(tmp_path: Path) -> None:
    add_gimp(tmp_path, "3.0.4", name="gimp-3.0")
    console = add_gimp(tmp_path, "3.0.4", name="gimp-console-3.0")
    (tmp_path / "bin" / "gimp-console").symlink_to(console)
    add_gimp(tmp_path, "3.2.6", name="gimp")
    add_gimp(tmp_path, "3.4.0", name="gimp-script-fu-interpreter-3.0")
    (tmp_path / "bin" / "gimp-3").symlink_to(add_gimp(tmp_path, "3.4.2", name="snap"))
    add_program(tmp_path, "gimp-3.9", "#!/bin/sh\nexit 3\n")
    found = find_programs({**machine(tmp_path).environment, "PATH": f"{tmp_path / 'bin'}:/nowhere:"})
    assert [(program.version, "console" in program.path.name) for program in found] == [
        ("3.0.4", True),
        ("3.2.6", False),
    ]


def test_gimp_runs_without_the_virtual_environment_of_this_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.prefix", "/venv")
    started = {"PATH": "/venv/bin:/usr/bin", "VIRTUAL_ENV": "/venv", "PYTHONPATH": "/elsewhere", "LANG": "C"}
    assert desktop_environment(started) == {"PATH": "/usr/bin", "LANG": "C"}


@pytest.mark.parametrize(
    ("folders", "version", "said", "remedy"),
    [
        ([], None, "No GIMP 3 was found", "Install GIMP 3.0 or newer"),
        ([".config/GIMP/2.10"], None, "Only GIMP 2.10 was found", "needs GIMP 3.0"),
        ([], "2.10.34", "Only GIMP 2.10 was found", "needs GIMP 3.0"),
        ([".var/app/org.gimp.GIMP"], None, "no profile of GIMP 3", "Start GIMP 3 once"),
        (["snap/gimp"], None, "no profile of GIMP 3", "Start GIMP 3 once"),
    ],
)
def test_without_gimp_3_there_is_a_sentence(
    tmp_path: Path, folders: list[str], version: str | None, said: str, remedy: str
) -> None:
    for folder in folders:
        (tmp_path / folder).mkdir(parents=True)
    if version:
        add_gimp(tmp_path, version)
    there = machine(tmp_path)
    with pytest.raises(NoGimp, match=said) as caught:
        find_profiles(there, find_programs(there.environment))
    assert remedy in caught.value.remedy
    assert "--profile" in caught.value.remedy


def test_a_profile_may_be_named_by_its_folder_or_its_plug_ins(tmp_path: Path) -> None:
    (tmp_path / "3.0" / "plug-ins").mkdir(parents=True)
    for folder in (tmp_path / "3.0", tmp_path / "3.0" / "plug-ins"):
        assert named_profile(folder).plug_in == tmp_path / "3.0" / "plug-ins" / "neural-style"
    with pytest.raises(InputUnreadable, match="no folder"):
        named_profile(tmp_path / "3.1")
    (tmp_path / "2.10").mkdir()
    with pytest.raises(NoGimp, match="belongs to GIMP"):
        named_profile(tmp_path / "2.10")
