"""How the host works beside its device.

A CPU has done what it was told when the call returns. A GPU is still at it: what is read from it has to be waited for,
and a host that waits for the newest step leaves the GPU without work. So what is read is copied by a stream of its own
into pinned memory, and looked at when it is there; and the host waits only for the step before the last, lest it orders
minutes of work that nobody can stop any more.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import torch
from torch import Tensor

from stylized.engine.recorder import CudaRecorder, Recorder

log = logging.getLogger(__name__)

# Steps that the host may order before the device has done the first of them: one that runs and one that waits.
_AHEAD = 2


class Arrival(Protocol):
    """Numbers on their way from the device."""

    def ready(self) -> bool:
        """Tell whether they are there."""
        ...

    def wait(self) -> Tensor:
        """Return them, on the CPU, once they are there."""
        ...


class Lane(Protocol):
    """What the host does at each step for the sake of its device."""

    @property
    def ahead(self) -> bool:
        """Whether the host goes on while the device works."""
        ...

    @property
    def recorder(self) -> Recorder | None:
        """Records work so that it can be repeated as a whole; None where there is nothing to win by it."""
        ...

    def fetch(self, values: Tensor) -> Arrival:
        """Send for values as they are now; what is computed from here on may not write into them."""
        ...

    def pace(self) -> None:
        """A step has been ordered: wait, if need be, until the device is near enough."""
        ...

    @contextmanager
    def tuned(self) -> Iterator[None]:
        """Inside, sizes that are new are worth trying out which way is the fastest."""
        yield


class _Here:
    """Numbers that are there."""

    def __init__(self, values: Tensor) -> None:
        self._values = values

    def ready(self) -> bool:
        return True

    def wait(self) -> Tensor:
        return self._values


class HostLane:
    """Of a device that has done its work when the call returns, or of which nothing is known."""

    ahead = False
    recorder = None

    def fetch(self, values: Tensor) -> Arrival:
        """As `Lane` says; waits for the device."""
        return _Here(values.cpu())

    def pace(self) -> None:
        """There is nothing to wait for."""

    @contextmanager
    def tuned(self) -> Iterator[None]:
        """There is nothing to try."""
        yield


class _OnItsWay:
    def __init__(self, values: Tensor, arrived: torch.cuda.Event) -> None:
        self._values = values
        self._arrived = arrived

    def ready(self) -> bool:
        return self._arrived.query()

    def wait(self) -> Tensor:
        self._arrived.synchronize()
        return self._values


class CudaLane:
    """Of an NVIDIA GPU. Not for several threads."""

    ahead = True

    def __init__(self, device: torch.device) -> None:
        """device: a CUDA device, with its index."""
        self._device = device
        self._copies = torch.cuda.Stream(device)
        self._steps: deque[torch.cuda.Event] = deque()
        self._pins = True
        self.recorder: Recorder | None = CudaRecorder(device)

    def fetch(self, values: Tensor) -> Arrival:
        """As `Lane` says. Without room for pinned memory it waits for the device."""
        host = self._pinned(values)
        if host is None:
            return _Here(values.cpu())
        self._copies.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(self._copies):
            host.copy_(values, non_blocking=True)
            arrived = torch.cuda.Event(blocking=True)
            arrived.record(self._copies)
        # Not to be given to another tensor before it has been read.
        values.record_stream(self._copies)
        return _OnItsWay(host, arrived)

    def pace(self) -> None:
        """As `Lane` says."""
        done = torch.cuda.Event(blocking=True)
        done.record(torch.cuda.current_stream(self._device))
        self._steps.append(done)
        while len(self._steps) > _AHEAD:
            self._steps.popleft().synchronize()

    @contextmanager
    def tuned(self) -> Iterator[None]:
        """As `Lane` says: cuDNN tries its ways, which takes a second or so at each new size."""
        before = torch.backends.cudnn.benchmark
        torch.backends.cudnn.benchmark = True
        try:
            yield
        finally:
            torch.backends.cudnn.benchmark = before

    def _pinned(self, like: Tensor) -> Tensor | None:
        """Pinned memory for a copy; None if there is none to be had."""
        if not self._pins:
            return None
        try:
            return torch.empty(like.shape, dtype=like.dtype, pin_memory=True)
        except RuntimeError as error:
            self._pins = False
            log.warning("no pinned memory, so each look at the painting waits for the device: %s", first_line(error))
            return None


def upload(values: Tensor, device: torch.device | str) -> Tensor:
    """Bring values of the host to a device; to a GPU from pinned memory, which it reads while the host goes on."""
    device = torch.device(device)
    if device.type != "cuda" or values.is_cuda:
        return values.to(device)
    return values.pin_memory().to(device, non_blocking=True)


def first_line(error: BaseException) -> str:
    """What an error says, without the call stack of C++ that torch may add."""
    return (str(error).splitlines() or [type(error).__name__])[0]
