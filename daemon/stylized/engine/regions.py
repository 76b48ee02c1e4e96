"""Regions: where each style goes, and where the photo stays.

A mask is a picture of one channel, 0..1. It is scaled to the painting, the painting's masks divide it among the styles,
and each share is carried to the feature cells of the layers that are compared, as weights of the cells in the style's
statistics (Gatys, Ecker, Bethge, Hertzmann and Shechtman 2017, "Controlling Perceptual Factors in Neural Style
Transfer", section 4: guided Gram matrices; the three propagations are those of their SpatialControl.ipynb).

Promise: no region, however small or empty, gives NaN.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from stylized.engine.choices import Backbone, MaskPropagation, Padding
from stylized.engine.layers import CONVOLUTIONS, convolution_of

# A mask that is nowhere above half a level of 8 bits is black to whoever drew it.
_BLACK = 0.5 / 255.0


class EmptyRegionError(ValueError):
    """A mask that leaves nothing to paint, or nothing of a style to look at.

    `field` is where the mask stands in the request, such as "styles[1].mask"; the message says what to do.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


def scale_mask(mask: Tensor, width: int, height: int) -> Tensor:
    """Scale a mask, [1, 1, H, W], 0..1, to [1, 1, height, width], 0..1.

    With the triangle kernel, which does not overshoot as the cubic one of pictures does: what is black inside stays 0.
    """
    if mask.shape[-2:] == torch.Size((height, width)):
        return mask
    scaled = F.interpolate(mask, size=(height, width), mode="bilinear", align_corners=False, antialias=True)
    return scaled.clamp(0.0, 1.0)


def divide(
    painted: Tensor | None, targets: Sequence[Tensor | None], shares: Sequence[float]
) -> tuple[Tensor | None, ...]:
    """Divide the painting among the styles: for each the mask of its region, None where there are no masks at all.

    painted, targets: masks at the size of the painting, [1, 1, H, W], 0..1; shares: the styles' weights, > 0. Styles
    without a mask have one region between them, the same tensor for all of them: what the others' masks leave. Where
    masks overlap, the styles share by weight; nowhere do regions add up to more than `painted`.
    """
    if painted is None and all(target is None for target in targets):
        return tuple(None for _ in targets)
    masked = [target for target in targets if target is not None]
    if not masked:
        return tuple(painted for _ in targets)
    unmasked = [share for target, share in zip(targets, shares, strict=True) if target is None]
    covered = torch.stack(masked).sum(dim=0)
    rest = (1.0 - covered).clamp(min=0.0)
    claims = [share * target for target, share in zip(targets, shares, strict=True) if target is not None]
    rest_claim = rest * (sum(unmasked) / len(unmasked)) if unmasked else torch.zeros_like(rest)
    all_claims = torch.stack([*claims, rest_claim]).sum(dim=0)
    # As much as the masks cover, all of it at most.
    most = (covered + (rest if unmasked else 0.0)).clamp(max=1.0)
    factor = most / all_claims.clamp(min=torch.finfo(covered.dtype).tiny)
    if painted is not None:
        factor = factor * painted
    rest_region = factor * rest_claim
    given = iter(claims)
    return tuple(rest_region if target is None else factor * next(given) for target in targets)


def is_black(mask: Tensor) -> bool:
    """Tell whether a mask, or a region, has nothing in it that could be seen. Waits for the device."""
    return bool(mask.max() < _BLACK)


def cell_weights(
    mask: Tensor, layers: Collection[str], how: MaskPropagation, backbone: Backbone, padding: Padding
) -> dict[str, Tensor]:
    """Carry a mask to the cells of layers.

    mask: [1, 1, H, W], 0..1, of the picture whose features they are. Returns for each layer [H', W'], the shape of its
    maps, 0..1: with SIMPLE the mean of the mask in a cell's share of the picture, with INSIDE the least and with ALL
    the greatest value among the pixels that a cell sees, those outside the picture not counting. Where this leaves no
    cell at all, as INSIDE does in deep layers with a region narrower than what their cells see, it is as with SIMPLE.
    """
    if not layers:
        return {}
    greatest = _greatest(mask, layers, backbone, padding)
    simple = {layer: F.interpolate(mask, list(cells.shape), mode="area")[0, 0] for layer, cells in greatest.items()}
    if how is MaskPropagation.SIMPLE:
        return simple
    if how is MaskPropagation.ALL:
        carried = greatest
    else:
        carried = {layer: -cells for layer, cells in _greatest(-mask, layers, backbone, padding).items()}
    return {layer: cells if bool((cells > 0.0).any()) else simple[layer] for layer, cells in carried.items()}


def _greatest(mask: Tensor, layers: Collection[str], backbone: Backbone, padding: Padding) -> dict[str, Tensor]:
    """The greatest value that each cell of the layers sees: the network's windows, one after the other."""
    found: dict[str, Tensor] = {}
    table = CONVOLUTIONS[backbone]
    last = max(table.index(convolution_of(layer, backbone)) for layer in layers)
    for layer in table[: last + 1]:
        if layer.pooling:
            window = layer.pooling
            mask = F.max_pool2d(mask, window.side, window.step, ceil_mode=window.covers_rest)
        # Other paddings than zeros centre the first kernel on the picture's edge, as `network_torch` does it.
        centred = layer is table[0] and padding is not Padding.ZERO
        around = layer.kernel // 2 if centred else layer.padding
        mask = F.max_pool2d(mask, layer.kernel, layer.step, around)
        found.update({name: mask[0, 0] for name in (layer.conv, layer.relu) if name in layers})
    return found
