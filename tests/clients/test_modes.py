"""Promise: textures, reconstructions, dreams and what filters respond to are asked for by a command each, with the
preset for it, and what the user says wins."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from neuralstyle.v1 import stylize_pb2 as pb
from neuralstyle.v1.reasons import LocalExit, Reason
from stylize.aio import AsyncClient
from stylize.cli.dream_film import enlarged
from stylize.cli.network_layers import LAYERS
from stylize.client import Client
from stylize.errors import InvalidRequest, Unsupported
from stylize.provenance import read_provenance
from stylized.engine.choices import Backbone
from stylized.engine.layers import CONVOLUTIONS

from .conftest import RunCli
from .photos import colours, encode
from .scripted_daemon import RunningDaemon, ScriptedService, encode_png, result_chunks, started, summary


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "cat.png"
    path.write_bytes(encode(colours(), "PNG"))
    return path


@pytest.fixture
def paints_without_a_photo(service: ScriptedService) -> None:
    def script(request: pb.StylizeRequest, context, photo: bytes) -> Iterator[pb.StylizeResponse]:
        yield started()
        yield from result_chunks(encode_png(Image.new("RGB", (24, 16), (200, 100, 0))))
        yield summary()

    service.script = script
    service.features += ["feature-visualization"]


def layers_of(weights: pb.LayerWeights) -> list[str]:
    return [entry.layer for entry in weights.layers]


def test_a_texture_is_painted_without_a_photo(
    scripted: RunningDaemon, paints_without_a_photo: None, call_cli: RunCli, tmp_path: Path
) -> None:
    ended = call_cli("texture", "woodblock", "mosaic", "--style-weight", 2, "--style-weight", 1, "--size", 64)
    assert (ended.returncode, ended.stdout) == (0, "woodblock+mosaic.texture.png\n")
    (request,) = scripted.service.requests
    assert not request.HasField("content")
    assert request.preset == "texture"
    assert [(style.name, style.weight) for style in request.styles] == [("woodblock", 2), ("mosaic", 1)]
    assert request.tunables.size == 64
    told = read_provenance(tmp_path / "woodblock+mosaic.texture.png")
    assert told.content is None
    assert [style.name for style in told.styles] == ["woodblock", "mosaic"]


@pytest.mark.parametrize(
    ("command", "made", "without"),
    [(("texture", "mosaic"), "mosaic.texture", "content"), (("dream", "cat.png"), "cat.dream", "styles")],
)
def test_what_was_made_without_a_photo_or_a_style_is_made_again_without(
    scripted: RunningDaemon,
    service: ScriptedService,
    call_cli: RunCli,
    photo: Path,
    command: tuple[str, ...],
    made: str,
    without: str,
) -> None:
    def script(request: pb.StylizeRequest, context, photo: bytes) -> Iterator[pb.StylizeResponse]:
        yield started()
        yield from result_chunks(encode_png(Image.new("RGB", (24, 16))))
        done = summary()
        weights = {"content_weight": 0, "color": 1, "init": pb.INIT_NOISE}
        if without == "styles":
            weights = {"style_weight": 0, "init": pb.INIT_CONTENT}
        done.summary.parameters.CopyFrom(pb.Tunables(**weights))
        yield done

    service.script = script
    assert call_cli(*command).returncode == 0
    assert call_cli("rerun", f"{made}.png").returncode == 0
    first, again = service.requests
    assert first.content == again.content
    assert [style.name for style in first.styles] == [style.name for style in again.styles]
    assert not (again.HasField("content") if without == "content" else again.styles)


def test_the_library_paints_without_a_photo(
    client: Client, service: ScriptedService, paints_without_a_photo: None
) -> None:
    assert client.stylize(None, "woodblock", "texture").result().size == (24, 16)
    assert client.stylize(encode(colours(), "PNG"), preset="dream").result().size == (24, 16)
    texture, dream = service.requests
    assert not texture.HasField("content")
    assert not dream.styles


def test_a_photo_is_reconstructed_from_a_layer(
    scripted: RunningDaemon, paints_without_a_photo: None, call_cli: RunCli, photo: Path
) -> None:
    ended = call_cli("reconstruct", photo, "--layer", "relu3_1", "--set", "iterations=9")
    assert (ended.returncode, ended.stdout) == (0, f"{photo.with_name('cat.relu3_1.png')}\n")
    (request,) = scripted.service.requests
    assert request.HasField("content")
    assert (request.preset, list(request.styles), request.tunables.iterations) == ("reconstruct", [], 9)
    assert layers_of(request.tunables.content_layers) == ["relu3_1"]


def test_several_layers_make_a_sheet_of_the_photo_and_of_a_style(
    scripted: RunningDaemon, paints_without_a_photo: None, call_cli: RunCli, photo: Path
) -> None:
    ended = call_cli("reconstruct", photo, "--layer", "relu1_1, relu2_1", "--style", "mosaic", "-o", "s.png")
    assert (ended.returncode, ended.stdout) == (0, "s.png\n")
    requests = scripted.service.requests
    of_photo = sorted((r for r in requests if r.HasField("content")), key=str)
    of_style = sorted((r for r in requests if not r.HasField("content")), key=str)
    assert [layers_of(request.tunables.content_layers) for request in of_photo] == [["relu1_1"], ["relu2_1"]]
    assert [layers_of(request.tunables.style_layers) for request in of_style] == [["relu1_1"], ["relu2_1"]]
    for request in of_style:
        assert (request.tunables.content_weight, request.tunables.style_weight) == (0, 1)
        assert [style.name for style in request.styles] == ["mosaic"]
    assert {request.seed for request in requests} == {0}
    with Image.open(photo.with_name("s.png")) as sheet:
        assert (np.asarray(sheet.convert("RGB")) == (200, 100, 0)).all(axis=2).sum() == 4 * 24 * 16


def test_all_layers_are_those_of_the_network(
    scripted: RunningDaemon, paints_without_a_photo: None, call_cli: RunCli, photo: Path
) -> None:
    for backbone in Backbone:
        names = [name for row in LAYERS[backbone.value] for name in row]
        assert names == [convolution.relu for convolution in CONVOLUTIONS[backbone]]
    assert call_cli("reconstruct", photo, "--all", "--set", "backbone=vgg16").returncode == 0
    asked = [layers_of(request.tunables.content_layers)[0] for request in scripted.service.requests]
    assert sorted(asked) == sorted(convolution.relu for convolution in CONVOLUTIONS[Backbone.VGG16])


def test_a_dream_is_one_picture(
    scripted: RunningDaemon, paints_without_a_photo: None, call_cli: RunCli, photo: Path
) -> None:
    ended = call_cli("dream", photo, "--layer", "relu5_3:2,relu4_4")
    assert (ended.returncode, ended.stdout) == (0, f"{photo.with_name('cat.dream.png')}\n")
    (request,) = scripted.service.requests
    assert (request.preset, list(request.styles)) == ("dream", [])
    assert layers_of(request.tunables.dream_layers) == ["relu5_3", "relu4_4"]
    assert request.tunables.dream_layers.layers[0].weight == 2


@pytest.mark.parametrize("name", ["falls.webp", "falls.gif"])
def test_a_film_feeds_each_picture_back_enlarged(
    scripted: RunningDaemon, service: ScriptedService, call_cli: RunCli, photo: Path, name: str
) -> None:
    def script(request: pb.StylizeRequest, context, photo: bytes) -> Iterator[pb.StylizeResponse]:
        yield started()
        gray = 50 * len(service.requests)
        yield from result_chunks(encode_png(Image.new("RGB", (24, 16), (gray, gray, gray))))
        yield summary()

    service.script = script
    ended = call_cli("dream", photo, "--zoom", 1.25, "--frames", 3, "--fps", 10, "-o", name)
    assert (ended.returncode, ended.stdout) == (0, f"{name}\n")
    with Image.open(photo.with_name(name)) as film:
        assert getattr(film, "n_frames", 1) == 3
    first, *others = service.uploads.values()
    assert first == colours().tobytes()
    assert others == [bytes([50]) * (24 * 16 * 3), bytes([100]) * (24 * 16 * 3)]
    assert {request.preset for request in service.requests} == {"dream"}


def test_numbered_pictures_go_into_a_folder_and_replace_nothing(
    scripted: RunningDaemon, paints_without_a_photo: None, call_cli: RunCli, photo: Path
) -> None:
    assert call_cli("dream", photo, "--zoom", 1.1, "--frames", 2, "-o", "fall/").returncode == 0
    assert sorted(path.name for path in photo.with_name("fall").iterdir()) == ["00001.png", "00002.png"]
    assert call_cli("dream", photo, "--zoom", 1.1, "--frames", 2, "-o", "fall/").returncode == LocalExit.OUTPUT_EXISTS


def test_a_picture_is_enlarged_about_its_middle() -> None:
    samples = np.zeros((40, 60, 3), np.uint8)
    samples[10:30, 15:45] = 255  # the middle half
    grown = np.asarray(enlarged(Image.fromarray(samples), 2.0))
    assert grown.shape == (40, 60, 3)
    assert (grown[2:-2, 2:-2] == 255).all()
    assert (np.asarray(enlarged(Image.fromarray(samples), 1.0)) == samples).all()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--zoom", "0.9"], "--zoom"),
        (["--zoom", "1.1", "--frames", "0"], "--frames"),
        (["--zoom", "1.1", "--fps", "0"], "--fps"),
    ],
)
def test_a_film_that_cannot_be_is_refused_before_any_call(
    scripted: RunningDaemon, call_cli: RunCli, photo: Path, arguments: list[str], said: str
) -> None:
    ended = call_cli("dream", photo, *arguments)
    assert ended.returncode == LocalExit.USAGE
    assert said in ended.stderr
    assert scripted.service.calls == []


def test_features_are_asked_for_by_layer_and_filter(
    scripted: RunningDaemon, paints_without_a_photo: None, call_cli: RunCli, photo: Path, tmp_path: Path
) -> None:
    (tmp_path / "dog.png").write_bytes(encode(colours(), "JPEG"))
    ended = call_cli("features", photo, "dog.png", "--layer", "relu2_1", "--filter", 12, "--count", 4, "--size", 32)
    assert (ended.returncode, ended.stdout) == (0, "relu2_1-12.png\n")
    (request,) = scripted.service.requests
    assert not request.HasField("content")
    assert (request.features.layer, request.features.filter, request.features.count) == ("relu2_1", 12, 4)
    assert len(request.features.pictures) == 2
    assert all(picture.image_id in scripted.service.uploads for picture in request.features.pictures)
    assert request.tunables.size == 32
    told = read_provenance(tmp_path / "relu2_1-12.png").features
    assert told is not None
    assert (told.layer, told.filter, told.count) == ("relu2_1", 12, 4)
    assert [picture.file for picture in told.pictures] == ["cat.png", "dog.png"]
    again = call_cli("rerun", "relu2_1-12.png")
    assert again.returncode == LocalExit.INPUT_UNREADABLE
    assert "stylize features PICTURE... --layer relu2_1 --filter 12" in again.stderr
    assert len(scripted.service.requests) == 1


def test_asyncio_asks_for_features_too(
    scripted: RunningDaemon, service: ScriptedService, paints_without_a_photo: None, photo: Path
) -> None:
    async def ask() -> Image.Image:
        async with await AsyncClient.connect(start=False) as client:
            return await (await client.visualize_features([photo], "relu1_1", 3)).result()

    assert asyncio.run(ask()).size == (24, 16)
    assert (service.requests[0].features.filter, service.requests[0].features.HasField("count")) == (3, False)


def test_a_daemon_that_knows_nothing_of_it_is_not_asked(client: Client, service: ScriptedService, photo: Path) -> None:
    with pytest.raises(Unsupported) as caught:
        client.visualize_features([photo], "relu1_1", 3)
    assert caught.value.reason is Reason.FEATURE_UNAVAILABLE
    assert "daemon of this client's version" in caught.value.remedy
    assert service.requests == []


def test_more_pictures_than_the_daemon_looks_through_are_not_sent(
    paints_without_a_photo: None, client: Client, service: ScriptedService, photo: Path
) -> None:
    with pytest.raises(InvalidRequest, match="4 pictures; the daemon looks through at most 3"):
        client.visualize_features([photo] * 4, "relu1_1", 3)
    assert service.uploads == {}
    assert client.visualize_features([photo] * 3, "relu1_1", 3).result().size == (24, 16)


def test_where_there_is_no_loss_none_is_told(
    scripted: RunningDaemon, service: ScriptedService, paints_without_a_photo: None, call_cli: RunCli, photo: Path
) -> None:
    def script(request: pb.StylizeRequest, context, photo: bytes) -> Iterator[pb.StylizeResponse]:
        yield started()
        yield pb.StylizeResponse(progress=pb.Progress(iteration=2, iterations=2))
        yield from result_chunks(encode_png(Image.new("RGB", (24, 16))))
        done = summary()
        done.summary.ClearField("terms")
        yield done

    service.script = script
    ended = call_cli("features", photo, "--layer", "relu2_1")
    assert ended.returncode == 0
    assert "iteration 2/2" in ended.stderr
    assert "loss" not in ended.stderr
