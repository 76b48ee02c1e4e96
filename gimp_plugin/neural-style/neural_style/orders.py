"""From settings to what the daemon is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from neural_style.arguments import MIN_SIZE, Quality, Settings
from neural_style.samples import Pixels, SampleType

PREVIEW_SIDE = 256
"""Long side of the dialog's preview painting: a step takes a tenth of a second even on a CPU."""
PREVIEW_ITERATIONS = 60
LARGEST_FRAME = 512
"""Longest side of a frame of plain pixels that the daemon sends."""

WORK: Mapping[Quality, tuple[float, float]] = {
    Quality.DRAFT: (0.5, 0.67),
    Quality.STANDARD: (1.0, 1.0),
    Quality.FINE: (2.0, 2.0),
}
"""Factors on the preset's iterations and size."""


@dataclass(frozen=True)
class Preset:
    """One of the daemon's presets: what of it the plug-in builds on."""

    name: str
    description: str
    size: int
    iterations: int
    style_scale: float


@dataclass(frozen=True)
class Order:
    """A job as the daemon is asked for it."""

    content: Pixels
    style: str | Pixels | bytes
    """Name of a built-in style, pixels, or the bytes of a picture file."""
    preset: str
    tunables: Mapping[str, float]
    """Departures from the preset, by their names in the contract."""
    seed: int
    result: SampleType
    frame_side: int
    """Longest side of the preview frames; 0 for none."""
    frame_interval: float = 0.25
    """Least seconds between two."""
    detach: bool = False


def painting_size(settings: Settings, preset: Preset, largest: int) -> int:
    """Long side of the painting in pixels, before it is found out that the layer is smaller."""
    wanted = settings.size or round(preset.size * WORK[settings.quality][1])
    return max(MIN_SIZE, min(wanted, largest))


def tunables(settings: Settings, preset: Preset, largest: int) -> dict[str, float]:
    """What a painting departs from its preset in."""
    return {
        "size": painting_size(settings, preset, largest),
        "iterations": max(1, round(preset.iterations * WORK[settings.quality][0])),
        "style_scale": preset.style_scale * settings.stroke_size / 100.0,
        **steering(settings),
    }


def preview_tunables(settings: Settings, preset: Preset) -> dict[str, float]:
    """The same for a preview: small, and done soon."""
    return {
        **tunables(settings, preset, PREVIEW_SIDE),
        "size": PREVIEW_SIDE,
        "iterations": min(PREVIEW_ITERATIONS, preset.iterations),
    }


def steering(settings: Settings) -> dict[str, float]:
    """What can change while a painting runs."""
    return {"strength": settings.strength / 100.0, "color": 1.0 - settings.keep_colors / 100.0}


def needs_restart(old: Settings, new: Settings) -> bool:
    """True if a preview of `old` cannot be steered to `new` and must begin again."""
    return preview_key(old) != preview_key(new)


def preview_key(settings: Settings) -> tuple[object, ...]:
    """All that a preview depends on, without what it can be steered by, or what only the painting's size depends on."""
    return (
        settings.style,
        settings.style_file,
        settings.style_drawable,
        settings.preset,
        settings.stroke_size,
        settings.seed,
    )
