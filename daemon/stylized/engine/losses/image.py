"""What is asked of the picture itself: little grain, pixels within their range, moderate pixels.

Pictures are float [1, 3, H, W], RGB 0..255 or near it, both sides at least 2; losses are 0-dim.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from stylized.engine.choices import TvLoss

_WHITE = 255.0
_GRAY = _WHITE / 2


def total_variation(image: Tensor, form: TvLoss = TvLoss.SQUARED, power: float = 1.0) -> Tensor:
    """How grainy a picture is: differences of pixels that are neighbours.

    dx, dy: to the right and the lower neighbour, of each channel at pixels that have both. SQUARED: mean(dx² + dy²).
    SQUARED_SUM: the sum, as Johnson, Alahi and Fei-Fei 2016 have it; it grows with the picture. L1: mean(|dx| + |dy|),
    as neural-style-pt but for its sum. POWER: mean((dx² + dy²)^power): 1.25 in Keras' neural_style_transfer.py, β/2 in
    Mahendran and Vedaldi 2015, equation 4; powers of 0.5 and more have a finite gradient everywhere, and 0 where
    neighbours are equal. NINE_POINT: see crowsonkb/style-transfer-pytorch, 2022; diagonal neighbours count too, and
    edge pixels are repeated.
    """
    if form is TvLoss.NINE_POINT:
        return _nine_point(image)
    corner = image[..., :-1, :-1]
    right = image[..., :-1, 1:] - corner
    down = image[..., 1:, :-1] - corner
    if form is TvLoss.L1:
        return (right.abs() + down.abs()).mean()
    squares = right.square() + down.square()
    match form:
        case TvLoss.SQUARED:
            return squares.mean()
        case TvLoss.SQUARED_SUM:
            return squares.sum()
        case TvLoss.POWER:
            return _power(squares, power).mean()


def out_of_range(image: Tensor) -> Tensor:
    """mean of the squared distance of pixels from 0..255; 0 within."""
    return (image - image.clamp(0.0, _WHITE).detach()).square().mean()


def alpha_norm(image: Tensor, power: float) -> Tensor:
    """mean(|x|^power) with x = -1 for black, 0 for middle gray and 1 for white.

    Mahendran and Vedaldi 2015, "Understanding Deep Image Representations by Inverting Them", section 3 (their α, 6; a
    sum there). power: 1 or more.
    """
    return ((image - _GRAY) / _GRAY).abs().pow(power).mean()


def _power(squares: Tensor, power: float) -> Tensor:
    """squares^power with a gradient of 0 at 0, where below 1 it would be infinite, and NaN after the chain rule."""
    there = squares > 0
    return torch.where(there, torch.where(there, squares, 1.0).pow(power), 0.0)


def _nine_point(image: Tensor) -> Tensor:
    framed = F.pad(image, (1, 1, 1, 1), mode="replicate")
    inner = framed[..., 1:-1, 1:-1]
    right = (framed[..., 1:-1, 2:] - inner).square().mean()
    down = (framed[..., 2:, 1:-1] - inner).square().mean()
    falling = (framed[..., 1:, 1:] - framed[..., :-1, :-1]).square().mean()
    rising = (framed[..., 1:, :-1] - framed[..., :-1, 1:]).square().mean()
    return 2 * ((right + down) / 3 + (falling + rising) / 12)
