"""What an error means for a photo: whose fault it is, and what is done about it."""

from __future__ import annotations

import enum

from neuralstyle.v1.reasons import Reason
from stylize.errors import (
    Busy,
    Cancelled,
    ConnectionLost,
    DaemonUnreachable,
    InputUnreadable,
    NotFound,
    PreconditionFailed,
    StylizeError,
    Unauthenticated,
    Unsupported,
)

MAX_ATTEMPTS = 3
"""How often a photo may fail for reasons that might be its own: over it the painting process died, or the daemon."""


class Verdict(enum.Enum):
    """What is done about an error."""

    AWAY = enum.auto()
    """The daemon is gone: it is waited for, and the photo is not blamed. Unless it died over this photo alone: see
    `journey`."""
    BUSY = enum.auto()
    """The daemon has no room, or somebody cancelled the job: again a little later."""
    SETTINGS = enum.auto()
    """What `style.toml` asks for cannot be had: photos wait until it is changed."""
    UNREADABLE = enum.auto()
    """It is no picture, or not yet a whole one."""
    BAD = enum.auto()
    """The photo will never be painted."""
    AGAIN = enum.auto()
    """Perhaps the photo's fault, perhaps not: tried MAX_ATTEMPTS times."""


_BAD = {Reason.IMAGE_TOO_LARGE, Reason.IMAGE_TOO_SMALL, Reason.IMAGE_NOT_FINITE}
_SETTINGS = {
    *(Reason.INVALID_REQUEST, Reason.INVALID_PARAMETER, Reason.UNKNOWN_LAYER, Reason.UNKNOWN_STYLE),
    Reason.UNKNOWN_PRESET,
}


def judge(error: StylizeError) -> Verdict:
    """The verdict on an error that came while a photo was painted."""
    if error.reason is Reason.DRAINING or isinstance(error, ConnectionLost | DaemonUnreachable | Unauthenticated):
        return Verdict.AWAY
    if isinstance(error, Busy | Cancelled) or error.reason is Reason.IMAGE_NOT_FOUND:
        return Verdict.BUSY
    if error.reason is Reason.IMAGE_UNREADABLE or isinstance(error, InputUnreadable):
        return Verdict.UNREADABLE
    if error.reason in _BAD:
        return Verdict.BAD
    if error.reason in _SETTINGS or isinstance(error, NotFound | PreconditionFailed | Unsupported):
        return Verdict.SETTINGS
    return Verdict.AGAIN
