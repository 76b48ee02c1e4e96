"""The life of a job as events: plain dataclasses that mirror the contract, and their JSON form.

    Queued*  Started  (Progress | Frame)*  Result  Summary

This is the one place where event messages become Python values. Times are seconds, sizes are pixels or bytes, losses
carry their weights.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass, field, fields, is_dataclass
from typing import TypeAlias

import numpy as np
from google.protobuf.duration_pb2 import Duration
from PIL import Image

from neuralstyle.v1 import stylize_pb2 as pb
from stylize.tunables import TunableValue, choice_name, plain_tunables

_FRAME_FORMATS = pb.FrameFormat.DESCRIPTOR
_BACKBONES = pb.Backbone.DESCRIPTOR
_PRECISIONS = pb.Precision.DESCRIPTOR
_RESULT_FORMATS = pb.ResultFormat.DESCRIPTOR
_DEEP = "raw_uint16"


@dataclass(frozen=True)
class Queued:
    """The job waits. Comes again whenever its place changes."""

    job_id: str
    jobs_ahead: int
    """Jobs, the running ones among them, that end before this one begins; 0 means that it is next."""


@dataclass(frozen=True)
class Level:
    """One size at which the picture is optimised."""

    width: int
    height: int
    iterations: int


@dataclass(frozen=True)
class Started:
    """The job runs; what it will do."""

    job_id: str
    seed: int
    device: str
    """Such as "cpu (AMD EPYC, 2 threads)"."""
    precision: str
    """ "fp32" or "bf16"."""
    preset: str
    parameters: dict[str, TunableValue]
    """All tunables in use, in the form that `Client.stylize` accepts."""
    plan: tuple[Level, ...]
    memory_estimate_bytes: int
    backend: str
    """How the network is computed, such as "winograd"; empty from a daemon that does not tell."""


@dataclass(frozen=True)
class Progress:
    """Where the job stands."""

    iteration: int
    """Steps done, from 1."""
    iterations: int
    """Steps in all."""
    terms: dict[str, float]
    """Weighted losses by name: "content", "style", "tv"."""
    loss: float
    """Their sum."""
    elapsed: float
    """Seconds spent painting."""
    eta: float | None
    """Estimated seconds to the end, None while unknown."""


@dataclass(frozen=True)
class Frame:
    """A preview of the painting, without alpha."""

    sequence: int
    skipped: int
    """Frames that this viewer was too slow for since the last one."""
    iteration: int
    width: int
    height: int
    format: str
    """ "jpeg", "png" or "raw_rgb8"."""
    data: bytes = field(repr=False)

    def image(self) -> Image.Image:
        """The frame as a Pillow image, mode RGB, sRGB."""
        if self.format == choice_name(_FRAME_FORMATS, pb.FRAME_FORMAT_RAW_RGB8):
            return Image.frombytes("RGB", (self.width, self.height), self.data)
        return Image.open(io.BytesIO(self.data)).convert("RGB")

    def encoded(self, kind: str) -> bytes:
        """The frame as a file of Pillow's format `kind`, such as "PNG"; as it came if it is one already."""
        if kind.lower() == self.format:
            return self.data
        stream = io.BytesIO()
        self.image().save(stream, kind)
        return stream.getvalue()


