"""Devices: all GPUs that torch can use, else the CPU."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from stylized.service import footprint
from stylized.service.device import find_device, find_devices
from stylized.service.footprint import available_bytes, footprint_bytes
from tests.service.test_queue import SPEC


@pytest.fixture
def _two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: f"Card {index}")
    free = {"cuda:0": 1000, "cuda:1": 2000}
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free[str(device)], 4000))


@pytest.mark.usefixtures("_two_gpus")
def test_all_gpus_are_found_and_each_by_its_name() -> None:
    assert [device.name for device in find_devices()] == ["cuda:0 (Card 0)", "cuda:1 (Card 1)"]
    assert [str(find_device(name).device) for name in (None, "cuda:0", "cuda:1")] == ["cuda:0", "cuda:0", "cuda:1"]
    assert find_device("cuda:7").name == "cuda:0 (Card 0)"  # taken out since
    second = find_device("cuda:1")
    assert second.has_own_memory
    assert second.available_memory() == 2000 * footprint.HEADROOM


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
