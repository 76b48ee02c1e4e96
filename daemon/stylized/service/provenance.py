"""The hash that tells whether two paintings were asked for alike."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict

from stylized.engine.choices import Precision
from stylized.service.jobs import JobSpec


def parameter_hash(spec: JobSpec, precision: Precision, weights_sha256: str) -> str:
    """sha-256 over everything that decides the pixels: pictures, parameters, seed, precision, weights."""
    facts = {
        "content": spec.content.image_id if spec.content else None,
        "init_image": spec.init_image.image_id if spec.init_image else None,
        "styles": [[style.image_id, weight] for style, weight in spec.styles],
        "parameters": asdict(spec.parameters),
        "seed": spec.seed,
        "precision": precision.value,
        "weights": weights_sha256,
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
