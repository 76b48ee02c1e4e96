"""Promise: what makes no sense is refused with a sentence, and what stands at the start makes sense to the daemon."""

from __future__ import annotations

import enum
import math
from dataclasses import fields, replace
from pathlib import Path

import pytest
from neural_style import VERSION, arguments
from neural_style.arguments import Output, Quality, Settings
from neural_style.failures import Failure

from stylized.engine.parameters import RANGES
from stylized.engine.presets import builtin_presets
from stylized.styles import builtin_styles

NUMBERS = list(arguments.numbers().values())


def field_name(argument: str) -> str:
    return argument.replace("-", "_")


def test_the_settings_at_the_start_can_be_used() -> None:
    assert Settings().checked() == Settings()


def test_the_daemon_has_the_style_and_the_preset_of_the_start() -> None:
    assert Settings().style in builtin_styles()
    assert Settings().preset in builtin_presets()


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: number.name)
def test_a_number_has_one_default(number: arguments.Number) -> None:
    assert getattr(Settings(), field_name(number.name)) == number.default


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: number.name)
def test_the_ends_of_a_range_are_in_it_and_what_is_beyond_is_named(number: arguments.Number) -> None:
    for value in (number.minimum, number.maximum):
        assert number.check(value) == value
    for value in (number.minimum - 1, number.maximum + 1, math.nan, math.inf):
        with pytest.raises(Failure) as refused:
            replace(Settings(), **{field_name(number.name): value}).checked()
        assert f"{number.minimum:g} to {number.maximum:g}" in refused.value.message
        assert "_" not in refused.value.message


def test_every_number_is_a_setting() -> None:
    assert {field_name(number.name) for number in NUMBERS} <= {field.name for field in fields(Settings)}


def test_no_size_is_offered_that_the_daemon_does_not_know() -> None:
    assert arguments.numbers()["size"].maximum <= RANGES["size"].maximum
    assert RANGES["size"].minimum <= arguments.MIN_SIZE


@pytest.mark.parametrize("size", [1, arguments.MIN_SIZE - 1])
def test_a_size_in_which_nothing_can_be_seen_is_refused(size: int) -> None:
    with pytest.raises(Failure, match=str(arguments.MIN_SIZE)):
        Settings(size=size).checked()


def test_the_least_size_can_be_used() -> None:
    assert Settings(size=arguments.MIN_SIZE).checked().size == arguments.MIN_SIZE


def test_a_style_is_a_file_or_a_layer_and_not_both() -> None:
    Settings(style="", style_file="/a.png").checked()
    Settings(style="", style_drawable=3).checked()
    with pytest.raises(Failure, match="not both"):
        Settings(style_file="/a.png", style_drawable=3).checked()


def test_without_a_style_there_is_nothing_to_paint_like() -> None:
    with pytest.raises(Failure, match="style first"):
        Settings(style="").checked()


@pytest.mark.parametrize(("kind", "word"), [(Quality, "fine"), (Output, "new-image")])
def test_a_word_is_one_of_its_choices(kind: type[enum.Enum], word: str) -> None:
    assert arguments.choice(kind, word) is kind(word)
    with pytest.raises(Failure) as refused:
        arguments.choice(kind, "superb")
    assert "'superb'" in refused.value.message
    assert all(member.value in refused.value.message for member in kind)


def test_the_plug_in_has_the_version_of_the_distribution_it_comes_with() -> None:
    pyproject = Path(__file__).resolve().parents[2] / "pyproject.toml"
    assert f'\nversion = "{VERSION}"\n' in pyproject.read_text()
