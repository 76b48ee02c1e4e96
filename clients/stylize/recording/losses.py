"""The course of the losses: every one that the daemon tells, as a table."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from pathlib import Path

from stylize.errors import OutputUnwritable
from stylize.events import Event, Level, Progress, Started
from stylize.recording.recorder import Recorder
from stylize.saving import check_place, written_whole


@dataclass(frozen=True)
class LossRow:
    """The losses after one step."""

    iteration: int
    seconds: float
    """Spent painting until then."""
    loss: float
    terms: dict[str, float]
    """Each with its weight."""


@dataclass
class LossLog:
    """What the daemon has told of the losses: of every step on a CPU, of twenty a second where steps are quicker."""

    rows: list[LossRow] = field(default_factory=list)
    """In the order of steps."""
    plan: tuple[Level, ...] = ()
    """The sizes at which it is painted."""

    def take(self, event: Event) -> None:
        """Notes an event."""
        if isinstance(event, Started):
            self.plan = event.plan
        elif isinstance(event, Progress) and (not self.rows or event.iteration > self.rows[-1].iteration):
            self.rows.append(LossRow(event.iteration, event.elapsed, event.loss, event.terms))

    @property
    def terms(self) -> list[str]:
        """The names of all terms, also of those that some levels do not have, in the order in which they came."""
        return list(dict.fromkeys(name for row in self.rows for name in row.terms))


class LossTable(Recorder):
    """Writes a CSV file: iteration, seconds, loss, and a column for each term, which is empty where a level has none of
    that name. Numbers are written in full."""

    def __init__(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Raises OutputExists or OutputUnwritable."""
        super().__init__(path, overwrite=overwrite)
        if self.path.suffix.lower() != ".csv":
            raise OutputUnwritable(f"{self.path} is no name for a table.", remedy="Let it end in .csv.")
        check_place(self.path, overwrite)
        self._log = LossLog()

    def _take(self, event: Event) -> None:
        self._log.take(event)

    def _finish(self) -> None:
        if not self._log.rows:
            return
        names = self._log.terms
        with (
            written_whole(self.path, overwrite=self._overwrite) as part,
            part.open("w", newline="", encoding="utf-8") as stream,
        ):
            table = csv.writer(stream, lineterminator="\n")
            table.writerow(["iteration", "seconds", "loss", *names])
            for row in self._log.rows:
                terms = (row.terms.get(name, "") for name in names)
                table.writerow([row.iteration, f"{row.seconds:.3f}", row.loss, *terms])
        self.written = True
