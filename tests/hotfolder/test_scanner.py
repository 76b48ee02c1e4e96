"""Promise: only regular files are looked at: links and pipes are refused, and leftovers of other programs ignored."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from stylize.hotfolder.filesystem import Fingerprint
from stylize.hotfolder.scanner import is_ignored, scan


@pytest.mark.parametrize(
    "name",
    [
        *(".hidden.jpg", "~lock.jpg", "photo.jpg~", "photo.jpg.part", "photo.tmp", "photo.jpg.crdownload"),
        *("._photo.jpg", "Thumbs.db", "@eaDir", ".stfolder", "__MACOSX", "desktop.ini", ".photo.jpg.Xa3b4c"),
    ],
)
def test_leftovers_and_copies_under_way_are_ignored(name: str) -> None:
    assert is_ignored(name)


@pytest.mark.parametrize("name", ["photo.jpg", "part.png", "tmp.jpeg", "photo", "a~b.png", "thumbs.db.png"])
def test_pictures_are_not(name: str) -> None:
    assert not is_ignored(name)


def test_files_are_found_with_their_paths_and_ignored_folders_are_not_entered(tmp_path: Path) -> None:
    for name in ("a.png", "sub/deep/b.png", "@eaDir/c.png", ".d.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    found = scan(tmp_path)
    assert set(found.files) == {"a.png", "sub/deep/b.png"}
    assert found.files["a.png"] == Fingerprint.of((tmp_path / "a.png").stat())
    assert found.refusals == ()


def test_links_pipes_and_sockets_are_refused_and_not_followed(tmp_path: Path) -> None:
    inbox, outside = tmp_path / "in", tmp_path / "outside"
    inbox.mkdir()
    outside.mkdir()
    (outside / "secret.png").write_bytes(b"x")
    (inbox / "link.png").symlink_to(outside / "secret.png")
    (inbox / "folder").symlink_to(outside)
    (inbox / "loop").symlink_to(inbox)
    os.mkfifo(inbox / "pipe.png")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(inbox / "socket.png"))
        found = scan(inbox)
    assert found.files == {}
    whys = {refusal.relative: refusal.why for refusal in found.refusals}
    assert set(whys) == {"link.png", "folder", "loop", "pipe.png", "socket.png"}
    assert all("is a link" in whys[name] for name in ("link.png", "folder", "loop"))


def test_two_thousand_renamed_files_are_all_found(tmp_path: Path) -> None:
    for number in range(2000):
        (tmp_path / f".{number}").touch()
        (tmp_path / f".{number}").rename(tmp_path / f"{number}.png")
    assert len(scan(tmp_path).files) == 2000


def test_an_inbox_that_is_not_there_is_an_error_and_not_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nix"):
        scan(tmp_path / "nix")
