"""What is told of a GPU, and when it is given up. Played with what CUDA would answer."""

from __future__ import annotations

import pytest
import torch

from stylized.engine.choices import Backbone
from stylized.engine.network_torch import TorchNetwork
from stylized.service.device import HEADROOM, Device, find_device
from stylized.service.warm_up import warm_up
from tests.engine.samples import random_weights

CPU, GPU = Device(torch.device("cpu"), "cpu"), Device(torch.device("cuda:0"), "cuda:0")


@pytest.mark.parametrize(
    ("capability", "name"), [((9, 0), "cuda:0 (NVIDIA X, bf16, TF32)"), ((7, 5), "cuda:0 (NVIDIA X)")]
)
def test_a_gpus_name_tells_what_it_computes_natively(
    capability: tuple[int, int], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
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
