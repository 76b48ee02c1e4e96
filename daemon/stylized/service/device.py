"""The device that the worker paints on: its name and its memory."""

from __future__ import annotations

import platform
import resource
from dataclasses import dataclass
from pathlib import Path

import torch

HEADROOM = 0.9
"""Share of the free memory that a job may plan with: estimates are estimates, and others need memory too."""


@dataclass(frozen=True)
class Device:
    """Where tensors live.

    name: for people, "cpu (AMD EPYC, 2 threads)" or "cuda:0 (NVIDIA H100)". max_bytes: that a job may plan with at
    most, or None for what is free.
    """

    device: torch.device
    name: str
    max_bytes: int | None = None

    def available_memory(self) -> int | None:
        """Bytes that a job may plan with, or None if this cannot be told."""
        free = self._free_memory()
        return min((number for number in (free, self.max_bytes) if number is not None), default=None)

    def _free_memory(self) -> int | None:
        if self.device.type == "cuda":
            free, _ = torch.cuda.mem_get_info(self.device)
            return int(free * HEADROOM)
        kib = _proc_field(Path("/proc/meminfo"), "MemAvailable")
        return None if kib is None else int(kib * 1024 * HEADROOM)

    def reset_peak_memory(self) -> None:
        """Starts a new measurement of peak memory."""
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)
            return
        try:
            Path("/proc/self/clear_refs").write_text("5")  # resets VmHWM, see proc(5)
        except OSError:
            return

    def peak_memory(self) -> int:
        """Highest memory use since the last reset, in bytes: device memory on a GPU, resident memory on a CPU."""
        if self.device.type == "cuda":
            return torch.cuda.max_memory_allocated(self.device)
        kib = _proc_field(Path("/proc/self/status"), "VmHWM")
        return (kib if kib is not None else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * 1024

    def free_cache(self) -> None:
        """Gives memory back after a job that did not fit."""
        if self.device.type == "cuda":
            torch.cuda.empty_cache()


def find_device(max_bytes: int | None = None) -> Device:
    """A CUDA device if torch can use one, else the CPU. max_bytes: as in `Device`."""
    if torch.cuda.is_available():
        return Device(torch.device("cuda:0"), f"cuda:0 ({torch.cuda.get_device_name(0)})", max_bytes)
    name = f"cpu ({_cpu_model()}, {torch.get_num_threads()} threads)"
    return Device(torch.device("cpu"), name, max_bytes)


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    for line in lines:
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _proc_field(path: Path, name: str) -> int | None:
    """A number in kB from a file of /proc."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    return None
