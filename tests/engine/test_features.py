"""Promise: a projection is what the deconvolutional network of Zeiler and Fergus gives: switches, rectification and
transposed filters; it lies within what the unit sees, and the sheet shows that part of the picture beside it."""

from __future__ import annotations

import weakref
from collections.abc import Generator, Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from stylized.engine.choices import Backbone
from stylized.engine.feature_sheet import FeatureQuery, Sheet
from stylized.engine.features import DeconvNetwork, FeatureStep, Visualized, contrasted, visualize
from stylized.engine.features import strongest as strongest_of
from stylized.engine.job import EndNow
from stylized.engine.layers import CONVOLUTIONS, ReceptiveField, receptive_field
from stylized.engine.network import Weights
from stylized.engine.parameters import ParameterError, UnknownLayerError

from .samples import noise, random_weights, shapes

BACKBONES = [Backbone.VGG19, Backbone.CAFFENET]


def positive(backbone: Backbone) -> Weights:
    """A network whose maps are positive wherever the picture is, and so small that normalising changes nothing: there
    rectification does nothing either way, so that a projection is the gradient."""
    layers = {name: (weight.abs() * 1e-5, bias * 0) for name, (weight, bias) in random_weights(backbone).layers.items()}
    return replace(random_weights(backbone), layers=layers, mean_rgb=(0.0, 0.0, 0.0))


def unit(maps: Tensor, row: int, column: int) -> Tensor:
    alone = torch.zeros_like(maps)
    alone[0, 1, row, column] = 1.0
    return alone


def middle(maps: Tensor) -> tuple[int, int]:
    return maps.shape[2] // 2, maps.shape[3] // 2


def run(
    events: Generator[FeatureStep, EndNow | None, Visualized], end_at: int = 0
) -> tuple[list[FeatureStep], Visualized]:
    """Steps and outcome. end_at: EndNow is sent after this step."""
    seen: list[FeatureStep] = []
    while True:
        try:
            seen.append(events.send(EndNow() if seen and seen[-1].done == end_at else None))
        except StopIteration as ended:
            return seen, ended.value


def test_of_one_convolution_it_is_the_transposed_convolution() -> None:
    weights = random_weights(Backbone.VGG19)
    network = DeconvNetwork(weights, dtype=torch.float64)
    signal = np.random.default_rng(0).random((64, 7, 9))
    found = network.down(torch.from_numpy(signal)[None], "relu1_1", {}, (7, 9))[0].numpy()
    # Written out: each unit adds its filter, where it saw the picture.
    kernel = weights.layers["conv1_1"][0].flip(1).double().numpy()
    expected = np.zeros((3, 9, 11))
    for row in range(7):
        for column in range(9):
            expected[:, row : row + 3, column : column + 3] += np.tensordot(signal[:, row, column], kernel, axes=1)
    np.testing.assert_allclose(found, expected[:, 1:-1, 1:-1], rtol=1e-9)


@pytest.mark.parametrize("backbone", BACKBONES)
def test_where_nothing_is_rectified_it_is_the_gradient(backbone: Backbone) -> None:
    network = DeconvNetwork(positive(backbone), dtype=torch.float64)
    # Bright: of equal values in a pooling the first would be taken, here and there.
    picture = (100.0 + 100.0 * noise(61, 67, 3)).double().requires_grad_()
    for layer in (CONVOLUTIONS[backbone][0].relu, CONVOLUTIONS[backbone][2].relu):
        maps, switches = network.up(picture, layer)
        row, column = middle(maps)
        (gradient,) = torch.autograd.grad(maps[0, 1, row, column], picture)
        found = network.down(unit(maps, row, column), layer, switches, (61, 67))
        torch.testing.assert_close(found, gradient, rtol=1e-5, atol=1e-9 * float(gradient.max()))


