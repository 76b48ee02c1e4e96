"""The objective of a picture that is too large to be computed at once: block by block, and exactly.

Every loss of a layer is a function of means over its cells (`layer_losses`). So the picture is looked at twice. First
each block's own cells are summarised; the summaries of all blocks give the losses, and how these change with each
summary. Then each block's cells are given their gradients, the network takes them back to the block's pixels and its
margin's, and what blocks say of one pixel is added up. Up to rounding this is the gradient of the whole picture: the
method of Galerne, Raad, Lezama and Morel 2024, "Scaling Painting Style Transfer", but for what is added up, so that the
margin may be a cell's view and not twice that.

The first look keeps the way back of as many blocks as memory has room for, the others are computed again.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor
from torch.autograd.graph import GradientEdge, get_gradient_edge

from stylized.engine.choices import GradientNormalization
from stylized.engine.layer_losses import Summary, Window
from stylized.engine.layers import CONVOLUTIONS, receptive_field
from stylized.engine.losses.statistics import Moments, merge
from stylized.engine.losses.style import Statistic
from stylized.engine.measurements import Measurements
from stylized.engine.network import Network
from stylized.engine.objective import Evaluation, Objective, PictureTerm, StyleTarget, Term, by_name
from stylized.engine.parameters import Parameters
from stylized.engine.recycled import empty_maps
from stylized.engine.signs import maps_as_signs
from stylized.engine.tiles import Span, Tiling, grain, signs_suffice, spans

# Of one block, what each term's loss changes by with each tensor of its summary; None for those that it ignores.
_Slopes = list[tuple[Tensor | None, ...]]


@dataclass(frozen=True)
class _Block:
    rows: Span
    columns: Span

    @property
    def outer(self) -> Window:
        """The block with its margins, in pixels."""
        rows, columns = self.rows, self.columns
        return Window(slice(rows.outer_begin, rows.outer_end), slice(columns.outer_begin, columns.outer_end))

    def own(self, stride: int) -> Window:
        """The block's own cells among those of the picture."""
        return Window(self.rows.cells(stride), self.columns.cells(stride))

    def inner(self, stride: int) -> Window:
        """Its own cells among those that it has with its margins."""
        return Window(self.rows.inner_cells(stride), self.columns.inner_cells(stride))


@dataclass
class _WayBack:
    """From the maps of a block to its pixels, with the margins.

    edges, shapes: of each layer. maps: its own cells', but for those that are cheaper computed again than kept.
    """

    pixels: Tensor
    edges: dict[str, GradientEdge]
    shapes: dict[str, torch.Size]
    maps: dict[str, Tensor]


