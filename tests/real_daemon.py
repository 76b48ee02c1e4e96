"""A real daemon in a process of its own, spoken to in plain gRPC: what a client in any language sees."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import numpy as np
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from neuralstyle.v1 import admin_pb2_grpc
from neuralstyle.v1 import stylize_pb2 as pb
from neuralstyle.v1 import stylize_pb2_grpc as rpc
from neuralstyle.v1.endpoint import Endpoint, read_endpoint

READY_S = 60.0

_LAUNCH = f"""
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, {signal.SIGTERM:d})
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""
"""Linux: SIGTERM when the test process ends, however it ends. In the new process and not as `preexec_fn`, which needs
a real fork: gRPC does not survive that while calls are open."""


class RealDaemon:
    """`python -m stylized` in a folder of its own, or another module that takes the same arguments."""

    def __init__(self, folder: Path, *arguments: str, module: str = "stylized") -> None:
        self.folder = folder
        self.log = folder.parent / f"{folder.name}.log"
        self._arguments = arguments
        self._module = module
        self._channels: list[grpc.Channel] = []
        self.process = self._spawn()
        self.endpoint = self._wait_for_endpoint()

    def _spawn(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-c", _LAUNCH, "-m", self._module, "--home", str(self.folder), *self._arguments],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _wait_for_endpoint(self) -> Endpoint:
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            endpoint = read_endpoint(self.folder)
            if endpoint and endpoint.pid == self.process.pid:
                return endpoint
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.02)
        raise AssertionError(f"no endpoint after {READY_S} s:\n{self.log.read_text()}")

    def channel(self, target: str | None = None) -> grpc.Channel:
        """A channel to the daemon, with gRPC's default options, as any client has them."""
        channel = grpc.insecure_channel(
            target or self.endpoint.targets[0],
            # grpc shares connections between channels of one process; a test that kills one must not kill others.
            options=(("grpc.use_local_subchannel_pool", 1),),
        )
        self._channels.append(channel)
        return channel

    def stylize(self) -> rpc.StylizeServiceStub:
        """A stub for painting."""
        return rpc.StylizeServiceStub(self.channel())

    def admin(self) -> admin_pb2_grpc.AdminServiceStub:
        """A stub for looking after the daemon."""
        return admin_pb2_grpc.AdminServiceStub(self.channel())

    def wait_until_loaded(self) -> pb.GetServerInfoResponse:
        """Waits until all workers are ready; returns what the daemon says of itself."""
        stub = self.stylize()
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            info = stub.GetServerInfo(pb.GetServerInfoRequest())
            if all(worker.state == pb.WORKER_STATE_READY for worker in info.workers):
                return info
            time.sleep(0.05)
        raise AssertionError(f"a worker is not ready after {READY_S} s:\n{self.log.read_text()}")

    def worker_pid(self) -> int:
        """Process id of the worker, or of one of them."""
        return self.worker_pids()[0]

    def worker_pids(self) -> list[int]:
        """Process ids of the workers: the daemon's children that have torch loaded."""
        return [pid for pid in children(self.process.pid) if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]

    def terminate(self, timeout: float = 60) -> int:
        """SIGTERM; returns the exit code."""
        self.process.terminate()
        return self.process.wait(timeout)

    def close(self) -> None:
        """Ends whatever still runs."""
        for channel in self._channels:
            channel.close()
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(45)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()


def children(pid: int) -> list[int]:
    """Process ids of a process's children."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(child) for child in (task / "children").read_text().split()]
    return found


def shared_blocks(*pids: int) -> set[Path]:
    """The shared memory that processes have mapped."""
    blocks = set()
    for pid in pids:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            if "/dev/shm/psm_" in line:
                blocks.add(Path(line.split()[5]))
    return blocks


def raw_image(width: int = 48, height: int = 32, seed: int = 0, channels: int = 3) -> pb.Image:
    """A small picture with some structure, inline."""
    generator = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:height, 0:width]
    waves = 127 + 60 * np.sin(columns / 5 + seed) + 40 * np.cos(rows / 4)
    samples = waves[..., None] + generator.normal(0, 12, (height, width, channels))
    data = samples.clip(0, 255).astype(np.uint8)
    if channels in (2, 4):
        data[..., -1] = np.linspace(0, 255, width).astype(np.uint8)[None, :]
    layout = pb.RawFormat(width=width, height=height, channels=channels, sample_type=pb.SAMPLE_TYPE_UINT8)
    return pb.Image(raw=pb.RawPixels(format=layout, data=data.tobytes()))


def small_request(iterations: int = 3, *, seed: int = 7, **fields) -> pb.StylizeRequest:
    """A job of a few cheap steps. Keyword arguments are fields of the request, or of its tunables."""
    request = pb.StylizeRequest(content=raw_image(), seed=seed, preset="gatys", precision=pb.PRECISION_FP32)
    request.styles.add().image.CopyFrom(raw_image(40, 40, seed=1))
    request.tunables.iterations = iterations
    for name, value in fields.items():
        if name not in pb.StylizeRequest.DESCRIPTOR.fields_by_name:
            setattr(request.tunables, name, value)
        elif hasattr(value, "CopyFrom"):
            getattr(request, name).CopyFrom(value)
        else:
            setattr(request, name, value)
    return request


def endless_request(**fields) -> pb.StylizeRequest:
    """A job that does not end by itself within a test; its single steps are short."""
    return small_request(100_000, **fields)


def shallow(request: pb.StylizeRequest) -> pb.StylizeRequest:
    """The same job with the network's first layers only, which make a large picture cheap."""
    for layers in (request.tunables.content_layers, request.tunables.style_layers):
        layers.layers.add(layer="relu1_2")
    return request


def upload(stub: rpc.StylizeServiceStub, data: bytes, raw: pb.RawFormat | None = None) -> pb.UploadImageResponse:
    """Uploads a picture in chunks."""

    def requests() -> Iterator[pb.UploadImageRequest]:
        yield pb.UploadImageRequest(header=pb.UploadHeader(size_bytes=len(data), raw=raw))
        for start in range(0, len(data), 256 * 1024):
            yield pb.UploadImageRequest(chunk=data[start : start + 256 * 1024])

    return stub.UploadImage(requests())


def reason_of(error: grpc.RpcError) -> str:
    """The stable reason that an error carries."""
    return error_info(error).reason


def error_info(error: grpc.RpcError) -> error_details_pb2.ErrorInfo:
    """The google.rpc.ErrorInfo that an error carries."""
    status = rpc_status.from_call(error)  # pyright: ignore[reportArgumentType]
    assert status is not None, error
    info = error_details_pb2.ErrorInfo()
    for detail in status.details:
        if detail.Unpack(info):
            return info
    raise AssertionError(f"no ErrorInfo in {error}")


def cancelled_at(daemon: RealDaemon, job_id: str) -> int:
    """The iteration at which the daemon's log says that the job was cancelled."""
    found = re.search(rf"job {job_id}: cancelled at iteration (\d+)", daemon.log.read_text())
    assert found, daemon.log.read_text()[-2000:]
    return int(found[1])


def wait_for(condition, timeout: float, what: str) -> float:
    """Waits until `condition()` is true; returns how long that took in seconds."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < timeout, f"{what} took more than {timeout} s"
        time.sleep(0.002)
    return time.monotonic() - started
