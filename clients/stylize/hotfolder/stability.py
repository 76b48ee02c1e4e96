"""When a file may be taken: once it has stood still for long enough, so that no half-written picture is.

Pure: it is told what the scans find and what time it is. A file that was renamed into the folder, or whose times say
that it has been left alone for long enough already, need not be waited for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stylize.hotfolder.filesystem import Fingerprint


@dataclass
class _Track:
    fingerprint: Fingerprint
    still_since: float
    """When it was first seen as it is."""
    due: float
    """When it may be taken."""
    taken: bool = False


class StabilityTracker:
    """The files of one `in/` that are not done with. Times are seconds of a monotonic clock."""

    def __init__(self, settle: float) -> None:
        """settle: seconds that a file must stand still."""
        self._settle = settle
        self._tracks: dict[str, _Track] = {}

    def __len__(self) -> int:
        return len(self._tracks)

    def observe(self, files: Mapping[str, Fingerprint], now: float, at_once: Mapping[str, float] | None = None) -> None:
        """Takes in what a scan found: all files.

        at_once: those that are known to be complete, with the seconds that they have stood still for already.
        """
        at_once = at_once or {}
        for path in [path for path, track in self._tracks.items() if path not in files and not track.taken]:
            del self._tracks[path]
        for path, fingerprint in files.items():
            track = self._tracks.get(path)
            if track is None:
                due = now if path in at_once else now + self._settle
                self._tracks[path] = _Track(fingerprint, now - at_once.get(path, 0.0), due)
            elif track.taken:
                continue
            elif track.fingerprint != fingerprint:
                due = now if path in at_once else now + self._settle
                track.fingerprint, track.still_since, track.due = fingerprint, now, due
            elif path in at_once:
                track.due = min(track.due, now)

    def ready(self, now: float) -> list[str]:
        """Files that may be taken, those first that have waited longest."""
        due = [(track.due, path) for path, track in self._tracks.items() if not track.taken and track.due <= now]
        return [path for _, path in sorted(due)]

    def waiting(self, now: float) -> dict[str, bool]:
        """All files that have not been taken, with whether they may be."""
        return {path: track.due <= now for path, track in self._tracks.items() if not track.taken}

    def take(self, path: str) -> Fingerprint:
        """Marks a file as taken and gives the fingerprint that it stood still with."""
        track = self._tracks[path]
        track.taken = True
        return track.fingerprint

    def still_for(self, path: str, now: float) -> float:
        """Seconds since the file was last seen to change."""
        return now - self._tracks[path].still_since

    def put_back(self, path: str, due: float) -> None:
        """Gives a taken file back, to be taken again not before `due`."""
        track = self._tracks[path]
        track.taken, track.due = False, due

    def forget(self, path: str) -> None:
        """Drops a file that is done with: what the next scan finds under its name is new."""
        self._tracks.pop(path, None)

    def next_due(self, now: float) -> float | None:
        """When the next file that cannot be taken yet may be; None if there is none."""
        return min((track.due for track in self._tracks.values() if not track.taken and track.due > now), default=None)
