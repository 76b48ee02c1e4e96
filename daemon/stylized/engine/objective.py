"""What is minimised: a sum of weighted terms, each a loss of one layer's feature maps or of the picture itself.

    Objective = content  Σ over content_layers  of  cw w_l · content_loss(F_l, photo's)
              + style    Σ over style_layers    of  sw w_l · (distance of statistics + mean_std_weight · that of means
                                                             and spreads), for each target by its share; and with
                                                             masks for each region by its share of the painting
              - dream    Σ over dream_layers    of  dw w_l · mean(F_l²)
              + tv, range, alpha                of  the picture

(Gatys, Ecker and Bethge 2016, equation 7, and what followed.) The losses are in `losses`; here it is decided which of
them the parameters mean, with which weight and target. A term without weight does not exist, and its layer is not
computed.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from stylized.engine.choices import GradientNormalization, StyleMixing, StyleStatistic
from stylized.engine.layer_losses import Activation, ContentDistance, LayerLoss, Likeness, StyleDistance
from stylized.engine.losses.content import content_target
from stylized.engine.losses.gradient import unit_gradient
from stylized.engine.losses.image import alpha_norm, out_of_range, total_variation
from stylized.engine.losses.statistics import Moments, mix
from stylized.engine.losses.style import Distance, Statistic, statistic
from stylized.engine.measurements import Found, Measured, Measurements
from stylized.engine.network import Network
from stylized.engine.parameters import LayerWeight, LossWeights, ParameterError, Parameters
from stylized.engine.regions import cell_weights

Loss = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Evaluation:
    """The objective and its gradient at a picture; tensors on the network's device, so reading one synchronises.

    terms: weighted losses, 0-dim, by name: content, style, tv, range, alpha, dream; a term whose weight is 0 is absent.
    dream is 0 or below. total: their sum, which with a dream may be negative.
    gradient: of the total with respect to the picture, in its shape. With gradient_normalization it is not: each
    layer's part has another length then, so the walk along it need not lower the total at every step.
    """

    terms: dict[str, Tensor]
    total: Tensor
    gradient: Tensor


@dataclass(frozen=True)
class StyleTarget:
    """A style picture at its working size, float [1, 3, H, W], RGB 0..255, and its share in the mix, > 0.

    region: where in the painting it pulls, [1, 1, height, width] at the painting's size, 0..1; None: everywhere. Styles
    of one region, the same tensor, are mixed; different regions pull each for itself. source: which part of the picture
    counts, [1, 1, H, W], 0..1; None: all of it. name: equal for no two pairs of image and source that differ, so that
    what they measure can be kept under it; None: it is not kept.
    """

    image: Tensor
    share: float
    region: Tensor | None = None
    source: Tensor | None = None
    name: Hashable | None = None


@dataclass(frozen=True)
class Term:
    """weight · loss(feature maps of `layer`), counted under `name`."""

    name: str
    weight: float
    loss: LayerLoss
    layer: str


@dataclass(frozen=True)
class PictureTerm:
    """weight · loss(picture), counted under `name`."""

    name: str
    weight: float
    loss: Loss


class Objective:
    """The tree of terms for one photo, its styles and parameters, at one size. Targets are computed once, here."""

    # Side of the blocks in which pictures are computed; None: as a whole.
    _block: int | None = None

    def __init__(
        self,
        network: Network,
        content: Tensor | None,
        styles: Sequence[StyleTarget],
        parameters: Parameters,
        measurements: Measurements | None = None,
        content_name: Hashable | None = None,
    ) -> None:
        """Build the terms.

        content: the photo at the size of the painting, float [1, 3, H, W], RGB 0..255; None if content_weight is 0.
        styles: none are needed if style_weight is 0. measurements: what was measured of named pictures before, and
        where it is kept that is measured now. content_name: equal for no two photos that differ; None: the photo's maps
        are not kept. Raises ParameterError where a weight asks for a picture that is not there.
        """
        self._network = network
        self._parameters = parameters
        self._measurements = measurements
        self._content_name = content_name
        self.picture_terms = tuple(_picture_terms(parameters))
        with torch.no_grad():
            self.layer_terms = (
                *self._content_terms(content),
                *self._style_terms(styles),
                *_dream_terms(parameters),
            )
        self._taps = frozenset(term.layer for term in self.layer_terms)

    def evaluate(self, image: Tensor) -> Evaluation:
        """Compute the terms and the gradient at a picture, float [1, 3, H, W], RGB 0..255, without synchronising."""
        image = image.detach().requires_grad_()
        with torch.enable_grad():
            features = self._features(image, self._taps)
            terms = by_name(
                [
                    *(
                        (term, term.weight * term.loss(self._seen(term, features[term.layer])))
                        for term in self.layer_terms
                    ),
                    *((term, term.weight * term.loss(image)) for term in self.picture_terms),
                ]
            )
            total = _sum(terms.values())
            (gradient,) = torch.autograd.grad(total, image)
        # It comes in the channels_last order of the maps; optimisers flatten it, which is free only in plain order.
        return Evaluation(
            {name: value.detach() for name, value in terms.items()}, total.detach(), gradient.contiguous()
        )

    def _seen(self, term: Term, features: Tensor) -> Tensor:
        if self._parameters.gradient_normalization is GradientNormalization.L1:
            return unit_gradient(features, abs(term.weight))
        return features

    def _features(self, image: Tensor, taps: frozenset[str]) -> dict[str, Tensor]:
        chosen = self._parameters
        return self._network.features(image, taps, chosen.pooling, chosen.padding, chosen.pooling_scale)

    def _content_terms(self, content: Tensor | None) -> Iterator[Term]:
        weight = LossWeights.of(self._parameters).content
        layers = _in_use(self._parameters.content_layers, weight)
        if not layers:
            return
        if content is None:
            raise ParameterError(
                "content_weight", "content_weight is above 0, but there is no photo: send one, or set it to 0."
            )
        targets = self._content_targets(content, _names(layers))
        form = self._parameters.content_loss
        for entry in layers:
            yield Term("content", weight * entry.weight, ContentDistance(targets[entry.layer], form), entry.layer)

    def _content_targets(self, content: Tensor, layers: frozenset[str]) -> dict[str, Tensor]:
        """The photo's maps; what is kept of them is not computed again."""
        store, name = self._measurements, self._content_name
        if store is None or name is None:
            return self._targets(content, layers)
        keys = {layer: self._key(name, layer, content_target) for layer in layers}
        found = {layer: kept for layer in layers if (kept := store.get(keys[layer])) is not None}
        missing = frozenset(layers - found.keys())
        if missing:
            for layer, maps in self._targets(content, missing).items():
                found[layer] = content_target(maps)
                store.keep(keys[layer], found[layer])
        return found

    def _style_terms(self, styles: Sequence[StyleTarget]) -> Iterator[Term]:
        weight = LossWeights.of(self._parameters).style
        layers = _in_use(geometric(self._parameters.style_layers, self._parameters.style_layer_ratio), weight)
        if not layers:
            return
        if not styles:
            raise ParameterError(
                "style_weight", "style_weight is above 0, but there is no style: send one, or set it to 0."
            )
        for group in _by_region(styles):
            yield from self._region_terms(group, weight, layers)

    def _region_terms(
        self, styles: Sequence[StyleTarget], weight: float, layers: tuple[LayerWeight, ...]
    ) -> Iterator[Term]:
        """The terms of the styles of one region.

        They count as much as the region's share of the painting: so it is painted as strongly as if its style went
        everywhere, since statistics are means over its cells, and the content loss is one over all.
        """
        region = styles[0].region
        weight *= 1.0 if region is None else region.mean().item()
        cells = self._cells(region, _names(layers))
        parts = _statistics(self._parameters)
        measured = self._measure(styles, [part for _, part in parts], _names(layers))
        shares = [style.share / sum(style.share for style in styles) for style in styles]
        for entry in layers:
            likenesses = tuple(
                (factor, Likeness(part, self._distances(part, moments, shares)))
                for (factor, part), moments in zip(parts, measured[entry.layer], strict=True)
            )
            loss = StyleDistance(likenesses, cells.get(entry.layer))
            yield Term("style", weight * entry.weight, loss, entry.layer)

    def _measure(
        self, styles: Sequence[StyleTarget], statistics: Sequence[Statistic], layers: frozenset[str]
    ) -> dict[str, list[list[Moments]]]:
        """By layer, for each statistic the moments of every style; one style's maps at a time are in memory."""
        measured: dict[str, list[list[Moments]]] = {layer: [[] for _ in statistics] for layer in layers}
        for style in styles:
            for layer, found in self._moments(style, statistics, layers).items():
                for one, moments in zip(found, measured[layer], strict=True):
                    moments.append(one)
        return measured

    def _moments(
        self, style: StyleTarget, statistics: Sequence[Statistic], layers: frozenset[str]
    ) -> dict[str, list[Moments]]:
        """By layer, the moments of one style for each statistic; what is kept of them is not measured again."""
        keys = {layer: [self._key(style.name, layer, part.measure) for part in statistics] for layer in layers}
        found = {layer: kept for layer in layers if (kept := self._kept(keys[layer]))}
        missing = frozenset(layers - found.keys())
        if missing:
            cells = self._cells(style.source, missing)
            measured = self._measured(style.image, statistics, missing, cells)
            for layer, moments_of_layer in measured.items():
                found[layer] = moments_of_layer
                if self._measurements is not None and style.name is not None:
                    for key, moments in zip(keys[layer], found[layer], strict=True):
                        self._measurements.keep(key, moments)
        return found

    def _targets(self, content: Tensor, layers: frozenset[str]) -> dict[str, Tensor]:
        """The photo's maps, [1, C, H, W]."""
        return self._features(content, layers)

    def _measured(
        self, image: Tensor, statistics: Sequence[Statistic], layers: frozenset[str], cells: dict[str, Tensor]
    ) -> dict[str, list[Moments]]:
        """By layer, the moments of a style picture for each statistic."""
        return {
            layer: [part.measure(maps, cells.get(layer)) for part in statistics]
            for layer, maps in self._features(image, layers).items()
        }

    def _kept(self, keys: Sequence[Measured[Moments]]) -> list[Moments] | None:
        """All that is asked for, or None."""
        if self._measurements is None:
            return None
        kept = [moments for key in keys if (moments := self._measurements.get(key)) is not None]
        return kept if len(kept) == len(keys) else None

    def _key(self, name: Hashable, layer: str, measure: Callable[[Tensor, Tensor | None], Found]) -> Measured[Found]:
        chosen = self._parameters
        return Measured(
            self._network,
            name,
            layer,
            measure,
            chosen.pooling,
            chosen.padding,
            chosen.pooling_scale,
            chosen.mask_propagation,
            self._block,
        )

    def _cells(self, mask: Tensor | None, layers: frozenset[str]) -> dict[str, Tensor]:
        """How much each cell of the layers counts; nothing where all count alike."""
        if mask is None:
            return {}
        chosen = self._parameters
        return cell_weights(mask, layers, chosen.mask_propagation, self._network.backbone, chosen.padding)

    def _distances(
        self, part: Statistic, moments: Sequence[Moments], shares: Sequence[float]
    ) -> tuple[tuple[float, Distance], ...]:
        if self._parameters.style_mixing is StyleMixing.STATISTICS:
            return ((1.0, part.distance(mix(moments, shares))),)
        return tuple(zip(shares, map(part.distance, moments), strict=True))


