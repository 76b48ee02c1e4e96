"""The painting itself: a generator of typed events.

`stylize` does no I/O and keeps no clock; whoever iterates decides what to look at. An event's tensors stay on the
device until its `losses` or `picture` is called, so a viewer who looks at few steps costs little. Closing the
generator between two steps stops the work and frees its memory; sending it a Steering steers the painting.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from stylized.engine.choices import ColorMethod, Init
from stylized.engine.color import keep_colors
from stylized.engine.held import Held
from stylized.engine.network import Network
from stylized.engine.objective import Evaluation, Objective
from stylized.engine.optimizers import NotFiniteError, make_optimizer
from stylized.engine.parameters import LossWeights, Parameters, Steering
from stylized.engine.regions import scale_mask
from stylized.engine.resample import resample
from stylized.engine.schedule import Level, plan, plan_warnings, style_size
from stylized.engine.targets import StyleSource, plan_regions, style_targets

# How often the generator looks whether the walk still gets anywhere; looking waits for the device.
_CHECK_EVERY = 10

# Noise around mid-gray, in pixel values of 0..255: a hundredth of the range. Ten times as much stays visible as grain
# between the strokes, since no loss of Gatys' objective takes it away; neural-style starts at 0.001 for this reason.
_NOISE_MEAN = 127.5
_NOISE_SPREAD = 2.55


@dataclass(frozen=True)
class Request:
    """What to paint.

    content: the photo, float32 [1, 3, H, W], sRGB 0..1, finite. styles: one or more. seed: of the noise, 0..2⁶⁴-1.
    mask: where to paint, [1, 1, H, W] of any size, 0..1; elsewhere the photo stays. None: everywhere.
    """

    content: Tensor
    styles: tuple[StyleSource, ...]
    parameters: Parameters
    seed: int
    mask: Tensor | None = None


@dataclass(frozen=True)
class Planned:
    """First event: what will be done, and what the user should know about it, one sentence each."""

    levels: tuple[Level, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Step:
    """A step of the optimiser is done. `iteration` counts from 1 over all levels, up to `iterations`.

    Colours are laid on when `picture` is called, unless `color_method` has given them to the style before.
    """

    iteration: int
    iterations: int
    level: Level
    _evaluation: Evaluation
    _point: Tensor
    _shown: _Shown

    def losses(self) -> dict[str, float]:
        """Return the weighted losses at this step by name: content, style, tv. Waits for the device."""
        return _numbers(self._evaluation)

    def picture(self) -> Tensor:
        """Return the painting at this step, float32 [1, 3, H, W], sRGB 0..1, on the network's device."""
        return self._shown.picture(self._point)

    def recolored(self, color: float) -> Step:
        """Return the same step with another `color`, as in Parameters, as far as that is laid on after painting."""
        return replace(self, _shown=replace(self._shown, color=color))


@dataclass(frozen=True)
class Finished:
    """Last event: the painting, float32 [1, 3, H, W], sRGB 0..1, its weighted losses, and the steps done."""

    picture: Tensor
    losses: dict[str, float]
    iterations: int
    warnings: tuple[str, ...]


Event = Planned | Step | Finished


def stylize(network: Network, request: Request) -> Generator[Event, Steering | None, None]:
    """Paint: yield Planned, then a Step after each step of the optimiser, then Finished.

    Whoever iterates may `send` a Steering: it holds from the next event on. The picture goes on from where it is.

    The same request gives the same bytes on the same machine with the same number of threads. Raises, before the
    first event, ParameterError (or UnknownLayerError), PictureTooSmallError and EmptyRegionError; later NotFiniteError,
    if the losses leave the finite numbers for good. A picture with NaN is never yielded by Finished.
    """
    parameters = request.parameters.validated()
    width, height = _size(request.content)
    levels = plan(width, height, parameters)
    (level,) = levels
    own_sizes = tuple(_size(style.pixels) for style in request.styles)
    for size in own_sizes:
        style_size(*size, level, parameters)  # refuses those that are too small
    regions = plan_regions(request.styles, request.mask, level)
    warnings = (*plan_warnings(width, height, own_sizes, parameters), *regions.warnings)
    yield Planned(levels, warnings)

    device = network.device
    photo = resample(request.content.to(device), level.width, level.height)
    content = 255.0 * photo
    mask = None if request.mask is None else request.mask.to(device)
    styles = [style.to(device) for style in request.styles]
    held = None if mask is None else Held(scale_mask(mask, level.width, level.height), content)
    shown = _Shown(photo, held, parameters.color_method, parameters.color)
    targets = style_targets(styles, regions.in_use, mask, photo, level, parameters)
    objective = Objective(network, content, targets, parameters)
    optimizer = make_optimizer(_start(content, request), parameters)
    for iteration in range(1, level.iterations + 1):
        optimizer.step(held.around(objective.evaluate) if held else objective.evaluate)
        if iteration % _CHECK_EVERY == 0:
            optimizer.check()
        steering = yield Step(iteration, level.iterations, level, optimizer.evaluation, optimizer.point, shown)
        if steering:
            before, parameters = parameters, steering.applied_to(parameters)
            shown = replace(shown, color=parameters.color)
            recolored = parameters.color != before.color and parameters.color_method is not ColorMethod.LUMINANCE
            if recolored:
                targets = style_targets(styles, regions.in_use, mask, photo, level, parameters)
            if iteration < level.iterations and (recolored or LossWeights.of(parameters) != LossWeights.of(before)):
                # Built anew, since a weight of 0 leaves its targets out; that costs less than a step.
                objective = Objective(network, content, targets, parameters)
                optimizer.objective_changed()

    picture = shown.picture(optimizer.point)
    if not bool(torch.isfinite(picture).all() & torch.isfinite(optimizer.evaluation.total)):
        raise NotFiniteError
    yield Finished(picture, _numbers(optimizer.evaluation), level.iterations, warnings)


@dataclass(frozen=True)
class _Shown:
    """How a point of the walk is shown as a painting."""

    photo: Tensor
    held: Held | None
    color_method: ColorMethod
    color: float

    def picture(self, point: Tensor) -> Tensor:
        painting = (point / 255.0).clamp(0.0, 1.0)
        if self.color_method is ColorMethod.LUMINANCE:
            painting = keep_colors(painting, self.photo, self.color)
        return replace(self.held, photo=self.photo).shown(painting) if self.held else painting


def _start(content: Tensor, request: Request) -> Tensor:
    if request.parameters.init is Init.CONTENT:
        return content
    # Drawn on the CPU, so that all devices start from the same noise.
    generator = torch.Generator().manual_seed(request.seed)
    noise = torch.randn(content.shape, generator=generator)
    return (_NOISE_MEAN + _NOISE_SPREAD * noise).clamp(0.0, 255.0).to(content.device)


def _size(picture: Tensor) -> tuple[int, int]:
    """(width, height)"""
    return picture.shape[-1], picture.shape[-2]


def _numbers(evaluation: Evaluation) -> dict[str, float]:
    return {name: value.item() for name, value in evaluation.terms.items()}