class TiledObjective(Objective):
    """An `Objective` that holds no more of the network's maps than those of one block and of the blocks it keeps."""

    def __init__(
        self,
        network: Network,
        content: Tensor | None,
        styles: Sequence[StyleTarget],
        parameters: Parameters,
        measurements: Measurements | None,
        tiling: Tiling,
        content_name: Hashable | None = None,
    ) -> None:
        """Build the terms, as `Objective` does, with targets that are measured in blocks too."""
        self._tiling = tiling
        self._block = tiling.side
        # A sixth of all maps, and half a hundredth of the work.
        self._first = frozenset({CONVOLUTIONS[network.backbone][0].conv, CONVOLUTIONS[network.backbone][0].relu})
        self._stored = maps_as_signs if signs_suffice(network.backbone, parameters.pooling) else nullcontext
        super().__init__(network, content, styles, parameters, measurements, content_name)

    def evaluate(self, image: Tensor) -> Evaluation:
        """As `Objective.evaluate`."""
        image = image.detach()
        blocks = list(self._blocks(image, self._taps)) if self.layer_terms else []
        kept: list[_WayBack | None] = []
        summaries: list[list[Summary]] = []
        for number, block in enumerate(blocks):
            way_back = self._pass(image, block, kept=number < self._tiling.kept)
            summaries.append(self._summaries(way_back.maps, block))
            for layer in self._taps & self._first:
                del way_back.maps[layer]
            kept.append(way_back if way_back.edges else None)
            del way_back
        of_layers, slopes = self._losses(summaries)
        values: list[tuple[Term | PictureTerm, Tensor]] = [*of_layers]
        lengths = self._lengths(image, blocks, kept, slopes)
        gradient = torch.zeros_like(image)
        for number, block in enumerate(blocks):
            way_back = kept[number] or self._pass(image, block, kept=True)
            kept[number] = None
            block.outer.of(gradient).add_(self._pulled(way_back, block, slopes[number], lengths))
            del way_back
        for term in self.picture_terms:
            with torch.enable_grad():
                picture = image.detach().requires_grad_()
                value = term.weight * term.loss(picture)
                gradient += torch.autograd.grad(value, picture)[0]
            values.append((term, value.detach()))
        terms = by_name(values)
        return Evaluation(terms, torch.stack(list(terms.values())).sum(), gradient)

    def _blocks(self, image: Tensor, taps: frozenset[str]) -> Iterator[_Block]:
        seen = grain(taps, self._network.backbone, self._parameters.padding)
        rows, columns = (spans(side, self._tiling.side, seen) for side in image.shape[2:])
        return (_Block(of_rows, of_columns) for of_rows in rows for of_columns in columns)

    def _stride(self, layer: str) -> int:
        return receptive_field(layer, self._network.backbone).stride

    def _pass(self, image: Tensor, block: _Block, *, kept: bool) -> _WayBack:
        """Compute the maps of a block; if not `kept`, there is no way back from them."""
        pixels = block.outer.of(image).detach().clone(memory_format=torch.contiguous_format).requires_grad_(kept)
        with torch.set_grad_enabled(kept), self._stored() if kept else nullcontext():
            found = self._features(pixels, self._taps)
        edges = {layer: get_gradient_edge(maps) for layer, maps in found.items()} if kept else {}
        shapes = {layer: maps.shape for layer, maps in found.items()}
        # One after the other, so that no more than one is there twice.
        inner = {}
        for layer in list(found):
            inner[layer] = _part(found.pop(layer).detach(), block.inner(self._stride(layer)))
        return _WayBack(pixels, edges, shapes, inner)

    def _maps(self, way_back: _WayBack, block: _Block, layer: str) -> Tensor:
        """A block's own maps of a layer."""
        if layer in way_back.maps:
            return way_back.maps[layer]
        with torch.no_grad():
            return block.inner(self._stride(layer)).of(self._features(way_back.pixels, frozenset({layer}))[layer])

    def _summaries(self, maps: dict[str, Tensor], block: _Block) -> list[Summary]:
        """Of each term."""
        with torch.no_grad():
            return [self._summary(term, maps[term.layer], block) for term in self.layer_terms]

    def _summary(self, term: Term, maps: Tensor, block: _Block) -> Summary:
        return term.loss.summary(maps, block.own(self._stride(term.layer)))

    def _losses(self, summaries: Sequence[Sequence[Summary]]) -> tuple[list[tuple[Term, Tensor]], list[_Slopes]]:
        """The weighted losses, and for each block their slopes."""
        values, slopes = [], [[] for _ in summaries]
        for number, term in enumerate(self.layer_terms):
            leaves = [tuple(tensor.detach().requires_grad_() for tensor in block[number]) for block in summaries]
            with torch.enable_grad():
                value = term.weight * term.loss.value(leaves)
            flat = [tensor for block in leaves for tensor in block]
            found = torch.autograd.grad(value, flat, allow_unused=True)
            size = len(leaves[0])
            for index, of_block in enumerate(slopes):
                of_block.append(found[index * size : (index + 1) * size])
            values.append((term, value.detach()))
        return values, slopes

    def _lengths(
        self,
        image: Tensor,
        blocks: Sequence[_Block],
        kept: Sequence[_WayBack | None],
        slopes: Sequence[_Slopes],
    ) -> list[Tensor | None]:
        """By what each term's gradient at its maps is multiplied; None: by nothing.

        With normalised gradients the whole picture's has to be known before any of it goes back: a third look.
        """
        if self._parameters.gradient_normalization is not GradientNormalization.L1:
            return [None for _ in self.layer_terms]
        norms = [image.new_zeros(()) for _ in self.layer_terms]
        for block, way_back, of_block in zip(blocks, kept, slopes, strict=True):
            looked_at = way_back or self._pass(image, block, kept=False)
            for number, (term, slope) in enumerate(zip(self.layer_terms, of_block, strict=True)):
                pull = self._pull([term], [slope], [None], self._maps(looked_at, block, term.layer), block)
                norms[number] = norms[number] + pull.abs().sum(dtype=image.dtype)
        tiny = torch.finfo(image.dtype).tiny
        return [abs(term.weight) / norm.clamp(min=tiny) for term, norm in zip(self.layer_terms, norms, strict=True)]

    def _pulled(self, way_back: _WayBack, block: _Block, slopes: _Slopes, lengths: Sequence[Tensor | None]) -> Tensor:
        """The gradient of a block's pixels with its margins that comes from its own cells."""
        edges, pulls = [], []
        for layer, edge in way_back.edges.items():
            here = [number for number, term in enumerate(self.layer_terms) if term.layer == layer]
            pull = self._pull(
                [self.layer_terms[number] for number in here],
                [slopes[number] for number in here],
                [lengths[number] for number in here],
                self._maps(way_back, block, layer),
                block,
            )
            way_back.maps.pop(layer, None)
            edges.append(edge)
            pulls.append(_placed(pull, block.inner(self._stride(layer)), way_back.shapes[layer]))
            del pull
        way_back.edges.clear()
        (gradient,) = torch.autograd.grad(edges, way_back.pixels, pulls)
        return gradient

    def _pull(
        self,
        terms: Sequence[Term],
        slopes: Sequence[tuple[Tensor | None, ...]],
        lengths: Sequence[Tensor | None],
        maps: Tensor,
        block: _Block,
    ) -> Tensor:
        """The gradient of the losses of one layer at a block's own cells."""
        maps = maps.detach().requires_grad_()
        found: Tensor | None = None
        for term, slope, length in zip(terms, slopes, lengths, strict=True):
            with torch.enable_grad():
                summary = self._summary(term, maps, block)
            pairs = [
                (tensor, pull)
                for tensor, pull in zip(summary, slope, strict=True)
                if pull is not None and tensor.requires_grad
            ]
            (pull,) = torch.autograd.grad([tensor for tensor, _ in pairs], maps, [pull for _, pull in pairs])
            if length is not None:
                pull = pull * length
            found = pull if found is None else found + pull
        return cast(Tensor, found)

    def _targets(self, content: Tensor, layers: frozenset[str]) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}
        # From the last to the first, since it is the last that tells how large the maps are.
        for block in reversed(list(self._blocks(content, layers))):
            for layer, maps in self._features(block.outer.of(content), layers).items():
                window, inner = block.own(self._stride(layer)), block.inner(self._stride(layer)).of(maps)
                if layer not in found:
                    size = (
                        1,
                        inner.shape[1],
                        window.rows.start + inner.shape[2],
                        window.columns.start + inner.shape[3],
                    )
                    found[layer] = torch.empty(
                        size, dtype=inner.dtype, device=inner.device, memory_format=torch.channels_last
                    )
                window.of(found[layer]).copy_(inner)
        return found

    def _measured(
        self, image: Tensor, statistics: Sequence[Statistic], layers: frozenset[str], cells: dict[str, Tensor]
    ) -> dict[str, list[Moments]]:
        parts: dict[str, list[list[Moments]]] = {layer: [[] for _ in statistics] for layer in layers}
        for block in self._blocks(image, layers):
            for layer, maps in self._features(block.outer.of(image), layers).items():
                stride = self._stride(layer)
                inner = block.inner(stride).of(maps)
                counted = block.own(stride).of(cells[layer]) if layer in cells else None
                for statistic, measured in zip(statistics, parts[layer], strict=True):
                    measured.append(statistic.measure(inner, counted))
        return {layer: [merge(measured) for measured in of_layer] for layer, of_layer in parts.items()}


def _part(maps: Tensor, window: Window) -> Tensor:
    """Some cells of maps, alone in memory."""
    part = window.of(maps)
    return maps if part.shape == maps.shape else empty_maps(part.shape, part.dtype, part.device).copy_(part)


def _placed(part: Tensor, window: Window, shape: torch.Size) -> Tensor:
    """Zeros of a shape, with the part in its window."""
    if part.shape == shape:
        return part
    whole = empty_maps(shape, part.dtype, part.device).zero_()
    window.of(whole).copy_(part)
    return whole