def by_name(values: Iterable[tuple[Term | PictureTerm, Tensor]]) -> dict[str, Tensor]:
    """Add up the values of terms, 0-dim, that have one name."""
    found: dict[str, Tensor] = {}
    for term, value in values:
        found[term.name] = found[term.name] + value if term.name in found else value
    return found


def _by_region(styles: Sequence[StyleTarget]) -> list[list[StyleTarget]]:
    groups: dict[int, list[StyleTarget]] = {}
    for style in styles:
        groups.setdefault(id(style.region), []).append(style)
    return list(groups.values())


def geometric(layers: tuple[LayerWeight, ...], ratio: float) -> tuple[LayerWeight, ...]:
    """Weigh each layer `ratio` times as much as the one before it in the list, on top of its weight; the sum stays.

    anishathalye/neural-style, --style-layer-weight-exp.
    """
    tilted = [entry.weight * ratio**position for position, entry in enumerate(layers)]
    scale = sum(entry.weight for entry in layers) / sum(tilted) if any(tilted) else 1.0
    return tuple(LayerWeight(entry.layer, scale * weight) for entry, weight in zip(layers, tilted, strict=True))


def _statistics(parameters: Parameters) -> tuple[tuple[float, Statistic], ...]:
    """What a style layer is compared by, each with its factor."""

    def named(kind: StyleStatistic) -> Statistic:
        return statistic(kind, parameters.style_loss, parameters.gram_scale)

    main = (1.0, named(parameters.style_statistic))
    if parameters.mean_std_weight == 0:
        return (main,)
    return main, (parameters.mean_std_weight, named(StyleStatistic.MEAN_STD))


def _picture_terms(parameters: Parameters) -> Iterator[PictureTerm]:
    tv = partial(total_variation, form=parameters.tv_loss, power=parameters.tv_power)
    terms = (
        PictureTerm("tv", LossWeights.of(parameters).tv, tv),
        PictureTerm("range", parameters.range_weight, out_of_range),
        PictureTerm("alpha", parameters.alpha_weight, partial(alpha_norm, power=parameters.alpha_power)),
    )
    return (term for term in terms if term.weight > 0)


def _dream_terms(parameters: Parameters) -> Iterator[Term]:
    for entry in _in_use(parameters.dream_layers, parameters.dream_weight):
        yield Term("dream", -parameters.dream_weight * entry.weight, Activation(), entry.layer)


def _in_use(layers: tuple[LayerWeight, ...], weight: float) -> tuple[LayerWeight, ...]:
    """Layers that count, so that the network need not be computed for others."""
    return tuple(entry for entry in layers if weight > 0 and entry.weight > 0)


def _names(layers: tuple[LayerWeight, ...]) -> frozenset[str]:
    return frozenset(entry.layer for entry in layers)


def _sum(values: Iterable[Tensor]) -> Tensor:
    return torch.stack(list(values)).sum()
