"""Running one job on the command line, from the first event to the file: shared by `image` and `demo`."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from stylize import events
from stylize.cli.progress import choose_reporter
from stylize.errors import OutputExists, OutputUnwritable, StylizeError
from stylize.job import Job
from stylize.saving import format_of, keeps_alpha, rescue, write_whole

PREVIEW_SIDE = 512
"""Longest side in pixels of the frames for `--preview-to`."""


@dataclass(frozen=True)
class Output:
    """Where a painting goes and how it is told."""

    path: Path
    overwrite: bool = False
    preview: Path | None = None
    """A file that is rewritten with each frame."""
    as_json: bool = False
    quiet: bool = False


def run(job: Job, output: Output) -> None:
    """Shows the job until it is done, saves the painting and tells where it is. An interruption cancels the job.

    Raises the StylizeError that the job failed with; OutputUnwritable if the painting had to be saved elsewhere.
    """
    preview = _PreviewFile(output.preview) if output.preview else None
    with job, choose_reporter(as_json=output.as_json, quiet=output.quiet) as reporter:
        for event in job:
            reporter.show(event)
            if preview and isinstance(event, events.Frame):
                preview.rewrite(event)
    assert job.painting is not None
    try:
        job.save(output.path, overwrite=output.overwrite)
    except (OutputUnwritable, OutputExists) as error:
        raise _rescued(error, job.painting, output.path) from error
    if job.painting.channels == 4 and not keeps_alpha(output.path):
        _note(f"{output.path.suffix} files have no transparency: the painting was laid on white.", output)
    if output.as_json:
        print(json.dumps({"event": "saved", "path": str(output.path.absolute())}), flush=True)
    else:
        print(output.path, flush=True)


def _rescued(error: StylizeError, painting: events.Result, path: Path) -> OutputUnwritable:
    elsewhere = rescue(painting.data, path.stem)
    if elsewhere is None:
        return OutputUnwritable(f"{error} The painting could not be saved elsewhere either.")
    return OutputUnwritable(
        f"{error} The painting is not lost: it was saved as {elsewhere}.", remedy="Move it from there."
    )


def _note(text: str, output: Output) -> None:
    if not (output.quiet or output.as_json):
        print(f"Note: {text}", file=sys.stderr)


class _PreviewFile:
    """A picture file that always shows the newest frame. A viewer never sees half of one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._works = True

    def rewrite(self, frame: events.Frame) -> None:
        """Replaces the file. If that fails it is told once, and the painting goes on."""
        if not self._works:
            return
        try:
            write_whole(self._path, frame.encoded(format_of(self._path)), overwrite=True)
        except OutputUnwritable as error:
            self._works = False
            print(f"Note: no more previews: {error}", file=sys.stderr)
