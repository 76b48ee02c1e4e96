"""How a painting was made, as it is kept on its layer: a persistent parasite that holds one JSON object.

The keys are those that the command line writes into its files (docs/gimp.md): preset, parameters, seed, precision,
weights, weights_sha256, version, parameter_hash; and `style`, in the plug-in's own words.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

PARASITE = "stylized"


def record(started: Any, summary: Any) -> dict[str, object]:
    """What the first and the last event of a job tell; `Started` and `Summary` of the contract."""
    from neuralstyle.v1 import stylize_pb2 as pb

    parameters = {field.name: _plain(field, value) for field, value in summary.parameters.ListFields()}
    if summary.stopped_early:  # the tunable counts steps at the full size, and 1 is the least
        coarser = sum(level.iterations for level in started.plan[:-1])
        parameters["iterations"] = max(1, summary.iterations - coarser)
    return {
        "preset": started.preset,
        "parameters": parameters,
        "seed": summary.seed,
        "precision": _choice(pb.Precision.DESCRIPTOR, summary.precision),
        "weights": summary.weights.name,
        "weights_sha256": summary.weights.sha256,
        "version": summary.server_version,
        "parameter_hash": summary.parameter_hash,
    }


def to_json(values: Mapping[str, object]) -> bytes:
    """The parasite's bytes."""
    return json.dumps(values, ensure_ascii=False, sort_keys=True).encode()


def _plain(field: Any, value: Any) -> object:
    if field.message_type is not None:
        return {layer.layer: layer.weight if layer.HasField("weight") else 1.0 for layer in value.layers}
    if field.enum_type is not None:
        return _choice(field.enum_type, value)
    return value


def _choice(choices: Any, number: int) -> str:
    """POOLING_MAX is "max", unspecified is "", a value from a newer daemon its number."""
    if number == 0:
        return ""
    if number not in choices.values_by_number:
        return str(number)
    prefix = choices.values_by_number[0].name.removesuffix("UNSPECIFIED")
    return choices.values_by_number[number].name.removeprefix(prefix).lower()
