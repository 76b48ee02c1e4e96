"""Devices: all GPUs that torch can use, else the CPU; what is told of them, and when one is given up.

GPUs are played, with what CUDA would answer.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from stylized.engine.choices import Backbone
from stylized.engine.network_torch import TorchNetwork
from stylized.service.device import Device, find_device, find_devices
from stylized.service.footprint import HEADROOM, available_bytes, footprint_bytes
from stylized.service.warm_up import warm_up
from tests.engine.samples import random_weights
from tests.service.test_queue import SPEC

CPU, GPU = Device(torch.device("cpu"), "cpu"), Device(torch.device("cuda:0"), "cuda:0")


@pytest.fixture
def _two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: f"Card {index}")
    free = {"cuda:0": 1000, "cuda:1": 2000}
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda index: (7, 5))
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free[str(device)], 4000))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 0)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 0)


@pytest.mark.usefixtures("_two_gpus")
def test_all_gpus_are_found_and_each_by_its_name() -> None:
    assert [device.name for device in find_devices()] == ["cuda:0 (Card 0)", "cuda:1 (Card 1)"]
    assert [str(find_device(name).device) for name in (None, "cuda:0", "cuda:1")] == ["cuda:0", "cuda:0", "cuda:1"]
    assert find_device("cuda:7").name == "cuda:0 (Card 0)"  # taken out since
    second = find_device("cuda:1")
    assert second.has_own_memory
    assert second.available_memory() == 2000 * HEADROOM


def test_without_a_gpu_it_is_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    (device,) = find_devices()
    assert device.device == torch.device("cpu")
    assert not device.has_own_memory
    available = available_bytes()
    assert available is not None
    assert device.available_memory() == pytest.approx(available, rel=0.2)


def test_a_jobs_footprint_grows_with_its_size() -> None:
    def of_size(side: int) -> int:
        assert SPEC.content
        content = replace(SPEC.content, width=side, height=side)
        return footprint_bytes(replace(SPEC, content=content, parameters=replace(SPEC.parameters, size=side)))

    # Maps of 64 channels in two layers of VGG19's first block alone, in 32-bit floats.
    assert of_size(1024) - of_size(512) > (1024**2 - 512**2) * 64 * 4 * 2


@pytest.mark.parametrize(
    ("capability", "name"), [((9, 0), "cuda:0 (NVIDIA X, bf16, TF32)"), ((7, 5), "cuda:0 (NVIDIA X)")]
)
def test_a_gpus_name_tells_what_it_computes_natively(
    capability: tuple[int, int], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: "NVIDIA X")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda index: capability)
    found = find_device()
    assert (found.device, found.name) == (torch.device("cuda:0"), name)


def test_memory_that_torch_keeps_for_later_counts_as_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (1000, 9000))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 700)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 200)
    assert GPU.available_memory() == int(1500 * HEADROOM)


def test_fp32_means_fp32_unless_a_backend_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    CPU.prepare()
    assert torch.backends.cudnn.allow_tf32
    GPU.prepare()
    assert not torch.backends.cudnn.allow_tf32
    assert not torch.backends.cuda.matmul.allow_tf32


def test_a_gpu_is_given_up_after_an_error_of_cuda_alone() -> None:
    lost = RuntimeError("CUDA error: an illegal memory access was encountered")
    assert GPU.is_lost_after(lost)
    assert not GPU.is_lost_after(ValueError("no"))
    assert not CPU.is_lost_after(lost)


def test_a_warm_up_paints_and_what_fails_in_it_is_only_logged(caplog: pytest.LogCaptureFixture) -> None:
    networks = []

    def network() -> TorchNetwork:
        networks.append(TorchNetwork(random_weights(Backbone.VGG19)))
        return networks[0]

    warm_up(network)
    assert len(networks) == 1
    assert not caplog.records

    def broken() -> TorchNetwork:
        raise RuntimeError("CUDA error: no kernel image is available\nC++ stack")

    warm_up(broken)
    assert [record.getMessage() for record in caplog.records] == [
        "the first steps failed: CUDA error: no kernel image is available"
    ]
