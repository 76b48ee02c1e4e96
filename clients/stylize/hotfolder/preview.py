"""What a watcher would do with what lies in `in/` now, without doing any of it."""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path, PurePath

from stylize.errors import InputUnreadable, StylizeError
from stylize.hotfolder.delivery import is_there
from stylize.hotfolder.filesystem import Fingerprint, NotTheSame, read_unchanged
from stylize.hotfolder.layout import HotFolder
from stylize.hotfolder.ledger import Key, Ledger, State
from stylize.hotfolder.scanner import scan
from stylize.hotfolder.settings import Look, Settings, SettingsReader


@dataclass(frozen=True)
class Plan:
    """What would become of one entry of `in/`."""

    folder: Path
    photo: str
    action: str
    """ "paint", "repeat" (painted before: only the photo moves), "wait" (it was just changed) or "refuse"."""
    output: str = ""
    """The painting's path in the folder, if its name is free."""
    style: str = ""
    why: str = ""


def plans_for(folder: HotFolder, builtin: Collection[str] | None, settle: float) -> list[Plan]:
    """The plans for all of `in/`, sorted by name.

    builtin: names of the daemon's own styles; None if it is not known, and names of styles are taken on trust.
    Raises StylizeError if the settings are wrong.
    """
    settings = SettingsReader(folder).read()
    known = settings.style_names if builtin is None else builtin
    try:
        found = scan(folder.inbox)
    except OSError as error:
        raise InputUnreadable(f"{folder.inbox} cannot be read: {error.strerror}.") from error
    plans = [Plan(folder.root, refusal.relative, "refuse", why=refusal.why) for refusal in found.refusals]
    for photo, fingerprint in found.files.items():
        plans.append(_plan(folder, photo, fingerprint, settings, known, settle))
    return sorted(plans, key=lambda plan: plan.photo)


def _plan(
    folder: HotFolder,
    photo: str,
    fingerprint: Fingerprint,
    settings: Settings,
    builtin: Collection[str],
    settle: float,
) -> Plan:
    if time.time() - fingerprint.mtime_ns / 1e9 < settle:
        return Plan(folder.root, photo, "wait", why="it was changed a moment ago")
    try:
        look = settings.look_for(PurePath(photo), builtin)
        content = hashlib.sha256(read_unchanged(folder.inbox / photo, fingerprint)).hexdigest()
    except StylizeError as error:
        return Plan(folder.root, photo, "refuse", why=str(error))
    except OSError as error:
        return Plan(folder.root, photo, "refuse", why=f"it cannot be read: {error.strerror}")
    except NotTheSame:
        return Plan(folder.root, photo, "wait", why="it is just being changed")
    before = _painted_before(folder, content, look)
    if before:
        return Plan(folder.root, photo, "repeat", before, look.title)
    output = PurePath("out") / PurePath(photo).with_name(look.output_name(PurePath(photo).name))
    return Plan(folder.root, photo, "paint", str(output), look.title)


def _painted_before(folder: HotFolder, content: str, look: Look) -> str | None:
    try:
        with contextlib.closing(Ledger.open_to_read(folder.ledger_file)) as ledger:
            entry = ledger.find(Key(content, look.settings_hash))
    except sqlite3.Error:  # there is none yet
        return None
    if entry is None or entry.state not in (State.WRITTEN, State.ARCHIVED):
        return None
    return entry.output if is_there(folder, entry.output) else None
