"""The device that the worker paints on: its name, what it can, and its memory."""

from __future__ import annotations

import platform
import resource
from dataclasses import dataclass
from pathlib import Path

import torch

HEADROOM = 0.9
"""Share of the free memory that a job may plan with: estimates are estimates, and others need memory too."""

_TENSOR_CORES = 8
"""Major compute capability (Ampere) from which a GPU multiplies bf16 and TF32 natively."""


@dataclass(frozen=True)
class Device:
    """Where tensors live. `name` is for people: "cpu (AMD EPYC, 2 threads)" or "cuda:0 (NVIDIA H100, bf16, TF32)"."""

    device: torch.device
    name: str

    def prepare(self) -> None:
        """Has fp32 mean fp32 in this process: cuDNN would round to TF32. Who wants that, as the backend `cuda` does,
        says so."""
        if self.device.type == "cuda":
            torch.backends.cudnn.allow_tf32 = False
            torch.backends.cuda.matmul.allow_tf32 = False

    def is_lost_after(self, error: Exception) -> bool:
        """Tells whether an error leaves the process without its GPU: after one of CUDA's own all calls fail."""
        lost = getattr(torch, "AcceleratorError", None)  # older torch has a RuntimeError that says so
        of_cuda = (lost is not None and isinstance(error, lost)) or "CUDA error" in str(error)
        return self.device.type == "cuda" and of_cuda

    def available_memory(self) -> int | None:
        """Bytes that a job may plan with, or None if this cannot be told."""
        if self.device.type == "cuda":
            free, _ = torch.cuda.mem_get_info(self.device)
            # What torch has taken for tensors that are gone is as good as free.
            kept = torch.cuda.memory_reserved(self.device) - torch.cuda.memory_allocated(self.device)
            return int((free + kept) * HEADROOM)
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


def find_device() -> Device:
    """A CUDA device if torch can use one, else the CPU."""
    if torch.cuda.is_available():
        return Device(torch.device("cuda:0"), _cuda_name(0))
    return Device(torch.device("cpu"), f"cpu ({_cpu_model()}, {torch.get_num_threads()} threads)")


def _cuda_name(index: int) -> str:
    major, _ = torch.cuda.get_device_capability(index)
    native = ", bf16, TF32" if major >= _TENSOR_CORES else ""
    return f"cuda:{index} ({torch.cuda.get_device_name(index)}{native})"


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
