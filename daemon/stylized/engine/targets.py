"""From style pictures to what the objective compares with: scaled, in the wanted colours, each with its region."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from stylized.engine.color import match_colors
from stylized.engine.objective import StyleTarget
from stylized.engine.parameters import Parameters
from stylized.engine.regions import EmptyRegionError, divide, is_black, scale_mask
from stylized.engine.resample import resample
from stylized.engine.schedule import Level, style_size


@dataclass(frozen=True)
class StyleSource:
    """A style picture, float32 [1, 3, H, W], sRGB 0..1, and its share in the mix, > 0; only ratios matter.

    mask: where in the painting it goes; None: what the masks of other styles leave, all of it if there are none.
    source_mask: which part of the style picture counts; None: all of it. Both [1, 1, H, W], 0..1, of any size.
    name: equal for no two pairs of pixels and source_mask that differ, as a hash of both; with it, what they measure
    is kept for the next painting (Request.measurements). None: it is not.
    """

    pixels: Tensor
    weight: float
    mask: Tensor | None = None
    source_mask: Tensor | None = None
    name: str | None = None

    def to(self, device: torch.device) -> StyleSource:
        """The same with its pictures on a device."""
        mask = None if self.mask is None else self.mask.to(device)
        source_mask = None if self.source_mask is None else self.source_mask.to(device)
        return replace(self, pixels=self.pixels.to(device), mask=mask, source_mask=source_mask)


@dataclass(frozen=True)
class RegionPlan:
    """Which styles have somewhere to go, by their place in the request, and a sentence for each that has not."""

    in_use: tuple[int, ...]
    warnings: tuple[str, ...]


def plan_regions(styles: Sequence[StyleSource], painted: Tensor | None, level: Level) -> RegionPlan:
    """Look whether every mask leaves something to do.

    painted: where to paint, [1, 1, H, W], 0..1, of any size; None: everywhere. level: the largest size. Raises
    EmptyRegionError for a mask that is black, and if no style has anywhere to go. Waits for the device.
    """
    _check_masks(styles, painted)
    regions = _regions(styles, painted, level)
    in_use = tuple(index for index, region in enumerate(regions) if region is None or not is_black(region))
    if styles and not in_use:
        raise EmptyRegionError(
            "styles[0].mask", "The masks of the styles lie outside what is painted: make them meet its mask."
        )
    warnings = [
        f"Style {index + 1} goes nowhere, as "
        + ("the masks of the others cover the painting" if style.mask is None else "its mask lies outside the painting")
        + ": it was left out."
        for index, style in enumerate(styles)
        if index not in in_use
    ]
    return RegionPlan(in_use, tuple(warnings))


def style_targets(
    styles: Sequence[StyleSource],
    in_use: Sequence[int],
    painted: Tensor | None,
    photo: Tensor | None,
    level: Level,
    parameters: Parameters,
) -> list[StyleTarget]:
    """What the objective compares with at one size.

    in_use: of RegionPlan. painted: as there. photo: [1, 3, height, width] at the level's size, sRGB 0..1, on the
    network's device; None: no colours are matched.
    """
    regions = _regions(styles, painted, level)
    targets = []
    for index in in_use:
        style, region = styles[index], regions[index]
        size = style_size(style.pixels.shape[-1], style.pixels.shape[-2], level, parameters)
        source = None if style.source_mask is None else scale_mask(style.source_mask, *size)
        pixels = resample(style.pixels, *size)
        name = None if style.name is None else (style.name, size)
        if photo is not None:
            matched = match_colors(
                pixels, photo, parameters.color_method, parameters.color, style_mask=source, photo_mask=region
            )
            if matched is not pixels:
                pixels, name = matched, None  # they are this photo's
        targets.append(StyleTarget(255.0 * pixels, style.weight, region, source, name))
    return targets


def _check_masks(styles: Sequence[StyleSource], painted: Tensor | None) -> None:
    if painted is not None and is_black(painted):
        raise EmptyRegionError(
            "mask", "The mask is black everywhere, so nothing would be painted: make white what shall be painted."
        )
    for index, style in enumerate(styles):
        if style.mask is not None and is_black(style.mask):
            raise EmptyRegionError(
                f"styles[{index}].mask",
                f"The mask of style {index + 1} is black everywhere: make white where the style goes, or leave the"
                " style out.",
            )
        if style.source_mask is not None and is_black(style.source_mask):
            raise EmptyRegionError(
                f"styles[{index}].source_mask",
                f"The source mask of style {index + 1} is black everywhere: make white which part of its picture"
                " counts.",
            )


def _regions(styles: Sequence[StyleSource], painted: Tensor | None, level: Level) -> tuple[Tensor | None, ...]:
    """The region of each style at a size."""

    def scaled(mask: Tensor | None) -> Tensor | None:
        return None if mask is None else scale_mask(mask, level.width, level.height)

    return divide(scaled(painted), [scaled(style.mask) for style in styles], [style.weight for style in styles])
