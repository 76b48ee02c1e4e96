"""What was measured of pictures is kept from painting to painting, and changes none of them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from stylized.engine.choices import ColorMethod, Padding, Pooling, StyleStatistic
from stylized.engine.losses.statistics import Moments, gram_moments
from stylized.engine.measurements import Measured, Measurements
from stylized.engine.network import Network, Weights
from stylized.engine.network_torch import TorchNetwork
from stylized.engine.stylize import Finished, Request, StyleSource, stylize

from .samples import parameters, shapes

PHOTO = shapes(36, 48)
STYLE = shapes(40, 44, seed=3)
LEFT = torch.cat([torch.ones(1, 1, 40, 22), torch.zeros(1, 1, 40, 22)], dim=3)
MIB = 1024 * 1024
TWO_LEVELS = {"pyramid_factor": 1.5, "pyramid_min_size": 32}


class Counting(TorchNetwork):
    """A network that tells how often it was asked without a gradient, as targets are."""

    measured = 0

    def features(self, image: Tensor, taps: Collection[str], *how: Any, **more: Any) -> dict[str, Tensor]:
        self.measured += not torch.is_grad_enabled()
        return super().features(image, taps, *how, **more)


@pytest.fixture
def counting(weights: Weights) -> Counting:
    return Counting(weights, dtype=torch.float32)


def job(
    measurements: Measurements | None,
    *styles: StyleSource,
    photo: Tensor = PHOTO,
    content_name: str | None = None,
    **changes: Any,
) -> Request:
    chosen = parameters(**{"size": 48, "iterations": 4, **TWO_LEVELS, **changes})
    request = Request(photo, styles or (named(),), chosen, seed=3, measurements=measurements)
    return replace(request, content_name=content_name)


def named(name: str | None = "one", pixels: Tensor = STYLE, source_mask: Tensor | None = None) -> StyleSource:
    return StyleSource(pixels, 1.0, source_mask=source_mask, name=name)


def painted(network: Network, request: Request) -> Tensor:
    *_, finished = stylize(network, request)
    assert isinstance(finished, Finished)
    return finished.picture


def asked(network: Counting, request: Request) -> int:
    before = network.measured
    painted(network, request)
    return network.measured - before


@pytest.mark.parametrize("statistic", list(StyleStatistic))
def test_a_painting_with_kept_measurements_is_the_same_to_the_bit(network: Network, statistic: StyleStatistic) -> None:
    kept = Measurements(64 * MIB)
    painted(network, job(kept, photo=shapes(36, 48, seed=9), style_statistic=statistic))
    assert torch.equal(
        painted(network, job(kept, style_statistic=statistic)), painted(network, job(None, style_statistic=statistic))
    )


def test_the_second_painting_does_not_measure_the_style(counting: Counting) -> None:
    kept = Measurements(64 * MIB)
    anew = asked(counting, job(None))
    assert asked(counting, job(kept)) == anew
    assert asked(counting, job(kept, photo=shapes(36, 48, seed=9))) == anew - 2  # two levels


@pytest.mark.parametrize(
    "changes",
    [
        {"pooling": Pooling.AVERAGE},
        {"padding": Padding.REFLECT},
        {"pooling_scale": 1.5},
        {"style_statistic": StyleStatistic.COVARIANCE},
        {"style_scale": 0.8},
        {"size": 40},
    ],
    ids=str,
)
def test_what_was_measured_in_another_way_is_not_taken(network: Network, changes: dict[str, Any]) -> None:
    kept = Measurements(64 * MIB)
    painted(network, job(kept))
    assert torch.equal(painted(network, job(kept, **changes)), painted(network, job(None, **changes)))


def test_another_picture_or_part_of_it_is_measured_for_itself(network: Network) -> None:
    kept = Measurements(64 * MIB)
    painted(network, job(kept))
    for style in (named("other", shapes(40, 44, seed=4)), named("left", source_mask=LEFT)):
        assert torch.equal(painted(network, job(kept, style)), painted(network, job(None, style)))
    both = (named("left", source_mask=LEFT), named())
    assert torch.equal(painted(network, job(kept, *both)), painted(network, job(None, *both)))


def test_a_style_in_the_colors_of_a_photo_is_not_kept_for_the_next(network: Network) -> None:
    kept = Measurements(64 * MIB)
    settings = {"color_method": ColorMethod.COVARIANCE, "color": 0.0}
    painted(network, job(kept, **settings))
    other = shapes(36, 48, seed=9).flip(1)
    assert torch.equal(
        painted(network, job(kept, photo=other, **settings)), painted(network, job(None, photo=other, **settings))
    )


def test_nothing_is_kept_of_a_style_without_a_name(counting: Counting) -> None:
    kept = Measurements(64 * MIB)
    anew = asked(counting, job(None))
    assert asked(counting, job(kept, named(None))) == anew
    assert asked(counting, job(kept, named(None))) == anew


def test_the_second_painting_of_a_photo_does_not_measure_it(counting: Counting) -> None:
    kept = Measurements(64 * MIB)
    anew = asked(counting, job(None))
    assert asked(counting, job(kept, content_name="photo")) == anew
    assert asked(counting, job(kept, content_name="photo")) == anew - 4  # photo and style at two levels
    assert asked(counting, job(kept, named("other"), content_name="photo")) == anew - 2


@pytest.mark.parametrize(
    "changes", [{}, {"pooling": Pooling.AVERAGE}, {"padding": Padding.REFLECT}, {"size": 40}], ids=str
)
def test_a_painting_of_a_kept_photo_is_the_same_to_the_bit(network: Network, changes: dict[str, Any]) -> None:
    kept = Measurements(64 * MIB)
    painted(network, job(kept, content_name="photo"))
    again = painted(network, job(kept, content_name="photo", **changes))
    assert torch.equal(again, painted(network, job(None, **changes)))


def test_another_photo_is_measured_for_itself(network: Network) -> None:
    kept, other = Measurements(64 * MIB), shapes(36, 48, seed=9)
    painted(network, job(kept, content_name="photo"))
    for name in ("other", None):
        ours = painted(network, job(kept, photo=other, content_name=name))
        assert torch.equal(ours, painted(network, job(None, photo=other)))


def test_those_asked_for_longest_ago_go_first_where_room_ends(network: Network) -> None:
    one = gram_moments(torch.ones(1, 8, 4, 4))
    kept = Measurements(3 * one.size_bytes)

    def key(layer: str) -> Measured:
        chosen = parameters()
        return Measured(
            network, "one", layer, gram_moments, chosen.pooling, chosen.padding, 1.0, chosen.mask_propagation
        )

    for layer in ("a", "b", "c"):
        kept.keep(key(layer), one)
    assert kept.get(key("a")) is one
    kept.keep(key("d"), replace(one))
    found = {layer: kept.get(key(layer)) is not None for layer in "abcd"}
    assert found == {"a": True, "b": False, "c": True, "d": True}
    large = Moments(torch.zeros(()), torch.zeros(11), torch.zeros(11, 11))
    assert 1.5 * one.size_bytes < large.size_bytes < 3 * one.size_bytes
    kept.keep(key("e"), large)
    assert kept.get(key("e")) is None
    assert kept.get(key("a")) is one
    kept.clear()
    assert kept.get(key("a")) is None
