"""Sizes and iterations: pure arithmetic on widths and heights. Free of torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil

from stylized.engine.layers import MIN_SIDE, min_side
from stylized.engine.parameters import RANGES, Parameters

# 18 sizes lead from 16 to 8192 pixels in steps of the root of 2; a factor near 1 would make hundreds of no use.
_MAX_LEVELS = 32

Size = tuple[int, int]
"""(width, height) in pixels."""


class PictureTooSmallError(ValueError):
    """A picture with a side under what the network needs, or one that would have such a side at the size asked for.

    `smallest_size` is the least long side that works, or None if no size does.
    """

    def __init__(self, message: str, smallest_size: int | None) -> None:
        super().__init__(message)
        self.message = message
        self.smallest_size = smallest_size


@dataclass(frozen=True)
class Level:
    """One size in pixels at which the picture is optimised, and for how many steps at most.

    scale: its long side as a share of that of the full size.
    """

    width: int
    height: int
    iterations: int
    scale: float = 1.0


@dataclass(frozen=True)
class PictureSizes:
    """The sizes of a job's pictures as they came; None for one that was left out."""

    content: Size | None
    styles: tuple[Size, ...]
    init_image: Size | None = None


def fit_size(width: int, height: int, long_side: int, least: int = MIN_SIDE, *, enlarge: bool = False) -> Size:
    """Return (width, height) of a picture scaled down to a long side, its proportions kept.

    A picture is not enlarged, unless `enlarge` says so: the long side is min(long_side, its own). Sides are rounded to
    the nearest pixel. Raises PictureTooSmallError if a side would fall under `least` pixels, where the network has
    layers without a cell; it names the smallest size that works. Cropping or stretching a strip of a picture would be
    no answer to the user.
    """
    if min(width, height) < least:
        raise PictureTooSmallError(
            f"The picture is {width} x {height} pixels: use one with at least {least} pixels on each side.", None
        )
    own = max(width, height)
    scaled = long_side if enlarge else min(long_side, own)
    fitted_width, fitted_height = _scaled(width, scaled, own), _scaled(height, scaled, own)
    if min(fitted_width, fitted_height) < least:
        # The least s with round(short * s / own) >= least, rounding halves up.
        smallest = ceil((2 * least - 1) * own / (2 * min(width, height)))
        raise PictureTooSmallError(
            f"The picture of {width} x {height} pixels would be {fitted_width} x {fitted_height} at size {long_side}: "
            f"choose a size of at least {smallest}.",
            smallest,
        )
    return fitted_width, fitted_height


def plan(sizes: PictureSizes, parameters: Parameters, *, resumed: bool = False) -> tuple[Level, ...]:
    """Return the sizes and iterations at which a job is painted, from coarse to fine.

    The painting has the photo's proportions and is never larger than it. Without a photo it has those of the first
    style, else of the init image, else it is a square; then its long side is `size`, whatever theirs. resumed: the
    painting goes on at its full size only. Raises PictureTooSmallError as `fit_size` does.
    """
    least = min_side(parameters.backbone)
    if sizes.content:
        shape, enlarge = sizes.content, False
    else:
        shape, enlarge = next(iter(sizes.styles), None) or sizes.init_image or (least, least), True
    full = fit_size(*shape, parameters.size, least, enlarge=enlarge)
    if resumed or parameters.pyramid_factor == 1:
        return (Level(*full, parameters.iterations),)
    long_side = max(full)
    levels = [Level(*full, parameters.iterations)]
    iterations = float(parameters.iterations)
    for step in range(1, _MAX_LEVELS):
        side = round(long_side / parameters.pyramid_factor**step)
        if side == max(levels[-1].width, levels[-1].height):
            continue
        try:
            size = fit_size(*shape, side, least, enlarge=enlarge)
        except PictureTooSmallError:
            break
        if side < parameters.pyramid_min_size:
            break
        iterations = min(iterations * parameters.iterations_growth, RANGES["iterations"].maximum)
        levels.append(Level(*size, max(1, round(iterations)), side / long_side))
    if parameters.coarsest_iterations:
        levels[-1] = replace(levels[-1], iterations=parameters.coarsest_iterations)
    return tuple(reversed(levels))


def style_long_side(level: Level, parameters: Parameters) -> int:
    """Return the long side in pixels that a style picture should have at a level."""
    least = min_side(parameters.backbone)
    if parameters.style_size:
        return max(least, round(parameters.style_size * level.scale))
    return max(least, round(max(level.width, level.height) * parameters.style_scale))


def style_size(width: int, height: int, level: Level, parameters: Parameters) -> Size:
    """Return (width, height) at which a style picture of width x height pixels is looked at.

    Its long side is `style_long_side`, or its own if that is less. A strip of a style keeps on its short side what the
    network needs. Raises PictureTooSmallError if a side of the style itself is under that.
    """
    long_side = style_long_side(level, parameters)
    least = min_side(parameters.backbone)
    try:
        return fit_size(width, height, long_side, least)
    except PictureTooSmallError as error:
        if error.smallest_size is None:
            raise
        return fit_size(width, height, error.smallest_size, least)


def plan_warnings(sizes: PictureSizes, levels: Sequence[Level], parameters: Parameters) -> tuple[str, ...]:
    """Say in a sentence each what the user asks for and will not get: photos and styles are never enlarged."""
    warnings = []
    if sizes.content and parameters.size > max(sizes.content):
        own = max(sizes.content)
        warnings.append(
            f"The photo's long side is {own} pixels, so the painting has {own} and not {parameters.size}: "
            "photos are not enlarged."
        )
    wanted = style_long_side(levels[-1], parameters)
    knob = "style_size" if parameters.style_size else "style_scale"
    for number, style in enumerate(sizes.styles, start=1):
        if max(style) < wanted:
            warnings.append(
                f"Style {number} has a long side of {max(style)} pixels where {wanted} were asked for: its strokes "
                f"will be finer than intended; use a larger picture of it or a smaller {knob}."
            )
    return tuple(warnings)


def _scaled(side: int, numerator: int, denominator: int) -> int:
    """Round side * numerator / denominator to the nearest whole number, halves up, without floating point."""
    return (2 * side * numerator + denominator) // (2 * denominator)
