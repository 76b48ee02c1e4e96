"""Promise: the plug-in finds the user's daemon also from a sandbox, and starts it as it would start by itself."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest
from neural_style import endpoints

from neuralstyle.v1.endpoint import HOME_VARIABLE, Endpoint, endpoint_file, log_file
from stylize.autostart import BACKGROUND_OPTIONS


@pytest.fixture(autouse=True)
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of a user who has set nothing."""
    for name in (HOME_VARIABLE, "XDG_STATE_HOME", "SNAP_REAL_HOME"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "user"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setattr(endpoints, "INSTALLED", tmp_path / "installed.json")
    return folder


def install(command: object) -> None:
    endpoints.INSTALLED.write_text(json.dumps({"daemon_command": command}))


def program(folder: Path, text: str) -> list[str]:
    script = folder / "program"
    script.write_text(f"#!{sys.executable}\n{text}")
    script.chmod(0o755)
    return [str(script), *BACKGROUND_OPTIONS]


def wait_for_text(path: Path) -> str:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if path.exists() and path.read_text().endswith("\n"):
            return path.read_text()
        time.sleep(0.02)
    raise AssertionError(f"{path} was not written")


def test_a_plain_gimp_looks_where_the_daemon_writes(user: Path) -> None:
    assert list(endpoints.folders()) == [user / ".local" / "state" / "stylized"]


def test_a_flatpak_looks_into_its_own_state_and_the_users(user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = user / ".var" / "app" / "org.gimp.GIMP" / ".local" / "state"
    monkeypatch.setenv("XDG_STATE_HOME", str(own))
    assert list(endpoints.folders()) == [own / "stylized", user / ".local" / "state" / "stylized"]


def test_a_snap_looks_into_the_users_real_home(user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(user / "snap" / "gimp" / "1"))
    monkeypatch.setenv("SNAP_REAL_HOME", str(user))
    assert list(endpoints.folders())[1] == user / ".local" / "state" / "stylized"


def test_a_home_that_was_named_is_the_only_one(user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(user / "there"))
    assert list(endpoints.folders()) == [user / "there"]


def test_what_is_no_description_is_passed_over(user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(user / "own"))
    broken, good = endpoints.folders()
    written = Endpoint(("unix:/daemon.sock",), "/token", 1, "run", "9.8.7", ("neuralstyle.v1",))
    for folder, text in ((broken, "{"), (good, written.to_json())):
        folder.mkdir(parents=True)
        endpoint_file(folder).write_text(text)
    assert list(endpoints.described()) == [written]


def test_the_command_is_the_one_that_was_written_down_at_the_installation(tmp_path: Path) -> None:
    command = program(tmp_path, "")
    install(command)
    assert endpoints.start_command() == command


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"daemon_command": []}', '{"daemon_command": "stylized"}'])
def test_without_a_command_nothing_is_started(text: str) -> None:
    endpoints.INSTALLED.write_text(text)
    assert endpoints.start_command() is None


def test_a_command_that_is_not_there_as_in_a_sandbox_is_none(tmp_path: Path) -> None:
    assert endpoints.start_command() is None
    install([str(tmp_path / "gone"), *BACKGROUND_OPTIONS])
    assert endpoints.start_command() is None


def test_the_daemon_starts_in_a_clean_environment_and_outlives_gimp(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAYS", "yes")
    for name in ("PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "GI_TYPELIB_PATH", "GDK_PIXBUF_MODULE_FILE"):
        monkeypatch.setenv(name, "/of/gimp")
    told = tmp_path / "told"
    command = program(
        tmp_path,
        f"""import json, os, sys
said = {{"env": dict(os.environ), "argv": sys.argv[1:], "cwd": os.getcwd(), "leads": os.getsid(0) == os.getpid()}}
print("hello", file=sys.stderr)
open({str(told)!r}, "w").write(json.dumps(said) + "\\n")
""",
    )
    process = endpoints.start(command)
    said = json.loads(wait_for_text(told))
    process.wait(10)
    assert "/of/gimp" not in said["env"].values()
    assert said["env"]["STAYS"] == "yes"
    assert said["argv"] == ["--background"]
    assert said["cwd"] == "/"
    assert said["leads"]
    folder = next(endpoints.folders())
    assert folder.stat().st_mode & 0o777 == 0o700
    assert log_file(folder).stat().st_mode & 0o777 == 0o600
    assert endpoints.log_tail() == "hello"


def test_of_a_long_log_the_end_is_shown() -> None:
    assert endpoints.log_tail() == ""
    folder = next(endpoints.folders())
    folder.mkdir(parents=True)
    log_file(folder).write_bytes(b"\xff\n" + b"".join(b"line %d\n" % number for number in range(100)))
    assert endpoints.log_tail().splitlines() == [f"line {number}" for number in range(100 - endpoints.LOG_LINES, 100)]