@dataclass(frozen=True)
class Result:
    """The finished painting, assembled from its chunks: sRGB, upright, with alpha if the photo had it."""

    width: int
    height: int
    channels: int
    """3 for RGB, 4 for RGBA."""
    size_bytes: int
    data: bytes = field(repr=False)
    format: str = "png"
    """What `data` is: "png", or "raw_uint8" or "raw_uint16" for the samples alone, row by row, little endian."""

    @property
    def depth(self) -> int:
        """Bits a sample: 8 or 16."""
        return 16 if self.format == _DEEP else 8

    def image(self) -> Image.Image:
        """The painting as a Pillow image of 8 bits a sample, mode RGB or RGBA, sRGB; 16 bits are rounded."""
        if self.format == "png":
            image = Image.open(io.BytesIO(self.data))
            image.load()
            return image
        samples = self.array()
        if self.depth == 16:
            samples = ((samples.astype(np.uint32) + 128) // 257).astype(np.uint8)
        return Image.fromarray(samples)

    def array(self) -> np.ndarray:
        """The painting as uint8 or, if `depth` is 16, uint16 [H, W, 3 or 4], sRGB; alpha is straight."""
        if self.format == "png":
            return np.array(self.image())
        samples = np.frombuffer(self.data, "<u2" if self.depth == 16 else "u1")
        return samples.reshape(self.height, self.width, self.channels)


@dataclass(frozen=True)
class Weights:
    """The network's weights."""

    name: str
    sha256: str
    backbone: str
    """The network, such as "vgg19"."""


@dataclass(frozen=True)
class Summary:
    """How the job went; the last event."""

    job_id: str
    iterations: int
    terms: dict[str, float]
    loss: float
    queued_time: float
    """Seconds in the queue."""
    run_time: float
    """Seconds from start to result."""
    peak_memory_bytes: int
    seed: int
    device: str
    precision: str
    server_version: str
    weights: Weights
    parameter_hash: str
    """Equal hashes mean equal paintings on one machine; empty if the job was steered or stopped early."""
    warnings: tuple[str, ...]
    stopped_early: bool
    """True if it was ended, painting kept, before its last iteration."""
    parameters: dict[str, TunableValue]
    """All tunables as they were at the end; `iterations` as asked for."""


Event: TypeAlias = Queued | Started | Progress | Frame | Result | Summary


def event_from_proto(response: pb.StylizeResponse) -> Event | None:
    """The event in a message, or None for what a newer daemon may send beyond this contract.

    Result chunks are no events; `stylize.job` assembles them.
    """
    match response.WhichOneof("event"):
        case "queued":
            return Queued(response.queued.job_id, response.queued.jobs_ahead)
        case "started":
            return _started(response.started)
        case "progress":
            return _progress(response.progress)
        case "frame":
            return _frame(response.frame)
        case "summary":
            return _summary(response.summary)
        case _:
            return None


def result_from_chunks(header: pb.ResultHeader, data: bytes) -> Result:
    """The painting whose chunks, put together, are `data`."""
    pixels = header.pixels
    return Result(
        width=pixels.width,
        height=pixels.height,
        channels=pixels.channels,
        size_bytes=len(data),
        data=data,
        format=choice_name(_RESULT_FORMATS, header.format) or "png",
    )


def event_to_dict(event: object) -> dict[str, object]:
    """The JSON form of an event: `{"event": "progress", "iteration": 12, ...}`. Picture data is left out."""
    return {"event": type(event).__name__.lower(), **_plain_fields(event)}


def _plain_fields(value: object) -> dict[str, object]:
    assert is_dataclass(value)
    return {item.name: _plain(getattr(value, item.name)) for item in fields(value) if item.name != "data"}


def _plain(value: object) -> object:
    if is_dataclass(value):
        return _plain_fields(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None  # JSON has no word for it
    return value


def _started(message: pb.Started) -> Started:
    return Started(
        job_id=message.job_id,
        seed=message.seed,
        device=message.device,
        precision=choice_name(_PRECISIONS, message.precision),
        preset=message.preset,
        parameters=plain_tunables(message.parameters),
        plan=tuple(Level(level.width, level.height, level.iterations) for level in message.plan),
        memory_estimate_bytes=message.memory_estimate_bytes,
        backend=message.backend,
    )


def _progress(message: pb.Progress) -> Progress:
    return Progress(
        iteration=message.iteration,
        iterations=message.iterations,
        terms={term.name: term.value for term in message.terms},
        loss=message.loss,
        elapsed=_seconds(message.elapsed),
        eta=_seconds(message.eta) if message.HasField("eta") else None,
    )


def _frame(message: pb.Frame) -> Frame:
    return Frame(
        sequence=message.sequence,
        skipped=message.skipped,
        iteration=message.iteration,
        width=message.width,
        height=message.height,
        format=choice_name(_FRAME_FORMATS, message.format),
        data=message.data,
    )


def _summary(message: pb.Summary) -> Summary:
    return Summary(
        job_id=message.job_id,
        iterations=message.iterations,
        terms={term.name: term.value for term in message.terms},
        loss=message.loss,
        queued_time=_seconds(message.queued_time),
        run_time=_seconds(message.run_time),
        peak_memory_bytes=message.peak_memory_bytes,
        seed=message.seed,
        device=message.device,
        precision=choice_name(_PRECISIONS, message.precision),
        server_version=message.server_version,
        weights=Weights(
            message.weights.name, message.weights.sha256, choice_name(_BACKBONES, message.weights.backbone)
        ),
        parameter_hash=message.parameter_hash,
        warnings=tuple(message.warnings),
        stopped_early=message.stopped_early,
        parameters=plain_tunables(message.parameters),
    )


def _seconds(duration: Duration) -> float:
    return duration.seconds + duration.nanos / 1e9
