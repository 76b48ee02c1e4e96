"""Painting only a part of a photo: a mask says where.

White is painted, black keeps the photo, gray mixes the two. The painter itself knows nothing of masks: the whole photo
is painted, and the mask is laid over afterwards, on sRGB samples, at the painting's size. The part that is kept is the
photo as Pillow reads it, which is 8 bits a sample also where the painting has 16. The painting's alpha stays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from neuralstyle.v1.reasons import Reason
from stylize.encoding import Painting
from stylize.errors import error_from_reason
from stylize.pictures import Picture, PictureSource, open_picture, upright_srgb

_SHAPE_TOLERANCE = 0.01
"""By how much the mask's ratio of width to height may differ from the photo's: a mask may be smaller, rounded."""


@dataclass(frozen=True)
class Mask:
    """Where a photo is painted. Made by `open_mask`."""

    picture: Picture
    """As it came."""
    coverage: Image.Image
    """Mode L: 255 is painted, 0 keeps the photo."""

    def check_fits(self, photo: Picture) -> None:
        """Raises InvalidRequest if the photo has another shape, InputUnreadable if Pillow cannot read it."""
        width, height = upright_srgb(photo).size
        ratio = (self.coverage.width / self.coverage.height) / (width / height)
        if abs(ratio - 1) > _SHAPE_TOLERANCE:
            raise error_from_reason(
                Reason.INVALID_REQUEST,
                f"The mask has {self.coverage.width} x {self.coverage.height} pixels, which is not the shape of "
                f"{photo.file or 'the photo'} with {width} x {height}.",
                remedy="Make the mask from the photo itself, in its size or scaled down as a whole.",
            )

    def lay_over(self, painting: Painting, photo: Picture) -> Painting:
        """The painting where the mask is white, the photo where it is black. Raises InputUnreadable."""
        samples = np.asarray(painting)
        size = samples.shape[1], samples.shape[0]
        top = np.iinfo(samples.dtype).max
        kept = upright_srgb(photo).convert("RGB").resize(size, Image.Resampling.LANCZOS)
        share = np.asarray(self.coverage.resize(size, Image.Resampling.LANCZOS), np.float32)[..., None] / 255
        photo_colours = np.asarray(kept, np.float32) * (top / 255)
        mixed = samples.copy()
        mixed[..., :3] = np.rint(share * samples[..., :3] + (1 - share) * photo_colours).astype(samples.dtype)
        return mixed if isinstance(painting, np.ndarray) else Image.fromarray(mixed)


def open_mask(source: PictureSource) -> Mask:
    """A mask from a picture: its brightness, or, where it is transparent, black. Raises InputUnreadable."""
    picture = open_picture(source)
    image = upright_srgb(picture)
    if image.has_transparency_data:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "black"), image.convert("RGBA"))
    return Mask(picture, image.convert("L"))
