"""Draw the style pictures of our own into a folder: `python -m stylized.styles.drawing FOLDER`."""

from __future__ import annotations

import argparse
from pathlib import Path

from stylized.styles.drawing import DRAWINGS
from stylized.styles.drawing.canvas import encode_jpeg


def main() -> None:
    """Read the command line, draw, and say where each picture is."""
    parser = argparse.ArgumentParser(
        prog="python -m stylized.styles.drawing", description="Draw the built-in style pictures that are our own."
    )
    parser.add_argument("folder", type=Path, help="where to write them; made if it is not there")
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    for name, draw in DRAWINGS.items():
        path = folder / f"{name}.jpg"
        path.write_bytes(encode_jpeg(draw()))
        print(path)


if __name__ == "__main__":
    main()
