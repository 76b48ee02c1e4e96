"""Promise: pictures travel once, in chunks, as they are; styles are names or pictures by a clear rule."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from neuralstyle.v1 import stylize_pb2 as pb
from neuralstyle.v1.reasons import Reason
from stylize.client import Client
from stylize.errors import InputUnreadable, InvalidRequest, NotFound
from stylize.request import CHUNK_BYTES

from .photos import camera_exif, colours, encode, srgb_as_wide_gamut, wide_gamut_profile
from .scripted_daemon import ScriptedService, paint, summary

PHOTO = encode(colours(), "PNG")


def test_a_file_travels_as_it_is_in_chunks(service: ScriptedService, client: Client, tmp_path: Path) -> None:
    data = np.random.default_rng(0).bytes(2 * CHUNK_BYTES + 5)
    path = tmp_path / "photo.jpg"
    path.write_bytes(data)
    client.upload(path)
    assert list(service.uploads.values()) == [data]
    assert service.chunk_sizes == [CHUNK_BYTES, CHUNK_BYTES, 5]
    assert CHUNK_BYTES <= 256 * 1024  # the contract, at UploadImageRequest.chunk
    assert (service.headers[0].size_bytes, service.headers[0].HasField("raw")) == (len(data), False)


def test_the_same_picture_travels_once(service: ScriptedService, client: Client) -> None:
    for _ in range(3):
        client.stylize(PHOTO, [PHOTO, encode(colours(30, 30), "PNG")]).result()
    assert service.methods().count("UploadImage") == 2


def test_a_picture_that_the_daemon_dropped_is_sent_again_once(service: ScriptedService, client: Client) -> None:
    client.stylize(PHOTO, "woodblock").result()
    service.uploads.clear()
    assert client.stylize(PHOTO, "woodblock").result().size == (60, 40)
    assert service.methods().count("UploadImage") == 2


def test_a_daemon_that_drops_pictures_forever_does_not_make_a_loop(service: ScriptedService, client: Client) -> None:
    service.uploads = type("Forgetful", (dict,), {"__setitem__": lambda *_: None})()
    with pytest.raises(NotFound) as caught:
        client.stylize(PHOTO, "woodblock").result()
    assert caught.value.reason is Reason.IMAGE_NOT_FOUND
    assert service.methods().count("Stylize") == 2


def test_arrays_travel_as_raw_pixels(service: ScriptedService, client: Client) -> None:
    samples = np.arange(2 * 3 * 4, dtype=">u2").reshape(2, 3, 4)
    client.upload(samples)
    layout = service.headers[0].raw
    assert (layout.width, layout.height, layout.channels) == (3, 2, 4)
    assert layout.sample_type == pb.SAMPLE_TYPE_UINT16
    assert next(iter(service.uploads.values())) == samples.astype("<u2").tobytes()


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_floats_travel_as_32_bit_floats(service: ScriptedService, client: Client, dtype: str) -> None:
    client.upload(np.full((2, 2), 0.5, dtype))
    assert service.headers[0].raw.sample_type == pb.SAMPLE_TYPE_FLOAT32
    assert next(iter(service.uploads.values())) == np.full(4, 0.5, "<f4").tobytes()


@pytest.mark.parametrize("array", [np.zeros(5), np.zeros((2, 2, 5)), np.zeros((2, 2), complex), np.zeros((2, 2), int)])
def test_an_array_that_is_no_picture_is_refused(service: ScriptedService, client: Client, array: np.ndarray) -> None:
    with pytest.raises(InvalidRequest):
        client.upload(array)
    assert "UploadImage" not in service.methods()


def test_a_pillow_image_is_turned_upright_and_converted(service: ScriptedService, client: Client) -> None:
    photo = Image.open(io.BytesIO(encode(colours(), "PNG", exif=camera_exif(6), icc_profile=wide_gamut_profile())))
    client.upload(photo)
    layout = service.headers[0].raw
    assert (layout.width, layout.height, layout.channels) == (40, 60, 3)
    sent = np.frombuffer(next(iter(service.uploads.values())), np.uint8).reshape(60, 40, 3)
    # Turned clockwise: rows become columns. The middle is within sRGB.
    middle = np.asarray(colours())[39 - 20, 30]
    assert np.abs(srgb_as_wide_gamut(sent[30, 20]) - middle).max() < 1.5
    assert np.abs(sent[30, 20] - middle.astype(float)).max() >= 3


@pytest.mark.parametrize(
    ("mode", "bands"), [("1", 1), ("L", 1), ("LA", 2), ("RGB", 3), ("RGBA", 4), ("P", 3), ("CMYK", 3), ("I;16", 1)]
)
def test_pillow_images_of_any_mode_are_taken(service: ScriptedService, client: Client, mode: str, bands: int) -> None:
    client.upload(colours().convert("L" if mode == "I;16" else "RGB").convert(mode))
    assert service.headers[0].raw.channels == bands


def test_a_name_is_a_built_in_style_and_a_path_is_a_file(
    service: ScriptedService, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("woodblock", "own.png"):
        Path(name).write_bytes(PHOTO)
    client.stylize(PHOTO, ["woodblock", "./woodblock", Path("woodblock"), "own.png", ("mosaic", 2)]).result()
    sources = [style.WhichOneof("source") for style in service.requests[0].styles]
    assert sources == ["name", "image", "image", "image", "name"]
    assert [style.weight for style in service.requests[0].styles if style.HasField("weight")] == [2.0]


@pytest.mark.parametrize("styles", ["woodblock", ("woodblock", 0.5), ["woodblock"], ("woodblock", "mosaic")])
def test_one_style_or_several(service: ScriptedService, client: Client, styles) -> None:
    client.stylize(PHOTO, styles).result()
    assert service.requests[0].styles[0].name == "woodblock"


def test_an_unknown_style_names_the_nearest(client: Client) -> None:
    with pytest.raises(NotFound) as caught:
        client.stylize(PHOTO, "woodblok")
    assert caught.value.reason is Reason.UNKNOWN_STYLE
    assert "Did you mean woodblock?" in caught.value.remedy


def test_a_missing_file_is_told_before_anything_travels(service: ScriptedService, client: Client) -> None:
    with pytest.raises(InputUnreadable, match=r"nix\.jpg"):
        client.stylize("nix.jpg", "woodblock")
    assert "UploadImage" not in service.methods()


def test_a_file_beyond_the_daemons_limit_is_not_read(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "huge.tif"
    with path.open("wb") as stream:
        stream.truncate(client.limits.max_image_bytes + 1)
    with pytest.raises(InvalidRequest) as caught:
        client.stylize(path, "woodblock")
    assert caught.value.reason is Reason.IMAGE_TOO_LARGE


def test_options_reach_the_daemon(service: ScriptedService, client: Client) -> None:
    client.stylize(
        PHOTO, "woodblock", "draft", seed=2**64 - 1, precision="bf16", priority="batch", max_runtime=1.5, iterations=9
    ).result()
    request = service.requests[0]
    assert (request.preset, request.seed, request.tunables.iterations) == ("draft", 2**64 - 1, 9)
    assert (request.precision, request.priority) == (pb.PRECISION_BF16, pb.PRIORITY_BATCH)
    assert request.max_runtime.ToMilliseconds() == 1500
    client.stylize(PHOTO, "woodblock", seed=0).result()
    assert service.requests[1].HasField("seed")
    client.stylize(PHOTO, "woodblock").result()
    assert not service.requests[2].HasField("seed")


def test_a_job_can_be_updated_and_kept_by_its_id(client: Client) -> None:
    assert client.update("job-1", style_weight=250)["style_weight"] == 250.0
    assert client.update("job-1", strength=0.8, color=0) == {"strength": 0.8, "color": 0.0}
    assert client.cancel("job-1")
    assert not client.cancel("job-1", keep=True)  # the scripted daemon's answer tells whether `keep` arrived
    with pytest.raises(InvalidRequest, match="style_wait"):
        client.update("job-1", style_wait=250)


@pytest.mark.parametrize(("early", "told"), [(False, 9), (True, 4)])
def test_a_painting_that_was_stopped_early_tells_the_iterations_that_it_had(
    client: Client, service: ScriptedService, tmp_path: Path, early: bool, told: int
) -> None:
    def script(request, context, photo: bytes):
        *events, _ = paint(request, context, photo)
        yield from [*events, summary(stopped_early=early)]

    service.script = script
    job = client.stylize(PHOTO, "woodblock")
    saved = job.save(tmp_path / "out.png")
    assert job.summary
    assert job.summary.parameters["iterations"] == 9
    with Image.open(saved) as image:
        parameters = json.loads(image.info["stylized:parameters"])
    assert (parameters["iterations"], parameters["style_weight"]) == (told, 500.0)


def test_a_client_that_lives_long_does_not_remember_all_its_uploads(
    client: Client, service: ScriptedService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stylize.request.REMEMBERED_UPLOADS", 3)
    pictures = [encode(colours(16 + number, 16), "PNG") for number in range(10)]
    ids = [client.upload(picture) for picture in pictures]
    assert len(set(ids)) == 10
    assert len(client._uploaded) <= 3
    sent = len(service.headers)
    assert client.upload(pictures[-1]) == ids[-1]
    assert len(service.headers) == sent
