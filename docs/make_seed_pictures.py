"""Makes the pictures of docs/seeds.md: runs its commands, each as it stands.

    .venv/bin/python docs/make_seed_pictures.py FOLDER [PICTURE...]

FOLDER: has tubingen.jpg, starry_night.jpg and shipwreck.jpg. PICTURE: make only these, such as "hodapp crowson"; the
others are taken as they are. The sheet of all of them is made anew every time. On two CPU cores all take some hours.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from seed_commands import IMAGES, PICTURES, Row, rows

from stylize.contact_sheet import Cell, Heading, gallery

SIDE = 256
"""Of the photo and the styles on the page."""
_QUALITY = 80
"""WebP: about 20 KB a picture."""
_SHEET_SIDE = 192
_SHEET = IMAGES.with_suffix(".webp")


def main(folder: str, *wanted: str) -> None:
    """Makes them."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    for name in PICTURES:
        with Image.open(Path(folder) / f"{name}.jpg") as picture:
            picture.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
            _save(picture, IMAGES / f"{name}.webp")
    for row in rows():
        if row.image is not None and (not wanted or row.image.stem in wanted):
            print(row.command, flush=True)
            _make(row, row.image, Path(folder))
    _make_sheet()


def _make(row: Row, image: Path, folder: Path) -> None:
    with tempfile.TemporaryDirectory() as place:
        for name in PICTURES:
            (Path(place) / f"{name}.jpg").symlink_to((folder / f"{name}.jpg").absolute())
        program = [str(Path(sys.executable).with_name("stylize")), *row.words[1:], "--quiet"]
        subprocess.run(program, cwd=place, check=True)
        made = Path(place) / row.made
        if made.suffix == ".webp":
            image.write_bytes(made.read_bytes())
            return
        with Image.open(made) as picture:
            _save(picture, image)


def _save(picture: Image.Image, path: Path) -> None:
    picture.convert("RGB").save(path, "WEBP", quality=_QUALITY, method=6)


def _make_sheet() -> None:
    """All single pictures, small."""
    cells = []
    for row in rows():
        if row.image is None or not row.image.exists():
            continue
        with Image.open(row.image) as picture:
            small = picture.convert("RGB")
            small.thumbnail((_SHEET_SIDE, _SHEET_SIDE), Image.Resampling.LANCZOS)
            cells.append(Cell(small, row.image.stem))
    _save(gallery(cells, Heading("By name")), _SHEET)


if __name__ == "__main__":
    main(*sys.argv[1:])
