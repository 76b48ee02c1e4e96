"""A request becomes a stream in the order that the contract promises, and its chunks a picture."""

from __future__ import annotations

import hashlib
import io

import numpy as np
import pytest
from PIL import Image

from neuralstyle.v1 import stylize_pb2 as pb
from stylized.service.limits import BATCH_PROGRESS_INTERVAL_S
from tests.real_daemon import RealDaemon, raw_image, shallow, small_request, upload

MIB = 1024 * 1024


def run(daemon: RealDaemon, request: pb.StylizeRequest) -> list[pb.StylizeResponse]:
    return list(daemon.stylize().Stylize(request))


def picture(events: list[pb.StylizeResponse]) -> bytes:
    return b"".join(event.result_chunk.data for event in events if event.WhichOneof("event") == "result_chunk")


def test_events_come_in_the_order_of_the_contract(daemon: RealDaemon) -> None:
    request = small_request(5, preview=pb.PreviewPolicy(max_side=32))
    request.preview.min_interval.FromMilliseconds(0)
    kinds = [event.WhichOneof("event") for event in run(daemon, request)]
    waiting = [kind for kind in kinds if kind == "queued"]
    assert kinds[: len(waiting)] == waiting
    assert kinds[len(waiting)] == "started"
    assert kinds.count("started") == 1
    assert set(kinds[len(waiting) + 1 : -2]) == {"progress", "frame"}
    assert kinds[-2:] == ["result_chunk", "summary"]


def test_the_last_progress_is_the_last_iteration_and_its_terms_sum_to_its_loss(daemon: RealDaemon) -> None:
    events = run(daemon, small_request(5))
    last = [event.progress for event in events if event.WhichOneof("event") == "progress"][-1]
    summary = events[-1].summary
    assert (last.iteration, last.iterations) == (5, 5)
    assert last.loss == pytest.approx(sum(term.value for term in last.terms))
    assert {term.name for term in last.terms} == {"content", "style"}
    assert summary.loss == pytest.approx(last.loss)
    assert summary.iterations == 5


def test_painting_lowers_the_loss(daemon: RealDaemon) -> None:
    losses = [event.progress.loss for event in run(daemon, small_request(12)) if event.HasField("progress")]
    assert losses[-1] < 0.5 * losses[0]


def test_the_result_is_a_png_of_the_announced_size(daemon: RealDaemon) -> None:
    events = run(daemon, small_request(2))
    data = picture(events)
    header = next(event.result_chunk.header for event in events if event.HasField("result_chunk"))
    assert header.size_bytes == len(data)
    with Image.open(io.BytesIO(data)) as image:
        assert (image.format, image.mode, image.size) == ("PNG", "RGB", (48, 32))
        assert "icc_profile" in image.info
    assert (header.pixels.width, header.pixels.height, header.pixels.channels) == (48, 32, 3)


@pytest.mark.parametrize(
    ("result_format", "dtype", "top"),
    [
        (pb.RESULT_FORMAT_RAW_UINT8, "u1", 255),
        (pb.RESULT_FORMAT_RAW_UINT16, "<u2", 65535),
        (pb.RESULT_FORMAT_RAW_FLOAT32, "<f4", 1),
    ],
)
def test_raw_results_hold_the_same_picture_at_their_precision(
    daemon: RealDaemon, result_format: pb.ResultFormat, dtype: str, top: int
) -> None:
    with Image.open(io.BytesIO(picture(run(daemon, small_request(2))))) as image:
        expected = np.asarray(image) / 255
    raw = np.frombuffer(picture(run(daemon, small_request(2, result_format=result_format))), dtype)
    assert np.abs(raw.reshape(32, 48, 3) / top - expected).max() <= 0.5 / 255 + 1e-6


def test_alpha_comes_back_untouched(daemon: RealDaemon) -> None:
    request = small_request(2, result_format=pb.RESULT_FORMAT_RAW_UINT8)
    request.content.CopyFrom(raw_image(channels=4))
    given = np.frombuffer(request.content.raw.data, np.uint8).reshape(32, 48, 4)
    result = np.frombuffer(picture(run(daemon, request)), np.uint8).reshape(32, 48, 4)
    assert (result[..., 3] == given[..., 3]).all()
    assert (result[..., :3] != given[..., :3]).any()


def test_no_message_exceeds_one_mebibyte_even_for_large_results_and_noisy_frames(daemon: RealDaemon) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (560, 680, 3), np.uint8)
    layout = pb.RawFormat(width=680, height=560, channels=3, sample_type=pb.SAMPLE_TYPE_UINT8)
    stub = daemon.stylize()
    request = shallow(small_request(1, size=680, preview=pb.PreviewPolicy(max_side=680, format=pb.FRAME_FORMAT_PNG)))
    request.content.image_id = upload(stub, noise.tobytes(), layout).image_id
    sizes = [event.ByteSize() for event in stub.Stylize(request)]
    assert max(sizes) <= MIB
    assert sum(sizes) > MIB


def test_uploading_the_same_bytes_gives_the_same_id_which_is_their_hash(daemon: RealDaemon) -> None:
    file = io.BytesIO()
    Image.new("RGB", (30, 20), "teal").save(file, "PNG")
    stub = daemon.stylize()
    first, second = upload(stub, file.getvalue()), upload(stub, file.getvalue())
    assert first == second
    assert first.image_id == f"sha256:{hashlib.sha256(file.getvalue()).hexdigest()}"
    assert (first.width, first.height, first.has_alpha) == (30, 20, False)


def test_built_in_styles_and_unset_fields_are_enough(daemon: RealDaemon) -> None:
    request = pb.StylizeRequest(content=raw_image(), styles=[pb.Style(name="mosaic")])
    request.tunables.iterations = 1
    events = run(daemon, request)
    started = next(event.started for event in events if event.HasField("started"))
    assert started.preset == "default"
    assert started.precision in (pb.PRECISION_FP32, pb.PRECISION_BF16)
    unset = [name for name in pb.Tunables.DESCRIPTOR.fields_by_name if not started.parameters.HasField(name)]
    assert unset == []
    assert [(level.width, level.height, level.iterations) for level in started.plan] == [(48, 32, 1)]
    assert started.memory_estimate_bytes > 0


def test_a_batch_job_tells_of_its_progress_less_often(daemon: RealDaemon) -> None:
    events = run(daemon, small_request(60, priority=pb.PRIORITY_BATCH))
    told = [event.progress.iteration for event in events if event.HasField("progress")]
    seconds = events[-1].summary.run_time.ToMilliseconds() / 1000
    assert (told[0], told[-1]) == (1, 60)
    assert len(told) <= 2 + seconds / BATCH_PROGRESS_INTERVAL_S
