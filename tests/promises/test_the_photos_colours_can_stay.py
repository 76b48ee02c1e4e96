"""With color 0 the painting and its previews have the photo's colours, and the brightness that they would have had."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from neuralstyle.v1 import stylize_pb2 as pb
from tests.promises.test_one_photo_becomes_one_painting import picture, run
from tests.real_daemon import RealDaemon, raw_image, small_request

# NTSC's matrix, as it is in textbooks: rows Y, I, Q.
YIQ = np.array([[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]])


def pixels(events: list[pb.StylizeResponse]) -> NDArray[np.float64]:
    """[H, W, 3], 0..255."""
    with Image.open(io.BytesIO(picture(events))) as image:
        return np.asarray(image.convert("RGB"), np.float64)


def test_the_photos_i_and_q_stay_under_the_paintings_y(daemon: RealDaemon) -> None:
    painted = pixels(run(daemon, small_request(4))) @ YIQ.T
    kept = pixels(run(daemon, small_request(4, color=0.0)))
    photo = np.frombuffer(raw_image().raw.data, np.uint8).reshape(32, 48, 3) @ YIQ.T
    np.testing.assert_allclose((kept @ YIQ.T)[..., 0], painted[..., 0], atol=1.0)
    inside = ((kept > 0) & (kept < 255)).all(axis=2)
    assert inside.mean() > 0.9
    np.testing.assert_allclose((kept @ YIQ.T)[inside, 1:], photo[inside, 1:], atol=1.0)


def test_a_gray_photo_becomes_a_gray_painting(daemon: RealDaemon) -> None:
    for channels in (1, 3):
        request = small_request(4, color=0.0, preview=pb.PreviewPolicy(format=pb.FRAME_FORMAT_RAW_RGB8))
        request.preview.min_interval.FromMilliseconds(0)
        gray = np.frombuffer(raw_image(channels=1).raw.data, np.uint8)
        request.content.CopyFrom(raw_image(channels=channels))
        request.content.raw.data = gray.repeat(channels).tobytes()
        events = run(daemon, request)
        frames = [np.frombuffer(event.frame.data, np.uint8) for event in events if event.HasField("frame")]
        assert frames
        for shown in (*frames, pixels(events)):
            red, green, blue = shown.reshape(-1, 3).T
            assert (red == green).all()
            assert (red == blue).all()
            assert len(np.unique(red)) > 10
