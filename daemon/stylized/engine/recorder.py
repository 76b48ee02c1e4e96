"""Recordings of a device's work: what takes hundreds of launches from Python is ordered again by one.

A recording is tied to the memory that it reads and writes: whoever repeats it puts new values where the old ones were,
and takes its results before the next repetition. `stepping` is where that is done.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch

Work = Callable[[], None]


class Recorder(Protocol):
    """Records work on a device."""

    def record(self, work: Work) -> Work:
        """Record what `work` orders from the device, without doing it, and return what does it each time.

        All that `work` allocates may hold anything until the recording is repeated, and is written again by each
        repetition. Python's part of `work` is done once, here. Raises whatever the device or `work` raises, of
        RuntimeError mostly; the device is then as it was.
        """
        ...


class CudaRecorder:
    """CUDA graphs (torch.cuda.CUDAGraph), each with memory of its own, which goes back with the recording."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device)

    def record(self, work: Work) -> Work:
        """As `Recorder` says. Waits for the device."""
        before = torch.cuda.current_stream(self._device)
        graph = torch.cuda.CUDAGraph()
        try:
            # thread_local: other threads of the process may go on using the device.
            with (
                torch.cuda.device(self._device),
                torch.cuda.graph(graph, stream=self._stream, capture_error_mode="thread_local"),
            ):
                work()
        except BaseException:
            # torch.cuda.graph does not go back to the stream before if the recording cannot be ended.
            torch.cuda.set_stream(before)
            raise
        return graph.replay
