"""The measures of docs/quality.md: each against a case whose value is known without it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmarks.measures import (
    border_error,
    gram_distance,
    moment_distance,
    noise_energy,
    pixel_distance,
    sliced_distance,
)


def features(seed: int = 0, cells: int = 400, channels: int = 8) -> Tensor:
    """Normal deviates as [1, C, cells, 1]."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(1, channels, cells, 1, generator=generator)


@pytest.mark.parametrize("distance", [gram_distance, moment_distance, sliced_distance])
def test_a_distance_knows_only_which_features_there_are_not_where(distance: object) -> None:
    found = features()
    shuffled = found[:, :, torch.randperm(400, generator=torch.Generator().manual_seed(3))]
    assert distance(shuffled, found) == pytest.approx(0, abs=1e-5)  # pyright: ignore[reportCallIssue]
    assert distance(features(seed=9, cells=100) + 1, found) > 0.1  # pyright: ignore[reportCallIssue]


def test_doubled_features_are_three_times_away_by_gram_matrix_and_once_by_the_others() -> None:
    found = features()
    assert gram_distance(2 * found, found) == pytest.approx(3, rel=1e-5)
    assert moment_distance(2 * found, found) == pytest.approx(1, rel=1e-5)
    assert sliced_distance(2 * found, found) == pytest.approx(1, rel=1e-5)


def test_the_gram_distance_is_that_of_numpy() -> None:
    found, target = features(1).double(), features(2).double()
    a, b = (f[0, :, :, 0].numpy() @ f[0, :, :, 0].numpy().T for f in (found, target))
    assert gram_distance(found, target) == pytest.approx(np.linalg.norm(a - b) / np.linalg.norm(b), rel=1e-6)


def test_the_moment_distance_is_that_of_numpy() -> None:
    found, target = features(1).double() + 1, features(2, cells=30).double()
    a, b = (np.append(m := f[0, :, :, 0].numpy(), [m.mean(1), m.std(1)])[-16:] for f in (found, target))
    assert moment_distance(found, target) == pytest.approx(np.linalg.norm(a - b) / np.linalg.norm(b), rel=1e-6)


def test_a_shift_along_the_only_direction_is_its_own_sliced_distance() -> None:
    target = features(channels=1)
    expected = 3 / target.square().mean().sqrt().item()
    assert sliced_distance(target + 3, target) == pytest.approx(expected, rel=0.02)


def test_the_sliced_distance_compares_any_two_counts_of_cells() -> None:
    line = torch.linspace(0, 1, 901).view(1, 1, -1, 1)
    assert sliced_distance(line[:, :, ::3], line) == pytest.approx(0, abs=1e-3)


def test_a_checkerboard_is_all_noise_and_a_slope_none() -> None:
    rows, columns = torch.meshgrid(torch.arange(12), torch.arange(10), indexing="ij")
    board = 0.5 + 0.25 * (1 - 2 * ((rows + columns) % 2)).float()
    assert noise_energy(board.expand(1, 3, -1, -1)) == pytest.approx(0.25**2, rel=1e-5)
    assert noise_energy((rows / 12).expand(1, 3, -1, -1)) == pytest.approx(0, abs=1e-10)


def test_a_frame_is_a_border_error_and_a_plain_picture_has_none() -> None:
    plain = torch.full((1, 3, 64, 64), 0.5)
    assert border_error(plain) == pytest.approx(0, abs=1e-6)
    framed = plain.clone()
    framed[..., 2:-2, 2:-2] = 1.0
    # The ring is 2 pixels wide (64 / 32). Each side: the outer strip is all 0.5; of the inner strip 60 of 64 are 1.
    share = 60 / 64
    mean, spread = 0.5 * share, 0.5 * np.sqrt(share * (1 - share))
    whole = (60 / 64) ** 2
    own = 0.5 * np.sqrt(whole * (1 - whole))
    assert border_error(framed) == pytest.approx(np.sqrt((mean**2 + spread**2) / 2) / own, rel=1e-4)


def test_pixel_distance_is_in_pixel_values() -> None:
    assert pixel_distance(torch.full((1, 3, 4, 4), 0.6), torch.full((1, 3, 4, 4), 0.5)) == pytest.approx(25.5, rel=1e-4)
