"""The hash that tells whether two paintings were asked for alike."""

from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import asdict
from typing import Any

from stylized.engine.choices import Backend, Precision
from stylized.engine.parameters import Parameters
from stylized.service.jobs import JobSpec
from stylized.service.uploads import StoredImage


def parameter_hash(spec: JobSpec, precision: Precision, backend: Backend, weights_sha256: str) -> str:
    """sha-256 over everything that decides the pixels: pictures, masks, parameters, seed, arithmetic, weights."""
    facts = {
        "content": _id(spec.content),
        "init_image": _id(spec.init_image),
        "mask": _id(spec.mask),
        "styles": [
            [style.image.image_id, style.weight, _id(style.mask), _id(style.source_mask)] for style in spec.styles
        ],
        "parameters": _plain(spec.parameters),
        "seed": spec.seed,
        "precision": precision.value,
        "backend": backend.value,
        "weights": weights_sha256,
    }
    if spec.features:
        pictures = [image.image_id for image in spec.features.pictures]
        facts["features"] = {**asdict(spec.features.query), "pictures": pictures}
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


@functools.lru_cache(maxsize=64)  # job after job has the same
def _plain(parameters: Parameters) -> dict[str, Any]:
    return asdict(parameters)


def _id(image: StoredImage | None) -> str | None:
    return image.image_id if image else None
