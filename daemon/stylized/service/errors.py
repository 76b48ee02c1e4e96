"""Errors that reach a client: a stable reason, one sentence, and where it applies, the field at fault."""

from __future__ import annotations

from typing import NoReturn

import grpc
from google.protobuf import any_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from neuralstyle.v1.endpoint import WEIGHTS_VARIABLE
from neuralstyle.v1.reasons import DOMAIN, Reason
from stylized.engine.choices import Backbone

RETRY_AFTER_S = 2
"""Told with every retryable error (google.rpc.RetryInfo)."""


class ServiceError(Exception):
    """A request cannot be served.

    reason: why, from the contract's table. message: one sentence that says what to do. field: path of the request's
    field at fault, such as "tunables.size", if one is.
    """

    def __init__(self, reason: Reason, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.field = field


def to_status(error: ServiceError) -> status_pb2.Status:
    """The error as rich status: ErrorInfo always, BadRequest for a field, RetryInfo where a retry can help."""
    info = error_details_pb2.ErrorInfo(reason=error.reason.name, domain=DOMAIN)
    details: list[Message] = [info]
    if error.field:
        info.metadata["field"] = error.field
        violation = error_details_pb2.BadRequest.FieldViolation(field=error.field, description=error.message)
        details.append(error_details_pb2.BadRequest(field_violations=[violation]))
    if error.reason.info.retryable:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromSeconds(RETRY_AFTER_S)
        details.append(retry)
    status = status_pb2.Status(code=error.reason.code.value[0], message=error.message)
    for detail in details:
        packed = any_pb2.Any()
        packed.Pack(detail)
        status.details.append(packed)
    return status


def no_weights(backbone: Backbone) -> ServiceError:
    """What a job is told that asks for a network whose weights the daemon was not given."""
    return ServiceError(
        Reason.WEIGHTS_MISSING,
        f"The daemon has no weights of {backbone.value}: stop it and start it with `stylize daemon start --weights"
        f" FILE`, where FILE holds them, or with {WEIGHTS_VARIABLE}=FILE in its environment.",
        field="tunables.backbone",
    )


async def abort(context: grpc.aio.ServicerContext, error: ServiceError) -> NoReturn:
    """Ends the call with `error`. grpc.aio has no abort_with_status, so the details travel as trailing metadata."""
    details = (("grpc-status-details-bin", to_status(error).SerializeToString()),)
    await context.abort(error.reason.code, error.message, trailing_metadata=details)
    raise AssertionError("abort() does not return")