def test_what_comes_down_negative_is_dropped_before_it_is_filtered() -> None:
    weights = positive(Backbone.VGG19)
    layers = {**weights.layers, "conv1_2": tuple(-part for part in weights.layers["conv1_2"])}
    network = DeconvNetwork(replace(weights, layers=layers))
    assert network.down(torch.ones(1, 64, 5, 5), "relu1_2", {}, (5, 5)).abs().max() == 0
    assert network.down(-torch.ones(1, 64, 5, 5), "relu1_1", {}, (5, 5)).abs().max() == 0


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("number", [0, 1, 2, 4])
def test_it_lies_within_what_the_unit_sees_and_no_edge_of_that_is_idle(backbone: Backbone, number: int) -> None:
    layer = CONVOLUTIONS[backbone][number].relu
    network = DeconvNetwork(positive(backbone), dtype=torch.float64)
    picture = 255.0 * noise(190, 200, 5).double()
    maps, switches = network.up(picture, layer)
    row, column = middle(maps)
    field = receptive_field(layer, backbone)
    (top, bottom), (left, right) = field.span(row), field.span(column)
    assert top >= 0
    assert bottom <= 190
    found = network.down(unit(maps, row, column), layer, switches, (190, 200)).abs().sum((0, 1))
    outside = found.clone()
    outside[top:bottom, left:right] = 0
    assert outside.max() == 0
    assert found.max() > 0
    for y, x in ((top, left), (top, right - 1), (bottom - 1, left), (bottom - 1, right - 1)):
        changed = picture.clone()
        changed[..., y, x] += 1e6
        assert network.up(changed, layer)[0][0, 1, row, column] != maps[0, 1, row, column]


def test_the_strongest_responses_are_far_enough_apart() -> None:
    responses = torch.zeros(20, 20)
    for value, row, column in ((9, 5, 5), (8, 5, 7), (7, 5, 9), (6, 19, 0), (-5, 0, 19)):
        responses[row, column] = value
    field = ReceptiveField(side=32, stride=4, start=-10)  # half a field is four units
    found = [(unit.value, unit.row, unit.column) for unit in strongest_of(responses, 0, 9, field)]
    assert found == [(9, 5, 5), (7, 5, 9), (6, 19, 0)]
    assert len(strongest_of(responses, 0, 2, field)) == 2


def test_the_sheet_shows_projections_and_beside_them_what_caused_them(weights: Weights) -> None:
    query = FeatureQuery("relu2_1", 5, count=4)
    network = DeconvNetwork(weights)
    pictures = [shapes(64, 80, seed) for seed in range(3)]
    seen, shown = run(visualize(network, pictures, query))
    layout = Sheet.of(query, Backbone.VGG19)
    assert seen == [FeatureStep(done, 7) for done in range(1, 8)]
    assert (shown.found, shown.steps, shown.stopped_early) == (4, 7, False)
    sheet = shown.sheet
    assert sheet is not None
    assert sheet.shape == (1, 3, layout.height, layout.width)
    assert sheet.min() >= 0
    assert sheet.max() <= 1
    # The strongest of all, looked for by hand.
    best = max(range(3), key=lambda number: network.up(255 * pictures[number], "relu2_1")[0][0, 5].max())
    maps, _ = network.up(255 * pictures[best], "relu2_1")
    row, column = divmod(int(maps[0, 5].argmax()), maps.shape[3])
    field = receptive_field("relu2_1", Backbone.VGG19)
    left, top = layout.place(0, right=True)
    shown = sheet[..., top : top + layout.cell : layout.enlargement, left : left + layout.cell : layout.enlargement]
    (y0, y1), (x0, x1) = field.span(row), field.span(column)
    inside = shown[..., max(0, -y0) : 64 - y0, max(0, -x0) : 80 - x0]
    torch.testing.assert_close(inside, pictures[best][..., max(0, y0) : y1, max(0, x0) : x1])


def test_a_filter_that_nothing_excites_gives_no_sheet() -> None:
    weights = positive(Backbone.VGG19)
    layers = {**weights.layers, "conv1_1": tuple(-part for part in weights.layers["conv1_1"])}
    events = visualize(DeconvNetwork(replace(weights, layers=layers)), [noise(32, 32)], FeatureQuery("relu1_1", 0))
    seen, shown = run(events)
    assert seen == [FeatureStep(1, 10)]
    assert shown == Visualized(None, 0, 1, stopped_early=False)


