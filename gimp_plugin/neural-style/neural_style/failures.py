"""What can go wrong, in sentences that say what to do.

The daemon names its errors with stable reasons (`neuralstyle.v1.reasons`, docs/errors.md). Those that a GIMP user can
meet have a sentence of their own here; a test compares the names with the daemon's table.
"""

from __future__ import annotations

from collections.abc import Mapping

from neural_style.words import _

START_COMMAND = "stylize daemon start"


class Failure(Exception):  # noqa: N818 (not always an error: a painting can be cancelled)
    """A reason why there is no painting. Its text is for the user: what happened, and the next step."""

    def __init__(self, message: str, *, reason: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason
        """The daemon's stable name for it; empty for failures on this side."""


def no_daemon() -> Failure:
    """Nobody answers, and this side may not start one."""
    return Failure(
        _("No painting daemon is running. Start it in a terminal with: {command}").format(command=START_COMMAND)
    )


class DaemonLost(Failure):
    """It answered before, and has gone."""


def daemon_lost() -> DaemonLost:
    """The daemon has gone in the middle of something."""
    return DaemonLost(
        _(
            "The painting daemon stopped in the middle of the work. Nothing was changed; press Stylize again. If it"
            " keeps happening, look into its log with: stylize daemon logs"
        )
    )


def daemon_not_starting(log_tail: str) -> Failure:
    """It was started here, and does not answer."""
    text = _("The painting daemon was started but does not answer. Look into its log with: stylize daemon logs")
    return Failure(f"{text}\n\n{log_tail}" if log_tail else text)


def wrong_version(version: str) -> Failure:
    """The daemon does not serve the contract that this plug-in speaks."""
    return Failure(
        _(
            "The painting daemon (version {version}) and this plug-in do not fit together: one of them is too old."
            " Update both with: pip install --upgrade stylized, then: stylize gimp install"
        ).format(version=version)
    )


def from_daemon(reason: str, message: str, metadata: Mapping[str, str]) -> Failure:
    """What the daemon answered, as this user should hear it.

    reason: its stable name, or "" if it had none. message: its own sentence, in English.
    """
    own = _sentences().get(reason)
    if own is None:
        text = message or _("The painting daemon could not do it and did not say why.")
    else:
        text = own.format(message=message)
    return Failure(text, reason=reason)


def _sentences() -> dict[str, str]:
    return {
        "QUEUE_FULL": _("The painting daemon has as many pictures waiting as it takes. Try again in a few minutes."),
        "UPLOADS_FULL": _("The painting daemon has no room for another picture now. Try again in a few minutes."),
        "OUT_OF_MEMORY": _(
            "The painting does not fit into the memory of the daemon's device. Choose a smaller size. ({message})"
        ),
        "BAD_TOKEN": _(
            "The painting daemon does not accept this user's token. Stop it and start it again:"
            " stylize daemon stop, then: stylize daemon start"
        ),
        "UNKNOWN_STYLE": _("The painting daemon does not have this style. Choose another one. ({message})"),
        "UNKNOWN_PRESET": _("The painting daemon does not have this preset. Choose another one. ({message})"),
        "IMAGE_UNREADABLE": _("The style picture cannot be read. Open it in GIMP and use it as an open image instead."),
        "IMAGE_TOO_LARGE": _("A picture is larger than the painting daemon accepts. ({message})"),
        "IMAGE_TOO_SMALL": _("The style picture is too small. Its sides need 16 pixels at least."),
        "NOT_FINITE": _("The painting went astray and was stopped. Lower the strength, or choose another preset."),
        "WEIGHTS_MISSING": _("The painting daemon has no network weights. ({message})"),
        "WEIGHTS_DAMAGED": _("The network weights of the painting daemon are damaged. ({message})"),
        "WORKER_RESTARTING": _("The painting daemon had to begin anew and lost this painting. Press Stylize again."),
        "DRAINING": _("The painting daemon is about to stop. Try again in a moment."),
        "FEATURE_UNAVAILABLE": _(
            "The painting daemon is too old for this. Update it with: pip install --upgrade stylized,"
            " then: stylize daemon stop"
        ),
        "JOB_NOT_FOUND": _("The painting daemon does not have this painting any more."),
        "CANCELLED": _("The painting was cancelled."),
        "TIME_LIMIT": _("The painting took longer than it was allowed to and was stopped."),
    }


def known_reasons() -> frozenset[str]:
    """The daemon's reasons that have a sentence of their own."""
    return frozenset(_sentences())
