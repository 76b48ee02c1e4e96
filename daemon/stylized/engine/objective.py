"""What is minimised: a sum of weighted terms, each comparing one layer with a target."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from stylized.engine.losses import content_loss, gram_matrix, style_loss, total_variation
from stylized.engine.parameters import LayerWeight, LossWeights, Parameters
from stylized.engine.vgg import VGG19


@dataclass(frozen=True)
class Evaluation:
    """The objective and its gradient at a picture; tensors on the network's device, so reading one synchronises.

    terms: weighted losses, 0-dim, by name: content, style, tv; a term whose weight is 0 is absent. total: their sum.
    gradient: of the total with respect to the picture, in its shape.
    """

    terms: dict[str, Tensor]
    total: Tensor
    gradient: Tensor


@dataclass(frozen=True)
class StyleTarget:
    """A style picture at its working size, float [1, 3, H, W], RGB 0..255, and its share in the mix, > 0."""

    image: Tensor
    share: float


@dataclass(frozen=True)
class _Term:
    """weight · compare(features of layer, target), counted under `name`."""

    name: str
    layer: str
    weight: float
    target: Tensor
    compare: Callable[[Tensor, Tensor], Tensor]


class Objective:
    """L = cw Σ w_l mean((F_l - P_l)²) + sw Σ w_l mean((G_l - A_l)²) + tv mean(dx² + dy²).

    Gatys, Ecker and Bethge 2016, equation 7, in the canonical units of `losses`. P_l are the photo's features, A_l the
    styles' Gram matrices, mixed by share (as neural-style does for several styles). Targets are computed once, here.
    """

    def __init__(
        self, network: VGG19, content: Tensor | None, styles: Sequence[StyleTarget], parameters: Parameters
    ) -> None:
        """Capture the targets.

        content: the photo at the size of the painting, float [1, 3, H, W], RGB 0..255; None if its weight is 0.
        """
        self._network = network
        self._parameters = parameters
        self._weights = LossWeights.of(parameters)
        with torch.no_grad():
            self._terms = [
                *self._content_terms(content, parameters),
                *self._style_terms(styles, parameters),
            ]
        self._taps = frozenset(term.layer for term in self._terms)

    def evaluate(self, image: Tensor) -> Evaluation:
        """Compute the terms and the gradient at a picture, float [1, 3, H, W], RGB 0..255, without synchronising."""
        image = image.detach().requires_grad_()
        with torch.enable_grad():
            features = self._features(image, self._taps)
            terms: dict[str, Tensor] = {}
            for term in self._terms:
                value = term.weight * term.compare(features[term.layer], term.target)
                terms[term.name] = terms[term.name] + value if term.name in terms else value
            if self._weights.tv > 0:
                terms["tv"] = self._weights.tv * total_variation(image)
            total = torch.stack(list(terms.values())).sum()
            (gradient,) = torch.autograd.grad(total, image)
        # It comes in the channels_last order of the maps; optimisers flatten it, which is free only in plain order.
        return Evaluation(
            {name: value.detach() for name, value in terms.items()}, total.detach(), gradient.contiguous()
        )

    def _features(self, image: Tensor, taps: frozenset[str]) -> dict[str, Tensor]:
        return self._network.features(image, taps, self._parameters.pooling, self._parameters.padding)

    def _content_terms(self, content: Tensor | None, parameters: Parameters) -> list[_Term]:
        layers = _in_use(parameters.content_layers, self._weights.content)
        if content is None or not layers:
            return []
        features = self._features(content, frozenset(entry.layer for entry in layers))
        return [
            _Term("content", e.layer, self._weights.content * e.weight, features[e.layer], content_loss) for e in layers
        ]

    def _style_terms(self, styles: Sequence[StyleTarget], parameters: Parameters) -> list[_Term]:
        layers = _in_use(parameters.style_layers, self._weights.style)
        shares = sum(style.share for style in styles)
        targets: dict[str, Tensor] = {}
        for style in styles:
            features = self._features(style.image, frozenset(entry.layer for entry in layers))
            for layer, maps in features.items():
                gram = gram_matrix(maps) * (style.share / shares)
                targets[layer] = targets[layer] + gram if layer in targets else gram
        return [
            _Term("style", e.layer, self._weights.style * e.weight, targets[e.layer], _compare_style) for e in layers
        ]


def _compare_style(features: Tensor, target: Tensor) -> Tensor:
    return style_loss(gram_matrix(features), target)


def _in_use(layers: tuple[LayerWeight, ...], weight: float) -> tuple[LayerWeight, ...]:
    """Layers that count, so that the network need not be computed for others."""
    return tuple(entry for entry in layers if weight > 0 and entry.weight > 0)
