"""Promise: a list in GIMP's folder is never half-written, and a damaged one costs its entries at most."""

from __future__ import annotations

from pathlib import Path

import pytest
from neural_style import kept_list
from neural_style.kept_list import KEPT, KeptList


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "GIMP" / "neural-style" / "detached.json"


def test_entries_outlive_the_process(file: Path) -> None:
    for entry in ("a", "b", "ü"):
        KeptList(file).add(entry)
    assert KeptList(file).all() == ["a", "b", "ü"]
    assert KeptList(file).last() == "ü"


def test_nothing_is_in_a_list_that_was_never_written(file: Path) -> None:
    assert KeptList(file).all() == []
    assert KeptList(file).last() == ""
    KeptList(file).remove("a")
    assert not file.exists()


def test_an_entry_is_there_once_and_none_is_empty(file: Path) -> None:
    for entry in ("a", "b", "a", ""):
        KeptList(file).add(entry)
    assert KeptList(file).all() == ["a", "b"]


def test_an_entry_can_be_removed(file: Path) -> None:
    for entry in ("a", "b", "c"):
        KeptList(file).add(entry)
    KeptList(file).remove("b")
    assert KeptList(file).all() == ["a", "c"]


def test_a_full_list_loses_its_oldest(file: Path) -> None:
    for number in range(KEPT + 3):
        KeptList(file).add(str(number))
    assert KeptList(file).all() == [str(number) for number in range(3, KEPT + 3)]


@pytest.mark.parametrize("damage", [b"", b'["a", "b', b"\xff\xfe", b'{"a": 1}', b"7", b"null"])
def test_a_damaged_file_counts_as_empty_and_is_written_anew(file: Path, damage: bytes) -> None:
    file.parent.mkdir(parents=True)
    file.write_bytes(damage)
    assert KeptList(file).all() == []
    KeptList(file).add("a")
    assert KeptList(file).all() == ["a"]


def test_what_is_no_text_is_left_out(file: Path) -> None:
    file.parent.mkdir(parents=True)
    file.write_text('["a", 1, null, "b"]')
    assert KeptList(file).all() == ["a", "b"]


def test_a_file_name_that_is_no_text_is_kept(file: Path) -> None:
    name = b"/pictures/\xff.png".decode("utf-8", "surrogateescape")  # as Python gives such names
    KeptList(file).add(name)
    assert KeptList(file).all() == [name]


def test_who_reads_meanwhile_reads_the_old_list_or_the_new_one(file: Path) -> None:
    KeptList(file).add("a")
    before = file.read_text()
    with file.open() as reader:
        KeptList(file).add("b")
        assert reader.read() == before


def test_a_write_that_fails_leaves_the_list_as_it_was_and_nothing_beside_it(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    KeptList(file).add("a")

    def full(_entries: object, stream, **_options: object) -> None:
        stream.write('["a", "b')
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(kept_list.json, "dump", full)
        with pytest.raises(OSError, match="No space"):
            KeptList(file).add("b")
    assert KeptList(file).all() == ["a"]
    assert [path.name for path in file.parent.iterdir()] == [file.name]
