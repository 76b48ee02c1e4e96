"""Promise: `stylize watch` does what its help says, from --init to the last signal, and speaks plainly."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from neuralstyle.v1.endpoint import HOME_VARIABLE
from neuralstyle.v1.reasons import LocalExit
from stylize.hotfolder.layout import HotFolder
from stylize.hotfolder.systemd import unit_text
from tests.clients.scripted_daemon import RunningDaemon

from .watching import drop, names_in, noise

TIMEOUT_S = 60


def stylize(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "stylize", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "COLUMNS": "100", **environment},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


@pytest.fixture
def watcher(scripted: RunningDaemon, hot: HotFolder) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "stylize", "watch", hot.root, "--settle", "0.1"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    yield process
    process.kill()
    process.communicate()


def test_from_nothing_to_the_first_painting(tmp_path: Path, scripted: RunningDaemon) -> None:
    made = stylize("watch", "--init", tmp_path / "my photos")
    assert made.returncode == 0
    assert f"Now run: stylize watch '{tmp_path}/my photos'" in made.stdout
    noise(1).save(tmp_path / "my photos" / "in" / "cat.png")
    (tmp_path / "my photos" / "style.toml").write_text('styles = ["mosaic"]\n')
    ended = stylize("watch", tmp_path / "my photos", "--once", "--settle", "0")
    assert ended.returncode == 0
    assert "painted  cat.png -> out/cat.png" in ended.stdout
    assert names_in(tmp_path / "my photos" / "out") == ["cat.png"]


def test_a_line_is_printed_for_each_photo_and_a_signal_ends_it(watcher: subprocess.Popen[str], hot: HotFolder) -> None:
    assert watcher.stdout is not None
    drop(hot, "new\nline.png")
    assert "painted  new\\nline.png -> out/new\\nline.png" in watcher.stdout.readline()
    (hot.inbox / "bad.png").touch()
    watcher.send_signal(signal.SIGTERM)
    _, said = watcher.communicate(timeout=TIMEOUT_S)
    assert watcher.returncode == 0
    assert f"Watching {hot.root}" in said
    assert "Ending" in said
    assert "Traceback" not in said


def test_status_tells_what_is_done_waits_and_failed(watcher: subprocess.Popen[str], hot: HotFolder) -> None:
    assert watcher.stdout is not None
    drop(hot, "cat.png")
    watcher.stdout.readline()
    (status,) = json.loads(stylize("watch", hot.root, "--status", "--json").stdout)
    assert (status["watcher_pid"], status["done"], status["failed"], status["waiting"]) == (watcher.pid, 1, 0, 0)
    assert f"process {watcher.pid}" in stylize("watch", hot.root, "--status").stdout
    watcher.kill()
    watcher.wait()
    drop(hot, "dog.png")
    (status,) = json.loads(stylize("watch", hot.root, "--status", "--json").stdout)
    assert (status["watcher_pid"], status["waiting"], status["eta"]) == (None, 1, None)


def test_once_ends_with_1_if_a_photo_failed_and_status_names_it(scripted: RunningDaemon, hot: HotFolder) -> None:
    (hot.inbox / "empty.png").touch()
    os.utime(hot.inbox / "empty.png", (0, 0))
    ended = stylize("watch", hot.root, "--once", "--settle", "0", "--json")
    assert ended.returncode == 1
    reports = [json.loads(line) for line in ended.stdout.splitlines()]
    (failed,) = [report for report in reports if report["event"] == "failed"]
    assert failed["kept"] == "failed/empty.png"
    assert "empty.png: The file is empty." in stylize("watch", hot.root, "--status").stdout


def test_a_dry_run_shows_all_and_does_nothing(scripted: RunningDaemon, hot: HotFolder) -> None:
    drop(hot, "tiny/cat.png")
    drop(hot, "dog.png")
    (hot.inbox / "link.png").symlink_to("dog.png")
    before = names_in(hot.root)
    plans = json.loads(stylize("watch", hot.root, "--dry-run", "--settle", "0", "--json").stdout)
    assert [(plan["photo"], plan["action"], plan["output"]) for plan in plans] == [
        ("dog.png", "paint", "out/dog.png"),
        ("link.png", "refuse", ""),
        ("tiny/cat.png", "paint", "out/tiny/cat.png"),
    ]
    assert "it is a link" in stylize("watch", hot.root, "--dry-run", "--settle", "0").stdout
    assert names_in(hot.root) == before
    assert scripted.service.requests == []


@pytest.mark.parametrize(
    ("prepare", "arguments", "code", "said"),
    [
        ("", ["nix"], LocalExit.INPUT_UNREADABLE, "stylize watch --init"),
        ("", ["hot", "hot"], LocalExit.INPUT_UNREADABLE, "given twice"),
        ("", ["hot", "--once", "--status"], LocalExit.USAGE, "Only one of"),
        ("", [], LocalExit.USAGE, "FOLDER"),
        ("styles = 3", ["hot"], 16, "styles in style.toml"),
    ],
)
def test_what_cannot_work_is_refused_at_once(
    hot: HotFolder, scripted: RunningDaemon, prepare: str, arguments: list[str], code: int, said: str
) -> None:
    if prepare:
        hot.settings_file.write_text(prepare)
    words = [hot.root.parent / word if not word.startswith("-") else word for word in arguments]
    ended = stylize("watch", *words)
    assert ended.returncode == code
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_second_watcher_ends_with_a_sentence_and_its_own_code(watcher: subprocess.Popen[str], hot: HotFolder) -> None:
    assert watcher.stdout is not None
    drop(hot, "cat.png")
    watcher.stdout.readline()
    ended = stylize("watch", hot.root)
    assert ended.returncode == LocalExit.FOLDER_TAKEN
    assert "is being watched by another process already" in ended.stderr


def test_the_systemd_unit_takes_any_name(hot: HotFolder) -> None:
    text = unit_text([Path("/srv/50 % off/$HOME"), Path('/srv/a "b"\\c')])
    (line,) = [line for line in text.splitlines() if line.startswith("ExecStart=")]
    # Its quoting is the shell's, but for % and $, which are doubled.
    words = shlex.split(line.removeprefix("ExecStart=").replace("%%", "%").replace("$$", "$"))
    assert words[-3:] == ["watch", "/srv/50 % off/$HOME", '/srv/a "b"\\c']
    assert "KillMode=process" in text
    shown = stylize("watch", hot.root, "--systemd")
    assert shown.returncode == 0
    assert f"watch {hot.root}" in shown.stdout
    assert "systemctl --user enable" in shown.stderr


def test_watch_needs_no_daemon_for_its_help() -> None:
    assert "--dry-run" in stylize("watch", "--help", **{HOME_VARIABLE: "/nonexistent"}).stdout
