"""Finding a running daemon and talking to it.

An explicit target is taken as it is. Otherwise `endpoint.json` names the targets, and the first that answers
GetServerInfo is used: the Unix socket, then loopback TCP with the token. A file that a killed daemon left behind is
found out because nobody answers at its targets, which on loopback takes about a millisecond.

The bearer token travels as plain metadata: gRPC refuses call credentials on insecure TCP. It is sent over loopback
TCP and over TLS, never in the clear beyond this machine: a target that is neither a Unix socket nor loopback is
spoken to in TLS.
"""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import grpc

from neuralstyle.v1 import admin_pb2_grpc, stylize_pb2, stylize_pb2_grpc
from neuralstyle.v1.endpoint import Endpoint, read_endpoint
from stylize.errors import DaemonUnreachable, StylizeError, Unauthenticated, error_from_rpc
from stylize.version import client_version

PROBE_TIMEOUT = 2.0
"""Seconds in which a living daemon answers GetServerInfo."""
CALL_TIMEOUT = 10.0
"""Seconds for calls that a living daemon answers at once."""

_CHANNEL_OPTIONS = (
    # A channel must not inherit the back-off of an earlier one to the same address: autostart polls.
    ("grpc.use_local_subchannel_pool", 1),
)
_LOCAL_OPTIONS = (
    *_CHANNEL_OPTIONS,
    # A proxy from the environment cannot reach this machine's loopback.
    ("grpc.enable_http_proxy", 0),
)


@dataclass(frozen=True)
class Access:
    """How a target is spoken to: what every kind of channel to it has in common."""

    target: str
    metadata: tuple[tuple[str, str], ...]
    """What every call carries: who the client is and, except over a Unix socket, the token."""
    tls: bool
    options: tuple[tuple[str, int], ...]
    """Options of the channel."""


@dataclass(frozen=True)
class Connection:
    """An open channel to a daemon that has answered, with its stubs."""

    target: str
    channel: grpc.Channel
    service: stylize_pb2_grpc.StylizeServiceStub
    admin: admin_pb2_grpc.AdminServiceStub
    info: stylize_pb2.GetServerInfoResponse
    """What it answered to GetServerInfo when it was connected."""
    access: Access

    def close(self) -> None:
        """Closes the channel; calls that are in flight are cancelled."""
        self.channel.close()


class Probe(NamedTuple):
    """What came of trying one target: a connection or the reason against it."""

    target: str
    connection: Connection | None
    error: StylizeError | None


def connect_target(target: str, token: str | None, client_name: str, timeout: float = PROBE_TIMEOUT) -> Connection:
    """A connection to `target`, such as "unix:/run/daemon.sock" or "127.0.0.1:40123".

    timeout: seconds to wait for its first answer. Raises the StylizeError that its answer, or silence, amounts to.
    """
    access = access_to(target, token, client_name)
    channel = open_channel(access)
    service = stylize_pb2_grpc.StylizeServiceStub(channel)
    try:
        info = service.GetServerInfo(stylize_pb2.GetServerInfoRequest(), timeout=timeout)
    except grpc.RpcError as error:
        channel.close()
        if isinstance(error, grpc.Call) and error.code() in _SILENCE:
            raise DaemonUnreachable(f"No daemon answers at {target}.") from error
        raise error_from_rpc(error) from error
    return Connection(target, channel, service, admin_pb2_grpc.AdminServiceStub(channel), info, access)


_SILENCE = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}


def probe_endpoint(endpoint: Endpoint, client_name: str, timeout: float = PROBE_TIMEOUT) -> list[Probe]:
    """Tries every target of `endpoint`, in order. The caller closes the connections that it does not keep."""
    return [_probe(endpoint, target, client_name, timeout) for target in endpoint.targets]


def find_daemon(folder: Path, client_name: str, timeout: float = PROBE_TIMEOUT) -> Connection | None:
    """A connection to the daemon of this folder, or None if there is none or its endpoint file is stale.

    Raises Unauthenticated if the only answer was that the token is wrong: there is a daemon, and starting another
    would not help.
    """
    endpoint = read_endpoint(folder)
    if endpoint is None:
        return None
    refusal = None
    for target in endpoint.targets:
        probe = _probe(endpoint, target, client_name, timeout)
        if probe.connection is not None:
            return probe.connection
        if isinstance(probe.error, Unauthenticated):
            refusal = probe.error
    if refusal is not None:
        raise refusal
    return None


def _probe(endpoint: Endpoint, target: str, client_name: str, timeout: float) -> Probe:
    try:
        token = None if is_unix(target) else endpoint.token()
    except OSError as error:
        return Probe(target, None, Unauthenticated(f"The token file {endpoint.token_path} is unreadable: {error}."))
    try:
        return Probe(target, connect_target(target, token, client_name, timeout), None)
    except StylizeError as error:
        return Probe(target, None, error)


def access_to(target: str, token: str | None, client_name: str) -> Access:
    """How `target` is to be spoken to. token: None if there is none; left out over a Unix socket."""
    metadata = [("x-client", f"{client_name}/{client_version()}")]
    if token and not is_unix(target):
        metadata.append(("authorization", f"Bearer {token}"))
    local = is_unix(target) or is_loopback(target)
    return Access(target, tuple(metadata), not local, _LOCAL_OPTIONS if local else _CHANNEL_OPTIONS)


def open_channel(access: Access) -> grpc.Channel:
    """A channel whose calls carry the metadata. Nothing is sent yet."""
    if access.tls:
        channel = grpc.secure_channel(access.target, grpc.ssl_channel_credentials(), options=access.options)
    else:
        channel = grpc.insecure_channel(access.target, options=access.options)
    return grpc.intercept_channel(channel, _MetadataInterceptor(access.metadata))


def is_unix(target: str) -> bool:
    """True for a Unix socket, whose folder is the guard: no token is needed."""
    return target.startswith(("unix:", "unix-abstract:"))


def is_loopback(target: str) -> bool:
    """True if a TCP target such as "127.0.0.1:40123", "[::1]:40123" or "localhost:40123" is on this machine."""
    host = target.rsplit("/", 1)[-1].rpartition(":")[0].strip("[]")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def process_exists(pid: int) -> bool:
    """True if a process of that id runs on this machine."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


class _CallDetails(NamedTuple):
    """grpc.ClientCallDetails is an interface without a constructor."""

    method: str
    timeout: float | None
    metadata: list[tuple[str, str]]
    credentials: grpc.CallCredentials | None
    wait_for_ready: bool | None
    compression: grpc.Compression | None


class _MetadataInterceptor(
    grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor, grpc.StreamUnaryClientInterceptor
):
    """Adds the same metadata to every call."""

    def __init__(self, metadata: tuple[tuple[str, str], ...]) -> None:
        self._metadata = metadata

    def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        return continuation(self._extended(client_call_details), request)

    def intercept_unary_stream(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        return continuation(self._extended(client_call_details), request)

    def intercept_stream_unary(self, continuation: Any, client_call_details: Any, request_iterator: Any) -> Any:
        return continuation(self._extended(client_call_details), request_iterator)

    def _extended(self, details: Any) -> _CallDetails:
        return _CallDetails(
            method=details.method,
            timeout=details.timeout,
            metadata=[*(details.metadata or ()), *self._metadata],
            credentials=details.credentials,
            wait_for_ready=getattr(details, "wait_for_ready", None),
            compression=getattr(details, "compression", None),
        )
