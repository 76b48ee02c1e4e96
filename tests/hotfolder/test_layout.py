"""Promise: a hot folder is made without touching what is there, and refused if its places are links or overlap."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from stylize.errors import InputUnreadable
from stylize.hotfolder.layout import check_apart, create, find
from stylize.hotfolder.settings import SettingsReader

from .watching import hot_folder


def test_it_is_made_with_settings_that_work(tmp_path: Path) -> None:
    folder = create(tmp_path / "new" / "hot")
    assert {path.name for path in folder.root.iterdir()} == {
        *("in", "out", "done", "failed", "styles", "style.toml", ".stylize")
    }
    SettingsReader(folder).read()


def test_making_it_again_leaves_everything_as_it_is(tmp_path: Path) -> None:
    folder = create(tmp_path / "hot")
    folder.settings_file.write_text("mine")
    (folder.inbox / "photo.jpg").write_bytes(b"x")
    folder.done.rmdir()
    create(tmp_path / "hot")
    assert folder.settings_file.read_text() == "mine"
    assert (folder.inbox / "photo.jpg").exists()
    assert folder.done.is_dir()


def test_a_folder_that_is_none_is_refused_with_the_command_that_makes_it_one(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nix"):
        with pytest.raises(InputUnreadable) as refused:
            find(path)
        assert f"stylize watch --init {path}" in refused.value.remedy


@pytest.mark.parametrize("place", ["in", "out", "done", "failed", "styles", ".stylize"])
def test_a_place_that_is_a_link_is_refused(tmp_path: Path, place: str) -> None:
    folder = create(tmp_path / "hot")
    (tmp_path / "elsewhere").mkdir()
    (folder.root / place).rmdir()
    (folder.root / place).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputUnreadable, match=f"{place} is a link"):
        find(folder.root)


def test_folders_in_one_another_are_refused(tmp_path: Path) -> None:
    outer, beside = hot_folder(tmp_path / "hot"), hot_folder(tmp_path / "hot2")
    inner = hot_folder(outer.inbox / "inner")
    check_apart([outer, beside])
    with pytest.raises(InputUnreadable, match="overlap"):
        check_apart([inner, outer])
    with pytest.raises(InputUnreadable, match="twice"):
        check_apart([outer, beside, find(outer.root)])


def test_a_mount_that_shows_out_as_in_is_refused(tmp_path: Path) -> None:
    folder = create(tmp_path / "hot")
    mounted = subprocess.run(
        ["mount", "--bind", str(folder.outbox), str(folder.inbox)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"needs the right to mount: {mounted.stderr.decode().strip()}")
    try:
        with pytest.raises(InputUnreadable, match="same folder"):
            check_apart([find(folder.root)])
    finally:
        subprocess.run(["umount", str(folder.inbox)], check=True)
