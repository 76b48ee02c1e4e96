"""Pictures to the size at which they are worked on."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def resample(picture: Tensor, width: int, height: int) -> Tensor:
    """Scale a picture.

    picture: float tensor [1, 3, H, W], sRGB 0..1; returns [1, 3, height, width], sRGB 0..1.

    Bicubic with antialiasing, as Pillow does it; the overshoot of the cubic kernel at edges is clipped. A picture that
    has the size already is returned untouched.
    """
    if picture.shape[-2:] == torch.Size((height, width)):
        return picture
    return rescale(picture, width, height).clamp(0.0, 1.0)


def rescale(values: Tensor, width: int, height: int) -> Tensor:
    """Scale any values for each pixel as `resample` does, [1, C, H, W], without clipping them."""
    return F.interpolate(values, size=(height, width), mode="bicubic", align_corners=False, antialias=True)
