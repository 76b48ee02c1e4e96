"""The results that the tutorial of seed 004 prints, for maps of 10 x 10 x 3 from numpy's seed 1, by our functions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from stylized.engine.choices import ContentLoss, GramScale, StyleLoss, TvLoss
from stylized.engine.losses.content import content_loss
from stylized.engine.losses.image import total_variation
from stylized.engine.losses.statistics import gram_matrix, gram_moments
from stylized.engine.losses.style import matrix_distance


def _maps(*shape: int) -> Tensor:
    """The tutorial's random maps, [H, W, C], as ours, [1, C, H, W]."""
    return torch.from_numpy(np.random.randn(*shape)).permute(2, 0, 1)[None]


def test_content() -> None:
    np.random.seed(1)
    base, output = _maps(10, 10, 3), _maps(10, 10, 3)
    assert content_loss(output, base, ContentLoss.SUM).item() == pytest.approx(605.62195, rel=1e-7)


def test_gram() -> None:
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
    torch.testing.assert_close(gram_matrix(maps, scale=GramScale.NONE), expected, rtol=1e-6, atol=1e-6)


def test_style() -> None:
    np.random.seed(1)
    base, output = gram_moments(_maps(10, 10, 3)), gram_moments(_maps(10, 10, 3))
    # Σ(G - A)² / (2 H W)², which is a quarter of the sum with G / (H W), and 3² times the paper's.
    quarter = matrix_distance(base, output, StyleLoss.SUM, GramScale.PIXELS) / 4
    paper = matrix_distance(base, output, StyleLoss.PAPER, GramScale.NONE) * 3**2
    assert quarter.item() == pytest.approx(0.09799164, rel=1e-6)
    assert paper.item() == pytest.approx(0.09799164, rel=1e-6)


def test_total_variation() -> None:
    np.random.seed(1)
    image = torch.from_numpy(np.random.randn(1, 10, 10, 3)).permute(0, 3, 1, 2)
    assert total_variation(image, TvLoss.SQUARED_SUM).item() == pytest.approx(937.0538, rel=1e-7)
