"""Orders for paintings that become files."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import typer

from stylize.cli.look import Look
from stylize.cli.painting import Order, Saved
from stylize.cli.photos import Found, default_output, is_folder_name
from stylize.cli.recording import Recorded
from stylize.client import Client
from stylize.encoding import Metadata
from stylize.errors import OutputExists, OutputUnwritable, StylizeError
from stylize.events import Result
from stylize.job import Job
from stylize.pictures import check_readable
from stylize.recording.recorder import FRAME_SIDE as RECORDED_SIDE
from stylize.recording.recorder import frame_format
from stylize.saving import check_output, keeps_alpha, rescue

FRAME_SIDE = 512
"""Longest side in pixels of preview frames."""


@dataclass(frozen=True)
class FileOptions:
    """How the files are written. Made by `of`."""

    metadata: Metadata = Metadata.ALL
    overwrite: bool = False
    frames: bool = False
    """Frames are shown."""
    recorded: Recorded = field(default_factory=Recorded)
    """What is left of the way there."""

    @classmethod
    def of(
        cls,
        metadata: str = "all",
        *,
        overwrite: bool = False,
        frames: bool = False,
        recorded: Recorded | None = None,
    ) -> FileOptions:
        """From what the options say. Raises a usage error."""
        try:
            kept = Metadata(metadata)
        except ValueError:
            known = ", ".join(choice.value for choice in Metadata)
            raise typer.BadParameter(f"It is one of {known}, not {metadata}.", param_hint="--metadata") from None
        return cls(kept, overwrite, frames, recorded or Recorded())


@dataclass(frozen=True)
class Refused:
    """A photo that cannot be painted, as far as is known without a daemon."""

    name: str
    error: StylizeError


def file_orders(found: Found, look: Look, out: str | None, options: FileOptions) -> tuple[list[Order], list[Refused]]:
    """Orders for all photos whose paintings can be written, and those whose cannot.

    Of one photo, what is wrong is raised. Raises OutputUnwritable if the folder cannot be made, and a usage error if
    several photos are to go into one file.
    """
    folder = _output_folder(found, out)
    orders: list[Order] = []
    refused: list[Refused] = []
    taken: dict[Path, Path] = {}
    styles = [style.name for style in look.styles]
    for photo in found.photos:
        path = Path(out) if out and folder is None else default_output(photo, styles, folder)
        try:
            _check(photo, path, look, options, taken)
            order = file_order(photo, path, look, options, batch=found.several)
        except StylizeError as error:
            if not found.several:
                raise
            refused.append(Refused(str(photo), error))
            continue
        taken[path] = photo
        orders.append(order)
    return orders, refused


def file_order(photo: Path | None, path: Path, look: Look, options: FileOptions, *, batch: bool = False) -> Order:
    """An order for one file; without a photo it is called by its styles.

    Raises OutputExists or OutputUnwritable for what is to be recorded of it.
    """
    # Made and let go: what can be refused is refused before anything is sent.
    every = options.recorded.recording(path, overwrite=options.overwrite).every

    def begin(client: Client) -> Job:
        if every:
            kind = frame_format(look.size(client))
            return look.begin(
                client, photo, preview=RECORDED_SIDE, preview_every=every, preview_format=kind, batch=batch
            )
        return look.begin(client, photo, preview=FRAME_SIDE if options.frames else None, batch=batch)

    return Order(
        str(photo or " + ".join(style.name for style in look.styles)),
        begin,
        lambda job: save(job, path, options),
        record=lambda: options.recorded.recording(path, overwrite=options.overwrite),
        shows_frames=options.frames,
    )


def save(job: Job, path: Path, options: FileOptions) -> Saved:
    """Saves a finished painting; if its place has failed, elsewhere, and then raises OutputUnwritable that says so."""
    assert job.painting is not None
    try:
        job.save(path, overwrite=options.overwrite, metadata=options.metadata)
    except (OutputUnwritable, OutputExists) as error:
        raise rescued(error, job.painting, path) from error
    notes = []
    if job.painting.channels == 4 and not keeps_alpha(path):
        notes.append(f"{path.suffix} files have no transparency: the painting was laid on white.")
    return Saved(path, tuple(notes))


def _output_folder(found: Found, out: str | None) -> Path | None:
    if out is None or not (is_folder_name(out) or len(found.photos) > 1):
        return None
    folder = Path(out)
    if not is_folder_name(out) and folder.suffix:
        raise typer.BadParameter(
            f"{len(found.photos)} photos do not go into one file: name a folder, such as paintings/.",
            param_hint="--out",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputUnwritable(f"The folder {folder} cannot be made: {error.strerror}.") from error
    return folder


def _check(photo: Path, path: Path, look: Look, options: FileOptions, taken: dict[Path, Path]) -> None:
    check_readable(photo)
    if path in taken:
        raise OutputExists(
            f"{photo} and {taken[path]} would both become {path}.",
            remedy="Paint them one after the other, with different -o folders.",
        )
    if path.exists() and path.samefile(photo):
        raise OutputExists(f"{path} is the photo itself.", remedy="Choose another name with -o.")
    check_output(path, options.overwrite, look.depth)


def rescued(error: StylizeError, painting: Result, path: Path) -> OutputUnwritable:
    """Saves elsewhere what could not be saved at `path`, and gives the error that says where."""
    elsewhere = rescue(painting, path.stem)
    if elsewhere is None:
        return OutputUnwritable(f"{error} The painting could not be saved elsewhere either.")
    return OutputUnwritable(
        f"{error} The painting is not lost: it was saved as {elsewhere}.", remedy="Move it from there."
    )
