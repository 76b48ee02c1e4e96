"""Numbered pictures of a painting as it forms."""

from __future__ import annotations

import re
from pathlib import Path

from stylize.errors import OutputExists, OutputUnwritable
from stylize.events import Event, Frame, Started
from stylize.recording.recorder import Cadence, Recorder, check_every
from stylize.saving import check_folder, write_whole

_OURS = re.compile(r"\d+\.(?:png|jpg)")
_SUFFIXES = {"png": ".png", "jpeg": ".jpg", "raw_rgb8": ".png"}
_DIGITS = 4


class StepPictures(Recorder):
    """Writes every N-th frame into a folder, as it comes: "0050.png" is the picture after step 50, in the size in which
    it was painted and as it was sent, PNG or JPEG. The pictures that are there stay when the program is killed."""

    def __init__(self, folder: str | Path, every: int, *, overwrite: bool = False) -> None:
        """folder: made if it is missing, but not the folder it lies in. every: steps from one to the next.
        overwrite: numbered pictures of an earlier job are removed from it.

        Raises OutputExists or OutputUnwritable.
        """
        super().__init__(folder, overwrite=overwrite)
        self.every = check_every(every)
        self._cadence = Cadence(every, first=False)
        self._digits = _DIGITS
        self._check()

    def _check(self) -> None:
        if not self.path.exists():
            check_folder(self.path.absolute().parent)
            return
        if not self.path.is_dir():
            raise OutputUnwritable(f"{self.path} is a file, but a folder for pictures is to go there.")
        check_folder(self.path)
        if not self._overwrite and self._numbered():
            raise OutputExists(f"There are pictures in {self.path} already.")

    def _numbered(self) -> list[Path]:
        return [entry for entry in self.path.iterdir() if _OURS.fullmatch(entry.name)]

    def _take(self, event: Event) -> None:
        if isinstance(event, Started):
            self._digits = max(_DIGITS, len(str(sum(level.iterations for level in event.plan))))
        if isinstance(event, Frame) and self._cadence.takes(event.iteration):
            if not self.written:
                self._make_room()
            suffix = _SUFFIXES[event.format]
            data = event.encoded("PNG") if suffix == ".png" else event.data
            write_whole(self.path / f"{event.iteration:0{self._digits}}{suffix}", data, overwrite=self._overwrite)
            self.written = True

    def _make_room(self) -> None:
        try:
            self.path.mkdir(exist_ok=True)
            if self._overwrite:
                for earlier in self._numbered():
                    earlier.unlink()
        except OSError as error:
            raise OutputUnwritable(f"The folder {self.path} cannot be made: {error.strerror}.") from error

    def _finish(self) -> None:
        missed = self._cadence.missed(self._steps)
        if self._error is None and missed:
            self.notes.append(
                f"{missed} of {self._cadence.expected(self._steps)} pictures did not arrive in time and are not in "
                f"{self.path}."
            )
