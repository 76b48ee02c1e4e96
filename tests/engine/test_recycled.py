"""Memory for large maps: used again, never by two at a time, and given back."""

from __future__ import annotations

import errno
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from stylized.engine import recycled
from stylized.engine.backends import build_network
from stylized.engine.choices import Backbone, Backend, Precision
from stylized.engine.kernel_costs import LEAST_BYTES
from stylized.engine.recycled import empty_maps, empty_rows, forget
from stylized.engine.stylize import Request, StyleSource, stylize

from .samples import parameters, random_weights

CPU = torch.device("cpu")
NUMBERS = LEAST_BYTES // 4


@pytest.fixture(autouse=True)
def nothing_waits() -> Iterator[None]:
    forget()
    yield
    forget()


def _rows(numbers: int = NUMBERS) -> Tensor:
    return empty_rows((numbers,), torch.float32, CPU)


def _held() -> int:
    return recycled._regions._held


def test_a_region_is_used_again_when_no_view_of_its_map_is_left() -> None:
    first = _rows()
    place, part = first.data_ptr(), first.view(2, -1)[1:]
    del first
    assert _rows().data_ptr() != place
    del part
    assert place in (_rows().data_ptr(), _rows().data_ptr())


def test_maps_that_live_at_a_time_share_nothing() -> None:
    maps = [_rows().fill_(number) for number in range(4)]
    del maps[1]
    maps.append(_rows().fill_(9.0))
    assert [float(one.mean()) for one in maps] == [0.0, 2.0, 3.0, 9.0]


def test_a_map_of_another_size_does_not_take_a_much_larger_region() -> None:
    large = _rows(2 * NUMBERS)
    place = large.data_ptr()
    del large
    assert _rows().data_ptr() != place


def test_no_more_is_held_than_maps_have_taken_together() -> None:
    for numbers in (NUMBERS, 3 * NUMBERS, 2 * NUMBERS, 5 * NUMBERS, NUMBERS, 4 * NUMBERS):
        first, second = _rows(numbers), _rows(NUMBERS)
        assert _held() <= 6 * LEAST_BYTES
        del first, second


def test_what_is_free_is_given_back() -> None:
    kept, dropped = _rows(), _rows(3 * NUMBERS)
    del dropped
    forget()
    assert _held() == LEAST_BYTES
    kept.fill_(1.0)
    assert float(kept.sum()) == NUMBERS


def test_where_there_is_no_memory_it_is_said_and_nothing_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(length: int) -> None:
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    monkeypatch.setattr(recycled, "_new", refuse)
    with pytest.raises(MemoryError, match="no memory for a map"):
        _rows()
    assert _held() == 0


def test_when_a_painting_is_dropped_nothing_is_held() -> None:
    # Maps of 64 channels have 48 MiB, those of the photo 2.
    network = build_network(Backend.WINOGRAD, random_weights(Backbone.VGG19), CPU, Precision.FP32)
    photo = torch.rand(1, 3, 384, 512, generator=torch.Generator().manual_seed(0))
    request = Request(photo, (StyleSource(photo.flip(3), 1.0),), parameters(size=512, iterations=1), seed=0)
    seen = []
    for event in stylize(network, request):
        seen.append(_held())
        del event
    assert max(seen) >= LEAST_BYTES
    forget()
    assert _held() == 0


def test_maps_are_in_channels_last_as_torch_has_them() -> None:
    for shape in ((1, 4, 3, 5), (1, 64, 1, 1), (1, 64, 512, 512)):
        ours = empty_maps(shape, torch.bfloat16, CPU)
        assert ours.stride() == torch.empty(shape, memory_format=torch.channels_last).stride()
        assert ours.is_contiguous(memory_format=torch.channels_last)


def test_small_ones_and_those_of_other_devices_are_torchs() -> None:
    small, elsewhere = _rows(NUMBERS - 1), empty_rows((NUMBERS,), torch.float32, torch.device("meta"))
    assert _held() == 0
    assert small.numel() == NUMBERS - 1
    assert elsewhere.device.type == "meta"
