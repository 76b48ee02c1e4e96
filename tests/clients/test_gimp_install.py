"""Promise: GIMP has the whole plug-in or none, whatever happens while it is installed; and what goes is only ours."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from neuralstyle.v1.reasons import LocalExit
from stylize.errors import OutputExists, OutputUnwritable
from stylize.gimp import bundle, installer
from stylize.gimp.installer import Outcome, install, uninstall
from stylize.gimp.manifest import read_manifest

from .conftest import RunCli
from .gimps import add_gimp, contents, make_plug_in

# Installs the plug-in whose sources are argv[1] into argv[2]; kills itself before its argv[3]-th change to the disk.
# Tells how many changes there were.
KILLED = """
import os, signal, sys
from pathlib import Path
from stylize.gimp import bundle, installer
sources, plug_ins, last = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
bundle.plug_in_source = lambda: sources
changes = 0

def count(event, arguments):
    global changes
    change = event in ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.chmod")
    if change or (event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)):
        changes += 1
        if changes == last:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(count)
installer.install(plug_ins)
print(changes)
"""


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = make_plug_in(tmp_path / "sources")
    monkeypatch.setattr(bundle, "plug_in_source", lambda: folder)
    return folder


@pytest.fixture
def plug_ins(tmp_path: Path) -> Path:
    return tmp_path / "3.0" / "plug-ins"


def is_whole(folder: Path) -> bool:
    manifest = read_manifest(folder)
    return manifest is not None and installer.is_whole(folder, manifest) and len(manifest.files) > 100


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def install_killed(sources: Path, plug_ins: Path, last: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-B", "-c", KILLED, sources, plug_ins, str(last)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_it_is_installed_once_and_then_up_to_date(sources: Path, plug_ins: Path) -> None:
    assert install(plug_ins).outcome is Outcome.INSTALLED
    assert is_whole(plug_ins / "neural-style")
    inode = (plug_ins / "neural-style").stat().st_ino
    assert install(plug_ins).outcome is Outcome.UP_TO_DATE
    assert (plug_ins / "neural-style").stat().st_ino == inode
    assert names(plug_ins) == ["neural-style"]


@pytest.mark.parametrize("damage", ["edited", "missing", "not executable"])
def test_what_was_damaged_is_repaired(sources: Path, plug_ins: Path, damage: str) -> None:
    install(plug_ins)
    folder = plug_ins / "neural-style"
    if damage == "edited":
        (folder / "vendor" / "h2" / "config.py").write_text("")
    elif damage == "missing":
        (folder / "vendor" / "google" / "__init__.py").unlink()
    else:
        (folder / "neural-style.py").chmod(0o644)
    assert install(plug_ins).outcome is Outcome.REPAIRED
    assert is_whole(folder)


def test_another_version_is_replaced_with_all_its_files(sources: Path, plug_ins: Path) -> None:
    (sources / "old.py").write_text("")
    install(plug_ins)
    (sources / "old.py").unlink()
    (sources / "new.py").write_text("")
    assert install(plug_ins).outcome is Outcome.UPDATED
    assert is_whole(plug_ins / "neural-style")
    assert not (plug_ins / "neural-style" / "old.py").exists()


def test_a_kill_at_any_moment_leaves_all_or_nothing(sources: Path, plug_ins: Path) -> None:
    newer = make_plug_in(sources.with_name("newer"), "# newer\n")
    target = plug_ins / "neural-style"
    install(plug_ins)
    old = contents(target)
    count = int(install_killed(newer, plug_ins.with_name("counted"), 0).stdout)
    assert count > 150
    # Two more than in an empty folder: the old one is moved aside, and removed file by file.
    moments = [1, 2, 3, count // 3, count - 3, *range(count - 1, count + 5), count + 80]
    seen = set()
    for moment in moments:
        ended = install_killed(newer, plug_ins, moment)
        assert ended.returncode == -signal.SIGKILL
        if not target.exists():
            seen.add("none")
        else:
            seen.add("old" if contents(target) == old else "new")
            assert is_whole(target)
        # Whatever was left: the next one finishes it.
        install(plug_ins)
        assert contents(target) == old
        assert names(plug_ins) == ["neural-style"]
    assert seen == {"none", "old", "new"}


def test_after_a_kill_between_the_renames_the_old_one_comes_back_even_if_nothing_new_can_be_made(
    sources: Path, plug_ins: Path
) -> None:
    install(plug_ins)
    (plug_ins / "neural-style").rename(plug_ins / installer.ASIDE)
    shutil.rmtree(sources)
    with pytest.raises(OutputUnwritable):
        install(plug_ins)
    assert is_whole(plug_ins / "neural-style")
    assert names(plug_ins) == ["neural-style"]


def test_a_full_disk_leaves_the_old_one_and_a_sentence(
    sources: Path, plug_ins: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resource = pytest.importorskip("resource")
    install(plug_ins)
    before = contents(plug_ins)
    (sources / "new.py").write_text("")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))  # less than the largest of the files
    try:
        with pytest.raises(OutputUnwritable, match="File too large") as caught:
            install(plug_ins)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "Make room" in caught.value.remedy
    assert contents(plug_ins) == before


def test_a_folder_that_is_not_ours_is_replaced_only_when_asked(sources: Path, plug_ins: Path) -> None:
    theirs = plug_ins / "neural-style"
    theirs.mkdir(parents=True)
    (theirs / "neural-style.py").write_text("theirs")
    with pytest.raises(OutputExists) as caught:
        install(plug_ins)
    assert "--force" in caught.value.remedy
    assert uninstall(plug_ins).outcome is Outcome.NOT_OURS
    assert contents(plug_ins) == {"neural-style/neural-style.py": b"theirs"}
    assert install(plug_ins, force=True).outcome is Outcome.INSTALLED
    assert is_whole(theirs)


def test_what_a_link_points_at_is_left_alone(sources: Path, plug_ins: Path, tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    (checkout / "neural-style.py").write_text("work")
    plug_ins.mkdir(parents=True)
    (plug_ins / "neural-style").symlink_to(checkout)
    install(plug_ins, force=True)
    assert not (plug_ins / "neural-style").is_symlink()
    assert contents(checkout) == {"neural-style.py": b"work"}


def test_two_at_once_leave_one_whole_plug_in(sources: Path, plug_ins: Path) -> None:
    outcomes = []
    threads = [threading.Thread(target=lambda: outcomes.append(install(plug_ins).outcome)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcome.name for outcome in outcomes) == ["INSTALLED", "UP_TO_DATE", "UP_TO_DATE", "UP_TO_DATE"]
    assert is_whole(plug_ins / "neural-style")
    assert names(plug_ins) == ["neural-style"]


def test_removing_leaves_nothing_of_ours(sources: Path, plug_ins: Path) -> None:
    install(plug_ins)
    (plug_ins / "another-plug-in").mkdir()
    cached = plug_ins / "neural-style" / "neural_style" / "__pycache__"
    cached.mkdir()
    (cached / "__init__.cpython-313.pyc").write_text("GIMP's Python wrote this")
    assert uninstall(plug_ins).outcome is Outcome.REMOVED
    assert names(plug_ins) == ["another-plug-in"]
    assert uninstall(plug_ins).outcome is Outcome.NOT_INSTALLED


def test_removing_keeps_what_the_user_put_there(sources: Path, plug_ins: Path) -> None:
    install(plug_ins)
    (plug_ins / "neural-style" / "help" / "notes.txt").write_text("mine")
    assert uninstall(plug_ins).kept == ("help/notes.txt",)
    assert contents(plug_ins) == {"neural-style/help/notes.txt": b"mine"}


def test_a_manifest_cannot_make_it_remove_what_is_elsewhere(sources: Path, plug_ins: Path, tmp_path: Path) -> None:
    precious = tmp_path / "3.0" / "gimprc"
    install(plug_ins)
    precious.write_text("precious")
    path = plug_ins / "neural-style" / "installed.json"
    for name in ("../../gimprc", str(precious), "vendor/../../../gimprc"):
        written = json.loads(path.read_text())
        written["files"] = {name: ""}
        path.write_text(json.dumps(written))
        assert uninstall(plug_ins).outcome is Outcome.NOT_OURS
    (plug_ins / "neural-style" / "linked").symlink_to(precious.parent)
    written["files"] = {"linked/gimprc": ""}
    path.write_text(json.dumps(written))
    uninstall(plug_ins)
    assert precious.read_text() == "precious"


def test_a_removal_that_was_cut_short_is_taken_up_again(
    sources: Path, plug_ins: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(plug_ins)
    unlink, left = Path.unlink, 20

    def fail_after_some(path: Path, missing_ok: bool = False) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise OSError(5, "Input/output error", str(path))
        unlink(path, missing_ok=missing_ok)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", fail_after_some)
        with pytest.raises(OutputUnwritable, match="Input/output error"):
            uninstall(plug_ins)
    assert not (plug_ins / "neural-style" / "neural-style.py").exists()  # GIMP sees no half of it
    assert uninstall(plug_ins).outcome is Outcome.REMOVED
    assert names(plug_ins) == []


def test_the_command_installs_into_each_gimp_and_removes_from_each(run_cli: RunCli, tmp_path: Path) -> None:
    user = {"HOME": str(tmp_path), "PATH": str(tmp_path / "bin"), "XDG_CONFIG_HOME": ""}
    (tmp_path / ".config/GIMP/3.0").mkdir(parents=True)
    add_gimp(tmp_path, "3.2.6")  # never started
    ended = run_cli("gimp", "install", **user)
    assert (ended.returncode, ended.stdout.count("installed")) == (0, 2)
    assert ended.stdout.endswith("Restart GIMP; the filter is under Filters > Neural Style.\n")
    for series in ("3.0", "3.2"):
        assert is_whole(tmp_path / ".config/GIMP" / series / "plug-ins/neural-style")
    assert (tmp_path / ".config/GIMP/3.2/brushes").is_dir()
    again = json.loads(run_cli("gimp", "install", "--json", **user).stdout)
    assert [(row["gimp"], row["outcome"]) for row in again] == [("3.0", "up to date"), ("3.2", "up to date")]
    assert run_cli("gimp", "uninstall", **user).stdout.count("removed") == 2
    assert "nothing to remove" in run_cli("gimp", "uninstall", **user).stdout


def test_one_gimp_that_fails_does_not_keep_the_others_from_theirs(run_cli: RunCli, tmp_path: Path) -> None:
    user = {"HOME": str(tmp_path), "PATH": "", "XDG_CONFIG_HOME": ""}
    (tmp_path / ".config/GIMP/3.0/plug-ins/neural-style").mkdir(parents=True)
    (tmp_path / ".config/GIMP/3.2").mkdir()
    ended = run_cli("gimp", "install", **user)
    assert ended.returncode == LocalExit.OUTPUT_EXISTS
    assert "--force" in ended.stderr
    assert is_whole(tmp_path / ".config/GIMP/3.2/plug-ins/neural-style")


def test_without_gimp_the_command_says_what_to_do(run_cli: RunCli, tmp_path: Path) -> None:
    user = {"HOME": str(tmp_path), "PATH": "", "XDG_CONFIG_HOME": ""}
    for command in (["install"], ["uninstall"], ["doctor", "--no-start"]):
        ended = run_cli("gimp", *command, **user)
        assert ended.returncode == LocalExit.FAILURE
        assert "Install GIMP 3.0 or newer" in ended.stdout + ended.stderr
    ended = run_cli("gimp", "install", "--profile", tmp_path / "3.0", "--json", **user)
    assert ended.returncode == LocalExit.INPUT_UNREADABLE
    assert json.loads(ended.stdout)["exit_code"] == LocalExit.INPUT_UNREADABLE
