"""Promise: whatever the user chooses becomes an order that the daemon accepts, and sliders that can move while a
painting runs do not begin it anew."""

from __future__ import annotations

from dataclasses import fields, replace
from itertools import product

import pytest
from neural_style import arguments, client, orders
from neural_style.arguments import Output, Quality, Settings
from neural_style.orders import Preset
from neural_style.samples import SampleType

from neuralstyle.v1 import stylize_pb2 as pb
from stylized.engine import presets
from stylized.engine.parameters import Parameters
from stylized.service import limits

GATYS = Preset("gatys", "", size=512, iterations=500, style_scale=1.0)
STEERED = {"strength": 80.0, "keep_colors": 30.0}
OTHERWISE = {
    "style": "mosaic",
    "style_file": "/style.png",
    "style_drawable": 7,
    "preset": "gatys",
    "stroke_size": 60.0,
    "seed": 9,
}
OF_THE_SIZE_OR_THE_PLACE = {"quality": Quality.FINE, "size": 640, "output": Output.REPLACE, "detach": True}


def ends(name: str) -> tuple[float, float]:
    number = arguments.numbers()[name]
    return number.minimum, number.maximum


@pytest.mark.parametrize("name", presets.builtin_presets())
def test_the_daemon_accepts_every_end_of_every_slider(name: str) -> None:
    own: Parameters = presets.builtin_presets()[name].parameters
    preset = Preset(name, "", own.size, own.iterations, own.style_scale)
    for quality, stroke, strength, keep, size in product(
        Quality, ends("stroke-size"), ends("strength"), ends("keep-colors"), (0, arguments.MIN_SIZE, ends("size")[1])
    ):
        settings = Settings(
            preset=name, quality=quality, stroke_size=stroke, strength=strength, keep_colors=keep, size=int(size)
        ).checked()
        for tunables in (orders.tunables(settings, preset, 8192), orders.preview_tunables(settings, preset)):
            replace(own, **tunables).validated()


def test_as_the_sliders_stand_at_the_start_the_preset_is_what_it_says() -> None:
    assert orders.tunables(Settings(preset="gatys"), GATYS, 8192) == {
        "size": 512,
        "iterations": 500,
        "style_scale": 1.0,
        "strength": 0.5,
        "color": 1.0,
    }


def test_sliders_become_tunables() -> None:
    settings = Settings(
        quality=Quality.DRAFT, stroke_size=50.0, strength=80.0, keep_colors=30.0, size=0, preset="gatys"
    )
    assert orders.tunables(settings, replace(GATYS, style_scale=3.0), 8192) == {
        "size": 343,
        "iterations": 250,
        "style_scale": 1.5,
        "strength": 0.8,
        "color": 0.7,
    }


def test_a_size_that_was_chosen_goes_before_the_quality() -> None:
    assert orders.painting_size(Settings(size=700, quality=Quality.FINE), GATYS, 8192) == 700
    assert orders.painting_size(Settings(quality=Quality.FINE), GATYS, 8192) == 1024


def test_no_more_is_asked_for_than_the_daemon_takes() -> None:
    assert orders.painting_size(Settings(size=4000), GATYS, 2048) == 2048
    assert orders.painting_size(Settings(quality=Quality.FINE), GATYS, 600) == 600


def test_a_preview_is_small_and_soon_done() -> None:
    tunables = orders.preview_tunables(Settings(quality=Quality.FINE, size=4000, stroke_size=200.0), GATYS)
    assert tunables["size"] == orders.PREVIEW_SIDE
    assert tunables["iterations"] == orders.PREVIEW_ITERATIONS
    assert tunables["style_scale"] == 2.0
    assert orders.preview_tunables(Settings(), replace(GATYS, iterations=20))["iterations"] == 20


def test_no_larger_frames_are_asked_for_than_are_sent() -> None:
    assert orders.LARGEST_FRAME == limits.MAX_RAW_FRAME_SIDE


def test_what_a_running_job_is_steered_by_is_what_the_contract_allows() -> None:
    allowed = {"content_weight", "style_weight", "tv_weight", "strength", "color"}
    assert set(orders.steering(Settings())) <= allowed


@pytest.mark.parametrize(("name", "value"), STEERED.items())
def test_a_slider_that_steers_begins_nothing_anew(name: str, value: float) -> None:
    changed = replace(Settings(), **{name: value})
    assert not orders.needs_restart(Settings(), changed)
    assert orders.steering(Settings()) != orders.steering(changed)


@pytest.mark.parametrize(("name", "value"), OTHERWISE.items())
def test_what_cannot_be_steered_begins_anew(name: str, value: object) -> None:
    changed = replace(Settings(), **{name: value})
    assert orders.needs_restart(Settings(), changed)
    assert orders.steering(Settings()) == orders.steering(changed)


@pytest.mark.parametrize(("name", "value"), OF_THE_SIZE_OR_THE_PLACE.items())
def test_what_the_preview_does_not_show_leaves_it_alone(name: str, value: object) -> None:
    assert not orders.needs_restart(Settings(), replace(Settings(), **{name: value}))


def test_every_setting_is_one_of_the_three_kinds() -> None:
    assert {field.name for field in fields(Settings)} == {*STEERED, *OTHERWISE, *OF_THE_SIZE_OR_THE_PLACE}


def test_tunables_go_out_as_the_contract_types_them() -> None:
    message = client.tunables_message({"size": 512.0, "iterations": 49.9999, "style_scale": 2, "color": 0})
    expected = pb.Tunables(size=512, iterations=50, style_scale=2.0, color=0.0)
    assert message == expected
    assert message.HasField("color")
    assert not message.HasField("strength")


def test_every_sample_type_has_its_names_in_the_contract() -> None:
    for kind in SampleType:
        assert pb.SampleType.Name(client._SAMPLE_TYPES[kind]) == f"SAMPLE_TYPE_{kind.name}"
        assert pb.ResultFormat.Name(client._RESULTS[kind]) == f"RESULT_FORMAT_RAW_{kind.name}"