def test_stopped_while_looking_it_shows_what_it_found_so_far(weights: Weights) -> None:
    query = FeatureQuery("relu2_1", 5, count=4)
    network = DeconvNetwork(weights)
    pictures = [shapes(64, 80, seed) for seed in range(3)]
    seen, shown = run(visualize(network, pictures, query), end_at=2)
    assert seen[-1] == FeatureStep(6, 6)
    _, of_two = run(visualize(network, pictures[:2], query))
    assert (shown.steps, shown.stopped_early, of_two.stopped_early) == (6, True, False)
    assert shown.sheet is not None
    assert of_two.sheet is not None
    torch.testing.assert_close(shown.sheet, of_two.sheet)


def test_stopped_while_projecting_it_leaves_the_rest_blank(weights: Weights) -> None:
    query = FeatureQuery("relu2_1", 5, count=4)
    pictures = [shapes(64, 80)]
    _, whole = run(visualize(DeconvNetwork(weights), pictures, query))
    seen, shown = run(visualize(DeconvNetwork(weights), pictures, query), end_at=3)
    assert seen[-1] == FeatureStep(3, 5)
    assert (shown.found, shown.steps, shown.stopped_early) == (4, 3, True)
    layout = Sheet.of(query, Backbone.VGG19)
    assert shown.sheet is not None
    assert whole.sheet is not None
    for index in range(4):
        left, top = layout.place(index, right=False)
        cell = (..., slice(top, top + layout.cell), slice(left, left + layout.cell))
        if index < 2:
            torch.testing.assert_close(shown.sheet[cell], whole.sheet[cell])
        else:
            assert (shown.sheet[cell] == 0.5).all()
        assert whole.sheet[cell].std() > 0


def test_a_single_strong_pixel_does_not_leave_the_others_gray() -> None:
    projection = torch.zeros(1, 3, 20, 20)
    projection[0, :, :10] = 2.0
    projection[0, 0, 0, 0] = -500.0
    picture = contrasted(projection)
    assert (picture[0, :, 1:10] == 1.0).all()
    assert (picture[0, :, 10:] == 0.5).all()
    assert picture[0, 0, 0, 0] == 0.0
    assert (contrasted(torch.zeros(1, 3, 4, 4)) == 0.5).all()


def test_one_picture_is_held_at_a_time(weights: Weights) -> None:
    class Watched(Sequence[Tensor]):
        """Pictures that tell how many of them are alive when one is asked for."""

        def __init__(self) -> None:
            self.alive: list[int] = []
            self._given: list[weakref.ref[Tensor]] = []

        def __len__(self) -> int:
            return 4

        def __getitem__(self, index: int) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
            picture = shapes(32, 32, index)
            self.alive.append(sum(given() is not None for given in self._given))
            self._given.append(weakref.ref(picture))
            return picture

    pictures = Watched()
    run(visualize(DeconvNetwork(weights), pictures, FeatureQuery("relu1_1", 5, count=8)))
    assert max(pictures.alive) <= 1
    assert len(pictures.alive) <= 8


@pytest.mark.parametrize("count", [1, 2, 4, 5, 9, 10, 100])
def test_cells_of_a_sheet_lie_apart_and_inside(count: int) -> None:
    layout = Sheet.of(FeatureQuery("relu1_1", 0, count), Backbone.VGG19)
    taken = np.zeros((layout.height, layout.width), int)
    for index in range(count):
        for right in (False, True):
            left, top = layout.place(index, right=right)
            assert left >= 0
            assert top >= 0
            taken[top : top + layout.cell, left : left + layout.cell] += 1
    assert taken.max() == 1
    assert taken.sum() == 2 * count * layout.cell**2


@pytest.mark.parametrize(
    ("query", "told"),
    [
        (FeatureQuery("relu3_1", 256), "filters 0 to 255, not 256"),
        (FeatureQuery("relu3_1", 0, 0), "count is 0"),
        (FeatureQuery("relu3_1", 0, 101), "count is 101"),
    ],
)
def test_what_there_is_not_is_refused_by_name(query: FeatureQuery, told: str) -> None:
    with pytest.raises(ParameterError, match=told):
        query.validated(Backbone.VGG19)
    with pytest.raises(UnknownLayerError):
        FeatureQuery("relu9_9", 0).validated(Backbone.VGG19)
