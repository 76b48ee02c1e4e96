"""Promise: a painting that does not fit into memory at once is painted in blocks, the same picture; one that does not
fit at all is refused before it starts, with the largest size that does."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import grpc
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from neuralstyle.v1 import stylize_pb2 as pb
from stylized.engine.choices import Backend, Optimizer, Precision
from stylized.engine.fitting import Means, fit
from stylized.engine.parameters import LayerWeight
from stylized.engine.schedule import PictureSizes
from tests.engine.samples import parameters
from tests.promises.test_one_photo_becomes_one_painting import picture, run
from tests.real_daemon import RealDaemon, raw_image, reason_of, shallow, small_request

WIDTH, HEIGHT = 400, 300
MEANS = Means(Precision.FP32, Backend.WINOGRAD, torch.get_num_threads())


def _request(**fields) -> pb.StylizeRequest:
    return shallow(small_request(content=raw_image(WIDTH, HEIGHT), optimizer=pb.OPTIMIZER_ADAM, **fields))


def _estimate(max_bytes: int | None) -> int:
    """Of that request."""
    layers = (LayerWeight("relu1_2"),)
    chosen = parameters(optimizer=Optimizer.ADAM, content_layers=layers, style_layers=layers)
    return fit(PictureSizes((WIDTH, HEIGHT), ((40, 40),)), chosen, MEANS, max_bytes).peak_bytes


def _pixels(events: list[pb.StylizeResponse]) -> NDArray[np.int16]:
    with Image.open(io.BytesIO(picture(events))) as image:
        return np.asarray(image).astype(np.int16)


def _started(events: list[pb.StylizeResponse]) -> pb.Started:
    return next(event.started for event in events if event.HasField("started"))


def test_it_is_the_same_painting_and_the_user_is_told(
    daemon: RealDaemon, start_daemon: Callable[..., RealDaemon]
) -> None:
    whole = _estimate(None)
    limit = whole - 2**20
    little = start_daemon("--memory", str(limit / 2**30))
    ours, theirs = run(little, _request()), run(daemon, _request())
    assert _started(theirs).memory_estimate_bytes == whole
    assert _started(ours).memory_estimate_bytes <= limit
    assert any("in blocks of about" in warning for warning in ours[-1].summary.warnings)
    assert not any("in blocks" in warning for warning in theirs[-1].summary.warnings)
    # Rounding differs, and Adam divides small gradients by their own size.
    difference = np.abs(_pixels(ours) - _pixels(theirs))
    assert (difference <= 1).mean() > 0.999


def test_what_does_not_fit_in_blocks_is_refused_with_the_largest_size_that_does(
    start_daemon: Callable[..., RealDaemon],
) -> None:
    daemon = start_daemon("--memory", "0.1")
    with pytest.raises(grpc.RpcError) as caught:
        run(daemon, _request())
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert reason_of(caught.value) == "OUT_OF_MEMORY"
    sentence = re.search(r"use a size of at most (\d+)", caught.value.details() or "")
    assert sentence, caught.value.details()
    largest = int(sentence[1])
    assert run(daemon, _request(size=largest))[-1].HasField("summary")
    with pytest.raises(grpc.RpcError):
        run(daemon, _request(size=largest + 8))
