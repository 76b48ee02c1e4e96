"""The daemon's life: take the folder, serve, drain, leave nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from neuralstyle.v1 import admin_pb2, admin_pb2_grpc, stylize_pb2, stylize_pb2_grpc
from neuralstyle.v1.endpoint import Endpoint
from stylized import __version__
from stylized.engine.presets import builtin_presets
from stylized.service.admin_servicer import AdminServicer
from stylized.service.auth import TokenInterceptor, load_or_create_token
from stylized.service.desk import JobDesk
from stylized.service.endpoint import EndpointFolder
from stylized.service.limits import MAX_MESSAGE_BYTES, WORKERS_PER_DEVICE, Limits
from stylized.service.queue import JobQueue
from stylized.service.stylize_servicer import API_VERSIONS, StylizeServicer
from stylized.service.supervisor import Supervisor
from stylized.service.uploads import ImageStore
from stylized.service.worker_process import WorkerOptions
from stylized.styles import builtin_styles

GOODBYE_S = 2.0
"""After the last job, streams get this long to be read to their end."""

_SERVICES = (
    stylize_pb2.DESCRIPTOR.services_by_name["StylizeService"].full_name,
    admin_pb2.DESCRIPTOR.services_by_name["AdminService"].full_name,
)

_SERVER_OPTIONS = (
    # Else a second server could take the same port, and calls would go to either (service.md of gRPC: SO_REUSEPORT).
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DaemonOptions:
    """How a daemon is started."""

    folder: Path
    """See `neuralstyle.v1.endpoint`."""
    port: int = 0
    """TCP port on 127.0.0.1; 0 lets the system choose."""
    worker: WorkerOptions = field(default_factory=WorkerOptions)
    workers: int = WORKERS_PER_DEVICE
    """On each device."""
    limits: Limits = field(default_factory=Limits)


async def serve(options: DaemonOptions) -> None:
    """Runs a daemon until it is told to stop.

    Raises AlreadyRunningError if another one holds the folder, OSError if the folder or the port cannot be had.
    """
    folder = EndpointFolder(options.folder)
    folder.acquire(patience_s=options.limits.drain_s + options.limits.cancel_grace_s)
    try:
        await _Daemon(options, folder).run()
    finally:
        folder.release()


class _Daemon:
    def __init__(self, options: DaemonOptions, folder: EndpointFolder) -> None:
        self._limits = options.limits
        self._port = options.port
        self._folder = folder
        self._store = ImageStore(options.limits)
        self._queue = JobQueue(options.limits.max_queued_jobs)
        self._desk = JobDesk(self._queue, options.limits)
        self._supervisor = Supervisor(options.worker, self._queue, self._store, options.limits, options.workers)
        self._health = health.aio.HealthServicer()  # pyright: ignore[reportAttributeAccessIssue] (set at import)
        self._stop = asyncio.Event()
        self._deadline: float | None = None
        self._stylize = StylizeServicer(
            builtin_presets(), builtin_styles(), self._store, self._queue, self._desk, self._supervisor, self._limits
        )
        self._admin = AdminServicer(self._queue, self._desk, self._supervisor, self._shut_down)

    async def run(self) -> None:
        """Serves until told to stop, then drains."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal, number)
        servers, targets = self._bind()
        painting = asyncio.create_task(self._supervisor.run())
        painting.add_done_callback(self._on_supervisor_end)
        try:
            for server in servers:
                await server.start()
            await self._set_health(health_pb2.HealthCheckResponse.SERVING)
            self._folder.publish(
                Endpoint(
                    targets=targets,
                    token_path=str(self._folder.token_path),
                    pid=os.getpid(),
                    instance_id=secrets.token_hex(8),
                    server_version=__version__,
                    api_versions=API_VERSIONS,
                )
            )
            log.info("stylized %s serves on %s", __version__, " and ".join(targets))
            await self._stop.wait()
            await self._drain()
        finally:
            self._folder.withdraw()
            for server in servers:
                await server.stop(GOODBYE_S)
            painting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await painting
            self._store.close()
            log.info("stopped")

    def _bind(self) -> tuple[list[grpc.aio.Server], tuple[str, ...]]:
        """The servers, bound but not started, and their targets in order of preference.

        Two servers, because only one of them asks for the token: the Unix socket is guarded by its folder.
        """
        servers, targets = [], []
        if self._folder.socket_fits():
            server = self._server(())
            target = f"unix:{self._folder.socket_path}"
            previous = os.umask(0o077)  # the socket's mode; gRPC would leave it at 0755
            try:
                server.add_insecure_port(target)
            finally:
                os.umask(previous)
            servers.append(server)
            targets.append(target)
        else:
            log.warning("no Unix socket: its path %s would be too long; serving TCP only", self._folder.socket_path)
        token = load_or_create_token(self._folder.token_path)
        server = self._server((TokenInterceptor(token),))
        try:
            port = server.add_insecure_port(f"127.0.0.1:{self._port}")
        except RuntimeError as error:
            raise OSError(f"Port {self._port} on 127.0.0.1 is taken; choose another with --port.") from error
        servers.append(server)
        targets.append(f"127.0.0.1:{port}")
        return servers, tuple(targets)

    def _server(self, interceptors: tuple[grpc.aio.ServerInterceptor, ...]) -> grpc.aio.Server:
        server = grpc.aio.server(interceptors=interceptors, options=_SERVER_OPTIONS)
        stylize_pb2_grpc.add_StylizeServiceServicer_to_server(self._stylize, server)
        admin_pb2_grpc.add_AdminServiceServicer_to_server(self._admin, server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        reflection.enable_server_reflection((*_SERVICES, health.SERVICE_NAME, reflection.SERVICE_NAME), server)
        return server

    async def _set_health(self, status: health_pb2.HealthCheckResponse.ServingStatus) -> None:
        for service in ("", *_SERVICES):
            await self._health.set(service, status)

    def _on_signal(self, number: int) -> None:
        again = self._stop.is_set()
        log.info("%s: %s", signal.Signals(number).name, "stopping at once" if again else "stopping")
        self._shut_down(0.0 if again else None)

    def _shut_down(self, grace: float | None) -> None:
        """Starts the end; a second call can only bring it nearer."""
        deadline = time.monotonic() + (self._limits.drain_s if grace is None else grace)
        self._deadline = deadline if self._deadline is None else min(self._deadline, deadline)
        self._stop.set()

    def _on_supervisor_end(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception():
            log.critical("the supervisor failed, stopping", exc_info=task.exception())
            self._shut_down(0.0)

    async def _drain(self) -> None:
        """No new jobs, the waiting ones are sent away, the running one gets until the deadline."""
        await self._set_health(health_pb2.HealthCheckResponse.NOT_SERVING)
        self._folder.withdraw()
        self._desk.drain()
        await _settle(
            lambda: not (self._supervisor.at_work or self._desk.open_jobs), lambda: self._deadline or time.monotonic()
        )
        self._desk.stop_all()
        leave_by = time.monotonic() + self._limits.cancel_grace_s
        await _settle(lambda: not self._supervisor.at_work, lambda: leave_by)


async def _settle(done: Callable[[], bool], deadline: Callable[[], float]) -> None:
    """Waits for `done`, or for a deadline that may be brought nearer meanwhile."""
    while not done() and time.monotonic() < deadline():  # noqa: ASYNC110 (two conditions that change in many places)
        await asyncio.sleep(0.05)
