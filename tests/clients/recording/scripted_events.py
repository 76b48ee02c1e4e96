"""The events of a job that never was: what recorders are fed where no painter is needed."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image

from stylize.events import Event, Frame, Level, Progress, Result, Started, Summary, Weights


def picture(width: int, height: int, step: int) -> Image.Image:
    """Smooth colours that change with the step, so that a video codec keeps them."""
    rows, columns = np.mgrid[0:height, 0:width]
    red = 255 * columns / max(1, width - 1)
    green = 255 * rows / max(1, height - 1)
    blue = np.full((height, width), float(step * 5 % 256))
    return Image.fromarray(np.stack([red, green, blue], 2).astype(np.uint8))


def png(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def started(levels: Sequence[Level]) -> Started:
    return Started("job-1", 1, "cpu", "fp32", "draft", {}, tuple(levels), 0, "reference")


def frame(step: int, size: tuple[int, int]) -> Frame:
    return Frame(step, 0, step, *size, "png", png(picture(*size, step)))


def progress(step: int, steps: int, **terms: float) -> Progress:
    return Progress(step, steps, terms, sum(terms.values()), step / 4, None)


def result(size: tuple[int, int], step: int) -> Result:
    data = png(picture(*size, step))
    return Result(*size, 3, len(data), data)


def summary(steps: int) -> Summary:
    return Summary(
        *("job-1", steps, {}, 0.0, 0.0, 1.0, 0, 1, "cpu", "fp32", "0", Weights("w", "", "vgg19"), "", (), False, {}),
    )


def job(levels: Sequence[Level], every: int = 1, *, without: Sequence[int] = ()) -> Iterator[Event]:
    """A job with a frame after its first step and every `every` steps, but for the steps `without`."""
    steps = sum(level.iterations for level in levels)
    sizes = [(level.width, level.height) for level in levels for _ in range(level.iterations)]
    yield started(levels)
    for step, size in enumerate(sizes, 1):
        yield progress(step, steps, content=2.0 * step, style=300.0 / step)
        if (step == 1 or step % every == 0) and step not in without:
            yield frame(step, size)
    yield result(sizes[-1], steps)
    yield summary(steps)
