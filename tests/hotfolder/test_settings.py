"""Promise: style.toml is data; a mistake in it gets one sentence that names the key; what makes a difference to a
painting changes its hash, and nothing else does."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path, PurePath

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stylize.errors import StylizeError
from stylize.hotfolder.layout import HotFolder
from stylize.hotfolder.settings import Look, SettingsReader

from .conftest import Connect
from .watching import CHEAP, Watch, drop, noise

BUILTIN = {"oil", "ink"}


def look(hot: HotFolder, text: str | None = None, photo: str = "photo.jpg") -> Look:
    if text is not None:
        hot.settings_file.write_text(text)
    return SettingsReader(hot).read().look_for(PurePath(photo), BUILTIN)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "styles in style.toml"),
        ("styles = 3", "styles in style.toml"),
        ("styles = []", "styles in style.toml"),
        ('styles = ["../../etc/passwd"]', "'../../etc/passwd'"),
        ('styles = ["/etc/passwd"]', "'/etc/passwd'"),
        ('styles = [".hidden"]', "'.hidden'"),
        ("styles = { oil = -1 }", "styles.oil in style.toml"),
        ('styles = { oil = "much" }', "styles.oil in style.toml"),
        ('styles = ["oil"]\nprest = "draft"', "prest in style.toml"),
        ('styles = ["oil"]\npreset = 3', "preset in style.toml"),
        ('styles = ["oil"]\nseed = -1', "seed in style.toml"),
        ('styles = ["oil"]\nseed = true', "seed in style.toml"),
        ('styles = ["oil"]\nprecision = "fp16"', "precision is one of auto, fp32, bf16"),
        ('styles = ["oil"]\ntunables = 3', "tunables in style.toml"),
        ('styles = ["oil"]\n[tunables]\nsise = 3', "no tunable 'sise'"),
        ('styles = ["oil"]\n[tunables]\nsize = "big"', "size is a number"),
        ('styles = ["oil"]\n[output]\nformat = "gif"', "output.format in style.toml"),
        ('styles = ["oil"]\n[output]\nname = "../{name}"', "output.name in style.toml"),
        ('styles = ["oil"]\n[output]\nname = "{name.__class__}"', "output.name in style.toml"),
        ('styles = ["oil"]\n[output]\nname = "{name!r}"', "output.name in style.toml"),
        ('styles = ["oil"]\n[output]\nname = "{nam"', "output.name in style.toml"),
        ('styles = ["oil"]\n[output]\nsize = 3', "output.size in style.toml"),
        ('styles = ["oil"]\n[output]\ndepth = 12', "output.depth in style.toml"),
        ('styles = ["oil"]\n[output]\nformat = "jpg"\ndepth = 16', "output.depth in style.toml"),
        ('styles = ["oil"', "no valid TOML"),
        ('styles = ["oil"]\x00', "no valid TOML"),
    ],
)
def test_a_mistake_gets_a_sentence_that_names_the_key(hot: HotFolder, text: str, said: str) -> None:
    with pytest.raises(StylizeError) as refused:
        look(hot, text)
    assert said in str(refused.value)
    assert refused.value.remedy


def test_a_style_that_is_not_there_is_named_with_the_nearest(hot: HotFolder) -> None:
    with pytest.raises(StylizeError) as refused:
        look(hot, 'styles = ["tyni"]')
    assert "'tyni'" in str(refused.value)
    assert refused.value.remedy == "Did you mean tiny?"


def test_a_picture_goes_before_a_built_in_style_of_its_name(hot: HotFolder) -> None:
    assert look(hot, 'styles = ["oil"]').styles[0].picture is None
    noise(5).save(hot.styles / "oil.png")
    (style,) = look(hot, 'styles = ["oil"]').styles
    assert style.picture is not None
    assert style.picture.path == hot.styles / "oil.png"
    assert look(hot, 'styles = ["oil.png"]').styles[0].picture == style.picture


def test_two_pictures_of_one_name_are_told_apart_by_the_whole_name(hot: HotFolder) -> None:
    noise(5).save(hot.styles / "tiny.jpg")
    with pytest.raises(StylizeError, match=r"tiny.jpg, tiny.png"):
        look(hot, 'styles = ["tiny"]')
    assert look(hot, 'styles = ["tiny.jpg"]').styles[0].picture is not None


def test_a_link_in_styles_is_not_followed(hot: HotFolder, tmp_path: Path) -> None:
    noise(5).save(tmp_path / "outside.png")
    (hot.styles / "wave.png").symlink_to(tmp_path / "outside.png")
    with pytest.raises(StylizeError, match="'wave'"):
        look(hot, 'styles = ["wave"]')


def test_weights_come_from_a_table(hot: HotFolder) -> None:
    found = look(hot, "styles = { tiny = 2, oil = 0.5 }")
    assert [(style.name, style.weight) for style in found.styles] == [("tiny", 2), ("oil", 0.5)]
    assert found.title == "tiny+oil"


def test_a_photo_in_the_folder_of_a_style_is_painted_in_it(hot: HotFolder) -> None:
    assert look(hot, 'styles = ["oil"]', "tiny/photo.jpg").title == "tiny"
    assert look(hot, 'styles = ["tiny"]', "ink/deep/photo.jpg").title == "ink"
    assert look(hot, 'styles = ["oil"]', "holiday/tiny/photo.jpg").title == "oil"
    assert look(hot, 'styles = ["oil"]', "tiny").title == "oil"  # a photo of that name, not a folder


BASE = 'styles = ["tiny"]\npreset = "draft"\n[tunables]\nsize = 64\n'


@pytest.mark.parametrize(
    "text",
    [
        BASE.replace("draft", "gatys"),
        BASE.replace("64", "65"),
        BASE.replace('["tiny"]', "{ tiny = 2 }"),
        BASE.replace("tiny", "oil"),
        "seed = 3\n" + BASE,
        'precision = "fp32"\n' + BASE,
        BASE + 'pooling = "average"\n',
        BASE + '[output]\nformat = "jpg"\n',
        BASE + "[output]\ndepth = 16\n",
    ],
)
def test_what_makes_a_difference_changes_the_hash(hot: HotFolder, text: str) -> None:
    assert look(hot, text).settings_hash != look(hot, BASE).settings_hash


@pytest.mark.parametrize(
    "text", [BASE + "# a comment\n", BASE.replace("64", "64.0"), BASE + '[output]\nname = "{name}-{style}"\n']
)
def test_what_makes_none_does_not(hot: HotFolder, text: str) -> None:
    assert look(hot, text).settings_hash == look(hot, BASE).settings_hash


def test_the_hash_covers_the_bytes_of_the_style_and_not_its_name(hot: HotFolder) -> None:
    before = look(hot, BASE).settings_hash
    (hot.styles / "tiny.png").rename(hot.styles / "small.png")
    assert look(hot, BASE.replace("tiny", "small")).settings_hash == before
    noise(77).save(hot.styles / "small.png")
    assert look(hot).settings_hash != before


def test_changes_are_noticed_and_nothing_is_read_twice_without_one(hot: HotFolder) -> None:
    reader = SettingsReader(hot)
    first = reader.read()
    assert reader.read() is first
    hot.settings_file.write_text('styles = ["ink"]')
    second = reader.read()
    assert second.look_for(PurePath("a.png"), BUILTIN).title == "ink"
    noise(5).save(hot.styles / "ink.png")
    assert reader.read().look_for(PurePath("a.png"), BUILTIN).styles[0].picture is not None


def test_the_name_of_the_painting_follows_the_pattern(hot: HotFolder) -> None:
    pattern = '[output]\nformat = "jpg"\nname = "{name}, {style} ({preset})"\n'
    assert look(hot, BASE + pattern).output_name("cat.v2.png") == "cat.v2, tiny (draft).jpg"
    assert look(hot, BASE).output_name("cat{name}.jpg") == "cat{name}.png"


def test_the_settings_in_the_guide_work(hot: HotFolder) -> None:
    guide = Path(__file__).parents[2] / "docs" / "hotfolder.md"
    (text,) = re.findall(r"```toml\n(.*?)```", guide.read_text(), re.DOTALL)
    assert look(hot, text).output_name("cat.jpg") == "cat-oil.jpg"
    noise(3).save(hot.styles / "my wave.jpg")
    (weights,) = re.findall(r"`(styles = \{.*?\})`", guide.read_text())
    assert look(hot, weights).title == "oil+my wave"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(lambda text: text.encode("utf-8"))))
def test_whatever_is_in_it_nothing_worse_than_a_sentence_comes_of_it(hot: HotFolder, data: bytes) -> None:
    hot.settings_file.write_bytes(data)
    with contextlib.suppress(StylizeError):
        look(hot)


def test_paintings_have_16_bits_where_style_toml_says_so(hot: HotFolder, connect: Connect) -> None:
    text = CHEAP.replace("iterations = 1", "iterations = 4")  # the first step measures, the others move pixels
    hot.settings_file.write_text(text + '[output]\nformat = "tif"\ndepth = 16\n')
    drop(hot, "photo.png")
    with Watch(hot, connect=connect, once=True) as watch:
        watch.join()
    samples = tifffile.imread(hot.outbox / "photo.tif")
    assert (samples.shape, samples.dtype) == ((16, 16, 3), np.uint16)
    assert np.any(samples % 257)  # more than 8 bits widened
