"""Sizes and iterations: pure arithmetic on widths and heights. Free of torch."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from stylized.engine.layers import MIN_SIDE, min_side
from stylized.engine.parameters import Parameters


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
    """One size in pixels at which the picture is optimised, and for how many steps."""

    width: int
    height: int
    iterations: int


def fit_size(width: int, height: int, long_side: int, least: int = MIN_SIDE) -> tuple[int, int]:
    """Return (width, height) of a picture scaled down to a long side, its proportions kept.

    A picture is never enlarged: the long side is min(long_side, its own). Sides are rounded to the nearest pixel.
    Raises PictureTooSmallError if a side would fall under `least` pixels, where the network has layers without a cell;
    it names the smallest size that works. Cropping or stretching a strip of a picture would be no answer to the user.
    """
    if min(width, height) < least:
        raise PictureTooSmallError(
            f"The picture is {width} x {height} pixels: use one with at least {least} pixels on each side.", None
        )
    own = max(width, height)
    scaled = min(long_side, own)
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


def plan(width: int, height: int, parameters: Parameters) -> tuple[Level, ...]:
    """Return the sizes and iterations at which a photo of width x height pixels is painted, in order.

    Raises PictureTooSmallError as `fit_size` does.
    """
    fitted_width, fitted_height = fit_size(width, height, parameters.size, min_side(parameters.backbone))
    return (Level(fitted_width, fitted_height, parameters.iterations),)


def style_long_side(level: Level, parameters: Parameters) -> int:
    """Return the long side in pixels that a style picture should have at a level."""
    return max(min_side(parameters.backbone), round(max(level.width, level.height) * parameters.style_scale))


def style_size(width: int, height: int, level: Level, parameters: Parameters) -> tuple[int, int]:
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


def plan_warnings(
    width: int, height: int, style_sizes: tuple[tuple[int, int], ...], parameters: Parameters
) -> tuple[str, ...]:
    """Say in a sentence each what the user asks for and will not get: no picture is ever enlarged."""
    warnings = []
    own = max(width, height)
    if parameters.size > own:
        warnings.append(
            f"The photo's long side is {own} pixels, so the painting has {own} and not {parameters.size}: "
            "photos are not enlarged."
        )
    wanted = style_long_side(plan(width, height, parameters)[-1], parameters)
    for number, style in enumerate(style_sizes, start=1):
        if max(style) < wanted:
            warnings.append(
                f"Style {number} has a long side of {max(style)} pixels where {wanted} were asked for: its strokes "
                "will be finer than intended; use a larger picture of it or a smaller style_scale."
            )
    return tuple(warnings)


def _scaled(side: int, numerator: int, denominator: int) -> int:
    """Round side * numerator / denominator to the nearest whole number, halves up, without floating point."""
    return (2 * side * numerator + denominator) // (2 * denominator)
