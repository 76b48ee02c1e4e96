"""Presets: complete, sourced, and clear about what is wrong in them."""

from __future__ import annotations

from importlib import resources

import pytest

from stylized.engine.presets import DEFAULT_PRESET, PresetError, builtin_presets, parse_preset

FOLDER = resources.files("stylized.engine") / "presets_data"
GATYS = (FOLDER / "gatys.toml").read_text(encoding="utf-8")


def test_the_built_in_presets_are_valid_and_described() -> None:
    presets = builtin_presets()
    assert set(presets) == {"draft", "gatys", "pastiche"}
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


@pytest.mark.parametrize("name", ["draft", "gatys", "pastiche"])
def test_every_number_of_a_preset_has_its_source_beside_it(name: str) -> None:
    lines = (FOLDER / f"{name}.toml").read_text(encoding="utf-8").splitlines()
    # draft refers to gatys for what it takes over.
    bare = [
        line for line in lines if "=" in line and "#" not in line and not line.startswith(("description", "weights"))
    ]
    if name == "draft":
        gatys = {line.split("#")[0].strip() for line in GATYS.splitlines()}
        bare = [line for line in bare if line.strip() not in gatys]
    # Layers of equal weight share the comment of their table.
    assert [line for line in bare if not line.startswith(("relu", "conv"))] == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("iterations = 500", "", "lacks parameters.iterations"),
        ("iterations = 500", "iterations = 500\nsteps = 3", "unknown key parameters.steps"),
        ("weights = ", "weigths = ", "lacks weights"),
        ('pooling = "max"', 'pooling = "median"', "parameters.pooling must be one of max, average"),
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
        parse_preset("mine", GATYS.replace(old, new, 1))
    assert told in str(error.value)
