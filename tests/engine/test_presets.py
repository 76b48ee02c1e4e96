"""Presets: complete, sourced, and clear about what is wrong in them."""

from __future__ import annotations

from importlib import resources

import pytest

from stylized.engine.choices import Padding
from stylized.engine.presets import DEFAULT_PRESET, PresetError, builtin_presets, parse_preset

from .samples import parameters

FOLDER = resources.files("stylized.engine") / "presets_data"
GATYS = (FOLDER / "gatys.toml").read_text(encoding="utf-8")


def test_the_built_in_presets_are_valid_and_described() -> None:
    presets = builtin_presets()
    assert {"draft", "gatys", "pastiche"} <= set(presets)
    assert DEFAULT_PRESET in presets
    for name, preset in presets.items():
        assert preset.name == name
        assert preset.description.endswith(".")
        assert preset.weights == "vgg19-caffe-q8"
        preset.parameters.validated()


def test_gatys_and_pastiche_differ_in_the_losses_by_a_factor_of_a_hundred() -> None:
    gatys, pastiche = builtin_presets()["gatys"].parameters, builtin_presets()["pastiche"].parameters
    assert gatys.content_weight == pytest.approx(100 * pastiche.content_weight)
    assert gatys.style_weight == pytest.approx(100 * pastiche.style_weight)
    assert gatys.style_layers == pastiche.style_layers


@pytest.mark.parametrize("name", sorted(builtin_presets()))
def test_every_number_of_a_preset_has_its_source_beside_it(name: str) -> None:
    lines = (FOLDER / f"{name}.toml").read_text(encoding="utf-8").splitlines()
    # Layers of equal weight share the comment of their table.
    bare = [line for line in lines if "=" in line and "#" not in line and not line.startswith(("relu", "conv"))]
    assert [line for line in bare if not line.startswith(("description", "extends", "weights"))] == []


def test_a_preset_takes_over_what_it_does_not_give_from_the_one_it_extends() -> None:
    text = 'description = "Mine."\nextends = "gatys"\n[parameters]\niterations = 7\npadding = "reflect"\n'
    preset = parse_preset("mine", text, builtin_presets())
    assert preset.parameters == parameters("gatys", iterations=7, padding=Padding.REFLECT)
    assert preset.weights == builtin_presets()["gatys"].weights


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('extends = "gatys"', "lacks description"),
        ('description = "."\nextends = "nobody"', "extends must be one of"),
        ('description = "."\nextends = "gatys"\n[parameters]\nsteps = 3', "unknown key parameters.steps"),
        ('description = "."\nextends = "gatys"\n[parameters]\nsize = 1', "size is 1"),
        ('description = "."\nextends = "gatys"\nmade_by = "me"', "unknown key made_by"),
    ],
)
def test_a_wrong_extension_is_told_by_name_and_key(text: str, told: str) -> None:
    with pytest.raises(PresetError, match="Preset mine") as error:
        parse_preset("mine", text, builtin_presets())
    assert told in str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("iterations = 500", "", "lacks parameters.iterations"),
        ("iterations = 500", "iterations = 500\nsteps = 3", "unknown key parameters.steps"),
        ("weights = ", "weigths = ", "lacks weights"),
        ('pooling = "max"', 'pooling = "median"', "parameters.pooling must be one of max, average, l2"),
        ("iterations = 500", "iterations = true", "iterations must be a number"),
        ("iterations = 500", 'iterations = "many"', "iterations must be a number"),
        ("iterations = 500", "iterations = 0", "iterations is 0"),
        ("relu5_1 = 1.0", "relu5_9 = 1.0", "relu5_9"),
        ("relu5_1 = 1.0", 'relu5_1 = "heavy"', "style_layers.relu5_1 must be a number"),
        ("[parameters]", "[parameters", "is not TOML"),
    ],
)
def test_a_wrong_preset_is_told_by_name_and_key(old: str, new: str, told: str) -> None:
    assert old in GATYS
    with pytest.raises(PresetError, match="Preset mine") as error:
        parse_preset("mine", GATYS.replace(old, new, 1), {})
    assert told in str(error.value)
