"""A host beside a GPU orders copies after what they copy, waits for no step but the one before the last, and looks at a
walk without keeping it. Played with streams and events that only note what is ordered.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import pytest
import torch
from torch import Tensor

from stylized.engine.backends import lane_of
from stylized.engine.choices import Backbone, Optimizer
from stylized.engine.lane import CudaLane, HostLane
from stylized.engine.network_cuda import CudaNetwork
from stylized.engine.network_torch import TorchNetwork
from stylized.engine.recorder import CudaRecorder
from stylized.engine.stylize import Request, Step, StyleSource, stylize

from .lanes import AheadLane, use_lane
from .samples import parameters, random_weights, shapes

DEVICE = torch.device("cuda", 0)


class _Cuda:
    """torch.cuda, as far as it orders work; `log` has what was ordered."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.log: list[str] = []
        cuda = self

        class Stream:
            def __init__(self, device: Any = None, name: str = "copies") -> None:
                self.name = name

            def wait_stream(self, other: Stream) -> None:
                cuda.log.append(f"{self.name} waits for {other.name}")

        class Event:
            count = 0

            def __init__(self, *, blocking: bool = False) -> None:
                Event.count += 1
                self.number = Event.count
                self.arrived = False

            def record(self, stream: Stream) -> None:
                cuda.log.append(f"event {self.number} on {stream.name}")

            def query(self) -> bool:
                return self.arrived

            def synchronize(self) -> None:
                cuda.log.append(f"host waits for event {self.number}")

        self.main = self.current = Stream(name="main")

        @contextmanager
        def stream(one: Stream) -> Iterator[None]:
            before, self.current = self.current, one
            yield
            self.current = before

        monkeypatch.setattr(torch.cuda, "Stream", Stream)
        monkeypatch.setattr(torch.cuda, "Event", Event)
        monkeypatch.setattr(torch.cuda, "stream", stream)
        monkeypatch.setattr(torch.cuda, "set_stream", lambda one: setattr(self, "current", one))
        monkeypatch.setattr(torch.cuda, "current_stream", lambda device: self.current)
        monkeypatch.setattr(Tensor, "record_stream", lambda values, one: self.log.append(f"kept for {one.name}"))
        copy = Tensor.copy_

        def copying(to: Tensor, values: Tensor, non_blocking: bool = False) -> Tensor:
            self.log.append(f"copy on {self.current.name}" + ("" if non_blocking else ", waiting"))
            return copy(to, values)

        monkeypatch.setattr(Tensor, "copy_", copying)


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> _Cuda:
    return _Cuda(monkeypatch)


@pytest.fixture
def pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CudaLane, "_pinned", lambda lane, like: torch.empty(like.shape, dtype=like.dtype))


@pytest.mark.usefixtures("pinned")
def test_what_is_fetched_is_copied_beside_the_work_once_it_is_there(cuda: _Cuda) -> None:
    arrival = CudaLane(DEVICE).fetch(torch.arange(4.0))
    assert cuda.log == ["copies waits for main", "copy on copies", "event 1 on copies", "kept for copies"]
    assert not arrival.ready()
    assert cuda.log[4:] == []  # asking does not wait
    assert torch.equal(arrival.wait(), torch.arange(4.0))
    assert cuda.log[4:] == ["host waits for event 1"]


def test_without_pinned_memory_it_is_fetched_all_the_same(
    cuda: _Cuda, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def none_left(*shape: Any, **options: Any) -> Tensor:
        raise RuntimeError("CUDA error: out of memory\nC++ stack")

    monkeypatch.setattr(torch, "empty", none_left)
    lane = CudaLane(DEVICE)
    for _ in range(2):
        arrival = lane.fetch(torch.arange(4.0))
        assert arrival.ready()
        assert torch.equal(arrival.wait(), torch.arange(4.0))
    assert len(caplog.records) == 1
    assert "out of memory" in caplog.text
    assert "C++" not in caplog.text


def test_the_host_waits_for_the_step_before_the_last(cuda: _Cuda) -> None:
    lane = CudaLane(DEVICE)
    for _ in range(4):
        lane.pace()
    assert [line for line in cuda.log if "host" in line] == ["host waits for event 1", "host waits for event 2"]


def test_sizes_are_tried_out_only_where_it_is_said(cuda: _Cuda) -> None:
    def fail() -> None:
        with CudaLane(DEVICE).tuned():
            assert torch.backends.cudnn.benchmark
            raise ValueError("out")

    with pytest.raises(ValueError, match="out"):
        fail()
    assert not torch.backends.cudnn.benchmark


def test_a_recording_that_breaks_leaves_the_stream_that_was(cuda: _Cuda, monkeypatch: pytest.MonkeyPatch) -> None:
    class Graph:
        """torch.cuda.graph, which goes to its stream and does not come back when the recording cannot be ended."""

        def __init__(self, graph: Any, *, stream: Any, capture_error_mode: str) -> None:
            self.stream = stream

        def __enter__(self) -> None:
            cuda.current = self.stream

        def __exit__(self, *error: object) -> None:
            raise RuntimeError("CUDA error: operation failed due to a previous error during capture")

    monkeypatch.setattr(torch.cuda, "CUDAGraph", lambda: None)
    monkeypatch.setattr(torch.cuda, "device", lambda device: nullcontext())
    monkeypatch.setattr(torch.cuda, "graph", Graph)
    with pytest.raises(RuntimeError, match="during capture"):
        CudaRecorder(DEVICE).record(lambda: None)
    assert cuda.current is cuda.main


def test_only_the_cuda_backend_on_a_gpu_runs_ahead() -> None:
    known = random_weights(Backbone.CAFFENET)
    assert isinstance(lane_of(TorchNetwork(known)), HostLane)
    assert isinstance(lane_of(CudaNetwork(known)), HostLane)


def test_a_host_that_does_not_run_ahead_copies_nothing() -> None:
    values = torch.arange(4.0)
    assert HostLane().fetch(values).wait() is values


def _steps(**changes: Any) -> int:
    settings = parameters("gatys", size=24, optimizer=Optimizer.ADAM, iterations=60, **changes)
    network = CudaNetwork(random_weights(Backbone.VGG19))
    request = Request(shapes(24, 24), (StyleSource(shapes(24, 24, 7), 1.0),), settings, seed=0)
    return sum(isinstance(event, Step) for event in stylize(network, request))


def test_a_plateau_is_seen_one_look_later(monkeypatch: pytest.MonkeyPatch) -> None:
    at_once = _steps(plateau=0.3)
    assert at_once < 50
    use_lane(monkeypatch, AheadLane())
    assert _steps(plateau=0.3) == at_once + 10
