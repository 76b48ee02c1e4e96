"""The devices that workers paint on: their names, what they can, and their memory."""

from __future__ import annotations

import platform
import resource
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from stylized.service.footprint import HEADROOM, available_bytes, proc_field

_TENSOR_CORES = 8
"""Major compute capability (Ampere) from which a GPU multiplies bf16 and TF32 natively."""


@dataclass(frozen=True)
class Device:
    """Where tensors live.

    name: for people, "cpu (AMD EPYC, 2 threads)" or "cuda:0 (NVIDIA H100, bf16, TF32)". max_bytes: that a job may plan
    with at most, or None for what is free.
    """

    device: torch.device
    name: str
    max_bytes: int | None = None

    @property
    def has_own_memory(self) -> bool:
        """False for a CPU, whose memory is the machine's."""
        return self.device.type == "cuda"

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
        free = self._free_memory()
        return min((number for number in (free, self.max_bytes) if number is not None), default=None)

    def _free_memory(self) -> int | None:
        if self.device.type == "cuda":
            free, _ = torch.cuda.mem_get_info(self.device)
            # What torch has taken for tensors that are gone is as good as free.
            kept = torch.cuda.memory_reserved(self.device) - torch.cuda.memory_allocated(self.device)
            return int((free + kept) * HEADROOM)
        return available_bytes()

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
        kib = proc_field(Path("/proc/self/status"), "VmHWM")
        return (kib if kib is not None else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * 1024

    def free_cache(self) -> None:
        """Gives memory back after a job that did not fit."""
        if self.device.type == "cuda":
            torch.cuda.empty_cache()


def find_devices() -> tuple[Device, ...]:
    """All CUDA devices if torch can use any, else the CPU. Never empty."""
    if torch.cuda.is_available():
        return tuple(
            Device(torch.device(f"cuda:{index}"), _cuda_name(index)) for index in range(torch.cuda.device_count())
        )
    threads = torch.get_num_threads()
    name = f"cpu ({_cpu_model()}, {threads} thread{'' if threads == 1 else 's'})"
    return (Device(torch.device("cpu"), name),)


def find_device(name: str | None = None, max_bytes: int | None = None) -> Device:
    """The device with a name as torch has it, such as "cuda:1"; the first there is if that is None, or gone.

    max_bytes: as in `Device`.
    """
    devices = find_devices()
    found = next((one for one in devices if str(one.device) == name), devices[0])
    return replace(found, max_bytes=max_bytes)


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
