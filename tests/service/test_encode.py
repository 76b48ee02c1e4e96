"""What goes out fits its message and loses no more than its format must."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from neuralstyle.v1 import stylize_pb2 as pb
from stylized.service.encode import encode_frame, encode_result, shrink
from stylized.service.limits import MAX_FRAME_BYTES, MAX_FRAME_SIDE, MAX_RAW_FRAME_SIDE


@pytest.mark.parametrize(
    ("frame_format", "side"),
    [
        (pb.FRAME_FORMAT_JPEG, MAX_FRAME_SIDE),
        (pb.FRAME_FORMAT_PNG, MAX_FRAME_SIDE),
        (pb.FRAME_FORMAT_RAW_RGB8, MAX_RAW_FRAME_SIDE),
    ],
)
def test_the_largest_and_noisiest_frame_fits_a_message(frame_format: pb.FrameFormat, side: int) -> None:
    # Samples of 0 or 255 at random: of the noises tried, the one that JPEG makes largest.
    noise = np.random.default_rng(1).integers(0, 2, (side, side, 3), np.uint8) * np.uint8(255)
    assert len(encode_frame(noise, frame_format)) <= MAX_FRAME_BYTES


def test_a_smooth_frame_survives_jpeg() -> None:
    ramp = np.repeat(np.linspace(0, 255, 128).astype(np.uint8)[None, :, None], 96, axis=0).repeat(3, axis=2)
    with Image.open(io.BytesIO(encode_frame(ramp, pb.FRAME_FORMAT_JPEG))) as image:
        assert np.abs(np.asarray(image).astype(int) - ramp).mean() < 2


def test_rounding_is_to_the_nearest_value() -> None:
    unit = np.array([[[0.0, 1.0, 0.4999 / 255], [0.5001 / 255, 127.6 / 255, 0.5]]], np.float32)
    _, data = encode_result(unit, None, pb.RESULT_FORMAT_RAW_UINT8)
    assert list(data) == [0, 255, 0, 1, 128, 128]


def test_alpha_of_another_size_is_scaled_to_the_painting() -> None:
    alpha = np.zeros((60, 80), np.uint8)
    alpha[:, 40:] = 255
    header, data = encode_result(np.full((30, 40, 3), 0.5, np.float32), alpha, pb.RESULT_FORMAT_RAW_FLOAT32)
    scaled = np.frombuffer(data, "<f4").reshape(30, 40, 4)[..., 3]
    assert header.pixels.channels == 4
    assert (scaled[:, :15] == 0).all()
    assert (scaled[:, 25:] == 1).all()


@pytest.mark.parametrize(
    ("width", "height", "max_side", "expected"),
    [(64, 32, 32, (32, 16)), (30, 64, 32, (15, 32)), (64, 32, 64, (64, 32)), (8, 4, 64, (8, 4)), (512, 1, 16, (16, 1))],
)
def test_a_preview_is_scaled_down_to_what_a_viewer_wants_and_never_up(
    width: int, height: int, max_side: int, expected: tuple[int, int]
) -> None:
    ramp = np.broadcast_to(np.linspace(0, 255, width).astype(np.uint8)[None, :, None], (height, width, 3))
    small = shrink(np.ascontiguousarray(ramp), max_side)
    assert (small.shape[1], small.shape[0]) == expected
    assert small.mean() == pytest.approx(ramp.mean(), abs=1.5)
