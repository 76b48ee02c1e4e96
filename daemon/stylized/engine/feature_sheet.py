"""What a feature visualisation is asked for, and how its picture is laid out. Free of torch.

The picture holds two squares of the same number of cells, as in figure 2 of Zeiler and Fergus 2014: on the left the
projections, on the right the parts of the pictures that caused them.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, isqrt

from stylized.engine.choices import Backbone
from stylized.engine.layers import convolution_of, is_layer, receptive_field
from stylized.engine.parameters import ParameterError, UnknownLayerError

DEFAULT_COUNT = 9
MAX_COUNT = 100
# A field of fewer pixels is enlarged by a whole factor to at least this, or its 3 x 3 pixels would not be seen.
_LEAST_CELL = 96
_GAP = 4
_MIDDLE_GAP = 16


@dataclass(frozen=True)
class FeatureQuery:
    """Which responses to show: those of one filter of a layer, counted from 0, and how many of the strongest."""

    layer: str
    filter: int
    count: int = DEFAULT_COUNT

    def validated(self, backbone: Backbone) -> FeatureQuery:
        """Return this if the backbone has such a filter. Raises UnknownLayerError or ParameterError."""
        if not is_layer(self.layer, backbone):
            raise UnknownLayerError("layer", self.layer, backbone)
        filters = convolution_of(self.layer, backbone).channels
        if not 0 <= self.filter < filters:
            raise ParameterError("filter", f"{self.layer} has the filters 0 to {filters - 1}, not {self.filter}.")
        if not 1 <= self.count <= MAX_COUNT:
            raise ParameterError("count", f"count is {self.count}: choose a whole number from 1 to {MAX_COUNT}.")
        return self


@dataclass(frozen=True)
class Sheet:
    """The layout: `across` x `across` cells in each square, each `enlargement` times as large as what a unit sees."""

    across: int
    field: int
    enlargement: int

    @classmethod
    def of(cls, query: FeatureQuery, backbone: Backbone) -> Sheet:
        """The layout of a query's picture."""
        field = receptive_field(query.layer, backbone).side
        across = isqrt(query.count - 1) + 1
        return cls(across, field, max(1, ceil(_LEAST_CELL / field)))

    @property
    def cell(self) -> int:
        """Pixels of a side of a cell."""
        return self.field * self.enlargement

    @property
    def height(self) -> int:
        """Pixels from top to bottom."""
        return self.across * (self.cell + _GAP) + _GAP

    @property
    def width(self) -> int:
        """Pixels from left to right."""
        return 2 * self.height - 2 * _GAP + _MIDDLE_GAP

    def place(self, index: int, *, right: bool) -> tuple[int, int]:
        """Left and top of the cell of the response `index`, strongest first, in one of the squares."""
        row, column = divmod(index, self.across)
        step = self.cell + _GAP
        left = _GAP + column * step + (self.height - 2 * _GAP + _MIDDLE_GAP if right else 0)
        return left, _GAP + row * step
