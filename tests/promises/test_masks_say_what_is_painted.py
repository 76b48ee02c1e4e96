"""White is painted, black stays the photo to the last bit, gray mixes; and each style goes where its mask says."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from neuralstyle.v1 import stylize_pb2 as pb
from tests.promises.test_one_photo_becomes_one_painting import picture, run
from tests.real_daemon import RealDaemon, raw_image, small_request, upload

WIDTH, HEIGHT = 48, 32


def pixels(events: list[pb.StylizeResponse]) -> NDArray[np.uint8]:
    """[H, W, 3]"""
    with Image.open(io.BytesIO(picture(events))) as image:
        return np.asarray(image.convert("RGB"))


def mask(samples: NDArray[np.generic]) -> pb.Image:
    """A gray picture, inline."""
    height, width = samples.shape
    kinds = {"u1": pb.SAMPLE_TYPE_UINT8, "u2": pb.SAMPLE_TYPE_UINT16, "f4": pb.SAMPLE_TYPE_FLOAT32}
    layout = pb.RawFormat(width=width, height=height, channels=1, sample_type=kinds[samples.dtype.str[1:]])
    return pb.Image(raw=pb.RawPixels(format=layout, data=samples.tobytes()))


def half(width: int = WIDTH, height: int = HEIGHT) -> NDArray[np.uint8]:
    """White on the left."""
    samples = np.zeros((height, width), np.uint8)
    samples[:, : width // 2] = 255
    return samples


def photo() -> NDArray[np.uint8]:
    return np.frombuffer(raw_image().raw.data, np.uint8).reshape(HEIGHT, WIDTH, 3)


def plain(red: int, green: int, blue: int) -> pb.Image:
    """A style of one colour and a little grain."""
    grain = np.random.default_rng(1).integers(-8, 9, (40, 40, 1))
    samples = (np.array([red, green, blue]) + grain).clip(0, 255).astype(np.uint8)
    layout = pb.RawFormat(width=40, height=40, channels=3)
    return pb.Image(raw=pb.RawPixels(format=layout, data=samples.tobytes()))


def test_what_is_black_stays_the_photo_to_the_last_bit(daemon: RealDaemon) -> None:
    soft = half()
    soft[:, 20:28] = 128
    request = small_request(6, mask=mask(soft), preview=pb.PreviewPolicy(format=pb.FRAME_FORMAT_RAW_RGB8))
    request.preview.min_interval.FromMilliseconds(0)
    events = run(daemon, request)
    frames = [np.frombuffer(e.frame.data, np.uint8).reshape(HEIGHT, WIDTH, 3) for e in events if e.HasField("frame")]
    painted = pixels(events)
    assert frames
    for shown in (painted, *frames):
        assert np.array_equal(shown[:, 28:], photo()[:, 28:])
    assert (painted[:, :20] != photo()[:, :20]).mean() > 0.5
    assert (painted[:, 20:28] != photo()[:, 20:28]).mean() > 0.5


def test_all_depths_and_sizes_of_a_mask_say_the_same(daemon: RealDaemon) -> None:
    paintings = []
    for samples in (half(), half().astype("<u2") * 257, (half() / 255).astype("<f4"), half(2 * WIDTH, 2 * HEIGHT)):
        paintings.append(pixels(run(daemon, small_request(3, mask=mask(np.asarray(samples))))))
    assert np.array_equal(paintings[0], paintings[1])
    assert np.array_equal(paintings[0], paintings[2])
    assert np.array_equal(paintings[3][:, 26:], photo()[:, 26:])


def test_each_style_goes_where_its_mask_says(daemon: RealDaemon) -> None:
    request = small_request(25, content_weight=0.0)
    request.ClearField("styles")
    request.styles.add(image=plain(220, 40, 40), mask=mask(half()))
    request.styles.add(image=plain(40, 40, 220))
    painted = pixels(run(daemon, request)).astype(float)
    left, right = painted[:, :20].mean(axis=(0, 1)), painted[:, 28:].mean(axis=(0, 1))
    assert left[0] - left[2] > 10  # the photo is gray
    assert right[2] - right[0] > 10  # the photo is gray


def test_only_the_part_of_a_style_that_counts_is_seen(daemon: RealDaemon) -> None:
    red, blue = (np.frombuffer(plain(*colour).raw.data, np.uint8) for colour in ((220, 40, 40), (40, 40, 220)))
    both = np.concatenate([red.reshape(40, 40, 3), blue.reshape(40, 40, 3)], axis=1)
    layout = pb.RawFormat(width=80, height=40, channels=3)
    request = small_request(25, content_weight=0.0)
    request.ClearField("styles")
    style = request.styles.add(source_mask=mask(half(80, 40)))
    style.image.raw.CopyFrom(pb.RawPixels(format=layout, data=both.tobytes()))
    painted = pixels(run(daemon, request)).astype(float).mean(axis=(0, 1))
    assert painted[0] - painted[2] > 10  # the photo is gray


def test_a_mask_is_a_picture_like_the_others(daemon: RealDaemon) -> None:
    """Uploaded or inline, it says the same; and another mask is another painting by its hash."""
    stub = daemon.stylize()
    inline = run(daemon, small_request(2, mask=mask(half())))
    stored = upload(stub, half().tobytes(), mask(half()).raw.format)
    uploaded = run(daemon, small_request(2, mask=pb.Image(image_id=stored.image_id)))
    assert picture(uploaded) == picture(inline)
    hashes = {events[-1].summary.parameter_hash for events in (inline, uploaded)}
    assert len(hashes) == 1
    other = run(daemon, small_request(2, mask=mask(255 - half())))
    without = run(daemon, small_request(2))
    styled = small_request(2)
    styled.styles[0].mask.CopyFrom(mask(half()))
    hashes |= {events[-1].summary.parameter_hash for events in (other, without, run(daemon, styled))}
    styled.styles[0].ClearField("mask")
    styled.styles[0].source_mask.CopyFrom(mask(half(40, 40)))
    hashes.add(run(daemon, styled)[-1].summary.parameter_hash)
    assert len(hashes) == 5


def test_the_daemon_says_that_it_knows_masks(daemon: RealDaemon) -> None:
    assert "masks" in daemon.stylize().GetServerInfo(pb.GetServerInfoRequest()).features


def test_a_style_that_goes_nowhere_is_told_of(daemon: RealDaemon) -> None:
    request = small_request(2)
    request.styles[0].mask.CopyFrom(mask(np.full((HEIGHT, WIDTH), 255, np.uint8)))
    request.styles.add(name="ink")
    (warning,) = run(daemon, request)[-1].summary.warnings[-1:]
    assert warning.startswith("Style 2 goes nowhere")
