"""Promise: whatever keeps the plug-in from GIMP's menu or from the daemon, the doctor names it and the next step."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from stylize.diagnosis import Check
from stylize.gimp import bundle, inside
from stylize.gimp.doctor import examine_gimp
from stylize.gimp.installer import install
from stylize.gimp.profiles import Machine, named_profile
from stylize.gimp.programs import find_programs

from .conftest import RunCli
from .gimps import add_gimp, add_program, machine, make_plug_in
from .scripted_daemon import RunningDaemon

GOOD = [{"name": "Daemon", "ok": True, "found": "answers", "remedy": ""}]


@pytest.fixture
def user(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """One GIMP 3.0 with the plug-in in it, in which all is well."""
    sources = make_plug_in(tmp_path / "sources")
    monkeypatch.setattr(bundle, "plug_in_source", lambda: sources)
    add_gimp(tmp_path, "3.0.4", rows=GOOD)
    add_program(tmp_path, "python3", "#!/bin/sh\necho 3.13.5\n")
    profile = tmp_path / ".config/GIMP/3.0"
    profile.mkdir(parents=True)
    install(profile / "plug-ins")
    return machine(tmp_path)


def plug_ins(user: Machine) -> Path:
    return user.home / ".config/GIMP/3.0/plug-ins"


def examine(user: Machine, *, ask: bool = False) -> dict[str, Check]:
    found = examine_gimp(user, find_programs(user.environment), ask=ask)
    assert all(check.remedy for check in found if not check.ok)
    return {check.name.removeprefix("GIMP 3.0 (native): "): check for check in found}


def failed(user: Machine, *, ask: bool = False) -> dict[str, Check]:
    return {name: check for name, check in examine(user, ask=ask).items() if not check.ok}


def test_nothing_fails_where_all_is_well(user: Machine) -> None:
    checks = examine(user, ask=True)
    assert not [name for name, check in checks.items() if not check.ok]
    assert checks["Python"].found.endswith("bin/python3 3.13.5")
    assert checks["Inside GIMP 3.0.4"].found.startswith("the plug-in is registered; Python 3.")
    assert checks["Inside GIMP 3.0.4: Daemon"].found == "answers"


def break_executable(user: Machine) -> None:
    (plug_ins(user) / "neural-style/neural-style.py").chmod(0o644)


def break_edited(user: Machine) -> None:
    (plug_ins(user) / "neural-style/vendor/h2/config.py").write_text("")


def break_missing(user: Machine) -> None:
    (plug_ins(user) / "neural-style/neural_style/__init__.py").unlink()


def break_version(user: Machine) -> None:
    path = plug_ins(user) / "neural-style/installed.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "version": "0.0.9"}))


def break_daemon_command(user: Machine) -> None:
    path = plug_ins(user) / "neural-style/installed.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "daemon_command": ["/gone/stylized", "--background"]}))


def break_daemon_home(user: Machine) -> None:
    path = plug_ins(user) / "neural-style/installed.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "daemon_home": "/elsewhere"}))


def break_nested(user: Machine) -> None:
    folder = plug_ins(user) / "neural-style"
    folder.rename(plug_ins(user) / "moving")
    folder.mkdir()
    (plug_ins(user) / "moving").rename(folder / "neural-style")


def break_lone(user: Machine) -> None:
    folder = plug_ins(user) / "neural-style"
    (folder / "neural-style.py").rename(plug_ins(user) / "neural-style.py")


def break_renamed(user: Machine) -> None:
    (plug_ins(user) / "neural-style").rename(plug_ins(user) / "neural-style-main")


def break_foreign(user: Machine) -> None:
    (plug_ins(user) / "neural-style/installed.json").unlink()


def break_duplicate(user: Machine) -> None:
    (plug_ins(user) / "copy of neural-style").mkdir()
    (plug_ins(user) / "copy of neural-style/neural-style.py").write_text("")


def break_system_wide(user: Machine) -> None:
    (user.root / "usr/lib/x86_64-linux-gnu/gimp/3.0/plug-ins/neural-style").mkdir(parents=True)


def break_other_path(user: Machine) -> None:
    (user.home / "more/neural-style").mkdir(parents=True)
    paths = f"${{gimp_dir}}/plug-ins:${{gimp_plug_in_dir}}/plug-ins:{user.home / 'more'}"
    (plug_ins(user).parent / "gimprc").write_text(f'# my\n(plug-in-path "{paths}")\n')


def break_search_path(user: Machine) -> None:
    (plug_ins(user).parent / "gimprc").write_text('(plug-in-path "/opt/plug-ins")\n')


def break_python_modules(user: Machine) -> None:
    add_program(user.home, "python3", "#!/bin/sh\necho 3.13.5\necho \"No module named 'gi'\" >&2\nexit 1\n")


def break_python_age(user: Machine) -> None:
    add_program(user.home, "python3", "#!/bin/sh\necho 3.9.2\n")


def break_no_python(user: Machine) -> None:
    (user.home / "bin/python3").unlink()


@pytest.mark.parametrize(
    ("breaking", "name", "found", "remedy"),
    [
        (break_executable, "executable", "may not be run", "chmod +x"),
        (break_edited, "files", "vendor/h2/config.py", "gimp install"),
        (break_missing, "files", "neural_style/__init__.py", "gimp install"),
        (break_version, "version", "0.0.9", "gimp install"),
        (break_daemon_command, "daemon's command", "/gone/stylized", "gimp install"),
        (break_daemon_home, "daemon's command", "/elsewhere", "gimp install"),
        (break_nested, "plug-in", "neural-style/neural-style/neural-style.py", "takes it only from"),
        (break_lone, "plug-in", "plug-ins/neural-style.py", "takes it only from"),
        (break_renamed, "plug-in", "neural-style-main", "takes it only from"),
        (break_foreign, "plug-in", "was not installed by stylize", "--force"),
        (break_duplicate, "only one", "copy of neural-style", "Remove the others"),
        (break_system_wide, "only one", "usr/lib/x86_64-linux-gnu", "Remove the others"),
        (break_other_path, "only one", "more/neural-style", "Remove the others"),
        (break_search_path, "folder is searched", "/opt/plug-ins", "Preferences > Folders"),
        (break_python_modules, "Python", "No module named 'gi'", "python3-gi"),
        (break_python_age, "Python", "3.9.2", "stylize gimp install"),
        (break_no_python, "Python", "no python3", "apt install"),
    ],
)
def test_each_fault_is_named_and_no_other(user: Machine, breaking, name: str, found: str, remedy: str) -> None:
    breaking(user)
    faults = failed(user)
    assert list(faults) == [name]
    assert found in faults[name].found
    assert remedy in faults[name].remedy


def test_not_installed_is_said(user: Machine, tmp_path: Path) -> None:
    (tmp_path / ".config/GIMP/3.2").mkdir()
    faults = failed(user)
    assert faults["GIMP 3.2 (native): plug-in"].found == "not installed"
    assert "stylize gimp install" in faults["GIMP 3.2 (native): plug-in"].remedy


def test_gimp_tells_that_it_did_not_take_the_plug_in(user: Machine) -> None:
    add_gimp(user.home, "3.0.4", registered=False)
    faults = failed(user, ask=True)
    assert list(faults) == ["Inside GIMP 3.0.4"]
    assert "not registered" in faults["Inside GIMP 3.0.4"].found
    assert "--verbose" in faults["Inside GIMP 3.0.4"].remedy


def test_what_the_plug_in_finds_from_inside_is_told(user: Machine) -> None:
    add_gimp(user.home, "3.0.4", rows=[{"name": "Daemon", "ok": False, "found": "no answer", "remedy": "Start it."}])
    assert failed(user, ask=True)["Inside GIMP 3.0.4: Daemon"] == Check(
        "Inside GIMP 3.0.4: Daemon", False, "no answer", "Start it."
    )
    add_gimp(user.home, "3.0.4", rows=None)
    assert failed(user, ask=True)["Inside GIMP 3.0.4: plug-in"].found == "it is broken"


def test_a_gimp_that_hangs_is_not_waited_for(user: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inside, "TIMEOUT", 1.0)
    add_gimp(user.home, "3.0.4", seconds=30)
    began = time.monotonic()
    assert "did not end within 1 seconds" in failed(user, ask=True)["Inside GIMP 3.0.4"].found
    assert time.monotonic() - began < 15  # it was ended, and not just given up


def test_a_gimp_that_fails_shows_its_last_error(user: Machine) -> None:
    add_program(
        user.home,
        "gimp-console",
        '#!/bin/sh\n[ "$1" = --version ] && echo version 3.0.4 && exit\necho "OSError: no room" >&2\nexit 64\n',
    )
    assert failed(user, ask=True)["Inside GIMP 3.0.4"].found == (
        "gimp-console ended with exit code 64: OSError: no room."
    )


def test_a_sandbox_is_told_to_start_the_daemon_outside(user: Machine, tmp_path: Path) -> None:
    folder = tmp_path / ".var/app/org.gimp.GIMP/config/GIMP/3.2"
    folder.mkdir(parents=True)
    install(folder / "plug-ins")
    checks = examine(user)
    assert "stylize daemon start" in checks["GIMP 3.2 (Flatpak): daemon's command"].found
    assert not any(name.startswith("GIMP 3.2 (Flatpak): Python") for name in checks)


def test_a_named_profile_is_the_only_one_examined(user: Machine, tmp_path: Path) -> None:
    other = tmp_path / "other" / "3.0"
    other.mkdir(parents=True)
    checks = examine_gimp(user, [], named_profile(other))
    assert [check.ok for check in checks] == [True, False]
    assert all(check.name.startswith("GIMP 3.0 (named by you)") for check in checks)


def test_the_command_goes_from_gimp_to_the_daemon(scripted: RunningDaemon, run_cli: RunCli, tmp_path: Path) -> None:
    user = {"HOME": str(tmp_path), "PATH": str(tmp_path / "bin"), "XDG_CONFIG_HOME": ""}
    add_gimp(tmp_path, "3.0.4", rows=GOOD)
    add_program(tmp_path, "python3", "#!/bin/sh\necho 3.13.5\n")
    run_cli("gimp", "install", **user)
    ended = run_cli("gimp", "doctor", "--no-start", "--json", **user)
    checks = {check["name"]: check["ok"] for check in json.loads(ended.stdout)}
    assert checks["Inside GIMP 3.0.4: Daemon"]
    assert checks["Target"]
    assert ended.stderr == ""
    scripted.stop()
    ended = run_cli("gimp", "doctor", "--no-start", **user)
    assert ended.returncode == 1
    assert "Daemon: `stylize daemon start` starts it." in ended.stdout
