"""What a filter of the network responds to in given pictures can be asked for like a painting: it waits its turn, tells
how far it is, can be stopped or kept, and comes as one picture."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from neuralstyle.v1 import admin_pb2
from neuralstyle.v1 import stylize_pb2 as pb
from stylized.engine.choices import Backbone
from stylized.engine.feature_sheet import FeatureQuery, Sheet
from stylized.engine.features import DeconvNetwork, visualize
from stylized.service.limits import Limits
from stylized.weights import load_weights
from tests.promises.test_one_photo_becomes_one_painting import picture, run
from tests.promises.test_the_daemon_paints_with_the_networks_it_was_given import weights_file
from tests.real_daemon import RealDaemon, error_info, raw_image, reason_of, small_request, upload, wait_for

LAYER, FILTER = "relu2_1", 5
FLOATS = pb.RESULT_FORMAT_RAW_FLOAT32


def features_request(*pictures: pb.Image, layer: str = LAYER, filter: int = FILTER, **fields) -> pb.StylizeRequest:
    request = pb.StylizeRequest(**fields)
    request.features.layer = layer
    request.features.filter = filter
    request.features.pictures.extend(pictures)
    return request


def pictures(count: int = 3) -> list[pb.Image]:
    return [raw_image(seed=seed) for seed in range(count)]


def long_request(daemon: RealDaemon, **fields) -> pb.StylizeRequest:
    """One that takes longer than a test; of its pictures each takes a fraction of a second."""
    raw = raw_image(320, 240).raw
    stored = upload(daemon.stylize(), raw.data, raw.format)
    looked_through = [pb.Image(image_id=stored.image_id)] * Limits().max_feature_pictures
    return features_request(*looked_through, layer="relu4_1", **fields)


def under_way(daemon: RealDaemon, request: pb.StylizeRequest) -> tuple[Iterator[pb.StylizeResponse], str]:
    """The call of a running job, and its id."""
    call = daemon.stylize().Stylize(request)
    job_id = next(event.started.job_id for event in call if event.HasField("started"))
    next(event for event in call if event.HasField("progress") and event.progress.iteration >= 3)
    return call, job_id


def sheet_of(events: list[pb.StylizeResponse]) -> NDArray[np.float32]:
    """The result of a request for FLOATS."""
    layout = next(event.result_chunk.header.pixels for event in events if event.HasField("result_chunk"))
    return np.frombuffer(picture(events), "<f4").reshape(layout.height, layout.width, 3)


def pixels(image: pb.Image) -> Tensor:
    layout = image.raw.format
    samples = np.frombuffer(image.raw.data, np.uint8).reshape(layout.height, layout.width, 3)
    return torch.from_numpy(samples.copy()).permute(2, 0, 1)[None] / 255


def made_by_the_engine(looked_through: list[Tensor], query: FeatureQuery) -> NDArray[np.float32]:
    events = visualize(DeconvNetwork(load_weights()), looked_through, query)
    while True:
        try:
            next(events)
        except StopIteration as ended:
            return ended.value.sheet[0].permute(1, 2, 0).numpy()


def test_the_sheet_is_what_the_engine_makes_of_the_pictures(daemon: RealDaemon) -> None:
    request = features_request(*pictures(), result_format=FLOATS)
    request.features.count = 4
    expected = made_by_the_engine([pixels(image) for image in pictures()], FeatureQuery(LAYER, FILTER, 4))
    np.testing.assert_allclose(sheet_of(run(daemon, request)), expected, atol=1e-4)


def test_it_tells_its_size_its_steps_and_how_it_was_made(daemon: RealDaemon) -> None:
    events = run(daemon, features_request(*pictures(), seed=3))
    kinds = [event.WhichOneof("event") for event in events if not event.HasField("queued")]
    assert kinds[0] == "started"
    assert set(kinds[1:-2]) == {"progress"}
    assert kinds[-2:] == ["result_chunk", "summary"]
    started = next(event.started for event in events if event.HasField("started"))
    layout = Sheet.of(FeatureQuery(LAYER, FILTER), Backbone.VGG19)
    (level,) = started.plan
    assert (level.width, level.height, level.iterations) == (layout.width, layout.height, 3 + 9)
    assert started.precision == pb.PRECISION_FP32
    assert started.memory_estimate_bytes > 10_000_000
    with Image.open(io.BytesIO(picture(events))) as sheet:
        assert (sheet.format, sheet.mode, sheet.size) == ("PNG", "RGB", (layout.width, layout.height))
    last = [event.progress for event in events if event.HasField("progress")][-1]
    summary = events[-1].summary
    assert last.iteration == last.iterations == summary.iterations
    assert (list(last.terms), list(summary.terms)) == ([], [])
    assert summary.peak_memory_bytes > 0
    assert summary.seed == 3
    again = run(daemon, features_request(*pictures(), seed=3))
    assert picture(again) == picture(events)
    assert again[-1].summary.parameter_hash == summary.parameter_hash
    other = run(daemon, features_request(*pictures(2), seed=3))[-1].summary
    assert other.parameter_hash not in ("", summary.parameter_hash)


def test_larger_pictures_are_scaled_down_to_size(daemon: RealDaemon) -> None:
    large = raw_image(96, 64, seed=4)
    small = Image.frombytes("RGB", (96, 64), large.raw.data).resize((48, 32), Image.Resampling.BICUBIC)
    scaled = torch.from_numpy(np.array(small)).permute(2, 0, 1)[None] / 255
    request = features_request(large, result_format=FLOATS, tunables=pb.Tunables(size=48))
    expected = made_by_the_engine([scaled], FeatureQuery(LAYER, FILTER))
    np.testing.assert_allclose(sheet_of(run(daemon, request)), expected, atol=1e-4)


def test_fewer_responses_than_asked_for_are_told(daemon: RealDaemon) -> None:
    request = features_request(raw_image(24, 24))
    request.features.count = 100
    summary = run(daemon, request)[-1].summary
    assert "100 were asked for" in summary.warnings[0]
    assert 1 < summary.iterations < 100


def test_a_filter_that_responds_to_nothing_is_named(daemon: RealDaemon) -> None:
    black = pb.RawPixels(format=pb.RawFormat(width=32, height=32, channels=1), data=bytes(32 * 32))
    network = DeconvNetwork(load_weights())
    maps, _ = network.up(torch.zeros(1, 3, 32, 32), "relu1_1")
    silent = int(maps[0].amax((1, 2)).argmin())
    assert maps[0, silent].max() == 0
    with pytest.raises(grpc.RpcError) as caught:
        run(daemon, features_request(pb.Image(raw=black), layer="relu1_1", filter=silent))
    assert reason_of(caught.value) == "INVALID_PARAMETER"
    assert error_info(caught.value).metadata["field"] == "features.filter"
    assert f"Filter {silent} of relu1_1 responds to nothing" in str(caught.value.details())


def test_it_can_be_cancelled_while_it_looks(daemon: RealDaemon) -> None:
    call, job_id = under_way(daemon, long_request(daemon))
    assert daemon.stylize().CancelJob(pb.CancelJobRequest(job_id=job_id)).was_active
    with pytest.raises(grpc.RpcError) as caught:
        list(call)
    assert reason_of(caught.value) == "CANCELLED"
    wait_for(lambda: not daemon.admin().ListJobs(admin_pb2.ListJobsRequest()).jobs, 10, "the cancelled job")


def test_kept_it_shows_what_it_found_so_far(daemon: RealDaemon) -> None:
    call, job_id = under_way(daemon, long_request(daemon, result_format=FLOATS))
    assert daemon.stylize().CancelJob(pb.CancelJobRequest(job_id=job_id, keep=True)).was_active
    events = list(call)
    summary = events[-1].summary
    assert summary.stopped_early
    assert summary.parameter_hash == ""
    # Some pictures, and a projection each for the nine responses.
    assert 3 + 9 <= summary.iterations < 256
    layout = Sheet.of(FeatureQuery("relu4_1", FILTER), Backbone.VGG19)
    sheet = sheet_of(events)
    for index in range(9):
        left, top = layout.place(index, right=False)
        assert sheet[top : top + layout.cell, left : left + layout.cell].std() > 0


def test_it_has_nothing_to_be_steered(daemon: RealDaemon) -> None:
    call, job_id = under_way(daemon, long_request(daemon))
    with pytest.raises(grpc.RpcError) as caught:
        daemon.stylize().UpdateJob(pb.UpdateJobRequest(job_id=job_id, tunables=pb.Tunables(style_weight=3)))
    assert reason_of(caught.value) == "INVALID_REQUEST"
    assert "no weights" in str(caught.value.details())
    call.cancel()  # pyright: ignore[reportAttributeAccessIssue]


def changed(**fields) -> pb.StylizeRequest:
    return features_request(*pictures(1), **fields)


def with_query(**query) -> pb.StylizeRequest:
    request = changed()
    for name, value in query.items():
        setattr(request.features, name, value)
    return request


@pytest.mark.parametrize(
    ("make", "reason", "field", "told"),
    [
        (lambda: with_query(layer="relu9_9"), "UNKNOWN_LAYER", "features.layer", "relu9_9"),
        (lambda: with_query(layer=""), "UNKNOWN_LAYER", "features.layer", "relu1_1"),
        (lambda: with_query(filter=128), "INVALID_PARAMETER", "features.filter", "filters 0 to 127, not 128"),
        (lambda: with_query(count=0), "INVALID_PARAMETER", "features.count", "1 to 100"),
        (lambda: with_query(count=101), "INVALID_PARAMETER", "features.count", "1 to 100"),
        (features_request, "INVALID_REQUEST", "features.pictures", "0 pictures to look through; 1 to 256"),
        (
            lambda: features_request(*[pb.Image(image_id="sha256:0")] * 257),
            "INVALID_REQUEST",
            "features.pictures",
            "257 pictures",
        ),
        (
            lambda: features_request(raw_image(), raw_image(400, 20), tunables=pb.Tunables(size=64)),
            "IMAGE_TOO_SMALL",
            "features.pictures[1]",
            "choose a size",
        ),
        (
            lambda: features_request(raw_image(), pb.Image(image_id="sha256:0")),
            "IMAGE_NOT_FOUND",
            "features.pictures[1]",
            "upload it",
        ),
        (lambda: changed(content=raw_image()), "INVALID_REQUEST", "content", "leave content out"),
        (lambda: changed(styles=[pb.Style(name="oil")]), "INVALID_REQUEST", "styles", "leave styles out"),
        (lambda: changed(resume_from="1"), "INVALID_REQUEST", "resume_from", "leave resume_from out"),
        (
            lambda: changed(tunables=pb.Tunables(iterations=3)),
            "INVALID_PARAMETER",
            "tunables.iterations",
            "only size and backbone",
        ),
        (lambda: changed(tunables=pb.Tunables(size=3)), "INVALID_PARAMETER", "tunables.size", "size"),
        (lambda: changed(precision=pb.PRECISION_BF16), "INVALID_PARAMETER", "precision", "32-bit"),
        (
            lambda: changed(tunables=pb.Tunables(backbone=pb.BACKBONE_CAFFENET), layer="conv4"),
            "WEIGHTS_MISSING",
            "tunables.backbone",
            "caffenet",
        ),
    ],
)
def test_what_cannot_be_shown_is_refused_by_its_field(
    daemon: RealDaemon, make: Callable[[], pb.StylizeRequest], reason: str, field: str, told: str
) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        run(daemon, make())
    assert reason_of(caught.value) == reason
    assert error_info(caught.value).metadata["field"] == field
    assert told in str(caught.value.details())


def test_another_network_shows_its_filters_whatever_layers_the_preset_has(
    start_daemon: Callable[..., RealDaemon], tmp_path: Path
) -> None:
    daemon = start_daemon("--weights", weights_file(tmp_path, Backbone.CAFFENET))
    daemon.wait_until_loaded()
    network = pb.Tunables(backbone=pb.BACKBONE_CAFFENET)
    request = features_request(raw_image(96, 80), layer="relu2", filter=3, tunables=network, result_format=FLOATS)
    events = run(daemon, request)
    layout = Sheet.of(FeatureQuery("relu2", 3), Backbone.CAFFENET)
    assert sheet_of(events).shape == (layout.height, layout.width, 3)
    assert events[-1].summary.weights.backbone == pb.BACKBONE_CAFFENET
    with pytest.raises(grpc.RpcError) as caught:
        run(daemon, features_request(raw_image(96, 80), layer="relu2_1", tunables=network))
    assert reason_of(caught.value) == "UNKNOWN_LAYER"


def test_pictures_that_are_too_much_together_are_refused(start_daemon: Callable[..., RealDaemon]) -> None:
    daemon = start_daemon("max_feature_pixels=4000", "max_feature_pictures=4", module="tests.limited_daemon")
    assert daemon.wait_until_loaded().limits.max_feature_pictures == 4
    run(daemon, features_request(*pictures(2)))
    with pytest.raises(grpc.RpcError) as caught:
        run(daemon, features_request(*pictures(3)))
    assert reason_of(caught.value) == "IMAGE_TOO_LARGE"
    assert error_info(caught.value).metadata["field"] == "tunables.size"
    run(daemon, features_request(*pictures(3), tunables=pb.Tunables(size=36)))
    with pytest.raises(grpc.RpcError) as caught:
        run(daemon, features_request(*pictures(5)))
    assert "1 to 4 are accepted" in str(caught.value.details())


def test_its_pictures_are_free_again_afterwards_and_the_next_painting_is_as_ever(daemon: RealDaemon) -> None:
    before = picture(run(daemon, small_request(2)))
    run(daemon, features_request(*pictures()))
    assert picture(run(daemon, small_request(2))) == before
