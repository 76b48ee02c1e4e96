"""Promise: names fit any file system, moves reach other disks, and network shares are told from disks."""

from __future__ import annotations

import errno
import itertools
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stylize.hotfolder import filesystem
from stylize.hotfolder.filesystem import (
    MAX_NAME_BYTES,
    NotTheSame,
    fingerprint_of,
    is_on_network,
    make_subfolder,
    move_unless_exists,
    names_for,
    read_unchanged,
)

MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /mnt/share rw - cifs //nas/photos rw
31 22 0:41 / /mnt/with\\040space rw - nfs4 nas:/x rw
32 30 8:2 / /mnt/share/disk rw - ext4 /dev/sdb1 rw
33 22 0:42 / /home/me/remote rw - fuse.sshfs me@host: rw
34 22 8:3 / /mnt/stick rw - fuseblk /dev/sdc1 rw
"""


@settings(deadline=None)  # the machine may be busy
@given(st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=300))
def test_names_fit_and_differ(name: str) -> None:
    first = list(itertools.islice(names_for(name, ".error.txt"), 12))
    assert len(set(first)) == 12
    assert all(len(os.fsencode(text)) <= MAX_NAME_BYTES for text in first)
    assert all(text.endswith(".error.txt") for text in first)


def test_a_name_that_fits_is_kept_and_the_number_goes_before_the_suffix() -> None:
    assert list(itertools.islice(names_for("cat.jpg"), 3)) == ["cat.jpg", "cat (2).jpg", "cat (3).jpg"]
    assert next(names_for("x" * 251 + ".jpg")) == "x" * 251 + ".jpg"


def test_another_file_system_is_reached_by_a_copy_that_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target, part = tmp_path / "source", tmp_path / "target", tmp_path / ".part"
    source.write_text("x")
    rename = filesystem.rename_unless_exists

    def across(one: Path, other: Path) -> None:
        if one == source:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        rename(one, other)

    monkeypatch.setattr(filesystem, "rename_unless_exists", across)
    move_unless_exists(source, target, part)
    assert target.read_text() == "x"
    assert not source.exists()
    assert not part.exists()


def test_what_has_changed_or_is_a_link_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("one")
    before = fingerprint_of(path)
    assert before is not None
    assert read_unchanged(path, before) == b"one"
    path.write_text("other")
    with pytest.raises(NotTheSame):
        read_unchanged(path, before)
    (tmp_path / "link").symlink_to(path)
    now = fingerprint_of(path)
    assert now is not None
    with pytest.raises(NotTheSame):
        read_unchanged(tmp_path / "link", now)
    assert fingerprint_of(tmp_path / "link") is None


def test_a_subfolder_that_is_a_link_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "sub").symlink_to(tmp_path / "outside")
    with pytest.raises(NotADirectoryError):
        make_subfolder(tmp_path / "root", Path("sub/deep"))
    assert list((tmp_path / "outside").iterdir()) == []


@pytest.mark.parametrize(
    ("path", "network"),
    [
        ("/home/me", False),
        ("/mnt/share/hot", True),
        ("/mnt/sharewood", False),
        ("/mnt/with space/hot", True),
        ("/mnt/share/disk/hot", False),
        ("/home/me/remote", True),
        ("/mnt/stick", False),
    ],
)
def test_network_shares_are_told_by_their_type(monkeypatch: pytest.MonkeyPatch, path: str, network: bool) -> None:
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: MOUNTS)
    assert is_on_network(Path(path)) is network
