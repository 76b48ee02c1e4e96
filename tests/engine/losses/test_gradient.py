"""Gradients of one length."""

from __future__ import annotations

import torch

from stylized.engine.losses.gradient import unit_gradient


def test_the_value_stays_and_the_gradient_has_the_length_and_its_direction() -> None:
    features = torch.rand(1, 4, 5, 6, dtype=torch.float64)
    for size in (1e-12, 1.0, 1e12):
        maps = features.clone().requires_grad_()
        loss = size * unit_gradient(maps, 0.25).square().sum()
        (gradient,) = torch.autograd.grad(loss, maps)
        assert loss.item() == size * features.square().sum().item()
        torch.testing.assert_close(gradient, 0.25 * features / features.sum())


def test_no_gradient_stays_none() -> None:
    maps = torch.zeros(1, 4, 5, 6, requires_grad=True)
    (gradient,) = torch.autograd.grad(unit_gradient(maps, 1.0).square().sum(), maps)
    assert torch.equal(gradient, torch.zeros_like(gradient))
