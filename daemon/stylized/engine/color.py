"""The photo's colours under the painting's brightness.

Luminance-only transfer as neural-style's `-original_colors` does it, after Gatys, Bethge, Hertzmann and Shechtman 2016,
"Preserving Color in Neural Artistic Style Transfer": the painting is made in full colour, then its Y is shown with the
photo's I and Q. (The paper itself also paints in luminance alone; done after the painting, the choice can be changed
while it forms and costs nothing when it is not wanted.)
"""

from __future__ import annotations

import torch
from torch import Tensor

# Y of YIQ: ITU-R BT.601, of sRGB values as they are stored.
_LUMA = (0.299, 0.587, 0.114)


def keep_colors(painting: Tensor, photo: Tensor, color: float) -> Tensor:
    """Mix a painting with itself in the photo's colours.

    painting, photo: float32 [1, 3, H, W], sRGB 0..1, on one device. color: 0 keeps the photo's colours, 1 the
    painting's, and then the painting comes back untouched. Returns the mixture in 0..1; its Y is the painting's at any
    `color`. A gray photo gives grays.
    """
    if color == 1.0:
        return painting
    return torch.lerp(_recolored(painting, photo), painting, color).clamp(0.0, 1.0)


def _recolored(painting: Tensor, photo: Tensor) -> Tensor:
    """Y of the painting, I and Q of the photo.

    As Y is a weighted mean of R, G and B, keeping I and Q means that each channel is as far from Y as before. Where
    that leaves 0..1, all three come nearer to Y by one factor, just far enough: the hue stays and so does Y, where
    clipping single channels would change both.
    """
    luma = _luma(painting)
    chroma = photo - _luma(photo)
    # A gray pixel needs no room on either side, and Y may be outside by a rounding.
    tiny = torch.finfo(chroma.dtype).tiny
    above = (1.0 - luma) / chroma.amax(dim=1, keepdim=True).clamp(min=tiny)
    below = luma / (-chroma.amin(dim=1, keepdim=True)).clamp(min=tiny)
    return luma + torch.minimum(above, below).clamp(0.0, 1.0) * chroma


def _luma(picture: Tensor) -> Tensor:
    """[1, 1, H, W]"""
    red, green, blue = picture.split(1, dim=1)
    return _LUMA[0] * red + _LUMA[1] * green + _LUMA[2] * blue
