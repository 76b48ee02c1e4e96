"""How good a painting is, in numbers that no preset optimises.

Style and content are compared on layers of VGG19 that no built-in preset has in its losses, and style by three
statistics, so that a preset is not graded by its own formula alone: Gram matrices (what Gatys' loss is about), means
and standard deviations (what AdaIN is about), and whole distributions (sliced Wasserstein distance, Heitz et al. 2021).
Noise and borders are measured in pixels, without the network.

All distances are relative to the target, so 0 is equal and 1 is as far away as nothing at all (features of 0).
Features are [1, C, H, W]; pictures are float32 [1, 3, H, W], sRGB 0..1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from stylized.engine.vgg import VGG19

# One in each block that styles live in; presets compare relu1_1 .. relu5_1 and relu4_2, the seeds conv or relu N_1.
STYLE_LAYERS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")
CONTENT_LAYER = "relu4_3"

# Directions and quantiles of the sliced distance: twice as many change it by less than 2 %.
_DIRECTIONS = 48
_QUANTILES = 512
_SEED = 1

# A ring is this share of the short side, at least a pixel: about as wide as the glow that zeros around a picture cause.
_RING_SHARE = 1 / 32


@dataclass(frozen=True)
class StyleDistances:
    """Three distances to the style, each the mean over STYLE_LAYERS."""

    gram: float
    moments: float
    sliced: float

    @property
    def overall(self) -> float:
        """Their geometric mean: a tenth less of any of them counts the same."""
        return (self.gram * self.moments * self.sliced) ** (1 / 3)


class Judge:
    """Measures paintings of one photo in one style.

    photo and style: at the sizes that the painting's last step works with.
    """

    def __init__(self, network: VGG19, photo: Tensor, style: Tensor) -> None:
        self._network = network
        self._photo = photo
        self._style = style
        self._photo_features = self._features(photo)
        self._style_features = self._features(style)

    def style(self, painting: Tensor) -> StyleDistances:
        """How far the painting is from the style."""
        found = self._features(painting)
        pairs = [(found[layer], self._style_features[layer]) for layer in STYLE_LAYERS]
        return StyleDistances(
            gram=_mean(gram_distance(*pair) for pair in pairs),
            moments=_mean(moment_distance(*pair) for pair in pairs),
            sliced=_mean(sliced_distance(*pair) for pair in pairs),
        )

    def content(self, painting: Tensor) -> float:
        """How far the painting is from the photo: |F - P| / |P| on CONTENT_LAYER."""
        return relative_distance(self._features(painting)[CONTENT_LAYER], self._photo_features[CONTENT_LAYER])

    def noise(self, painting: Tensor) -> float:
        """Fine grain in the painting as a multiple of the style's own; above 1 is grainier than the style."""
        return noise_energy(painting) / max(noise_energy(self._style), 1e-12)

    def border(self, painting: Tensor) -> float:
        """How much more the painting's outer ring stands out than the photo's does; about 0 is a calm border."""
        return border_error(painting) - border_error(self._photo)

    def _features(self, picture: Tensor) -> Mapping[str, Tensor]:
        with torch.no_grad():
            return self._network.features(255.0 * picture, STYLE_LAYERS)


def relative_distance(found: Tensor, target: Tensor) -> float:
    """|found - target| / |target|, Euclidean."""
    return ((found - target).norm() / target.norm()).item()


def gram_distance(found: Tensor, target: Tensor) -> float:
    """Relative distance of the Gram matrices F Fᵀ / (H W)."""
    return relative_distance(_gram(found), _gram(target))


def moment_distance(found: Tensor, target: Tensor) -> float:
    """Relative distance of the channels' means and standard deviations, taken together as one vector."""
    return relative_distance(_moments(found), _moments(target))


def sliced_distance(found: Tensor, target: Tensor) -> float:
    """Sliced 2-Wasserstein distance of the features' distributions, over the root mean square of the target's.

    The features are projected on random directions (the same for every call); in each direction the distance of two
    distributions on a line is that of their quantiles.
    """
    generator = torch.Generator().manual_seed(_SEED)
    directions = F.normalize(torch.randn(_DIRECTIONS, found.shape[1], generator=generator), dim=1).to(found)
    ours, theirs = (_quantiles(directions @ features.flatten(2)[0]) for features in (found, target))
    return relative_distance(ours, theirs)


def noise_energy(picture: Tensor) -> float:
    """Mean square of what a binomial blur [1 2 1]/4 in both directions takes from the brightness; its edge is left
    out. The finest checkerboard of ±a has a², any slope 0."""
    brightness = _brightness(picture)
    line = torch.tensor([0.25, 0.5, 0.25])
    blurred = F.conv2d(brightness, torch.outer(line, line).view(1, 1, 3, 3))
    return (brightness[..., 1:-1, 1:-1] - blurred).square().mean().item()


def border_error(picture: Tensor) -> float:
    """How much the outer ring differs from the ring inside it in mean and standard deviation of each channel: the root
    mean square over sides, channels and both statistics, over the picture's own standard deviation."""
    width = max(1, round(_RING_SHARE * min(picture.shape[-2:])))
    differences = []
    for turns in range(4):
        turned = torch.rot90(picture, turns, dims=(-2, -1))
        outer, inner = turned[..., :width, :], turned[..., width : 2 * width, :]
        differences += [outer.mean((-2, -1)) - inner.mean((-2, -1)), _spread(outer) - _spread(inner)]
    spread = _spread(picture).square().mean().sqrt().clamp(min=1e-6)
    return (torch.cat(differences).square().mean().sqrt() / spread).item()


def pixel_distance(painting: Tensor, photo: Tensor) -> float:
    """Root mean square difference of two pictures in pixel values of 0..255."""
    return 255.0 * math.sqrt((painting - photo).square().mean().item())


def _gram(features: Tensor) -> Tensor:
    rows = features.flatten(2)[0]
    return rows @ rows.T / rows.shape[1]


def _moments(features: Tensor) -> Tensor:
    return torch.cat([features.mean((-2, -1)), _spread(features)])


def _spread(maps: Tensor) -> Tensor:
    return maps.std((-2, -1), correction=0)


def _quantiles(values: Tensor) -> Tensor:
    """Quantiles of each row, [rows, n] -> [rows, _QUANTILES]: of any two counts of values alike in number."""
    ordered = values.sort(dim=1).values
    return F.interpolate(ordered.unsqueeze(0), size=_QUANTILES, mode="linear", align_corners=True)[0]


def _brightness(picture: Tensor) -> Tensor:
    """Rec. 709 luma, [1, 1, H, W]."""
    return (picture * torch.tensor([0.2126, 0.7152, 0.0722]).view(1, 3, 1, 1)).sum(1, keepdim=True)


def _mean(values: object) -> float:
    numbers = list(values)  # pyright: ignore[reportArgumentType]
    return sum(numbers) / len(numbers)
