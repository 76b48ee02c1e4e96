"""Promise: who has neither the contract nor generated code can learn both from the server, and call it."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from neuralstyle.v1 import admin_pb2
from neuralstyle.v1 import stylize_pb2 as pb
from tests.real_daemon import RealDaemon

SERVICE = "neuralstyle.v1.StylizeService"


def call(channel: grpc.Channel, name: str) -> Any:
    """The answer to an empty request, by reflection alone."""
    pool: Any = descriptor_pool.DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
    method = pool.FindServiceByName(SERVICE).methods_by_name[name]
    request, answer = (message_factory.GetMessageClass(kind) for kind in (method.input_type, method.output_type))
    assert not issubclass(answer, (pb.GetServerInfoResponse, pb.ListStylesResponse))
    return channel.unary_unary(f"/{SERVICE}/{name}", request.SerializeToString, answer.FromString)(request())


@pytest.mark.parametrize("module", [pb, admin_pb2])
def test_what_it_describes_is_the_contract(daemon: RealDaemon, module: Any) -> None:
    described = ProtoReflectionDescriptorDatabase(daemon.channel()).FindFileByName(module.DESCRIPTOR.name)
    contract = descriptor_pb2.FileDescriptorProto()
    module.DESCRIPTOR.CopyToProto(contract)
    assert described == contract


def test_it_can_be_called_without_generated_code(daemon: RealDaemon) -> None:
    channel, stub = daemon.channel(), daemon.stylize()
    assert_same(call(channel, "ListStyles"), stub.ListStyles(pb.ListStylesRequest()))
    assert_same(call(channel, "GetServerInfo"), stub.GetServerInfo(pb.GetServerInfoRequest()))


def assert_same(dynamic: Message, generated: Message) -> None:
    assert dynamic.SerializeToString(deterministic=True) == generated.SerializeToString(deterministic=True)
    assert dynamic.ByteSize() > 0
