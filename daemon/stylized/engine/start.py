"""Where a painting starts: a picture, noise, or a mix.

Everything random is drawn on the CPU from the seed, so all devices start from the same picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import torch
from torch import Tensor

from stylized.engine.choices import Init
from stylized.engine.objective import StyleTarget
from stylized.engine.parameters import Parameters

_MID_GRAY = 127.5


def start_picture(
    shape: tuple[int, int],
    parameters: Parameters,
    seed: int,
    content: Tensor | None,
    styles: Sequence[StyleTarget],
    init_image: Tensor | None,
) -> Tensor:
    """Return the start, float32 [1, 3, H, W], RGB 0..255, on the CPU or the device of the picture it starts from.

    shape: (H, W). content, init_image: float32 [1, 3, H, W], RGB 0..255, needed if `init` names them. styles: RGB
    0..255 of any size, needed for style_statistics. seed: 0..2⁶⁴-1.
    """
    generator = torch.Generator().manual_seed(seed)
    match parameters.init:
        case Init.NOISE:
            return white_noise(shape, parameters.noise_spread, generator)
        case Init.PINK:
            return pink_noise(shape, parameters.noise_spread, parameters.pink_exponent, generator)
        case Init.STYLE_STATISTICS:
            start = style_noise(shape, styles, generator)
        case Init.IMAGE:
            assert init_image is not None, "init is image without one"
            start = init_image
        case Init.CONTENT:
            assert content is not None, "init is content without one"
            start = content
    if parameters.init_noise == 0:
        return start
    noise = white_noise(shape, parameters.noise_spread, generator).to(start.device)
    return torch.lerp(start, noise, parameters.init_noise)


def white_noise(shape: tuple[int, int], spread: float, generator: torch.Generator) -> Tensor:
    """Normal noise around mid-gray, clipped to 0..255. spread: standard deviation in pixel values."""
    noise = torch.randn(1, 3, *shape, generator=generator)
    return (_MID_GRAY + spread * noise).clamp(0.0, 255.0)


def pink_noise(shape: tuple[int, int], spread: float, exponent: float, generator: torch.Generator) -> Tensor:
    """Noise around mid-gray whose power falls with frequency to the exponent, clipped to 0..255.

    spread: standard deviation of each channel in pixel values. Frequencies are in cycles per pixel in either direction,
    so the grain is round in pictures of any shape.
    """
    height, width = shape
    white = torch.fft.rfft2(torch.randn(1, 3, height, width, generator=generator))
    rows, columns = torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)[None, :]
    frequency = torch.hypot(rows, columns)
    amplitude = torch.where(frequency > 0, frequency.clamp(min=1e-9) ** (-exponent / 2), 0.0)
    noise = torch.fft.irfft2(white * amplitude, s=(height, width))
    noise /= noise.std(dim=(2, 3), keepdim=True)
    return (_MID_GRAY + spread * noise).clamp(0.0, 255.0)


def style_noise(shape: tuple[int, int], styles: Sequence[StyleTarget], generator: torch.Generator) -> Tensor:
    """Normal noise with the mean and standard deviation of each channel of the styles, truncated to 0..255.

    Several styles count by their shares, as one picture made of their pixels would (crowsonkb/style-transfer-pytorch
    for one style: init style_stats). Drawn by the inverse of the distribution function, so that nothing piles up at
    the ends.
    """
    shares = sum(style.share for style in styles)
    mean, square = torch.zeros(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64)
    for style in styles:
        pixels = style.image.detach().double().cpu()
        mean += style.share / shares * pixels.mean(dim=(0, 2, 3))
        square += style.share / shares * pixels.square().mean(dim=(0, 2, 3))
    mean = mean.view(1, 3, 1, 1)
    # A style of one colour leaves a grain of less than the least pixel value.
    deviation = (square.view(1, 3, 1, 1) - mean.square()).clamp(min=0.25**2).sqrt()
    low, high = (_normal_share((bound - mean) / deviation) for bound in (0.0, 255.0))
    share = low + (high - low) * torch.rand(1, 3, *shape, generator=generator, dtype=torch.float64)
    noise = mean + deviation * sqrt(2) * torch.erfinv(2 * share - 1)
    return noise.clamp(0.0, 255.0).float()


def _normal_share(x: Tensor) -> Tensor:
    """The share of a standard normal distribution below x."""
    return 0.5 * (1 + torch.erf(x / sqrt(2)))
