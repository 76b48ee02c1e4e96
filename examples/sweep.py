"""Paints one photo with many values of a parameter, or of two, and lays the paintings out on one sheet.

    python sweep.py                                # strength from 0.2 to 0.8, down the page: color 0 and 1
    python sweep.py cat.jpg --style monet.jpg --columns style_scale=0.5,1,2 --rows strength=0.3,0.6

What it shows: parameters by name, equal seeds for a fair comparison, paintings as NumPy arrays.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

import stylize

MARGIN = 8
FONT = ImageFont.load_default(16)
LABEL_HEIGHT = 28


@dataclass(frozen=True)
class Axis:
    """A parameter and the values that it takes."""

    name: str
    values: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Axis:
        """From "strength=0.2,0.5,0.8"."""
        name, _, values = text.partition("=")
        if not values:
            raise argparse.ArgumentTypeError(f"{text!r} is not of the form name=value,value, such as strength=0.2,0.8")
        return cls(name, tuple(values.split(",")))


def main(photo: Path, style: str, columns: Axis, rows: Axis, out: Path, size: int) -> None:
    """Writes the sheet to `out`."""
    with stylize.Client.connect() as client:
        paintings = []
        for down in rows.values:
            for across in columns.values:
                values: dict[str, Any] = {columns.name: across, rows.name: down}
                print(", ".join(f"{name} {value}" for name, value in values.items()))
                job = client.stylize(photo, style, "draft", size=size, seed=1, **values)
                paintings.append(job.array()[..., :3])
    sheet(paintings, columns, rows).save(out)
    print(out)


def sheet(paintings: list[np.ndarray], columns: Axis, rows: Axis) -> Image.Image:
    """The paintings, uint8 [H, W, 3] and row by row, with the values beside them."""
    labels = [f"{rows.name} {value}" for value in rows.values]
    left = MARGIN + max(round(FONT.getlength(label)) for label in labels) + MARGIN
    height, width = paintings[0].shape[:2]
    # A name is never cut: narrow paintings stand apart.
    step = MARGIN + max(width, *(round(FONT.getlength(f"{columns.name} {value}")) for value in columns.values))
    page = Image.new(
        "RGB", (left + step * len(columns.values), LABEL_HEIGHT + (height + MARGIN) * len(rows.values)), "white"
    )
    pen = ImageDraw.Draw(page)
    for column, value in enumerate(columns.values):
        pen.text((left + step * column, MARGIN / 2), f"{columns.name} {value}", "black", FONT)
    for row, label in enumerate(labels):
        top = LABEL_HEIGHT + (height + MARGIN) * row
        pen.text((MARGIN, top), label, "black", FONT)
        for column in range(len(columns.values)):
            painting = paintings[row * len(columns.values) + column]
            page.paste(Image.fromarray(painting), (left + step * column, top))
    return page


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photo", nargs="?", type=Path, default=stylize.SAMPLE_PHOTO, help="default: a sample photo")
    parser.add_argument("--style", default="oil", help="name or picture; default: oil")
    parser.add_argument(
        "--columns", type=Axis.parse, default="strength=0.2,0.4,0.6,0.8", help="default: strength=0.2,0.4,0.6,0.8"
    )
    parser.add_argument("--rows", type=Axis.parse, default="color=0,1", help="default: color=0,1")
    parser.add_argument("--out", type=Path, default=Path("sweep.png"), help="default: sweep.png")
    parser.add_argument("--size", type=int, default=256, help="long side of each painting; default: 256")
    options = parser.parse_args()
    try:
        main(options.photo, options.style, options.columns, options.rows, options.out, options.size)
    except stylize.StylizeError as error:
        raise SystemExit(f"{error} {error.remedy}") from None
