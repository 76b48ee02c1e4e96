"""Promise: a file gets its name without ever taking another's, also after a crash and without hard links."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from stylize.renaming import rename_unless_exists, sync_folder


@pytest.mark.parametrize("links", [True, False], ids=["with hard links", "without"])
def test_a_move_never_overwrites(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool) -> None:
    if not links:  # as on exFAT

        def refuse(*_: object) -> None:
            raise OSError(errno.EPERM, "Operation not permitted")

        monkeypatch.setattr(Path, "hardlink_to", refuse)
    source, target, dangling = tmp_path / "source", tmp_path / "target", tmp_path / "dangling"
    source.write_text("new")
    target.write_text("old")
    dangling.symlink_to("nowhere")
    for taken in (target, dangling):
        with pytest.raises(FileExistsError):
            rename_unless_exists(source, taken)
    assert (source.read_text(), target.read_text()) == ("new", "old")
    rename_unless_exists(source, tmp_path / "free")
    assert (tmp_path / "free").read_text() == "new"
    assert not source.exists()


def test_a_move_that_was_cut_between_its_two_steps_is_finished(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_text("x")
    target.hardlink_to(source)
    rename_unless_exists(source, target)
    assert not source.exists()
    assert target.read_text() == "x"


@pytest.mark.parametrize("links", [True, False], ids=["with hard links", "without"])
def test_the_new_name_is_on_the_disk_before_the_old_one_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    source, target = tmp_path / "source", tmp_path / "into" / "target"
    target.parent.mkdir()
    source.write_text("x")
    flushed: list[tuple[str, bool]] = []
    fsync = os.fsync

    def noted(handle: int) -> None:
        flushed.append((Path(f"/proc/self/fd/{handle}").readlink().name, source.exists()))
        fsync(handle)

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOTSUP, "Not supported")

    monkeypatch.setattr(os, "fsync", noted)
    if not links:
        monkeypatch.setattr(Path, "hardlink_to", refuse)
    rename_unless_exists(source, target)
    assert flushed == [("into", links)]


def test_a_folder_that_may_not_be_listed_is_no_obstacle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:  # whoever runs this may be root, whom no mode stops
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    sync_folder(tmp_path)


@pytest.mark.parametrize(("number", "raised"), [(errno.EINVAL, False), (errno.EIO, True)])
def test_a_disk_that_fails_is_told_from_one_that_cannot_flush(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, raised: bool
) -> None:
    def refuse(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    if raised:
        with pytest.raises(OSError, match=os.strerror(number)):
            sync_folder(tmp_path)
    else:
        sync_folder(tmp_path)
