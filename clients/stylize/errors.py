"""What can go wrong, as exceptions that a caller can tell apart.

Each is one sentence that a user can act on, with the stable reason (`neuralstyle.v1.reasons`), the exit code of the
command line and what to do next. Errors of the daemon are built from the gRPC code and the `google.rpc.ErrorInfo` in
the status details; a reason that this client does not know yet keeps its name in `reason_name` and falls back on the
gRPC code.
"""

# ruff: noqa: N818  (callers read `except stylize.NotFound`; the module says that they are errors)
from __future__ import annotations

from typing import Any

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from neuralstyle.v1.reasons import DOMAIN, LocalExit, Reason


class StylizeError(Exception):
    """Base of all errors of this package; also an error of the daemon of a kind that has no class of its own.

    `str(error)` is one sentence for people.
    """

    default_exit_code: int = LocalExit.FAILURE
    default_remedy: str = "`stylize doctor` checks the whole chain."

    def __init__(
        self,
        message: str,
        *,
        reason: Reason | None = None,
        reason_name: str = "",
        remedy: str = "",
        field: str = "",
    ) -> None:
        super().__init__(message)
        self.reason: Reason | None = reason
        """The stable reason, or None if the error is the client's own or the daemon is newer than this client."""
        self.reason_name: str = reason.name if reason else reason_name
        """Name of the reason as it came over the wire, or ""."""
        self.exit_code: int = reason.exit_code if reason else int(self.default_exit_code)
        """Exit code of the command line."""
        self.remedy: str = remedy or (reason.info.remedy if reason else self.default_remedy)
        """What to do, in one sentence."""
        self.field: str = field
        """The field of the request that is meant, such as "tunables.size", or ""."""
        self.retryable: bool = reason.info.retryable if reason else False
        """True if the same request can succeed later without a change."""


class InvalidRequest(StylizeError):
    """The request cannot be painted as it is: a picture, a parameter or their combination."""


class NotFound(StylizeError):
    """A style, preset, job or uploaded picture does not exist."""


class Busy(StylizeError):
    """The queue or the memory for uploads is full; try again later."""


class OutOfMemory(StylizeError):
    """The painting does not fit into the memory of the device."""


class PreconditionFailed(StylizeError):
    """The daemon lacks something, such as the network's weights."""


class Unavailable(StylizeError):
    """The daemon cannot do it now: it restarts its worker, or is about to stop."""


class ConnectionLost(Unavailable):
    """The daemon went away, or ended a stream before it was complete."""

    default_exit_code = LocalExit.DAEMON_UNREACHABLE
    default_remedy = "Send the job again; `stylize daemon logs` tells what happened."


class Unauthenticated(StylizeError):
    """The token is missing or wrong."""


class Cancelled(StylizeError):
    """The job was cancelled, by this client or by another."""


class TimeLimit(StylizeError):
    """The job or call took longer than was allowed."""


class Unsupported(StylizeError):
    """This daemon does not offer that."""


class DaemonError(StylizeError):
    """Something went wrong inside the daemon."""


class DaemonUnreachable(StylizeError):
    """No daemon answers, and none could be started."""

    default_exit_code = LocalExit.DAEMON_UNREACHABLE
    default_remedy = "`stylize daemon start` starts it; `stylize doctor` checks the whole chain."


class InputUnreadable(StylizeError):
    """A file given by the user cannot be read."""

    default_exit_code = LocalExit.INPUT_UNREADABLE
    default_remedy = "Check the name and the permissions of the file."


class OutputExists(StylizeError):
    """The output is there already, and overwriting was not asked for."""

    default_exit_code = LocalExit.OUTPUT_EXISTS
    default_remedy = "Choose another name, or allow it with --overwrite."


class OutputUnwritable(StylizeError):
    """The output cannot be written: no such folder, no permission, disk full, unknown kind of file."""

    default_exit_code = LocalExit.OUTPUT_UNWRITABLE
    default_remedy = "Choose another folder or name with -o."


_BY_CODE: dict[grpc.StatusCode, type[StylizeError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidRequest,
    grpc.StatusCode.NOT_FOUND: NotFound,
    grpc.StatusCode.RESOURCE_EXHAUSTED: Busy,
    grpc.StatusCode.FAILED_PRECONDITION: PreconditionFailed,
    grpc.StatusCode.UNAVAILABLE: Unavailable,
    grpc.StatusCode.UNAUTHENTICATED: Unauthenticated,
    grpc.StatusCode.CANCELLED: Cancelled,
    grpc.StatusCode.DEADLINE_EXCEEDED: TimeLimit,
    grpc.StatusCode.UNIMPLEMENTED: Unsupported,
    grpc.StatusCode.INTERNAL: DaemonError,
    grpc.StatusCode.ABORTED: DaemonError,
    grpc.StatusCode.UNKNOWN: DaemonError,
}
_BY_REASON: dict[Reason, type[StylizeError]] = {Reason.OUT_OF_MEMORY: OutOfMemory}
_BARE_REASONS = {grpc.StatusCode.CANCELLED: Reason.CANCELLED, grpc.StatusCode.DEADLINE_EXCEEDED: Reason.TIME_LIMIT}
"""Statuses that gRPC itself makes on the client's side, without details, and what they mean here."""


def error_from_reason(reason: Reason, message: str, *, field: str = "", remedy: str = "") -> StylizeError:
    """The error that the daemon would send for `reason`, for what the client finds out by itself."""
    kind = _BY_REASON.get(reason) or _BY_CODE.get(reason.code, StylizeError)
    return kind(message, reason=reason, field=field, remedy=remedy)


def error_from_rpc(error: grpc.RpcError) -> StylizeError:
    """The typed error for a failed call."""
    if not isinstance(error, grpc.Call | grpc.aio.AioRpcError):
        return ConnectionLost(f"The call to the daemon failed: {error}")
    code = error.code()
    message = error.details() or f"The daemon answered {code.name} without a word."
    info = _error_info(error)
    if info is None:
        if code is grpc.StatusCode.UNAVAILABLE:
            return ConnectionLost(f"The connection to the daemon was lost: {message}.")
        if code in _BARE_REASONS:
            reason = _BARE_REASONS[code]
            return error_from_reason(reason, reason.info.meaning)
        return _BY_CODE.get(code, StylizeError)(message)
    field = info.metadata.get("field", "")
    try:
        reason = Reason[info.reason]
    except KeyError:
        return _BY_CODE.get(code, StylizeError)(message, reason_name=info.reason, field=field)
    return error_from_reason(reason, message, field=field)


def _error_info(call: Any) -> error_details_pb2.ErrorInfo | None:
    try:
        status = rpc_status.from_call(call)  # of asyncio's errors it needs no more than they have
    except ValueError:  # details that contradict the status: not from our daemon
        return None
    if status is None:
        return None
    for detail in status.details:
        info = error_details_pb2.ErrorInfo()
        if detail.Is(info.DESCRIPTOR) and detail.Unpack(info) and info.domain == DOMAIN:
            return info
    return None
