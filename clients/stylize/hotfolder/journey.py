"""One photo on its way: from `in/` to its painting in `out/`, and itself to `done/` or `failed/`.

Every step is done first and written into the ledger afterwards, except for names, which are written down before a file
appears under them; `recovery` makes good whatever a crash left in between.

A photo may kill the daemon: one that makes a decoder crash, or takes all memory. When the daemon dies, all photos that
it has are suspected, and each is painted alone the next time. If it dies again, that counts against the photo; a daemon
that is stopped says so, and counts against none.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath
from typing import TypeAlias, TypeVar

from neuralstyle.v1.reasons import Reason
from stylize import events
from stylize.client import Client
from stylize.errors import Cancelled, ConnectionLost, InputUnreadable, OutputUnwritable, StylizeError, error_from_reason
from stylize.hotfolder import delivery
from stylize.hotfolder.daemon import Interrupted
from stylize.hotfolder.filesystem import NotTheSame, read_unchanged
from stylize.hotfolder.ledger import Entry, Key, State
from stylize.hotfolder.outcomes import Again, Gone, Held, Outcome, Parcel
from stylize.hotfolder.reports import (
    Failed,
    Painted,
    Postponed,
    Progressed,
    Queued,
    Repeated,
    Taken,
    Trouble,
    TroubleOver,
    printable,
)
from stylize.hotfolder.settings import Look, Settings
from stylize.hotfolder.verdict import MAX_ATTEMPTS, Verdict, judge
from stylize.hotfolder.workplace import Workplace
from stylize.pictures import Picture

_T = TypeVar("_T")


class _MustBeAlone(Exception):  # noqa: N818  (not an error: the photo is taken anew)
    """The photo is to be painted while no other is."""


class FolderAway(Exception):  # noqa: N818  (not an error: it is waited for)
    """The hot folder is not what it was: unmounted, moved or replaced."""


_Ending: TypeAlias = Callable[[], Outcome]
"""The rest of the way, once the daemon is no longer needed."""


@dataclass(frozen=True)
class _Painting:
    data: bytes
    seconds: float
    """Of painting, without the time in the queue."""
    notes: tuple[str, ...]


def travel(place: Workplace, parcel: Parcel, settings: Settings) -> Outcome:
    """Brings one photo as far as it gets. Raises nothing but what is a fault of this program."""
    journey = _Journey(place, parcel)
    outcome: Outcome = Again(0.0)
    try:
        outcome = journey.run(settings)
    except (NotTheSame, FileNotFoundError):
        outcome = Gone()
    except (Interrupted, FolderAway):
        pass
    except StylizeError as error:  # it was waited for in vain
        outcome = Again(place.timing.longest_retry, error)
    except (OSError, sqlite3.Error) as error:
        place.tell(_trouble(place, "ledger", error))
        outcome = Again(place.timing.longest_retry)
    if not journey.told:
        place.tell(Postponed(place.folder.root, parcel.photo))
    return outcome


class _Journey:
    def __init__(self, place: Workplace, parcel: Parcel) -> None:
        self._place = place
        self._parcel = parcel
        self._root = place.folder.root
        self._began = time.monotonic()
        self.told = False
        """Whether its end has been reported."""
        self._submitted = False

    def run(self, settings: Settings) -> Outcome:
        """The whole way. What needs the daemon happens in a seat of its; what waits for the disk does not."""
        self._place.tell(Taken(self._root, self._parcel.photo))
        try:
            return self._take(settings, alone=False)
        except _MustBeAlone:
            return self._take(settings, alone=True)

    def _take(self, settings: Settings, *, alone: bool) -> Outcome:
        with contextlib.ExitStack() as reservation:
            with self._place.daemon.seat(alone=alone) as client:
                reached = self._visit(client, settings, reservation, alone=alone)
            return reached() if callable(reached) else reached

    def _visit(
        self, client: Client, settings: Settings, reservation: contextlib.ExitStack, *, alone: bool
    ) -> Outcome | _Ending:
        place, parcel = self._place, self._parcel
        if alone and not _is_alive(client):  # what it dies of from now on is this photo
            return self._gone(client)
        try:
            look = settings.look_for(PurePath(parcel.photo), place.daemon.builtin_styles)
            styles = self._upload_styles(client, look)
        except StylizeError as error:
            return self._judged(error, client, about_settings=True)
        try:
            data = self._read(client)
        except StylizeError as error:
            return self._judged(error, client)
        key = Key(hashlib.sha256(data).hexdigest(), look.settings_hash)
        if not reservation.enter_context(place.keys.reserved(key)):
            return Again(place.timing.first_retry)
        own = place.ledger.find_output(key.content)
        if own is not None:
            entry = place.ledger.claim(key, parcel.photo)
            return functools.partial(self._set_aside, entry, _own_painting(own))
        entry = place.ledger.find(key)
        if entry is not None and self._is_painted(entry):
            return functools.partial(self._finish_earlier, entry)
        entry = place.ledger.claim(key, parcel.photo)
        if not alone and (entry.attempts or key in place.suspects):
            raise _MustBeAlone
        try:
            painting = self._paint(client, entry, data, look, styles)
        except ConnectionLost as error:
            place.suspects.add(key)
            return self._daemon_died(entry, client) if alone else self._judged(error, client, entry)
        except StylizeError as error:
            return self._judged(error, client, entry)
        place.suspects.discard(key)
        return functools.partial(self._finish, entry, look, painting)

    # Painting

    def _upload_styles(self, client: Client, look: Look) -> list[tuple[str | Picture, float]]:
        """Sends the styles before the photo, so that what is wrong with them is not blamed on it."""
        ingredients: list[tuple[str | Picture, float]] = []
        for style in look.styles:
            source: str | Picture = style.name
            if style.picture is not None:
                source = Picture(style.picture.read(), None, file=style.picture.path.name)
                try:
                    client.upload(source)
                except StylizeError as error:
                    raise _about_style(error, style.name) from error
            ingredients.append((source, 1.0 if style.weight is None else style.weight))
        return ingredients

    def _read(self, client: Client) -> bytes:
        size, most = self._parcel.fingerprint.size, client.limits.max_image_bytes
        if size > most > 0:
            raise error_from_reason(
                Reason.IMAGE_TOO_LARGE, f"The file has {size:,} bytes; the daemon accepts {most:,}."
            )
        if size == 0:
            raise error_from_reason(Reason.IMAGE_UNREADABLE, "The file is empty.")
        try:
            return read_unchanged(self._place.folder.inbox / self._parcel.photo, self._parcel.fingerprint)
        except OSError as error:
            raise InputUnreadable(f"The file cannot be read: {error.strerror}.") from error

    def _is_painted(self, entry: Entry) -> bool:
        """An archived painting that somebody took out of `out/` and whose photo comes again is wanted again."""
        if entry.state is State.ARCHIVED:
            return delivery.is_there(self._place.folder, entry.output)
        return entry.state is State.WRITTEN

    def _paint(
        self, client: Client, entry: Entry, data: bytes, look: Look, styles: list[tuple[str | Picture, float]]
    ) -> _Painting:
        job = client.stylize(
            Picture(data, None, file=PurePath(self._parcel.photo).name, once=True),
            styles,
            look.preset,
            seed=look.seed,
            precision=look.precision,
            priority="batch",
            depth=look.depth,
            **look.tunables,
        )
        with self._place.daemon.running(job), job:
            for event in job:
                self._follow(event, entry)
        assert job.summary is not None
        return _Painting(job.encoded("painting" + look.suffix), job.summary.run_time, job.summary.warnings)

    def _follow(self, event: events.Event, entry: Entry) -> None:
        if isinstance(event, events.Queued):
            if event.job_id and not self._submitted:  # later ones only tell of its place in line
                self._place.ledger.submitted(entry.id, event.job_id)
                self._submitted = True
            self._place.tell(Queued(self._root, self._parcel.photo, event.jobs_ahead))
        elif isinstance(event, events.Progress):
            step = Progressed(self._root, self._parcel.photo, event.iteration, event.iterations, event.eta)
            self._place.tell(step)

    # Endings

    def _finish(self, entry: Entry, look: Look, painting: _Painting) -> Outcome:
        photo = PurePath(self._parcel.photo)
        wanted = photo.with_name(look.output_name(photo.name))
        ledger = self._place.ledger

        def about_to_write(output: str, digest: str) -> None:
            ledger.about_to_write(entry.id, output, digest)

        output = self._persistently(
            "out", lambda: delivery.deliver(self._place.folder, wanted, painting.data, entry.id, about_to_write)
        )
        self._persistently("ledger", lambda: ledger.written(entry.id, painting.seconds))
        moved = self._archive(entry)
        self._place.tell(Painted(self._root, self._parcel.photo, output, painting.seconds, painting.notes))
        self.told = True
        return Gone(moved)

    def _finish_earlier(self, entry: Entry) -> Outcome:
        """The photo was painted before: by somebody who was killed before it could move, or it was dropped again."""
        moved = self._archive(entry)
        assert entry.output is not None
        self._place.tell(Repeated(self._root, self._parcel.photo, entry.output))
        self.told = True
        return Gone(moved)

    def _archive(self, entry: Entry) -> bool:
        """Moves the photo to `done/`; False if it is another by now, or gone."""
        folder, parcel = self._place.folder, self._parcel
        moved = self._persistently("done", lambda: delivery.archive(folder, parcel.photo, parcel.fingerprint, entry.id))
        self._persistently("ledger", lambda: self._place.ledger.archived(entry.id, moved))
        return moved is not None

    def _set_aside(self, entry: Entry, error: StylizeError) -> Outcome:
        folder, parcel, ledger = self._place.folder, self._parcel, self._place.ledger
        attempts = entry.attempts + 1
        message = f"{error}\nWhat to do: {error.remedy}"
        text = delivery.error_text(parcel.photo, message)

        def about_to_move(kept: str) -> None:
            ledger.about_to_set_aside(entry.id, message, kept, attempts)

        kept = self._persistently(
            "failed",
            lambda: delivery.set_aside(folder, parcel.photo, parcel.fingerprint, text, entry.id, about_to_move),
        )
        if kept is None:
            return Gone()
        self._persistently("ledger", lambda: ledger.failed(entry.id, message, archive=kept, attempts=attempts))
        self._place.tell(Failed(self._root, parcel.photo, str(error), error.remedy, kept))
        self.told = True
        return Gone(moved=True)

    def _judged(
        self, error: StylizeError, client: Client, entry: Entry | None = None, *, about_settings: bool = False
    ) -> Outcome | _Ending:
        """What an error leads to. Without an entry, one is made if the photo fails for good."""
        timing, verdict = self._place.timing, judge(error)
        if isinstance(error, Cancelled) and self._place.stopping.gently.is_set():
            raise Interrupted
        if verdict is Verdict.AWAY:
            return self._gone(client)
        if verdict is Verdict.BUSY:
            return Again(timing.first_retry)
        if verdict is Verdict.SETTINGS or about_settings:
            return Held(error)
        waited = self._parcel.still_for + time.monotonic() - self._began
        if verdict is Verdict.UNREADABLE and waited < timing.patience:
            return Again(timing.patience - waited)
        if entry is None:
            entry = self._place.ledger.claim(self._key_without_content(), self._parcel.photo)
        if verdict is Verdict.AGAIN and entry.attempts + 1 < MAX_ATTEMPTS:
            self._place.ledger.failed(entry.id, str(error), attempts=entry.attempts + 1)
            return self._postponed(timing.first_retry * 2**entry.attempts, str(error), entry.attempts + 1)
        return functools.partial(self._set_aside, entry, error)

    def _gone(self, client: Client) -> Outcome:
        self._place.daemon.lost(client)
        return self._postponed(self._place.timing.first_retry, "the daemon went away")

    def _daemon_died(self, entry: Entry, client: Client) -> Outcome | _Ending:
        """It died while it had this photo and no other of ours."""
        self._place.daemon.lost(client)
        error = ConnectionLost(
            f"The painting daemon died {MAX_ATTEMPTS} times while it was at this photo and at no other.",
            remedy="Open the photo in an image editor and save it anew, perhaps smaller or in another format.",
        )
        if entry.attempts + 1 < MAX_ATTEMPTS:
            message = "the daemon died while it was at this photo"
            self._place.ledger.failed(entry.id, message, attempts=entry.attempts + 1)
            return self._postponed(self._place.timing.first_retry, message, entry.attempts + 1)
        return functools.partial(self._set_aside, entry, error)

    def _key_without_content(self) -> Key:
        """For a file that is not read: its name and fingerprint stand in for what is in it."""
        facts = f"{self._parcel.photo!r} {tuple(self._parcel.fingerprint)}".encode("utf-8", "surrogateescape")
        return Key(f"unread {hashlib.sha256(facts).hexdigest()}", "")

    def _postponed(self, delay: float, message: str, attempts: int = 0) -> Again:
        self._place.tell(Postponed(self._root, self._parcel.photo, message, attempts))
        self.told = True
        return Again(delay)

    def _persistently(self, kind: str, action: Callable[[], _T]) -> _T:
        """Does what the disk may refuse until it is done; what has been painted is kept in memory meanwhile.

        Raises Interrupted when the end is asked for, FolderAway when the folder is, and OutputUnwritable when there is
        no more patience.
        """
        troubled = False
        for pause in self._place.timing.retries():
            if not self._place.is_present():
                raise FolderAway
            try:
                result = action()
            except (OSError, sqlite3.Error) as error:
                if not self._place.is_present():
                    raise FolderAway from error
                trouble = _trouble(self._place, kind, error)
                if pause is None:
                    raise OutputUnwritable(trouble.message, remedy=trouble.remedy) from error
                self._place.tell(trouble)
                troubled = True
                self._place.stopping.sleep(pause)
            else:
                if troubled:
                    self._place.tell(TroubleOver(self._root, kind))
                return result
        raise AssertionError("retries end with None")


def _trouble(place: Workplace, kind: str, error: OSError | sqlite3.Error) -> Trouble:
    why = error.strerror if isinstance(error, OSError) else f"{error}"
    where = {"out": "out/", "done": "done/", "failed": "failed/", "ledger": "the ledger in .stylize/"}[kind]
    return Trouble(
        place.folder.root,
        kind,
        f"{place.folder.root}: {where} cannot be written: {why}. Nothing is lost; it is tried again.",
        "Make room on the disk, or see that you may write there.",
    )


def _is_alive(client: Client) -> bool:
    try:
        client.info()
    except StylizeError:
        return False
    return True


def _about_style(error: StylizeError, name: str) -> StylizeError:
    """The same error, naming the style that it is about."""
    if error.reason is None:
        return error
    return error_from_reason(error.reason, f"The style {name!r}: {error}", field="styles")


def _own_painting(entry: Entry) -> StylizeError:
    return InputUnreadable(
        f"This is a painting of this folder, {printable(entry.output or '')}: paintings are not painted again.",
        remedy="To paint over a painting, save it from an image editor as a new picture first.",
    )
