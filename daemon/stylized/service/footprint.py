"""How much memory a job takes, and how much there is, as the front end can tell: without torch, and before the job is
given to a worker."""

from __future__ import annotations

from pathlib import Path

from stylized.engine.choices import Backend
from stylized.engine.memory import estimate_bytes, estimate_features_bytes
from stylized.engine.schedule import plan
from stylized.service.jobs import JobSpec

HEADROOM = 0.9
"""Share of the free memory that jobs may plan with: estimates are estimates, and others need memory too."""


def footprint_bytes(spec: JobSpec) -> int:
    """Estimated peak memory of a job on whatever backend, beyond the resident network."""
    if spec.features:
        pixels = max(width * height for width, height in spec.features.sizes)
        return estimate_features_bytes(pixels, spec.features.query.layer, spec.parameters.backbone)
    levels = plan(spec.sizes, spec.parameters, resumed=bool(spec.resume_from))
    return max(
        estimate_bytes(levels, spec.parameters, spec.precision, backend, spec.sizes.styles)
        for backend in (Backend.REFERENCE, Backend.WINOGRAD)
    )


def available_bytes() -> int | None:
    """Main memory that jobs may plan with, or None if this cannot be told."""
    kib = proc_field(Path("/proc/meminfo"), "MemAvailable")
    return None if kib is None else int(kib * 1024 * HEADROOM)


def proc_field(path: Path, name: str) -> int | None:
    """A number in kB from a file of /proc."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    return None
