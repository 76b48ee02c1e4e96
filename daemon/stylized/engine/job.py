"""What goes into a painting and what comes out of it: the request, the events, and the state from which to go on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace

import torch
from torch import Tensor

from stylized.engine.choices import ColorMethod
from stylized.engine.color import keep_colors
from stylized.engine.held import Held
from stylized.engine.lane import Arrival, Lane
from stylized.engine.measurements import Measurements
from stylized.engine.objective import Evaluation
from stylized.engine.optimizers.memory import Memory, changed, tensors
from stylized.engine.parameters import Parameters
from stylized.engine.schedule import Level, PictureSizes, Size
from stylized.engine.targets import StyleSource
from stylized.engine.tiles import Tiling


@dataclass(frozen=True)
class Request:
    """What to paint.

    content: the photo, float32 [1, 3, H, W], sRGB 0..1, finite; None if nothing is taken from it. styles: none are
    needed if style_weight is 0. seed: of everything random, 0..2⁶⁴-1. init_image: where to start if `init` is image, as
    the photo, scaled to the painting. resume: goes on where an earlier painting stood, instead of at a start. mask:
    where to paint, [1, 1, H, W] of any size, 0..1; elsewhere the photo stays, so it needs one. None: everywhere.
    measurements: what was measured of named pictures for earlier paintings; what this one measures is added. None:
    nothing is kept. content_name: equal for no two photos that differ, as a hash; None: its maps are not kept. tilings:
    how the painting is cut at sizes at which it is too large to be computed at once (`fitting`).
    """

    content: Tensor | None
    styles: tuple[StyleSource, ...]
    parameters: Parameters
    seed: int
    init_image: Tensor | None = None
    resume: State | None = None
    mask: Tensor | None = None
    measurements: Measurements | None = None
    content_name: str | None = None
    tilings: Mapping[Size, Tiling] = field(default_factory=dict)

    @property
    def sizes(self) -> PictureSizes:
        """The sizes of its pictures."""
        return PictureSizes(
            content=None if self.content is None else size_of(self.content),
            styles=tuple(size_of(style.pixels) for style in self.styles),
            init_image=None if self.init_image is None else size_of(self.init_image),
        )


@dataclass(frozen=True)
class Planned:
    """First event: what will be done, and what the user should know about it, one sentence each."""

    levels: tuple[Level, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Step:
    """A step of the optimiser is done.

    iteration: counts from 1 over all levels. iterations: how many there will be at most; it falls when a level ends
    before its last step, and the last step's `iteration` equals it. Colours are laid on when `picture` is called,
    unless `color_method` has given them to the style before.
    """

    iteration: int
    iterations: int
    level: Level
    _evaluation: Evaluation
    _point: Tensor
    _shown: Shown
    _lane: Lane

    def losses(self) -> dict[str, float]:
        """Return the weighted losses at this step by name: content, style, tv. Waits for the device."""
        return numbers(self._evaluation)

    def send_losses(self) -> SentLosses:
        """Send for the same losses, without waiting for the device."""
        terms = self._evaluation.terms
        return SentLosses(tuple(terms), self.send(torch.stack(list(terms.values()))))

    def send(self, values: Tensor) -> Arrival:
        """Send for values that were made of this step's picture, without waiting for the device."""
        return self._lane.fetch(values)

    def picture(self) -> Tensor:
        """Return the painting at this step, float32 [1, 3, H, W] at the level's size, sRGB 0..1, on the device."""
        return self._shown.picture(self._point)


@dataclass(frozen=True)
class Finished:
    """Last event.

    picture: the painting, float32 [1, 3, H, W] at the full size, sRGB 0..1. losses: weighted, at the picture.
    iterations: steps done. stopped_early: EndNow came before the last of them. state: from which a Request can go on.
    """

    picture: Tensor
    losses: dict[str, float]
    iterations: int
    warnings: tuple[str, ...]
    stopped_early: bool
    state: State


Event = Planned | Step | Finished


@dataclass(frozen=True)
class SentLosses:
    """Losses on their way from the device."""

    _names: tuple[str, ...]
    _values: Arrival

    def ready(self) -> bool:
        """Tell whether they are there."""
        return self._values.ready()

    def wait(self) -> dict[str, float]:
        """Return them as `Step.losses` does, once they are there."""
        return dict(zip(self._names, self._values.wait().tolist(), strict=True))


