"""Makes the pictures of docs/recording.md, a film and a plot, with the client library, from the sample photo.

    .venv/bin/python docs/make_recording_pictures.py

About a minute on two CPU cores.
"""

from __future__ import annotations

from pathlib import Path

import stylize
from stylize import SAMPLE_PHOTO

IMAGES = Path(__file__).parent / "images"
STYLE = "mosaic"
SIZE = 256
ITERATIONS = 60
EVERY = 6
SEED = 1


def main() -> None:
    """Paints once, and records it."""
    IMAGES.mkdir(exist_ok=True)
    recording = stylize.Recording(
        stylize.Timelapse(IMAGES / "recording.webp", EVERY, fps=5, overwrite=True),
        stylize.LossPlot(IMAGES / "recording-losses.png", overwrite=True),
    )
    with stylize.Client.connect() as client, recording:
        job = client.stylize(
            SAMPLE_PHOTO,
            STYLE,
            "draft",
            size=SIZE,
            iterations=ITERATIONS,
            seed=SEED,
            preview=SIZE,
            preview_every=recording.every,
            preview_format="png",
        )
        for event in job:
            recording.take(event)


if __name__ == "__main__":
    main()
