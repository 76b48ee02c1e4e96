"""A film that falls into a dream: each picture is the one before it, enlarged and dreamt on (Mordvintsev et al. 2015,
"Inceptionism": applied to its own output with some zooming, an endless stream of new impressions).

Pictures are kept as files until the film is written, so that its length costs no memory, and a folder of them holds
what there is at any time.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from PIL import Image

from stylize.cli.photos import is_folder_name
from stylize.cli.terminal import connected, messages
from stylize.errors import OutputExists, OutputUnwritable
from stylize.pictures import open_picture, upright_srgb
from stylize.recording.film_files import Film, check_film, write_film
from stylize.saving import check_place, written_whole

if TYPE_CHECKING:
    from stylize.cli.look import Look
    from stylize.cli.session import Session
    from stylize.client import Client

_HOLD = 1.0
"""Seconds for which the last picture stands."""
_MOST_ZOOM = 2.0


@dataclass(frozen=True)
class DreamFilm:
    """What is to be made."""

    out: str
    """A film, or a folder."""
    zoom: float
    frames: int
    fps: float
    overwrite: bool

    def __post_init__(self) -> None:
        """Raises a usage error, OutputExists or OutputUnwritable."""
        if not 1.0 <= self.zoom <= _MOST_ZOOM:
            raise typer.BadParameter(f"It is 1 to {_MOST_ZOOM:g}, not {self.zoom:g}.", param_hint="--zoom")
        if self.frames < 1:
            raise typer.BadParameter(f"It is 1 or more, not {self.frames}.", param_hint="--frames")
        if not 0 < self.fps <= 100:
            raise typer.BadParameter(f"It is up to 100, not {self.fps:g}.", param_hint="--fps")
        if not self._is_folder:
            check_film(self._path)
            check_place(self._path, self.overwrite)
        elif self._path.is_dir() and not self.overwrite and any(self._path.glob("*.png")):
            raise OutputExists(f"The folder {self._path} has pictures already.")

    @property
    def _path(self) -> Path:
        return Path(self.out)

    @property
    def _is_folder(self) -> bool:
        return is_folder_name(self.out) or not self._path.suffix

    def shoot(self, photo: Path, look: Look, session: Session) -> None:
        """Makes it, and prints its path. Ctrl-C keeps the pictures that there are; raises it if there is none."""
        with self._folder() as folder, connected(quiet=session.quiet or session.as_json) as client:
            made = self._dream(client, photo, look, folder, session)
            if not self._is_folder:
                self._write(made)
        if session.as_json:
            print(json.dumps({"event": "saved", "path": str(self._path.absolute())}), flush=True)
        else:
            print(self.out, flush=True)
        session.show([self._path])

    @contextlib.contextmanager
    def _folder(self) -> Iterator[Path]:
        if not self._is_folder:
            with tempfile.TemporaryDirectory(prefix="stylize-dream-") as folder:
                yield Path(folder)
            return
        try:
            self._path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputUnwritable(f"The folder {self._path} cannot be made: {error.strerror}.") from error
        yield self._path

    def _dream(self, client: Client, photo: Path, look: Look, folder: Path, session: Session) -> list[Path]:
        made: list[Path] = []
        picture = upright_srgb(open_picture(photo, client.limits.max_image_bytes)).convert("RGB")
        with _progress(session, self.frames) as tell:
            try:
                for number in range(1, self.frames + 1):
                    picture = look.begin(client, picture).result().convert("RGB")
                    made.append(folder / f"{number:05d}.png")
                    try:
                        picture.save(made[-1])
                    except OSError as error:
                        raise OutputUnwritable(f"{made[-1]} could not be written: {error.strerror}.") from error
                    tell(number)
                    picture = enlarged(picture, self.zoom)
            except KeyboardInterrupt:
                if not made:
                    raise
                session.say(f"Stopped after {len(made)} of {self.frames} pictures.")
        return made

    def _write(self, made: list[Path]) -> None:
        def pictures() -> Iterator[Image.Image]:
            for path in made:
                with Image.open(path) as picture:
                    yield picture.convert("RGB")

        with Image.open(made[0]) as first:
            size = first.size
        try:
            with written_whole(self._path, overwrite=self.overwrite) as part:
                write_film(Film(pictures, size, len(made), self.fps, _HOLD), part, self._path.suffix)
        except OSError as error:
            raise OutputUnwritable(f"{self._path} could not be written: {error.strerror}.") from error


def enlarged(picture: Image.Image, factor: float) -> Image.Image:
    """The middle of a picture, as large as the picture was."""
    width, height = picture.size
    left, top = (width - width / factor) / 2, (height - height / factor) / 2
    return picture.resize(picture.size, Image.Resampling.BICUBIC, box=(left, top, width - left, height - top))


@contextlib.contextmanager
def _progress(session: Session, frames: int) -> Iterator[Callable[[int], None]]:
    """Gives what tells of each picture: an event a line, or a bar on stderr."""
    if session.as_json:
        yield lambda number: print(json.dumps({"event": "frame", "sequence": number, "frames": frames}), flush=True)
        return
    if session.quiet:
        yield lambda number: None
        return
    from rich.progress import Progress

    with Progress(console=messages()) as bar:
        task = bar.add_task("Dreaming", total=frames)
        yield lambda number: bar.update(task, completed=number)