@dataclass(frozen=True)
class EndNow:
    """Sent instead of a Steering: end with the painting as it is. color: as in Steering, if it changed."""

    color: float | None = None


# Parameters that say how to walk, not what is minimised: pairs of L-BFGS stay true when these change.
_OF_THE_WALK = {
    "iterations", "optimizer", "learning_rate", "history_size", "beta1", "beta2", "epsilon", "iterate",
    "average_decay", "plateau", "init", "noise_spread", "pink_exponent", "init_noise", "pyramid_factor",
    "pyramid_min_size", "coarsest_iterations", "iterations_growth", "pyramid_detail", "jitter",
}  # fmt: skip


@dataclass(frozen=True)
class State:
    """Where a painting stood, so that another can go on from there.

    point: the painting, float32 [1, 3, H, W], near 0..255. walk, iterates: what the optimiser and the choice among its
    iterates know; empty if dropped. steps: done in all. pictures: tells whether the same pictures are painted from.
    """

    point: Tensor
    walk: Memory
    iterates: Memory
    parameters: Parameters
    steps: int
    pictures: tuple[float, ...]

    @property
    def size(self) -> Size:
        """(width, height) of the painting."""
        return size_of(self.point)

    @property
    def size_bytes(self) -> int:
        """How much memory it takes."""
        return sum(tensor.nbytes for tensor in self.tensors)

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """All of them."""
        return (self.point, *tensors(self.walk), *tensors(self.iterates))

    def copied(self, copy: Callable[[Tensor], Tensor]) -> State:
        """The same with copies of its tensors, each made by `copy`."""
        walk, iterates = changed(self.walk, copy), changed(self.iterates, copy)
        return replace(self, point=copy(self.point), walk=walk, iterates=iterates)

    def without_memory(self) -> State:
        """Only the painting: a fraction of the size, from which an optimiser begins anew."""
        return replace(self, walk={}, iterates={})

    def has_optimizer_of(self, parameters: Parameters) -> bool:
        """Whether what the optimiser knows can be taken up under these parameters."""
        before = self.parameters
        same = (before.optimizer, before.history_size) == (parameters.optimizer, parameters.history_size)
        return same and bool(self.walk)

    def has_objective_of(self, parameters: Parameters, pictures: tuple[float, ...]) -> bool:
        """Whether the same is minimised under these parameters with these pictures."""
        return self.pictures == pictures and _objective(self.parameters) == _objective(parameters)


def fingerprint(request: Request, dtype: torch.dtype) -> tuple[float, ...]:
    """Return numbers that differ if the pictures of two requests, or the network's arithmetic, do."""
    pixels = [picture for style in request.styles for picture in (style.pixels, style.mask, style.source_mask)]
    pixels = [picture for picture in (*pixels, request.content, request.mask) if picture is not None]
    sums = [number for picture in pixels for number in (*size_of(picture), picture.sum().item(), picture.norm().item())]
    return (*sums, *(style.weight for style in request.styles), float(torch.finfo(dtype).bits))


def size_of(picture: Tensor) -> Size:
    """(width, height)"""
    return picture.shape[-1], picture.shape[-2]


@dataclass(frozen=True)
class Shown:
    """How a point of the walk is shown as a painting.

    photo: in the size of the points, sRGB 0..1; None without one. held: what keeps the photo outside the mask, if there
    is one.
    """

    photo: Tensor | None
    held: Held | None
    color_method: ColorMethod
    color: float

    def picture(self, point: Tensor) -> Tensor:
        """Return the painting, float32 [1, 3, H, W], sRGB 0..1, at a point in RGB 0..255."""
        painting = (point / 255.0).clamp(0.0, 1.0)
        if self.photo is None:
            return painting
        if self.color_method is ColorMethod.LUMINANCE:
            painting = keep_colors(painting, self.photo, self.color)
        return replace(self.held, photo=self.photo).shown(painting) if self.held else painting


def numbers(evaluation: Evaluation) -> dict[str, float]:
    """Return the terms as numbers. Waits for the device."""
    return {name: value.item() for name, value in evaluation.terms.items()}


def _objective(parameters: Parameters) -> dict[str, object]:
    return {name: value for name, value in asdict(parameters).items() if name not in _OF_THE_WALK}
