"""How patient a watcher is, and how much it asks for at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

SPARE_SEATS = 2
"""Pictures in flight beside those that the daemon's workers paint: one waits for a worker, and one is on its way to the
daemon or to the disk."""


@dataclass(frozen=True)
class Timing:
    """Seconds."""

    settle: float = 2.0
    """A file must stand still this long before it is taken."""
    patience: float = 20.0
    """A file that does not decode must stand still this long before it counts as bad: a copy may have paused."""
    rescan: float = 60.0
    """Between two looks into `in/` if no event comes."""
    rescan_on_network: float = 5.0
    """The same where changes of other machines cause no events."""
    tidy: float = 5.0
    """Until a look into `in/` when files have only left it, as each does that has been painted."""
    least_pause: float = 0.1
    """Between two looks, however many events come."""
    first_retry: float = 1.0
    """Until something that failed for reasons of the machine is tried again; then twice as long each time."""
    longest_retry: float = 30.0

    give_up: float | None = None
    """When to stop trying; None for never."""

    @classmethod
    def of(cls, settle: float) -> Timing:
        """The usual patience, for files that need `settle` seconds to stand still."""
        return cls(settle=settle, patience=settle * cls.patience / cls.settle)

    def retries(self) -> Iterator[float | None]:
        """The waits between tries; None at last, if there is a last."""
        wait, waited = self.first_retry, 0.0
        while self.give_up is None or waited < self.give_up:
            yield wait
            waited += wait
            wait = min(2 * wait, self.longest_retry)
        yield None
