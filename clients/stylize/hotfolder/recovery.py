"""Making good what a watcher left that was killed, whenever that was:

killed before                what is there            what is done
the painting is complete     nothing                  it is painted again
it has its name              a `.part`, perhaps       it gets its name if the `.part` is whole, else painted again
the ledger says so           the painting             its sha-256 tells: it counts as written
the photo has moved          painting and photo       the photo moves, when the next look finds it
a bad photo is explained     the photo in `failed/`   NAME.error.txt is written
"""

from __future__ import annotations

from stylize.hotfolder import delivery
from stylize.hotfolder.ledger import State
from stylize.hotfolder.workplace import Workplace


def recover(place: Workplace) -> None:
    """Makes good what the last watcher left unfinished when it was killed. Raises OSError or sqlite3.Error."""
    for entry in place.ledger.unfinished():
        has_photo = (place.folder.inbox / entry.path).is_file()
        if entry.state is not State.WRITTEN and entry.output is not None and entry.output_hash is not None:
            if delivery.finish_delivery(place.folder, entry.output, entry.output_hash, entry.id):
                place.ledger.written(entry.id)
                entry = place.ledger.find(entry.key) or entry
            else:
                place.ledger.release(entry.id)
        if entry.state is State.WRITTEN:
            if not has_photo:
                place.ledger.archived(entry.id, None)
        elif not has_photo and delivery.is_there(place.folder, entry.archive):
            assert entry.archive is not None
            message = entry.message or ""
            delivery.explain(place.folder, entry.archive, delivery.error_text(entry.path, message))
            place.ledger.failed(entry.id, message, archive=entry.archive, attempts=entry.attempts)
        elif not has_photo:
            place.ledger.drop(entry.id)
