"""The program `pastiche` (dstein64, PyPI, 1.6.0), made to paint what we paint: its defaults, our pixels."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

# What the program subtracts from RGB, in the order that it then turns to BGR (pastiche.py, VGG_MEAN).
_MEAN = (123.68, 116.779, 103.939)


class Pastiche:
    """One painting of the program. Pictures are taken at their own sizes."""

    def __init__(self, photo: Image.Image, style: Image.Image, device: torch.device | None = None) -> None:
        from pastiche.pastiche import PasticheArtist

        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's of getdata
            paths = [str(Path(folder) / name) for name in ("photo.png", "style.png")]
            photo.save(paths[0])
            style.save(paths[1])
            self._artist = PasticheArtist(
                paths[0],
                paths[1:],  # pyright: ignore[reportArgumentType] (annotated as one name, used as a list)
                size=photo.size[::-1],
                style_size=style.size[::-1],
                device=str(device or torch.device("cpu")),
            )

    def draw(self) -> float:
        """One step; returns the loss before it."""
        self._artist.draw()
        return self._artist.loss

    def shift(self, change: Tensor) -> None:
        """Add to the painting, float [1, 3, H, W], in pixel values of 0..255."""
        with torch.no_grad():
            self._artist.pastiche += change.to(self._artist.pastiche)

    @property
    def point(self) -> Tensor:
        """The painting, float [1, 3, H, W], RGB, near 0..255: the program clips it only when it saves it."""
        return self._artist.pastiche.detach().cpu().flip(1) + torch.tensor(_MEAN).view(1, 3, 1, 1)

    def loss_at(self, point: Tensor) -> float:
        """The program's loss at a picture as `point` is one."""
        own = self._artist.pastiche
        self._artist.pastiche = (point - torch.tensor(_MEAN).view(1, 3, 1, 1)).flip(1).to(own)
        try:
            with torch.no_grad():
                return self._artist._calc_loss().item()
        finally:
            self._artist.pastiche = own
