"""Painting with masks: each style in its region, the photo untouched outside, and no mask that gives NaN."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from stylized.engine.choices import ColorMethod, Init, Iterate, MaskPropagation
from stylized.engine.held import Held
from stylized.engine.losses.statistics import gram_matrix
from stylized.engine.network import Network
from stylized.engine.objective import Evaluation, Objective, StyleTarget
from stylized.engine.parameters import Steering
from stylized.engine.regions import EmptyRegionError
from stylized.engine.stylize import Finished, Planned, Request, Step, StyleSource, stylize

from .samples import noise, parameters, plain, recolored, shapes

HEIGHT, WIDTH = 48, 64
PHOTO = (shapes(HEIGHT, WIDTH) * 255).round() / 255
FIRST, SECOND = shapes(48, 48, seed=3), noise(48, 48, seed=9)


def half(*, left: bool, height: int = HEIGHT, width: int = WIDTH) -> Tensor:
    """White on one side."""
    mask = torch.zeros(1, 1, height, width)
    mask[..., slice(None, width // 2) if left else slice(width // 2, None)] = 1.0
    return mask


def request(*styles: StyleSource, mask: Tensor | None = None, **changes: Any) -> Request:
    settings = {"size": WIDTH, "iterations": 6, **changes}
    return Request(PHOTO, styles or (StyleSource(FIRST, 1.0),), parameters(**settings), seed=0, mask=mask)


def painted(network: Network, wanted: Request) -> Finished:
    *_, last = stylize(network, wanted)
    assert isinstance(last, Finished)
    return last


def bytes_of(picture: Tensor) -> np.ndarray:
    """[H, W, 3] uint8, as a PNG holds it."""
    return (picture[0].permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()


def test_a_guided_gram_matrix_is_the_weighted_mean_of_products() -> None:
    features, cells = torch.rand(1, 5, 7, 9, dtype=torch.float64), torch.rand(7, 9, dtype=torch.float64)
    maps, weights = features[0].numpy().reshape(5, -1), cells.numpy().reshape(-1)
    expected = np.zeros((5, 5))
    for cell, weight in enumerate(weights):
        expected += weight * np.outer(maps[:, cell], maps[:, cell])
    expected /= 5 * weights.sum()
    np.testing.assert_allclose(gram_matrix(features, cells).numpy(), expected, rtol=1e-12)
    # Only ratios of the weights matter, and equal ones are none.
    torch.testing.assert_close(gram_matrix(features, 7 * cells), gram_matrix(features, cells))
    torch.testing.assert_close(gram_matrix(features, torch.full_like(cells, 0.3)), gram_matrix(features))


def test_the_gradient_of_a_guided_gram_matrix_is_that_of_finite_differences() -> None:
    features = torch.rand(1, 3, 4, 5, dtype=torch.float64, requires_grad=True)
    cells = torch.rand(4, 5, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda maps: gram_matrix(maps, cells), features)


def test_a_region_counts_by_its_share_of_the_painting(network: Network) -> None:
    """So the loss of a style in two halves is what it is everywhere, where its statistics are the same in both."""
    tile = 255 * shapes(HEIGHT, WIDTH // 2, 4)
    image = torch.cat([tile, tile], dim=3)
    settings = parameters(content_weight=0.0, style_layers=parameters().style_layers[:1])
    whole = Objective(network, image, [StyleTarget(255 * FIRST, 1.0)], settings).evaluate(image)
    halves = [StyleTarget(255 * FIRST, 1.0, half(left=left)) for left in (True, False)]
    both = Objective(network, image, halves, settings).evaluate(image)
    torch.testing.assert_close(both.terms["style"], whole.terms["style"], rtol=0.05, atol=0)


@pytest.mark.parametrize("how", list(MaskPropagation))
def test_a_white_mask_changes_nothing(network: Network, how: MaskPropagation) -> None:
    image, white = 255 * PHOTO, torch.ones(1, 1, HEIGHT, WIDTH)
    settings = parameters(mask_propagation=how)
    plainly = Objective(network, image, [StyleTarget(255 * FIRST, 1.0)], settings).evaluate(image)
    guided = StyleTarget(255 * FIRST, 1.0, white, torch.ones(1, 1, 48, 48))
    masked = Objective(network, image, [guided], settings).evaluate(image)
    torch.testing.assert_close(masked.total, plainly.total, rtol=1e-4, atol=0)
    torch.testing.assert_close(
        masked.gradient, plainly.gradient, rtol=1e-3, atol=1e-4 * plainly.gradient.abs().max().item()
    )


def test_each_half_comes_nearer_to_its_own_style(network: Network) -> None:
    styles = (StyleSource(FIRST, 1.0, half(left=True)), StyleSource(SECOND, 1.0, half(left=False)))
    picture = painted(network, request(*styles, iterations=40, content_weight=0.0)).picture
    layers = ["relu1_1", "relu2_1"]
    halves = [network.features(255 * picture[..., at].contiguous(), layers) for at in (slice(0, 32), slice(32, 64))]
    wanted = [network.features(255 * style, layers) for style in (FIRST, SECOND)]
    for layer in layers:
        for own, other in ((0, 1), (1, 0)):
            found = gram_matrix(halves[own][layer])
            near, far = (found - gram_matrix(wanted[own][layer]), found - gram_matrix(wanted[other][layer]))
            assert near.norm() < 0.5 * far.norm()


def test_only_the_part_of_a_style_that_counts_is_taken(network: Network) -> None:
    both = torch.cat([FIRST, SECOND], dim=3)
    layers = parameters().style_layers[:1]
    settings = parameters(content_weight=0.0, style_layers=layers, mask_propagation=MaskPropagation.INSIDE)
    image = 255 * PHOTO
    left = StyleTarget(255 * both, 1.0, None, half(left=True, height=48, width=96))
    cut = Objective(network, image, [left], settings).evaluate(image).total
    alone = Objective(network, image, [StyleTarget(255 * FIRST, 1.0)], settings).evaluate(image).total
    torch.testing.assert_close(cut, alone, rtol=0.05, atol=0)
    other = Objective(network, image, [StyleTarget(255 * SECOND, 1.0)], settings).evaluate(image).total
    assert abs(other - alone) > abs(cut - alone) * 10


@pytest.mark.parametrize("init", [Init.CONTENT, Init.NOISE])
@pytest.mark.parametrize("color", [1.0, 0.3])
def test_outside_the_mask_the_photo_stays_to_the_bit(network: Network, init: Init, color: float) -> None:
    mask = half(left=True)
    mask[..., 30:34] = torch.tensor([0.8, 0.6, 0.4, 0.2])
    events = list(stylize(network, request(mask=mask, init=init, color=color)))
    before, finished = bytes_of(PHOTO), events[-1]
    assert isinstance(finished, Finished)
    for picture in (finished.picture, *(event.picture() for event in events if isinstance(event, Step))):
        assert np.array_equal(bytes_of(picture)[:, 34:], before[:, 34:])
    after = bytes_of(finished.picture)
    assert not np.array_equal(after[:, :30], before[:, :30])
    assert not np.array_equal(after[:, 30:34], before[:, 30:34])


def test_what_is_held_does_not_count_as_painting(network: Network) -> None:
    """The statistics are those of the painted part: what the photo has outside does not change it."""
    mask = half(left=True)
    mask[..., WIDTH // 2 - 8 :] = 0.0
    settings = {"content_weight": 0.0, "style_layers": parameters().style_layers[:1], "mask_propagation": INSIDE}
    other = torch.cat([PHOTO[..., : WIDTH // 2], noise(HEIGHT, WIDTH // 2)], dim=3)
    pictures = [
        painted(network, replace(request(mask=mask, **settings), content=content)).picture for content in (PHOTO, other)
    ]
    torch.testing.assert_close(pictures[0][..., :24], pictures[1][..., :24])


INSIDE = MaskPropagation.INSIDE


def test_the_losses_of_an_average_are_those_of_what_is_shown(network: Network) -> None:
    """Also where the average of points is noise, which the photo hides."""
    mask = half(left=True)
    wanted = request(mask=mask, init=Init.NOISE, iterate=Iterate.AVERAGE, average_decay=0.5, iterations=4)
    finished = painted(network, wanted)
    target = StyleTarget(255 * FIRST, 1.0, mask)
    shown = Objective(network, 255 * PHOTO, [target], wanted.parameters).evaluate(255 * finished.picture)
    assert finished.losses["content"] == pytest.approx(shown.terms["content"].item(), rel=0.05)


def test_the_gradient_of_a_held_painting_belongs_to_its_loss() -> None:
    photo, mask, point = (torch.rand(1, channels, 6, 8).double() for channels in (3, 1, 3))

    def objective(image: Tensor) -> Evaluation:
        return Evaluation({}, (image**3).sum(), 3 * image**2)

    held = Held(mask, photo)
    found = held.around(objective)(point)
    point = point.requires_grad_()
    (expected,) = torch.autograd.grad(((photo + mask * (point - photo)) ** 3).sum(), point)
    torch.testing.assert_close(found.gradient, expected)


@pytest.mark.parametrize("how", list(MaskPropagation))
@pytest.mark.parametrize("everywhere", [True, False])
def test_a_mask_of_one_pixel_paints_that_pixel(network: Network, how: MaskPropagation, everywhere: bool) -> None:
    dot = torch.zeros(1, 1, HEIGHT, WIDTH)
    dot[..., 20, 30] = 1.0
    dots = StyleSource(SECOND, 1.0, dot, dot)
    styles = (StyleSource(FIRST, 1.0), dots) if everywhere else (dots,)
    finished = painted(network, request(*styles, mask=None if everywhere else dot, mask_propagation=how))
    assert torch.isfinite(finished.picture).all()
    if not everywhere:
        changed = (finished.picture - PHOTO).abs().amax(dim=1)[0] > 1e-6
        assert changed.nonzero().tolist() == [[20, 30]]


BLACK = torch.zeros(1, 1, 20, 20)


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        (request(mask=BLACK), "mask"),
        (request(StyleSource(FIRST, 1.0), StyleSource(SECOND, 1.0, BLACK)), "styles[1].mask"),
        (request(StyleSource(FIRST, 1.0, None, BLACK)), "styles[0].source_mask"),
        (request(StyleSource(FIRST, 1.0, half(left=True)), mask=half(left=False)), "styles[0].mask"),
    ],
)
def test_a_black_mask_is_refused_with_its_field(network: Network, wanted: Request, field: str) -> None:
    with pytest.raises(EmptyRegionError) as refused:
        next(stylize(network, wanted))
    assert refused.value.field == field
    assert refused.value.message.endswith(".")


def test_a_style_that_has_nowhere_to_go_is_left_out_with_a_word(network: Network) -> None:
    white = torch.ones(1, 1, 16, 16)
    covered = request(StyleSource(FIRST, 1.0, white), StyleSource(SECOND, 1.0))
    planned, *_, finished = stylize(network, covered)
    assert isinstance(planned, Planned)
    assert isinstance(finished, Finished)
    assert any(text.startswith("Style 2 goes nowhere") for text in planned.warnings)
    alone = painted(network, request(StyleSource(FIRST, 1.0, white)))
    assert torch.equal(finished.picture, alone.picture)


@pytest.mark.parametrize("photo", [plain(HEIGHT, WIDTH, 0.0), plain(HEIGHT, WIDTH, 1.0), noise(HEIGHT, WIDTH)])
@pytest.mark.parametrize("style", [plain(40, 40, 0.5), noise(40, 40)])
@pytest.mark.parametrize("method", list(ColorMethod))
def test_no_mask_and_no_colour_gives_nan(network: Network, photo: Tensor, style: Tensor, method: ColorMethod) -> None:
    sources = (StyleSource(style, 1.0, half(left=True)), StyleSource(FIRST, 2.0))
    wanted = request(*sources, mask=half(left=False).transpose(2, 3), iterations=3, color=0.0, color_method=method)
    finished = painted(network, replace(wanted, content=photo))
    assert torch.isfinite(finished.picture).all()


def test_a_change_of_colour_given_before_makes_new_targets(network: Network) -> None:
    """Steered to the photo's colours, a style is what it is when it begins with them."""
    settings = {"color_method": ColorMethod.COVARIANCE, "iterations": 4}
    matched = stylize(network, request(color=0.0, **settings))
    next(matched)
    first = next(matched)
    painting = stylize(network, request(color=1.0, **settings))
    next(painting)
    plainly = next(painting)
    assert isinstance(first, Step)
    assert isinstance(plainly, Step)
    assert first.losses()["style"] != pytest.approx(plainly.losses()["style"], rel=0.01)
    after = painting.send(replace(Steering.of(parameters()), color=0.0))
    same = matched.send(replace(Steering.of(parameters()), color=0.0))
    assert isinstance(after, Step)
    assert isinstance(same, Step)
    assert after.losses()["style"] < 3 * same.losses()["style"]
    assert torch.equal(after.picture(), recolored(after, 0.0).picture())


def test_a_style_in_a_region_takes_the_colours_of_the_region(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    captured: list[StyleTarget] = []
    build = Objective.__init__

    def kept(self: Objective, network: Network, content: Tensor, styles: list[StyleTarget], *rest: Any) -> None:
        captured.extend(styles)
        build(self, network, content, styles, *rest)

    monkeypatch.setattr(Objective, "__init__", kept)
    photo = torch.cat([plain(HEIGHT, WIDTH // 2, 0.2), plain(HEIGHT, WIDTH // 2, 0.8)], dim=3)
    styles = (StyleSource(FIRST, 1.0, half(left=True)), StyleSource(FIRST, 1.0))
    wanted = request(*styles, color=0.0, color_method=ColorMethod.COVARIANCE, iterations=1)
    painted(network, replace(wanted, content=photo))
    assert [round(target.image.mean().item() / 255, 3) for target in captured] == [0.2, 0.8]
