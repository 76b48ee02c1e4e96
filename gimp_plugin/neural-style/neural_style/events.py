"""What the session tells: plain data, made in its thread, read in GIMP's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from neural_style.failures import Failure
from neural_style.orders import Preset
from neural_style.samples import Pixels


@dataclass(frozen=True)
class Style:
    """One of the daemon's own styles. thumbnail: a JPEG."""

    name: str
    title: str
    artist: str
    thumbnail: bytes


@dataclass(frozen=True)
class Starting:
    """No daemon ran; one is being started."""


@dataclass(frozen=True)
class Connected:
    """The daemon answers."""

    version: str
    device: str
    """Empty until it has loaded its network once."""
    features: frozenset[str]
    largest_size: int
    styles: tuple[Style, ...]
    presets: Mapping[str, Preset]


@dataclass(frozen=True)
class Waiting:
    """The job is in the queue; `jobs_ahead` counts the running one too."""

    job_id: str
    jobs_ahead: int


@dataclass(frozen=True)
class Started:
    """The job runs."""

    job_id: str
    device: str
    width: int
    height: int
    iterations: int


@dataclass(frozen=True)
class Progress:
    """Where it stands. eta: seconds to the end, or None while unknown."""

    iteration: int
    iterations: int
    eta: float | None


@dataclass(frozen=True)
class Frame:
    """What it looks like: RGB bytes."""

    iteration: int
    width: int
    height: int
    rgb: bytes


@dataclass(frozen=True)
class Painted:
    """The painting, and how it was made."""

    pixels: Pixels
    record: Mapping[str, object]
    """As it is kept on the layer; see `provenance`."""
    seconds: float
    """From the job's start to its result, as the daemon tells."""
    warnings: tuple[str, ...]


Event = Starting | Connected | Waiting | Started | Progress | Frame | Painted | Failure
