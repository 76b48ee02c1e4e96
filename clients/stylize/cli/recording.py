"""What the options say of recording: numbered pictures, a film, the losses."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import typer

from stylize.errors import OutputExists
from stylize.recording import LossPlot, LossTable, Recorder, Recording, StepPictures, Timelapse
from stylize.recording.timelapse import EVERY


@dataclass(frozen=True)
class Recorded:
    """What is to be recorded of each painting. Names are files, or endings alone: then beside the painting."""

    save_every: int | None = None
    timelapse: str | None = None
    timelapse_every: int = EVERY
    loss_plot: str | None = None
    loss_csv: str | None = None

    def check(self, photos: int) -> None:
        """Raises a usage error if several photos are to be recorded in one file."""
        named = {"--timelapse": self.timelapse, "--loss-plot": self.loss_plot, "--loss-csv": self.loss_csv}
        for option, name in named.items():
            if name and photos > 1 and not _is_ending(name):
                ending = Path(name).suffix or ".mp4"
                raise typer.BadParameter(
                    f"{photos} paintings are not recorded in one file: give the ending alone, {option} {ending}, for "
                    "one beside each painting.",
                    param_hint=option,
                )

    def recording(self, painting: Path, *, overwrite: bool) -> Recording:
        """What records the job that becomes `painting`. Raises OutputExists or OutputUnwritable."""
        recorders: list[Recorder] = []
        if self.save_every is not None:
            folder = painting.with_name(f"{painting.stem}.steps")
            recorders.append(StepPictures(folder, self.save_every, overwrite=overwrite))
        if self.timelapse is not None:
            film = _place(self.timelapse, painting, "timelapse")
            recorders.append(Timelapse(film, self.timelapse_every, overwrite=overwrite))
        if self.loss_plot is not None:
            recorders.append(LossPlot(_place(self.loss_plot, painting, "loss"), overwrite=overwrite))
        if self.loss_csv is not None:
            recorders.append(LossTable(_place(self.loss_csv, painting, "loss"), overwrite=overwrite))
        taken = {painting.absolute()}
        for recorder in recorders:
            if recorder.path.absolute() in taken:
                raise OutputExists(
                    f"Two things would both become {recorder.path}.", remedy="Choose another name for one of them."
                )
            taken.add(recorder.path.absolute())
        return Recording(*recorders)


def _place(name: str, painting: Path, what: str) -> Path:
    """ ".mp4" for "oil.png" becomes "oil.timelapse.mp4" beside it; another name stays."""
    return painting.with_name(f"{painting.stem}.{what}{name}") if _is_ending(name) else Path(name)


def _is_ending(name: str) -> bool:
    return name.startswith(".") and "/" not in name and name.count(".") == 1
