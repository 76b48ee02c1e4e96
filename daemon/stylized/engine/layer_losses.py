"""Losses of one layer's feature maps, each a function of means over the cells.

So each can be measured part by part of a picture: what a loss needs to know of some cells is their summary, and its
value follows from the summaries of all cells. Of a picture that is computed as a whole there is one summary. Which
losses the parameters mean is `objective`'s concern.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from stylized.engine.choices import ContentLoss
from stylized.engine.losses.content import activation, content_value, differences
from stylized.engine.losses.statistics import Moments, merge
from stylized.engine.losses.style import Distance, Statistic

Summary = tuple[Tensor, ...]
"""Tensors of a few numbers for each channel at most, differentiable with respect to the maps."""


class Window(NamedTuple):
    """Some of a layer's cells: which rows and columns of the whole picture's maps."""

    rows: slice
    columns: slice

    def of(self, maps: Tensor) -> Tensor:
        """The part of maps of the whole picture, [..., H, W]."""
        return maps[..., self.rows, self.columns]


EVERYWHERE = Window(slice(None), slice(None))


class LayerLoss(ABC):
    """A loss of the maps of one layer."""

    @abstractmethod
    def summary(self, features: Tensor, window: Window) -> Summary:
        """What has to be known of the cells in a window. features: their maps, [1, C, h, w], at least one cell."""

    @abstractmethod
    def value(self, summaries: Sequence[Summary]) -> Tensor:
        """The loss, 0-dim, given the summaries of windows that together have each cell once."""

    def __call__(self, features: Tensor) -> Tensor:
        """The loss of the whole picture's maps, [1, C, H, W]; returns a 0-dim tensor."""
        return self.value([self.summary(features, EVERYWHERE)])


class ContentDistance(LayerLoss):
    """How far maps are from the photo's."""

    def __init__(self, target: Tensor, form: ContentLoss) -> None:
        """target: the photo's, [1, C, H, W]."""
        self._target = target
        self._form = form
        # Of its numbers only NORMALIZED needs this one.
        self._power = activation(target) if form is ContentLoss.NORMALIZED else torch.zeros((), device=target.device)

    def summary(self, features: Tensor, window: Window) -> Summary:
        return differences(features, window.of(self._target), self._form)

    def value(self, summaries: Sequence[Summary]) -> Tensor:
        return content_value(_merged(summaries), self._power, self._form)


@dataclass(frozen=True)
class Likeness:
    """A statistic of feature maps, compared with each target by its share."""

    statistic: Statistic
    targets: tuple[tuple[float, Distance], ...]

    def distance(self, found: Moments) -> Tensor:
        """How far the painting's moments are from the targets, 0-dim."""
        return torch.stack([share * distance(found) for share, distance in self.targets]).sum()


@dataclass(frozen=True)
class StyleDistance(LayerLoss):
    """How far statistics of maps are from the styles': a sum, each statistic with its factor.

    cells: how much each cell counts, [H, W]; None: all alike.
    """

    parts: tuple[tuple[float, Likeness], ...]
    cells: Tensor | None = None

    def summary(self, features: Tensor, window: Window) -> Summary:
        cells = None if self.cells is None else window.of(self.cells)
        measured = [part.statistic.measure(features, cells) for _, part in self.parts]
        return tuple(tensor for moments in measured for tensor in moments.tensors)

    def value(self, summaries: Sequence[Summary]) -> Tensor:
        by_part = zip(*map(_moments, summaries), strict=True)
        found = [
            factor * part.distance(merge(moments)) for (factor, part), moments in zip(self.parts, by_part, strict=True)
        ]
        return torch.stack(found).sum()


class Activation(LayerLoss):
    """How strongly a layer responds: see `activation`."""

    def summary(self, features: Tensor, window: Window) -> Summary:
        value = activation(features)
        return value.new_full((), features.numel()), value

    def value(self, summaries: Sequence[Summary]) -> Tensor:
        return _merged(summaries)[1]


def _moments(summary: Summary) -> Iterator[Moments]:
    for first in range(0, len(summary), 3):
        yield Moments(*summary[first : first + 3])


def _merged(summaries: Sequence[Summary]) -> Summary:
    """How many numbers there are in all, and means over all of them."""
    if len(summaries) == 1:
        return summaries[0]
    counts, *means = (torch.stack(column) for column in zip(*summaries, strict=True))
    total = counts.sum()
    return total, *((counts / total * column).sum() for column in means)
