"""Makes the pictures of the guide to regions and colour, from the sample photo and the built-in styles.

    .venv/bin/python docs/make_region_pictures.py

About ten minutes on two CPU cores.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter, ImageOps

import stylize
from stylize import SAMPLE_PHOTO, Style

IMAGES = Path(__file__).parent / "images"
SIZE = 320
ITERATIONS = 80
SEED = 1
COLUMNS = 3
GAP = 6

ANIMAL = (
    *((0.18, 0.18), (0.21, 0.13), (0.27, 0.13), (0.33, 0.17), (0.41, 0.13), (0.50, 0.13), (0.53, 0.08), (0.61, 0.04)),
    *((0.65, 0.07), (0.67, 0.18), (0.69, 0.23), (0.74, 0.31), (0.81, 0.34), (0.90, 0.41), (1.01, 0.50), (1.01, 1.01)),
    *((0.50, 1.01), (0.50, 0.87), (0.54, 0.79), (0.47, 0.80), (0.39, 0.82), (0.35, 0.79), (0.31, 0.73), (0.28, 0.68)),
    *((0.25, 0.59), (0.23, 0.47), (0.23, 0.35), (0.19, 0.27)),
)
"""The outline of the animal in the sample photo, as shares of width and height."""
SEA = 0.66
"""Where the sea of the style "woodblock" begins, as a share of its height."""


def animal(size: tuple[int, int]) -> Image.Image:
    """White where the animal is, with a soft edge."""
    mask = Image.new("L", size, 0)
    ImageDraw.Draw(mask).polygon([(x * size[0], y * size[1]) for x, y in ANIMAL], fill=255)
    return mask.filter(ImageFilter.GaussianBlur(size[0] / 150))


def lower(size: tuple[int, int], start: float) -> Image.Image:
    """White below a height."""
    mask = Image.new("L", size, 0)
    mask.paste(255, (0, round(start * size[1]), *size))
    return mask


def sheet(pictures: list[Image.Image]) -> Image.Image:
    """Pictures of one size in rows on white."""
    width, height = pictures[0].size
    rows = -(-len(pictures) // COLUMNS)
    whole = Image.new("RGB", (COLUMNS * (width + GAP) - GAP, rows * (height + GAP) - GAP), "white")
    for number, picture in enumerate(pictures):
        row, column = divmod(number, COLUMNS)
        whole.paste(picture.convert("RGB"), (column * (width + GAP), row * (height + GAP)))
    return whole


@dataclass(frozen=True)
class Studio:
    """A daemon to paint the sample photo with."""

    client: stylize.Client
    photo: Image.Image

    def paint(self, *styles: Style, mask: Image.Image | None = None, **tunables: object) -> Image.Image:
        """The painting, always at the same size and from the same seed."""
        settings = {"size": SIZE, "iterations": ITERATIONS, **tunables}
        return self.client.stylize(self.photo, styles, "draft", seed=SEED, mask=mask, **settings).result()


def regions(studio: Studio) -> list[Image.Image]:
    """A mask, and what it and others do."""
    mask = animal(studio.photo.size)
    background = ImageOps.invert(mask)
    woodblock = next(style for style in studio.client.styles() if style.name == "woodblock")
    sea = lower((woodblock.width, woodblock.height), SEA)
    return [
        mask,
        studio.paint(Style("mosaic"), mask=mask),
        studio.paint(Style("mosaic"), mask=background),
        studio.paint(Style("mosaic", mask=mask), Style("ink")),
        studio.paint(Style("woodblock"), mask=background),
        studio.paint(Style("woodblock", source_mask=sea), mask=background),
    ]


def colours(studio: Studio) -> list[Image.Image]:
    """The photo, and one style in its own colours and in the photo's."""
    style = Style("oil")
    return [
        studio.photo,
        studio.paint(style),
        studio.paint(style, color=0.0),
        studio.paint(style, color=0.0, color_method="covariance"),
        studio.paint(style, color=0.0, color_method="histogram"),
        studio.paint(style, color=0.5, color_method="covariance"),
    ]


def main() -> None:
    """One sheet of regions, one of colours."""
    IMAGES.mkdir(exist_ok=True)
    with Image.open(SAMPLE_PHOTO) as opened:
        photo = opened.convert("RGB").resize((SIZE, round(SIZE * opened.height / opened.width)))
    with stylize.Client.connect() as client:
        for name, make in (("regions", regions), ("colours", colours)):
            sheet(make(Studio(client, photo))).save(IMAGES / f"{name}.jpg", quality=85)


if __name__ == "__main__":
    main()
