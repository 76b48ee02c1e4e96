"""The bearer token that every call over TCP must carry.

Threat: any local user, and any web page through a browser's HTTP/2, can reach a loopback port. The Unix socket needs
no token, because its folder is closed to others. Accepted: who can read the user's files can read the token.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path

import grpc

from neuralstyle.v1.reasons import Reason
from stylized.service.errors import ServiceError, abort

TOKEN_BYTES = 32


def load_or_create_token(path: Path) -> str:
    """The token in `path`; made if the file is missing or cannot be one, with mode 0600 from its first moment."""
    try:
        token = path.read_text(encoding="ascii").strip()
        if len(token) == 2 * TOKEN_BYTES and path.stat().st_mode & 0o077 == 0:
            return token
    except (OSError, UnicodeDecodeError):
        pass
    path.unlink(missing_ok=True)
    token = secrets.token_hex(TOKEN_BYTES)
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(token + "\n", encoding="ascii")
    return token


class TokenInterceptor(grpc.aio.ServerInterceptor):
    """Refuses every call without the token, whatever its method: a new RPC is closed before anybody thinks of it."""

    def __init__(self, token: str) -> None:
        self._expected = f"Bearer {token}".encode()

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler | None:
        given = b""
        for key, value in handler_call_details.invocation_metadata or ():
            if key == "authorization":
                given = value if isinstance(value, bytes) else value.encode()
        if hmac.compare_digest(given, self._expected):
            return await continuation(handler_call_details)
        return grpc.unary_unary_rpc_method_handler(_refuse)


async def _refuse(request: bytes, context: grpc.aio.ServicerContext) -> None:
    await abort(
        context,
        ServiceError(
            Reason.BAD_TOKEN,
            "This call needs the metadata `authorization: Bearer TOKEN`, with the token from the file that"
            " endpoint.json names.",
        ),
    )
