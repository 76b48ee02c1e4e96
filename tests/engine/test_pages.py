"""What stays of a painting has memory of its own."""

from __future__ import annotations

import torch

from stylized.engine.pages import Pages


def test_copies_have_the_same_numbers_in_the_same_order() -> None:
    plain = torch.rand(1, 3, 5, 7)
    tensors = (plain, plain.contiguous(memory_format=torch.channels_last), torch.tensor(2.5, dtype=torch.float64))
    pages = Pages(tensors)
    held = [pages.hold(tensor) for tensor in tensors]
    for tensor, copy in zip(tensors, held, strict=True):
        assert copy.stride() == tensor.stride()
        assert torch.equal(copy, tensor)
    plain.zero_()
    assert held[0].min() > 0 < held[1].min()
