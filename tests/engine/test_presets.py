"""Presets: complete, sourced, and clear about what is wrong in them."""

from __future__ import annotations

import dataclasses
from importlib import resources

import pytest

from stylized.engine.choices import Padding
from stylized.engine.preset_sources import read_sources
from stylized.engine.presets import DEFAULT_PRESET, Origin, PresetError, builtin_presets, parse_preset

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
        assert preset.weights
        preset.parameters.validated()


def test_the_five_seeds_and_the_peers_are_there_by_name() -> None:
    seeds = {"hodapp", "augustins", "keras-descent", "cucurull", "topbots"}
    peers = {"gatys", "gatys-paper", "pastiche", "johnson", "neural-style-pt", "anish", "crowson", "crowson-2021"}
    assert seeds | peers | {"spst"} <= set(builtin_presets())


def test_every_value_tells_which_preset_gives_it_and_its_source() -> None:
    for preset in builtin_presets().values():
        assert set(preset.origins) == {field.name for field in dataclasses.fields(preset.parameters)}
    crowson = builtin_presets()["crowson-2021"]
    assert crowson.extends == "crowson"
    assert crowson.origins["content_loss"] == Origin("crowson-2021", "ScaledMSELoss")
    assert crowson.origins["iterations"] == Origin("crowson", "iterations: int = 500")
    assert crowson.origins["dream_weight"] == Origin("gatys", "no such term")


def test_sources_are_read_over_several_lines_and_of_lists_of_layers() -> None:
    text = """description = "Mine # not a source."
# Not a source.
[parameters]
size = 9 # one
# Not a source either.
init = "noise#" # two
                # lines
tv_weight = 1.0

[parameters.style_layers] # of all
relu1_1 = 1.0 # and of this
relu2_1 = 1.0
"""
    assert read_sources(text) == {"size": "one", "init": "two lines", "style_layers": "of all; relu1_1: and of this"}


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
