"""Promise: a daemon has VGG19 and whatever networks it was started with, says which, and refuses others at once."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import grpc
import numpy as np
import pytest

from neuralstyle.v1 import stylize_pb2 as pb
from neuralstyle.v1.endpoint import WEIGHTS_VARIABLE
from stylized.engine.choices import Backbone
from tests.engine.samples import random_weights
from tests.real_daemon import RealDaemon, error_info, raw_image, small_request

StartDaemon = Callable[..., RealDaemon]


def weights_file(folder: Path, backbone: Backbone) -> str:
    """A file with random weights, in the naming of TensorFlow's VGG16."""
    arrays = {}
    for name, (weight, bias) in random_weights(backbone).layers.items():
        arrays[f"{name}_W"], arrays[f"{name}_b"] = weight.permute(2, 3, 1, 0).numpy(), bias.numpy()
    path = folder / f"{backbone.value}.npz"
    np.savez(path, **arrays)
    return str(path)


def caffenet_request(**fields) -> pb.StylizeRequest:
    request = small_request(2, backbone=pb.BACKBONE_CAFFENET, **fields)
    request.tunables.content_layers.layers.add(layer="conv4")
    request.tunables.style_layers.layers.add(layer="relu2")
    return request


def refusal(daemon: RealDaemon, request: pb.StylizeRequest) -> tuple[str, str, str]:
    """Reason, field and sentence with which a request is refused, and that nothing of a job was told before."""
    events = []
    with pytest.raises(grpc.RpcError) as caught:
        events.extend(daemon.stylize().Stylize(request))
    assert events == []
    info = error_info(caught.value)
    return info.reason, info.metadata["field"], caught.value.details() or ""


def test_a_network_without_weights_is_refused_before_the_job_is_queued(daemon: RealDaemon) -> None:
    reason, field, sentence = refusal(daemon, small_request(2, backbone=pb.BACKBONE_VGG16))
    assert (reason, field) == ("WEIGHTS_MISSING", "tunables.backbone")
    assert "no weights of vgg16" in sentence
    assert "stylize daemon start --weights FILE" in sentence
    info = daemon.stylize().GetServerInfo(pb.GetServerInfoRequest())
    assert [(one.name, one.backbone) for one in info.all_weights] == [("vgg19-caffe-q8", pb.BACKBONE_VGG19)]


def test_it_is_refused_in_the_same_way_while_the_daemon_still_loads(start_daemon: StartDaemon) -> None:
    reason, field, _ = refusal(start_daemon(), small_request(2, backbone=pb.BACKBONE_VGG16))
    assert (reason, field) == ("WEIGHTS_MISSING", "tunables.backbone")


def test_networks_that_it_was_given_paint_and_the_summary_tells_whose_weights(
    start_daemon: StartDaemon, tmp_path: Path
) -> None:
    files = [weights_file(tmp_path, backbone) for backbone in (Backbone.VGG16, Backbone.CAFFENET)]
    daemon = start_daemon("--weights", files[0], "--weights", files[1], "--threads", "1")
    info = daemon.wait_until_loaded()
    assert info.weights == info.all_weights[0]
    names = {one.backbone: one.name for one in info.all_weights}
    assert names == {
        pb.BACKBONE_VGG19: "vgg19-caffe-q8",
        pb.BACKBONE_VGG16: "file:vgg16.npz",
        pb.BACKBONE_CAFFENET: "file:caffenet.npz",
    }
    hashes = set()
    for request in (small_request(2), small_request(2, backbone=pb.BACKBONE_VGG16), caffenet_request()):
        summary = list(daemon.stylize().Stylize(request))[-1].summary
        backbone = request.tunables.backbone or pb.BACKBONE_VGG19
        assert (summary.weights.backbone, summary.weights.name) == (backbone, names[backbone])
        assert np.isfinite(summary.loss)
        hashes.add(summary.parameter_hash)
    assert len(hashes) == 3

    request = caffenet_request()
    request.tunables.style_layers.layers.add(layer="relu4_2")
    reason, field, sentence = refusal(daemon, request)
    assert (reason, field) == ("UNKNOWN_LAYER", "tunables.style_layers")
    assert "'relu4_2', which caffenet does not have: use names such as relu1" in sentence
    reason, field, sentence = refusal(daemon, caffenet_request(content=raw_image(60, 22)))
    assert (reason, field) == ("IMAGE_TOO_SMALL", "content")
    assert "at least 23 pixels" in sentence


def test_the_environment_gives_weights_for_good(
    start_daemon: StartDaemon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [weights_file(tmp_path, backbone) for backbone in (Backbone.CAFFENET, Backbone.VGG19)]
    monkeypatch.setenv(WEIGHTS_VARIABLE, os.pathsep.join(files))
    info = start_daemon().wait_until_loaded()
    assert [one.name for one in info.all_weights] == ["file:vgg19.npz", "file:caffenet.npz"]
