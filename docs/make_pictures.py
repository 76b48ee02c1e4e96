"""Makes the pictures of the documentation, with the client library, from the sample photo and the built-in styles; that
of a filter's features from the photos and paintings of the benchmarks.

    .venv/bin/python docs/make_pictures.py

About five minutes on two CPU cores.
"""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

import stylize
from stylize import SAMPLE_PHOTO

IMAGES = Path(__file__).parent / "images"
LOOKED_THROUGH = Path(__file__).parents[1] / "benchmarks" / "pictures"
LAYER, FILTER, FEATURES_SIZE = "relu4_2", 60, 384
"""Outlines that bend."""
MIX = ("oil", "ink")
SIZE = 480
ITERATIONS = 150
SEED = 1
COLUMNS = 3
GAP = 6
THUMBNAIL = 110
FRAME = 2


def with_corner(painting: Image.Image, thumbnails: list[bytes]) -> Image.Image:
    """The painting with the styles it was made from in its lower right corner."""
    right = painting.width - GAP
    for data in reversed(thumbnails):
        with Image.open(io.BytesIO(data)) as thumbnail:
            thumbnail.thumbnail((THUMBNAIL, THUMBNAIL))
            framed = Image.new("RGB", (thumbnail.width + 2 * FRAME, thumbnail.height + 2 * FRAME), "white")
            framed.paste(thumbnail, (FRAME, FRAME))
        right -= framed.width
        painting.paste(framed, (right, painting.height - framed.height - GAP))
        right -= FRAME
    return painting


def sheet(pictures: list[Image.Image]) -> Image.Image:
    """Pictures of one size in rows on white."""
    width, height = pictures[0].size
    rows = -(-len(pictures) // COLUMNS)
    whole = Image.new("RGB", (COLUMNS * (width + GAP) - GAP, rows * (height + GAP) - GAP), "white")
    for number, picture in enumerate(pictures):
        row, column = divmod(number, COLUMNS)
        whole.paste(picture, (column * (width + GAP), row * (height + GAP)))
    return whole


def main() -> None:
    """The sample photo, its painting in every built-in style, one in a mix of two, and what a filter responds to."""
    IMAGES.mkdir(exist_ok=True)
    with Image.open(SAMPLE_PHOTO) as photo:
        pictures = [photo.convert("RGB").resize((SIZE, round(SIZE * photo.height / photo.width)))]
    with stylize.Client.connect() as client:
        thumbnails = {style.name: style.thumbnail for style in client.styles()}
        for names in [*([name] for name in thumbnails), list(MIX)]:
            painting = client.stylize(
                SAMPLE_PHOTO, names, "draft", size=SIZE, iterations=ITERATIONS, seed=SEED
            ).result()
            pictures.append(with_corner(painting, [thumbnails[name] for name in names]))
        features = client.visualize_features(
            sorted(LOOKED_THROUGH.glob("*.jpg")), LAYER, FILTER, size=FEATURES_SIZE
        ).result()
    sheet(pictures).save(IMAGES / "styles.jpg", quality=85)
    features.save(IMAGES / "features.png")


if __name__ == "__main__":
    main()
