"""Losses against closed forms and against the tutorial's printed numbers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from stylized.engine.losses import content_loss, gram_matrix, style_loss, total_variation


def _maps(*shape: int) -> Tensor:
    """The tutorial's random maps, [H, W, C], as ours, [1, C, H, W]."""
    return torch.from_numpy(np.random.randn(*shape)).permute(2, 0, 1)[None]


def test_content_loss_of_a_constant_difference_is_its_square() -> None:
    maps = torch.rand(1, 7, 5, 3)
    assert content_loss(maps + 3, maps).item() == pytest.approx(9, rel=1e-5)


def test_gram_of_a_constant_map() -> None:
    # F = value everywhere: (F Fᵀ)_ij = v_i v_j H W, so G_ij = v_i v_j / C.
    values = torch.tensor([1.0, 2.0, -3.0])
    maps = values.view(1, 3, 1, 1).expand(1, 3, 4, 5)
    torch.testing.assert_close(gram_matrix(maps), torch.outer(values, values) / 3)


def test_gram_does_not_depend_on_the_memory_layout() -> None:
    maps = torch.rand(1, 8, 6, 5, dtype=torch.float64)
    torch.testing.assert_close(gram_matrix(maps), gram_matrix(maps.contiguous(memory_format=torch.channels_last)))


def test_gram_gradient_is_that_of_finite_differences() -> None:
    maps = torch.rand(1, 3, 4, 5, dtype=torch.float64, requires_grad=True)
    target = torch.rand(3, 3, dtype=torch.float64)  # not symmetric, to tell D from its transpose
    assert torch.autograd.gradcheck(gram_matrix, (maps,))
    assert torch.autograd.gradcheck(lambda m: style_loss(gram_matrix(m), target), (maps,))


def test_style_loss_of_equal_matrices_is_zero_and_of_a_shift_its_square() -> None:
    gram = torch.rand(4, 4)
    assert style_loss(gram, gram).item() == 0
    assert style_loss(gram + 2, gram).item() == pytest.approx(4, rel=1e-5)


def test_total_variation_of_a_ramp() -> None:
    rows, columns = torch.arange(6.0).view(1, 1, 6, 1), torch.arange(9.0).view(1, 1, 1, 9)
    ramp = (2 * rows + 5 * columns).expand(1, 3, 6, 9)
    assert total_variation(ramp).item() == 2**2 + 5**2


def test_total_variation_of_one_colour_is_zero() -> None:
    assert total_variation(torch.full((1, 3, 8, 8), 200.0)).item() == 0


class TestTheTutorialsNumbers:
    """The expected results that the tutorial prints, for maps of 10 x 10 x 3 from numpy's seed 1."""

    def test_content(self) -> None:
        np.random.seed(1)
        base, output = _maps(10, 10, 3), _maps(10, 10, 3)
        # The tutorial sums.
        assert content_loss(output, base).item() * base.numel() == pytest.approx(605.62195, rel=1e-7)

    def test_gram(self) -> None:
        np.random.seed(1)
        maps = _maps(10, 10, 3)
        expected = torch.tensor(
            [
                [99.75723, -9.96186, -1.4740534],
                [-9.96186, 86.854324, -4.141108],
                [-1.4740534, -4.141108, 82.30106],
            ],
            dtype=torch.float64,
        )
        # The tutorial does not divide by C H W.
        torch.testing.assert_close(gram_matrix(maps) * maps.numel(), expected, rtol=1e-6, atol=1e-6)

    def test_style(self) -> None:
        np.random.seed(1)
        base, output = _maps(10, 10, 3), _maps(10, 10, 3)
        channels, height, width = base.shape[1:]
        # Sum over C² entries of (C H W · difference)², over (2 H W)²: C² (C H W)² / (2 H W)² = C⁴ / 4.
        factor = channels**4 / 4
        assert factor == channels**2 * base.numel() ** 2 / (2 * height * width) ** 2
        loss = style_loss(gram_matrix(output), gram_matrix(base)).item()
        assert loss * factor == pytest.approx(0.09799164, rel=1e-6)

    def test_total_variation(self) -> None:
        np.random.seed(1)
        image = torch.from_numpy(np.random.randn(1, 10, 10, 3)).permute(0, 3, 1, 2)
        # The tutorial sums over 9 x 9 pixels and 3 channels.
        assert total_variation(image).item() * 9 * 9 * 3 == pytest.approx(937.0538, rel=1e-7)
