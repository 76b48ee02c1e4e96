"""What a painting must be, found without the plug-in: the same pixels and parameters through plain gRPC, and GIMP's
colour conversions written out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuralstyle.v1 import stylize_pb2 as pb
from stylize.tunables import build_tunables
from tests.real_daemon import RealDaemon, upload

SAMPLE_TYPES = {
    "uint8": pb.SAMPLE_TYPE_UINT8,
    "uint16": pb.SAMPLE_TYPE_UINT16,
    "float32": pb.SAMPLE_TYPE_FLOAT32,
}


def painting(daemon: RealDaemon, rgb: NDArray[Any], record: dict[str, Any]) -> NDArray[Any]:
    """The painting of these pixels ([H, W, 3], uint8, uint16 or float32) as the record says: floats 0..1."""
    stub = daemon.stylize()
    height, width = rgb.shape[:2]
    layout = pb.RawFormat(width=width, height=height, channels=3, sample_type=SAMPLE_TYPES[rgb.dtype.name])
    stored = upload(stub, np.ascontiguousarray(rgb).tobytes(), layout)
    request = pb.StylizeRequest(
        content=pb.Image(image_id=stored.image_id),
        preset=record["preset"],
        tunables=build_tunables(record["parameters"]),
        seed=record["seed"],
        result_format=pb.RESULT_FORMAT_RAW_FLOAT32,
    )
    request.styles.add(name=record["style"])
    chunks, size = [], (0, 0)
    for response in stub.Stylize(request):
        if response.HasField("result_chunk"):
            chunk = response.result_chunk
            chunks.append(chunk.data)
            if chunk.HasField("header"):
                size = (chunk.header.pixels.height, chunk.header.pixels.width)
    return np.frombuffer(b"".join(chunks), "<f4").reshape(*size, 3).astype(np.float64)


def linear(encoded: NDArray[Any]) -> NDArray[Any]:
    """Linear light of sRGB values (IEC 61966-2-1)."""
    return np.where(encoded <= 0.04045, encoded / 12.92, ((np.maximum(encoded, 0) + 0.055) / 1.055) ** 2.4)


def encoded(light: NDArray[Any]) -> NDArray[Any]:
    """The inverse."""
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * np.maximum(light, 1e-12) ** (1 / 2.4) - 0.055)


def as_gray(rgb: NDArray[Any]) -> NDArray[Any]:
    """What GIMP makes of sRGB values in a gray image: their luminance in linear light, with the primaries' weights
    adapted to D50 as ICC profiles have them."""
    luminance = linear(rgb) @ np.array([0.2225, 0.7169, 0.0606])
    return np.repeat(encoded(luminance)[..., None], 3, axis=-1)
