"""A film of a painting as it forms.

Frames are kept, as they came, in a nameless file beside the film, and the film is made from them at the end: a program
that is killed leaves nothing, and how long a film takes to write holds nobody up. The coarse levels of a pyramid are
scaled up to the last one. The film ends with the painting itself, which stands still for a second.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO

from PIL import Image

from stylize.errors import OutputUnwritable
from stylize.events import Event, Frame, Result, Started
from stylize.recording.film_files import Film, check_film, side_limit, write_film
from stylize.recording.recorder import Cadence, Recorder, check_every
from stylize.saving import check_place, written_whole

EVERY = 10
FPS = 10.0
"""As in the gradient-descent film of seed 002: every tenth iterate, ten of them a second."""
HOLD = 1.0
"""Seconds for which the last picture stands."""


class Timelapse(Recorder):
    """Makes a film of every N-th frame, from the first step on: .mp4 (H.264, which every player and browser shows;
    needs the extra `record`), .webp or .gif (256 colours, at most 480 pixels)."""

    def __init__(
        self, path: str | Path, every: int = EVERY, *, fps: float = FPS, hold: float = HOLD, overwrite: bool = False
    ) -> None:
        """every: steps from one picture to the next. fps: pictures a second. hold: seconds for which the last stands.

        Raises OutputExists, or OutputUnwritable, also if what is needed is not installed.
        """
        super().__init__(path, overwrite=overwrite)
        check_film(self.path)
        check_place(self.path, overwrite)
        if not 0 < fps <= 100:
            raise ValueError(f"A film has up to 100 pictures a second, not {fps:g}.")
        self.every = check_every(every)
        self._fps = fps
        self._hold = hold
        self._cadence = Cadence(every, first=True)
        self._frames = _FrameStore(self.path)
        self._size: tuple[int, int] | None = None
        self._painting: Image.Image | None = None

    def _take(self, event: Event) -> None:
        match event:
            case Started() if event.plan:
                self._size = event.plan[-1].width, event.plan[-1].height
            case Frame() if self._cadence.takes(event.iteration):
                self._frames.add(event)
            case Result():
                # Frames have no alpha either: what lies under it is seen throughout.
                self._painting = event.image().convert("RGB")

    def _finish(self) -> None:
        with self._frames:
            count = len(self._frames)
            if count == 0 and self._painting is None:
                return
            film = Film(self._pictures, self._film_size(), count, self._fps, self._hold)
            if self._painting is not None:
                film = replace(film, count=count + 1 - self._last_is_the_painting())
            with written_whole(self.path, overwrite=self._overwrite) as part:
                write_film(film, part, self.path.suffix)
            self.written = True
        # A frame after the very last step would not be seen.
        steps = self._steps - 1 if self._painting else self._steps
        missed = self._cadence.missed(steps)
        if self._error is None and missed > 0:
            self.notes.append(
                f"{missed} of {self._cadence.expected(steps)} frames did not arrive in time, so {self.path} leaves "
                "them out."
            )

    def _film_size(self) -> tuple[int, int]:
        """The painting's, as far as the kind of film and the frames allow."""
        width, height = self._size or self._frames.size
        scale = min(1.0, side_limit(self.path) / max(width, height))
        return max(1, round(width * scale)), max(1, round(height * scale))

    def _last_is_the_painting(self) -> bool:
        return len(self._frames) > 0 and self._frames.last_iteration >= self._steps

    def _pictures(self) -> Iterator[Image.Image]:
        frames = len(self._frames) - (self._painting is not None and self._last_is_the_painting())
        for number in range(frames):
            yield self._frames.image(number)
        if self._painting is not None:
            yield self._painting


class _FrameStore:
    """Frames on the disk, in a file without a name."""

    def __init__(self, beside: Path) -> None:
        self._folder = beside.absolute().parent
        self._film = beside
        self._file: IO[bytes] | None = None
        self._frames: list[tuple[Frame, int, int]] = []
        """Without their data; where that begins, and how long it is."""

    def __len__(self) -> int:
        return len(self._frames)

    @property
    def last_iteration(self) -> int:
        return self._frames[-1][0].iteration

    @property
    def size(self) -> tuple[int, int]:
        frame = self._frames[-1][0]
        return frame.width, frame.height

    def add(self, frame: Frame) -> None:
        """Raises OutputUnwritable."""
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115
            start = _store(frame.data, self._file)
        except OSError as error:
            raise OutputUnwritable(f"The frames for {self._film} could not be kept: {error.strerror}.") from error
        self._frames.append((replace(frame, data=b""), start, len(frame.data)))

    def image(self, number: int) -> Image.Image:
        frame, start, length = self._frames[number]
        assert self._file is not None
        self._file.seek(start)
        return replace(frame, data=self._file.read(length)).image()

    def __enter__(self) -> _FrameStore:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()


def _store(data: bytes, file: IO[bytes]) -> int:
    """Appends to a file, and gives where it begins."""
    start = file.seek(0, os.SEEK_END)
    file.write(data)
    file.flush()
    return start
