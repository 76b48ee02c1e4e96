"""A connection to the daemon that asyncio can wait on."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.message import Message

from neuralstyle.v1 import admin_pb2_grpc, stylize_pb2, stylize_pb2_grpc
from stylize.autostart import reach_daemon
from stylize.connection import CALL_TIMEOUT, Access
from stylize.errors import error_from_rpc


@dataclass(frozen=True)
class AsyncConnection:
    """An open channel to a daemon that has answered, with its stubs. It belongs to the event loop that made it."""

    access: Access
    channel: grpc.aio.Channel
    service: stylize_pb2_grpc.StylizeServiceStub
    admin: admin_pb2_grpc.AdminServiceStub
    info: stylize_pb2.GetServerInfoResponse
    """What it answered to GetServerInfo when it was connected."""

    async def call(self, method: Any, request: Message) -> Any:
        """The answer to a call that a living daemon answers at once. Raises the StylizeError that it failed with."""
        try:
            return await method(request, timeout=CALL_TIMEOUT, metadata=self.access.metadata)
        except grpc.RpcError as error:
            raise error_from_rpc(error) from error

    async def close(self) -> None:
        """Closes the channel; calls that are in flight are cancelled."""
        await self.channel.close()


async def connect(
    target: str | None, token: str | None, client_name: str, *, start: bool, timeout: float
) -> AsyncConnection:
    """Finds or starts the daemon in a thread, as `stylize.autostart.reach_daemon` does, and connects to it."""
    found = await asyncio.to_thread(reach_daemon, target, token, client_name, start=start, timeout=timeout)
    found.close()
    channel = _open_channel(found.access)
    return AsyncConnection(
        found.access,
        channel,
        stylize_pb2_grpc.StylizeServiceStub(channel),
        admin_pb2_grpc.AdminServiceStub(channel),
        found.info,
    )


def _open_channel(access: Access) -> grpc.aio.Channel:
    if access.tls:
        return grpc.aio.secure_channel(access.target, grpc.ssl_channel_credentials(), options=access.options)
    return grpc.aio.insecure_channel(access.target, options=access.options)
