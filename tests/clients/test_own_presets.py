"""Promise: a preset file of one's own is taken wherever the name of a preset is; what is wrong in it is told by file
and key; the painting remembers its values, so that it can be painted again without the file."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from neuralstyle.v1 import stylize_pb2 as pb
from neuralstyle.v1.reasons import LocalExit, Reason
from stylize.aio import AsyncClient
from stylize.client import Client
from stylize.errors import InputUnreadable, InvalidRequest, StylizeError
from stylize.own_presets import OwnPreset, choose_preset, open_preset
from stylize.provenance import read_provenance

from .conftest import RunCli
from .photos import colours, encode
from .scripted_daemon import RunningDaemon, ScriptedService, abort, started

MINE = """\
description = "Broad and calm."
extends = "draft"

[parameters]
iterations = 7
color = 0.25
optimizer = "adam"

[parameters.style_layers]
relu3_1 = 1.0
relu4_1 = 2.5
"""


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "cat.png"
    path.write_bytes(encode(colours(), "PNG"))
    return path


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(MINE)
    return path


def test_a_file_is_resolved_to_a_preset_of_the_daemon_and_values(mine: Path) -> None:
    own = open_preset(mine)
    assert (own.extends, own.description, str(own)) == ("draft", "Broad and calm.", "mine.toml")
    assert own.values == {
        "iterations": 7,
        "color": 0.25,
        "optimizer": "adam",
        "style_layers": {"relu3_1": 1.0, "relu4_1": 2.5},
    }


def test_files_extend_files_and_the_nearer_one_wins(mine: Path) -> None:
    folder = mine.parent / "more"
    folder.mkdir()
    nearer = folder / "nearer.toml"
    nearer.write_text('extends = "../mine.toml"\n[parameters]\niterations = 9\n')
    own = open_preset(nearer)
    assert (own.extends, own.description, own.values["iterations"], own.values["color"]) == (
        *("draft", "Broad and calm."),
        *(9, 0.25),
    )
    assert (own.origins["iterations"], own.origins["color"].resolve()) == (nearer, mine)


def test_an_empty_file_is_the_default_preset(tmp_path: Path) -> None:
    path = tmp_path / "empty.toml"
    path.touch()
    assert open_preset(path) == OwnPreset(path, "", "", {}, {})


def test_loops_are_refused(tmp_path: Path) -> None:
    for one, other in (("a", "b"), ("b", "c"), ("c", "a"), ("self", "self")):
        (tmp_path / f"{one}.toml").write_text(f'extends = "{other}.toml"\n')
    for name in ("a", "self"):
        with pytest.raises(InvalidRequest, match="extends this file in turn"):
            open_preset(tmp_path / f"{name}.toml")


@pytest.mark.parametrize(
    ("text", "said", "remedy"),
    [
        ("[parameters]\niteratons = 3", "parameters.iteratons", "Did you mean iterations?"),
        ("[parameters]\niterations = 0.5", "iterations is a whole number", ""),
        ('[parameters]\npooling = "median"', "pooling is one of max, average, l2, not 'median'", ""),
        ('[parameters]\ncolor = "red"', "parameters.color: color is a number, not 'red'", ""),
        ("[parameters]\ncolor = true", "neither true nor false", ""),
        ('[parameters.style_layers]\nrelu1_1 = "x"', "parameters.style_layers: style_layers.relu1_1 is a number", ""),
        ('extend = "draft"', "extend means nothing here", "Did you mean extends?"),
        ("sizes = 3", "sizes means nothing here", "[parameters]"),
        ("extends = 3", "extends is text in quotes", ""),
        ("parameters = 3", "parameters is a section", "[parameters]"),
        ('weights = "vgg19-caffe-q8"', "weights is told by the preset", "Remove"),
    ],
)
def test_what_is_wrong_is_told_by_file_and_key_and_what_is_right(
    tmp_path: Path, text: str, said: str, remedy: str
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(InvalidRequest) as caught:
        open_preset(path)
    assert str(path) in str(caught.value)
    assert said in str(caught.value)
    assert remedy in caught.value.remedy


@pytest.mark.parametrize("data", [b"[parameters", b"\xff\xfe", None])
def test_a_file_that_is_no_toml_or_not_there_is_told_by_name(tmp_path: Path, data: bytes | None) -> None:
    path = tmp_path / "mine.toml"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(InputUnreadable, match=r"mine\.toml"):
        open_preset(path)


@pytest.mark.parametrize("kind", [str, Path, open_preset])
def test_the_library_takes_it_where_a_name_is_and_explicit_values_win(
    client: Client, service: ScriptedService, photo: Path, mine: Path, kind
) -> None:
    preset = kind(mine) if kind is open_preset else kind(str(mine))
    client.stylize(photo, "woodblock", preset, iterations=3, strength=0.5, color=None).result()
    (request,) = service.requests
    assert request.preset == "draft"
    tunables = request.tunables
    assert (tunables.iterations, tunables.color, tunables.strength) == (3, 0.25, 0.5)
    assert tunables.optimizer == pb.OPTIMIZER_ADAM
    assert [(layer.layer, layer.weight) for layer in tunables.style_layers.layers] == [("relu3_1", 1), ("relu4_1", 2.5)]


def test_asyncio_takes_it_too(scripted: RunningDaemon, service: ScriptedService, photo: Path, mine: Path) -> None:
    async def paint() -> None:
        async with await AsyncClient.connect(start=False) as client:
            await (await client.stylize(photo, "woodblock", mine)).result()

    asyncio.run(paint())
    assert (service.requests[0].preset, service.requests[0].tunables.iterations) == ("draft", 7)


@pytest.mark.parametrize("explicit", [{}, {"iterations": 0}])
def test_what_the_daemon_refuses_of_it_names_the_file(
    client: Client, service: ScriptedService, photo: Path, mine: Path, explicit: dict[str, Any]
) -> None:
    def refuse(request, context, photo):
        abort(context, Reason.INVALID_PARAMETER, "iterations is too few.", field="tunables.iterations")
        yield started()

    service.script = refuse
    with pytest.raises(StylizeError) as caught:
        client.stylize(photo, "woodblock", mine, **explicit).result()
    assert caught.value.reason is Reason.INVALID_PARAMETER
    named = f"{mine}, parameters.iterations: " if not explicit else ""
    assert str(caught.value) == f"{named}iterations is too few."


def test_image_and_sheet_take_it(scripted: RunningDaemon, call_cli: RunCli, photo: Path, mine: Path) -> None:
    assert call_cli("image", photo, "-s", "woodblock", "--preset", "mine.toml").returncode == 0
    assert call_cli("sheet", photo, "--styles", "all", "--preset", "mine.toml").returncode == 0
    assert call_cli("sheet", photo, "-s", "mosaic", "--vary", "preset=mine.toml,draft", "-o", "s.png").returncode == 0
    requests = scripted.service.requests
    assert [request.preset for request in requests] == ["draft"] * 5
    assert sorted(request.tunables.iterations for request in requests) == [0, 7, 7, 7, 7]


def test_a_file_that_is_wrong_is_refused_before_any_call(
    scripted: RunningDaemon, call_cli: RunCli, photo: Path, mine: Path
) -> None:
    mine.write_text("[parameters]\niteratons = 3\n")
    ended = call_cli("image", photo, "-s", "woodblock", "--preset", "mine.toml")
    assert ended.returncode == Reason.INVALID_PARAMETER.exit_code
    assert "mine.toml, parameters.iteratons" in ended.stderr
    assert "Did you mean iterations?" in ended.stderr
    assert scripted.service.calls == []


def test_a_painting_is_painted_again_without_the_file(
    scripted: RunningDaemon, call_cli: RunCli, photo: Path, mine: Path, tmp_path: Path
) -> None:
    assert call_cli("image", photo, "-s", "woodblock", "--preset", "mine.toml", "-o", "p.png").returncode == 0
    told = read_provenance(tmp_path / "p.png")
    assert (told.preset, told.preset_file) == ("draft", "mine.toml")
    mine.unlink()
    assert call_cli("rerun", "p.png").returncode == 0
    assert scripted.service.requests[-1].preset == "draft"
    assert read_provenance(tmp_path / "p.again.png").preset_file == ""


def test_show_resolves_it_and_says_what_each_value_is_and_where_it_is_from(
    scripted: RunningDaemon, call_cli: RunCli, mine: Path
) -> None:
    told = json.loads(call_cli("presets", "show", "mine.toml", "--json").stdout)
    assert (told["name"], told["extends"], told["description"]) == ("mine.toml", "draft", "Broad and calm.")
    assert (told["tunables"]["size"], told["tunables"]["iterations"]) == (64, 7)
    assert {origin["tunable"]: origin["preset"] for origin in told["origins"]} == {
        "size": "gatys",
        "iterations": "mine.toml",
    }
    said = call_cli("presets", "show", "mine.toml", COLUMNS="200").stdout
    assert "Long side of the result" in said
    assert "gatys: --image-size" in said
    assert call_cli("presets", "show", "mine.toml", COLUMNS="80").returncode == 0


def test_new_writes_one_that_changes_nothing_yet(scripted: RunningDaemon, call_cli: RunCli, tmp_path: Path) -> None:
    ended = call_cli("presets", "new", "own.toml", "--extends", "draft")
    assert (ended.returncode, ended.stdout) == (0, "own.toml\n")
    path = tmp_path / "own.toml"
    assert open_preset(path) == OwnPreset(path, "draft, changed.", "draft", {}, {})
    uncommented = path.read_text().replace("\n# size", "\nsize").replace("\n# [", "\n[").replace("\n# relu", "\nrelu")
    path.write_text(uncommented)
    assert open_preset(path).values == {"size": 64, "style_layers": {"relu1_1": 0.5}}
    assert call_cli("presets", "new", "own.toml").returncode == LocalExit.OUTPUT_EXISTS
    assert call_cli("presets", "new", "own.txt").returncode == LocalExit.OUTPUT_UNWRITABLE
    assert call_cli("presets", "new", "own2.toml", "--extends", "drft").returncode == Reason.UNKNOWN_PRESET.exit_code


def test_a_name_stays_a_name() -> None:
    assert choose_preset(None, {}) == ""
    assert choose_preset("draft", {}) == "draft"
