"""Bad input gets a stable reason, one sentence and the field at fault; the daemon goes on."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable

import grpc
import numpy as np
import pytest
from PIL import Image

from neuralstyle.v1 import admin_pb2
from neuralstyle.v1 import stylize_pb2 as pb
from tests.real_daemon import RealDaemon, error_info, raw_image, small_request, upload


def png(width: int = 64, height: int = 48) -> bytes:
    file = io.BytesIO()
    pixels = np.random.default_rng(5).integers(0, 256, (height, width, 3), np.uint8)
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header promises an enormous picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def black(width: int, height: int) -> pb.Image:
    layout = pb.RawFormat(width=width, height=height, channels=1)
    return pb.Image(raw=pb.RawPixels(format=layout, data=bytes(width * height)))


def floats(value: float) -> pb.Image:
    samples = np.full((32, 32, 3), 0.5, np.float32)
    samples[3, 4, 1] = value
    layout = pb.RawFormat(width=32, height=32, channels=3, sample_type=pb.SAMPLE_TYPE_FLOAT32)
    return pb.Image(raw=pb.RawPixels(format=layout, data=samples.tobytes()))


def with_content(image: pb.Image) -> Callable[[], pb.StylizeRequest]:
    return lambda: small_request(1, content=image)


def with_tunables(**tunables: object) -> Callable[[], pb.StylizeRequest]:
    return lambda: small_request(**{"iterations": 1, **tunables})  # pyright: ignore[reportArgumentType]


def with_layer(name: str) -> pb.StylizeRequest:
    request = small_request(1)
    request.tunables.style_layers.layers.add(layer=name)
    return request


def without_style() -> pb.StylizeRequest:
    request = small_request(1)
    request.ClearField("styles")
    return request


def with_style(style: pb.Style) -> pb.StylizeRequest:
    request = without_style()
    request.styles.append(style)
    return request


CASES: dict[str, tuple[Callable[[], pb.StylizeRequest], str, str]] = {
    "text instead of a picture": (with_content(pb.Image(encoded=b"hello")), "IMAGE_UNREADABLE", "content"),
    "an empty file": (with_content(pb.Image(encoded=b"")), "IMAGE_UNREADABLE", "content"),
    "a truncated PNG": (with_content(pb.Image(encoded=png()[:-2000])), "IMAGE_UNREADABLE", "content"),
    "a decompression bomb": (with_content(pb.Image(encoded=bomb(60_000, 60_000))), "IMAGE_TOO_LARGE", "content"),
    "a bomb within a side": (with_content(pb.Image(encoded=bomb(30_000, 30_000))), "IMAGE_TOO_LARGE", "content"),
    "a side of 0 pixels": (with_content(raw_image(0, 32)), "IMAGE_TOO_SMALL", "content"),
    "a side of 1 pixel": (with_content(raw_image(32, 1)), "IMAGE_TOO_SMALL", "content"),
    "a PNG of 1 x 1": (with_content(pb.Image(encoded=png(1, 1))), "IMAGE_TOO_SMALL", "content"),
    "a strip that would have no height": (with_content(raw_image(2000, 17)), "IMAGE_TOO_SMALL", "content"),
    "NaN pixels": (with_content(floats(float("nan"))), "IMAGE_NOT_FINITE", "raw.data"),
    "infinite pixels": (with_content(floats(float("inf"))), "IMAGE_NOT_FINITE", "raw.data"),
    "no picture": (with_content(pb.Image()), "INVALID_REQUEST", "content"),
    "an id that was never uploaded": (
        with_content(pb.Image(image_id="sha256:" + "0" * 64)),
        "IMAGE_NOT_FOUND",
        "content",
    ),
    "too few raw bytes": (
        with_content(
            pb.Image(raw=pb.RawPixels(format=pb.RawFormat(width=32, height=32, channels=3), data=b"\0" * 100))
        ),
        "INVALID_REQUEST",
        "raw.data",
    ),
    "five channels": (with_content(raw_image(32, 32, channels=5)), "INVALID_REQUEST", "raw.format.channels"),
    "no style": (without_style, "INVALID_REQUEST", "styles"),
    "nine styles": (
        lambda: nine_styles(),
        "INVALID_REQUEST",
        "styles",
    ),
    "an unknown style": (lambda: with_style(pb.Style(name="cubism")), "UNKNOWN_STYLE", "styles[0].name"),
    "a style of weight 0": (
        lambda: with_style(pb.Style(name="ink", weight=0)),
        "INVALID_PARAMETER",
        "styles[0].weight",
    ),
    "a style of weight NaN": (
        lambda: with_style(pb.Style(name="ink", weight=float("nan"))),
        "INVALID_PARAMETER",
        "styles[0].weight",
    ),
    "a mask that is no picture": (
        lambda: small_request(1, mask=pb.Image(encoded=b"hello")),
        "IMAGE_UNREADABLE",
        "mask",
    ),
    "an empty mask": (lambda: small_request(1, mask=pb.Image()), "INVALID_REQUEST", "mask"),
    "a mask of 1 x 1": (lambda: small_request(1, mask=raw_image(1, 1)), "IMAGE_TOO_SMALL", "mask"),
    "a mask of another shape": (lambda: small_request(1, mask=raw_image(32, 32)), "INVALID_REQUEST", "mask"),
    "a black mask": (lambda: small_request(1, mask=black(48, 32)), "INVALID_REQUEST", "mask"),
    "a style's mask of another shape": (
        lambda: with_style(pb.Style(name="ink", mask=raw_image(32, 48))),
        "INVALID_REQUEST",
        "styles[0].mask",
    ),
    "a style's black mask": (
        lambda: with_style(pb.Style(name="ink", mask=black(48, 32))),
        "INVALID_REQUEST",
        "styles[0].mask",
    ),
    "a source mask that is not of the style's shape": (
        lambda: with_style(pb.Style(image=raw_image(40, 40), source_mask=raw_image(48, 32))),
        "INVALID_REQUEST",
        "styles[0].source_mask",
    ),
    "a black source mask": (
        lambda: with_style(pb.Style(image=raw_image(40, 40), source_mask=black(40, 40))),
        "INVALID_REQUEST",
        "styles[0].source_mask",
    ),
    "an unknown preset": (lambda: small_request(1, preset="rococo"), "UNKNOWN_PRESET", "preset"),
    "an unknown layer": (lambda: with_layer("relu9_9"), "UNKNOWN_LAYER", "tunables.style_layers"),
    "a negative weight": (with_tunables(style_weight=-1.0), "INVALID_PARAMETER", "tunables.style_weight"),
    "an infinite weight": (
        with_tunables(content_weight=float("inf")),
        "INVALID_PARAMETER",
        "tunables.content_weight",
    ),
    "a weight that is not a number": (with_tunables(tv_weight=float("nan")), "INVALID_PARAMETER", "tunables.tv_weight"),
    "a size of 0": (with_tunables(size=0), "INVALID_PARAMETER", "tunables.size"),
    "a size beyond the limit": (with_tunables(size=1_000_000), "INVALID_PARAMETER", "tunables.size"),
    "no iterations": (with_tunables(iterations=0), "INVALID_PARAMETER", "tunables.iterations"),
    "a pooling from the future": (with_tunables(pooling=77), "INVALID_PARAMETER", "tunables.pooling"),
    "a precision from the future": (lambda: small_request(1, precision=77), "INVALID_PARAMETER", "precision"),
    "a preview of 5 pixels": (
        lambda: small_request(1, preview=pb.PreviewPolicy(max_side=5)),
        "INVALID_PARAMETER",
        "preview.max_side",
    ),
}

CODES = {
    "IMAGE_NOT_FOUND": grpc.StatusCode.NOT_FOUND,
    "UNKNOWN_STYLE": grpc.StatusCode.NOT_FOUND,
    "UNKNOWN_PRESET": grpc.StatusCode.NOT_FOUND,
}


def nine_styles() -> pb.StylizeRequest:
    request = without_style()
    for _ in range(9):
        request.styles.add(name="ink")
    return request


@pytest.mark.parametrize("case", CASES)
def test_it_is_refused_with_a_reason_and_a_sentence(daemon: RealDaemon, case: str) -> None:
    make, reason, field = CASES[case]
    with pytest.raises(grpc.RpcError) as caught:
        list(daemon.stylize().Stylize(make()))
    info = error_info(caught.value)
    assert (info.reason, info.metadata["field"]) == (reason, field)
    assert info.domain == "stylized"
    assert caught.value.code() is CODES.get(reason, grpc.StatusCode.INVALID_ARGUMENT)
    sentence = caught.value.details() or ""
    assert len(sentence) < 300
    assert sentence.endswith(".")
    assert "Traceback" not in sentence
    assert "object at 0x" not in sentence


def test_the_daemon_goes_on_after_all_of_them(daemon: RealDaemon) -> None:
    for make, _, _ in CASES.values():
        with pytest.raises(grpc.RpcError):
            list(daemon.stylize().Stylize(make()))
    assert list(daemon.stylize().Stylize(small_request(1)))[-1].HasField("summary")


def header(size: int) -> pb.UploadImageRequest:
    return pb.UploadImageRequest(header=pb.UploadHeader(size_bytes=size))


def chunk(data: bytes) -> pb.UploadImageRequest:
    return pb.UploadImageRequest(chunk=data)


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ([], "INVALID_REQUEST"),
        ([chunk(b"x")], "INVALID_REQUEST"),
        ([header(2), chunk(b"x")], "INVALID_REQUEST"),
        ([header(1), chunk(b"xy")], "INVALID_REQUEST"),
        ([header(1), header(1)], "INVALID_REQUEST"),
        ([header(2**40)], "IMAGE_TOO_LARGE"),
        ([header(0)], "IMAGE_UNREADABLE"),
    ],
)
def test_a_bad_upload_is_refused(daemon: RealDaemon, parts: list[pb.UploadImageRequest], reason: str) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        daemon.stylize().UploadImage(iter(parts))
    assert error_info(caught.value).reason == reason


def test_a_truncated_upload_is_refused_when_it_is_uploaded(daemon: RealDaemon) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        upload(daemon.stylize(), png(300, 300)[:-5000])
    assert error_info(caught.value).reason == "IMAGE_UNREADABLE"


def test_a_picture_too_large_to_send_inline_says_upload(daemon: RealDaemon) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        list(daemon.stylize().Stylize(small_request(1, content=raw_image(512, 384))))
    assert error_info(caught.value).reason == "IMAGE_TOO_LARGE"
    assert "UploadImage" in (caught.value.details() or "")


@pytest.mark.parametrize(
    "call",
    [
        lambda daemon: daemon.admin().SetResidency(admin_pb2.SetResidencyRequest()),
        lambda daemon: daemon.admin().Drain(admin_pb2.DrainRequest()),
    ],
)
def test_what_is_not_there_yet_says_so(daemon: RealDaemon, call: Callable[[RealDaemon], object]) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        call(daemon)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert error_info(caught.value).reason == "FEATURE_UNAVAILABLE"


@pytest.mark.parametrize("color", [(0, 0, 0), (255, 255, 255), (200, 30, 90)])
def test_a_photo_of_one_colour_is_painted(daemon: RealDaemon, color: tuple[int, int, int]) -> None:
    file = io.BytesIO()
    Image.new("RGB", (40, 40), color).save(file, "PNG")
    request = small_request(3, content=pb.Image(encoded=file.getvalue()))
    request.styles[0].image.CopyFrom(pb.Image(encoded=file.getvalue()))
    assert list(daemon.stylize().Stylize(request))[-1].HasField("summary")
