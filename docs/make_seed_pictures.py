"""Makes the pictures of docs/seeds.md: runs its commands, each as it stands, against a daemon of its own.

    .venv/bin/python docs/make_seed_pictures.py [PICTURE...]

PICTURE: make these, such as "hodapp crowson", anew; without, those that are missing. A picture is kept as soon as it is
made. All together take about an hour of one CPU core. Where the page has no picture in a row, nothing is made for it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from seed_commands import IMAGES, PICTURES, Row, rows

from neuralstyle.v1.endpoint import HOME_VARIABLE, read_endpoint

GIVEN = Path(__file__).parents[1] / "benchmarks" / "pictures"
"""The photo and the paintings, with their authors and rights."""
READY_S = 60.0
SIDE = 256
"""Of the photo and the paintings that the commands begin with, as the page shows them."""
_QUALITY = 80
"""WebP: some 20 to 40 KB a picture."""
_COMMANDS = Path(sys.executable).parent


def main(*wanted: str) -> None:
    """Makes them, in the order of the page."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    for name in PICTURES:
        if not (IMAGES / f"{name}.webp").exists():
            with Image.open(GIVEN / f"{name}.jpg") as picture:
                picture.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
                _save(picture, IMAGES / f"{name}.webp")
    shown = [(row, row.image) for row in rows() if row.image is not None]
    asked = [(row, image) for row, image in shown if (image.stem in wanted if wanted else not image.exists())]
    if not asked:
        return
    with _daemon() as home:
        for row, image in asked:
            print(row.command, flush=True)
            began = time.monotonic()
            _make(row, image, home)
            print(f"{time.monotonic() - began:.0f} s, {image.stat().st_size // 1000} KB", flush=True)


@contextmanager
def _daemon() -> Iterator[Path]:
    """The home of a daemon that ends with this program."""
    with tempfile.TemporaryDirectory() as place:
        home = Path(place) / "home"
        home.mkdir(mode=0o700)
        daemon = subprocess.Popen([_COMMANDS / "stylized", "--home", home])
        try:
            deadline = time.monotonic() + READY_S
            while read_endpoint(home) is None:
                if daemon.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit("The daemon did not start.")
                time.sleep(0.1)
            yield home
        finally:
            daemon.terminate()
            daemon.wait()


def _make(row: Row, image: Path, home: Path) -> None:
    with tempfile.TemporaryDirectory() as place:
        for name in PICTURES:
            (Path(place) / f"{name}.jpg").symlink_to(GIVEN / f"{name}.jpg")
        program = [str(_COMMANDS / row.words[0]), *row.words[1:], "--quiet"]
        subprocess.run(program, cwd=place, env={**os.environ, HOME_VARIABLE: str(home)}, check=True)
        made = Path(place) / row.made
        if made.suffix == ".webp":  # a film
            image.write_bytes(made.read_bytes())
            return
        with Image.open(made) as picture:
            _save(picture, image)


def _save(picture: Image.Image, path: Path) -> None:
    picture.convert("RGB").save(path, "WEBP", quality=_QUALITY, method=6)


if __name__ == "__main__":
    main(*sys.argv[1:])
