"""Promise: style.toml may name a preset file beside it; a change of that file counts like one of style.toml, and
nothing outside the folder is read."""

from __future__ import annotations

from pathlib import Path, PurePath

import pytest

from stylize.errors import StylizeError
from stylize.hotfolder.layout import HotFolder
from stylize.hotfolder.settings import Look, SettingsReader

from .conftest import Connect
from .watching import CHEAP, Watch, drop

BUILTIN = {"oil"}
TEXT = 'styles = ["oil"]\npreset = "mine.toml"\n'


def look(reader: SettingsReader) -> Look:
    return reader.read().look_for(PurePath("cat.jpg"), BUILTIN)


def write(hot: HotFolder, name: str, text: str) -> Path:
    path = hot.root / name
    path.write_text(text)
    return path


def hash_of(hot: HotFolder, text: str) -> str:
    hot.settings_file.write_text(text)
    return look(SettingsReader(hot)).settings_hash


def test_a_preset_file_is_the_same_as_its_values_written_out(hot: HotFolder) -> None:
    write(hot, "mine.toml", 'extends = "base.toml"\n[parameters]\nsize = 64\niterations = 3\n')
    write(hot, "base.toml", 'extends = "draft"\n[parameters]\niterations = 9\ncolor = 0.5\n')
    written_out = 'styles = ["oil"]\npreset = "draft"\n[tunables]\n'
    assert hash_of(hot, TEXT) == hash_of(hot, written_out + "size = 64\niterations = 3\ncolor = 0.5")
    # What style.toml says itself wins.
    assert hash_of(hot, TEXT + "[tunables]\nsize = 32") == hash_of(
        hot, written_out + "size = 32\niterations = 3\ncolor = 0.5"
    )


def test_a_change_of_it_or_of_what_it_extends_counts_at_once(hot: HotFolder) -> None:
    write(hot, "mine.toml", 'extends = "base.toml"\n')
    write(hot, "base.toml", "[parameters]\nsize = 64\n")
    hot.settings_file.write_text(TEXT)
    reader = SettingsReader(hot)
    first = reader.read()
    assert reader.read() is first
    before = look(reader).settings_hash
    write(hot, "base.toml", "[parameters]\nsize = 128\n")
    assert look(reader).settings_hash != before


def test_a_missing_one_is_told_and_found_once_it_is_there(hot: HotFolder) -> None:
    hot.settings_file.write_text(TEXT)
    reader = SettingsReader(hot)
    with pytest.raises(StylizeError, match=r"mine\.toml cannot be read: No such file"):
        reader.read()
    write(hot, "mine.toml", "[parameters]\nsize = 64\n")
    assert look(reader).preset is not None


def test_a_mistake_in_it_is_told_by_file_and_key(hot: HotFolder) -> None:
    path = write(hot, "mine.toml", "[parameters]\nsise = 64\n")
    hot.settings_file.write_text(TEXT)
    with pytest.raises(StylizeError) as caught:
        SettingsReader(hot).read()
    assert f"{path}, parameters.sise" in str(caught.value)


@pytest.mark.parametrize("name", ["../outside.toml", "sub/inside.toml", "/etc/passwd.toml"])
def test_nothing_but_the_folders_own_files_is_read(hot: HotFolder, tmp_path: Path, name: str) -> None:
    (hot.root.parent / "outside.toml").write_text("[parameters]\nsize = 64\n")
    (hot.root / "sub").mkdir()
    write(hot, "sub/inside.toml", "[parameters]\nsize = 64\n")
    for text in (f'styles = ["oil"]\npreset = "{name}"\n', TEXT):
        hot.settings_file.write_text(text)
        write(hot, "mine.toml", f'extends = "{name}"\n')
        with pytest.raises(StylizeError, match="not a file of the hot folder itself"):
            SettingsReader(hot).read()


def test_a_link_is_not_followed(hot: HotFolder, tmp_path: Path) -> None:
    outside = tmp_path / "elsewhere.toml"
    outside.write_text("[parameters]\nsize = 64\n")
    (hot.root / "mine.toml").symlink_to(outside)
    hot.settings_file.write_text(TEXT)
    with pytest.raises(StylizeError, match="cannot be read"):
        SettingsReader(hot).read()


def test_the_paintings_name_holds_the_files_name(hot: HotFolder) -> None:
    write(hot, "mine.toml", "")
    hot.settings_file.write_text(TEXT + '[output]\nname = "{name}-{preset}"\n')
    assert look(SettingsReader(hot)).output_name("cat.jpg") == "cat-mine.png"


def test_photos_are_painted_with_it(hot: HotFolder, connect: Connect) -> None:
    write(hot, "mine.toml", 'extends = "draft"\n[parameters]\nsize = 16\niterations = 1\n')
    hot.settings_file.write_text(CHEAP.partition("[tunables]")[0].replace("gatys", "mine.toml"))
    drop(hot, "photo.png")
    with Watch(hot, connect=connect, once=True) as watch:
        watch.join()
    assert (hot.outbox / "photo.png").exists()
