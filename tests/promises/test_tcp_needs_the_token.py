"""Over TCP every call needs the token, of whatever kind it is; over the Unix socket none does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from neuralstyle.v1 import admin_pb2, admin_pb2_grpc
from neuralstyle.v1 import stylize_pb2 as pb
from neuralstyle.v1 import stylize_pb2_grpc as rpc
from tests.real_daemon import RealDaemon, reason_of, small_request


def check_health(channel: grpc.Channel, metadata: tuple) -> health_pb2.HealthCheckResponse:
    stub: Any = health_pb2_grpc.HealthStub(channel)  # its methods are made at run time
    return stub.Check(health_pb2.HealthCheckRequest(), metadata=metadata)


CALLS: dict[str, Callable[[grpc.Channel, tuple], object]] = {
    "unary": lambda channel, metadata: rpc.StylizeServiceStub(channel).GetServerInfo(
        pb.GetServerInfoRequest(), metadata=metadata
    ),
    "server streaming": lambda channel, metadata: list(
        rpc.StylizeServiceStub(channel).Stylize(small_request(1), metadata=metadata)
    ),
    "client streaming": lambda channel, metadata: rpc.StylizeServiceStub(channel).UploadImage(
        iter([pb.UploadImageRequest(header=pb.UploadHeader(size_bytes=1))]), metadata=metadata
    ),
    "admin": lambda channel, metadata: admin_pb2_grpc.AdminServiceStub(channel).Shutdown(
        admin_pb2.ShutdownRequest(), metadata=metadata
    ),
    "health": lambda channel, metadata: check_health(channel, metadata),
}


@pytest.mark.parametrize("metadata", [(), (("authorization", "Bearer " + "0" * 64),), (("authorization", "x"),)])
@pytest.mark.parametrize("kind", CALLS)
def test_a_call_without_the_right_token_is_refused(
    daemon: RealDaemon, kind: str, metadata: tuple[tuple[str, str], ...]
) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        CALLS[kind](daemon.channel(daemon.endpoint.targets[1]), metadata)
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
    assert reason_of(caught.value) == "BAD_TOKEN"


def test_with_the_token_the_same_calls_are_served(daemon: RealDaemon) -> None:
    metadata = (("authorization", f"Bearer {daemon.endpoint.token()}"),)
    channel = daemon.channel(daemon.endpoint.targets[1])
    for kind in ("unary", "server streaming", "health"):
        assert CALLS[kind](channel, metadata)


def test_over_the_socket_no_token_is_asked_for_and_reflection_lists_the_services(daemon: RealDaemon) -> None:
    services = ProtoReflectionDescriptorDatabase(daemon.channel()).get_services()
    assert {"neuralstyle.v1.StylizeService", "neuralstyle.v1.AdminService", "grpc.health.v1.Health"} <= set(services)


def test_nothing_listens_beyond_loopback(daemon: RealDaemon) -> None:
    port = int(daemon.endpoint.targets[1].rpartition(":")[2])
    listening = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{daemon.process.pid}/net/{table}").read_text().splitlines()[1:]:
            local, state = line.split()[1], line.split()[3]
            address, _, number = local.partition(":")
            if state == "0A" and int(number, 16) == port:
                listening.append(address)
    # gRPC listens on the IPv4 address by way of IPv6's mapping of it, ::ffff:127.0.0.1, where there is IPv6.
    assert listening in (["0100007F"], ["0000000000000000FFFF00000100007F"])
