"""The photo's colours: under the painting's brightness after painting, or given to the style before.

After: luminance-only transfer as neural-style's `-original_colors` does it, after Gatys, Bethge, Hertzmann and
Shechtman 2016, "Preserving Color in Neural Artistic Style Transfer": the painting is made in full colour, then its Y is
shown with the photo's I and Q. (The paper itself also paints in luminance alone; done after the painting, the choice
can be changed while it forms and costs nothing when it is not wanted.)

Before: the style's colours are moved to the photo's, by mean and covariance (the same paper, section 5.1) or channel
by channel by histogram, and the painting takes them from there.
"""

from __future__ import annotations

import torch
from torch import Tensor

from stylized.engine.choices import ColorMethod

# Y of YIQ: ITU-R BT.601, of sRGB values as they are stored.
_LUMA = (0.299, 0.587, 0.114)

# Variance, of samples in 0..1, below which a direction of the style's colours is taken for noise and not spread to the
# photo's: 0.8 of 255 levels. The eps of Gatys' ColourControl.ipynb, which adds it to the covariance; as a floor it
# leaves all other directions exact.
_LEAST_VARIANCE = 1e-5


def keep_colors(painting: Tensor, photo: Tensor, color: float) -> Tensor:
    """Mix a painting with itself in the photo's colours.

    painting, photo: float32 [1, 3, H, W], sRGB 0..1, on one device. color: 0 keeps the photo's colours, 1 the
    painting's, and then the painting comes back untouched. Returns the mixture in 0..1; its Y is the painting's at any
    `color`. A gray photo gives grays.
    """
    if color == 1.0:
        return painting
    return torch.lerp(_recolored(painting, photo), painting, color).clamp(0.0, 1.0)


def match_colors(
    style: Tensor,
    photo: Tensor,
    method: ColorMethod,
    color: float,
    *,
    style_mask: Tensor | None = None,
    photo_mask: Tensor | None = None,
) -> Tensor:
    """Mix a style picture with itself in the photo's colours, for a painting in these.

    style, photo: float32 [1, 3, H, W], sRGB 0..1, on one device; their sizes may differ. method: COVARIANCE or
    HISTOGRAM; LUMINANCE is done after painting, so that the style comes back untouched. color: 0 matches fully, 1
    leaves the style untouched. style_mask, photo_mask: [1, 1, H, W], >= 0 and somewhere above 0: the parts whose
    colours are matched. Returns [1, 3, H, W] of the style's size; COVARIANCE may leave 0..1, where clipping would bend
    what it promises.
    """
    if color == 1.0 or method is ColorMethod.LUMINANCE:
        return style
    match = _match_covariance if method is ColorMethod.COVARIANCE else _match_histograms
    return torch.lerp(match(style, photo, style_mask, photo_mask), style, color)


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


def _match_covariance(style: Tensor, photo: Tensor, style_mask: Tensor | None, photo_mask: Tensor | None) -> Tensor:
    """The style's colours with the photo's mean and covariance: x -> P^(1/2) S^(-1/2) (x - mean S) + mean P.

    Of a style of fewer than three dimensions of colour, such as a gray one, the others stay as narrow as they are.
    """
    style_mean, style_covariance = _moments(style, style_mask)
    photo_mean, photo_covariance = _moments(photo, photo_mask)
    values, vectors = torch.linalg.eigh(style_covariance)
    whiten = vectors @ torch.diag(values.clamp(min=_LEAST_VARIANCE).rsqrt()) @ vectors.T
    values, vectors = torch.linalg.eigh(photo_covariance)
    spread = vectors @ torch.diag(values.clamp(min=0.0).sqrt()) @ vectors.T
    matrix = (spread @ whiten).to(style)
    return torch.einsum("ij,bjhw->bihw", matrix, style - style_mean) + photo_mean


def _moments(picture: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """The mean [1, 3, 1, 1] of the colours, and their covariance [3, 3], float64 on the CPU."""
    weights = _cell_weights(picture, mask)
    mean = (picture * weights).sum(dim=(2, 3), keepdim=True)
    colours = (picture - mean).flatten(2)[0]
    covariance = (colours * weights.flatten()) @ colours.T
    return mean, covariance.cpu().double()


def _match_histograms(style: Tensor, photo: Tensor, style_mask: Tensor | None, photo_mask: Tensor | None) -> Tensor:
    """Each channel's values by their quantiles; equal values stay equal.

    A value's quantile is that of the middle of all equal ones, and between the photo's values it is interpolated. With
    as many pixels as the photo and no two alike, each channel has exactly the photo's values.
    """
    style_weights, photo_weights = _cell_weights(style, style_mask), _cell_weights(photo, photo_mask)
    channels = [
        _match_values(style[0, channel].flatten(), style_weights, photo[0, channel].flatten(), photo_weights)
        for channel in range(style.shape[1])
    ]
    return torch.stack(channels).view(style.shape)


def _match_values(values: Tensor, weights: Tensor, wanted: Tensor, wanted_weights: Tensor) -> Tensor:
    levels, places, quantiles = _quantiles(values, weights)
    counted = wanted_weights.flatten() > 0
    targets, _, target_quantiles = _quantiles(wanted[counted], wanted_weights.flatten()[counted])
    after = torch.searchsorted(target_quantiles, quantiles).clamp(max=len(targets) - 1)
    before = (after - 1).clamp(min=0)
    gap = (target_quantiles[after] - target_quantiles[before]).clamp(min=torch.finfo(quantiles.dtype).tiny)
    share = ((quantiles - target_quantiles[before]) / gap).clamp(0.0, 1.0).to(levels)
    return torch.lerp(targets[before], targets[after], share)[places]


def _quantiles(values: Tensor, weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The different values in order, the place of each sample among them, and the quantile of each."""
    levels, places = torch.unique(values, return_inverse=True)
    # In double precision, as millions of small shares are added up.
    shares = torch.zeros(len(levels), dtype=torch.float64).index_add_(0, places.cpu(), weights.flatten().cpu().double())
    return levels, places, (shares.cumsum(0) - shares / 2).to(values.device)


def _cell_weights(picture: Tensor, mask: Tensor | None) -> Tensor:
    """[1, 1, H, W], with sum 1."""
    weights = torch.ones_like(picture[:, :1]) if mask is None else mask
    return weights / weights.sum()
