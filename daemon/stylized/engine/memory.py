"""How much memory a job will take: arithmetic on sizes, told before anything is allocated. Free of torch."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from stylized.engine.choices import Backbone, Backend, Iterate, Optimizer, Pooling, Precision, StyleStatistic
from stylized.engine.kernel_costs import (
    LEAST_BYTES,
    MAX_PACKED_BYTES,
    PANEL,
    kernel_numbers,
    packed_numbers,
    scratch_numbers,
    suits,
)
from stylized.engine.layers import CONVOLUTIONS, HALVING, Convolution, convolution_of
from stylized.engine.parameters import LayerWeight, Parameters
from stylized.engine.schedule import Level, Size, style_size
from stylized.engine.tiles import Tiling, grain, signs_suffice, spans

_FLOAT = 4
# Indices of a max pooling are kept for the way back, as 64-bit integers.
_INDEX = 8
# What of a number, and of a place, is kept where signs suffice (`signs`).
_SIGN, _QUARTER = 1 / 8, 1
# What share of maps that lie on the heap stays behind as holes, measured.
_HOLES = 0.5
# What threads side by side leave as holes of what each holds for a band of tiles: twice as much, measured.
_CREW_HOLES = 2
# Code and thread buffers that the first pass brings into memory, and what is so for each byte of a number, measured.
_FIXED = 30 * 2**20
_FIXED_OF_BYTE = 10 * 2**20


def estimate_bytes(
    levels: Sequence[Level],
    parameters: Parameters,
    precision: Precision,
    backend: Backend,
    style_sizes: Sequence[Size],
    tilings: Mapping[Size, Tiling] | None = None,
    regions: int = 0,
    threads: int | None = None,
) -> int:
    """Estimate the peak memory of a job in bytes, beyond the resident network and the pictures of its request.

    precision: of the network; AUTO counts as fp32. backend: resolved. style_sizes: (width, height) of the style
    pictures as they came. tilings: as in a Request. regions: of styles with masks. threads: of a CPU that compute, all
    its cores if nothing is said. Within 15 % of the measured resident
    memory on a CPU at 256 pixels and more (tests/engine/test_memory.py).
    """
    jobs = [
        _LevelMemory(level, parameters, precision, backend, style_sizes, tilings or {}, regions) for level in levels
    ]
    threads = threads or os.cpu_count() or 1
    kernels = max(_backend_bytes(backend, precision, job.pixels_at_once, parameters, threads) for job in jobs)
    fixed = _FIXED + _FIXED_OF_BYTE * _number_bytes(precision)
    return fixed + kernels + max(job.peak for job in jobs)


def _backend_bytes(backend: Backend, precision: Precision, pixels: int, parameters: Parameters, threads: int) -> int:
    """What a way of computing holds beside the maps of a picture of so many pixels."""
    if backend not in (Backend.ONEDNN, Backend.WINOGRAD):
        return 0
    number = _number_bytes(precision)
    layers = [(layer, pixels // layer.stride**2) for layer in _computed(parameters)]
    used = [one for one in layers if backend is Backend.WINOGRAD and suits(*one, number, threads)]
    packed = number * sum(packed_numbers(layer) for layer, cells in layers if (layer, cells) not in used)
    scratch = max((scratch_numbers(*one) for one in used), default=0)
    scratch *= threads if threads == 1 else threads * (1 + _CREW_HOLES)
    # Transformed kernels are kept from the first pass on.
    return number * (sum(kernel_numbers(layer) for layer, _ in used) + scratch) + min(packed, MAX_PACKED_BYTES)


class _LevelMemory:
    """What is held at one size: for its whole time, and at the moments when most is."""

    def __init__(
        self,
        level: Level,
        parameters: Parameters,
        precision: Precision,
        backend: Backend,
        style_sizes: Sequence[Size],
        tilings: Mapping[Size, Tiling],
        regions: int,
    ) -> None:
        self._level = level
        self._backend = backend
        self._parameters = parameters
        self._number = _number_bytes(precision)
        self._styles = [style_size(*size, level, parameters) for size in style_sizes]
        self._tiling = tilings.get((level.width, level.height))
        self._regions = regions
        self._picture = 3 * _FLOAT * level.width * level.height

    @property
    def pixels_at_once(self) -> int:
        """Of the largest picture or block that the network computes."""
        sizes = [(self._level.width, self._level.height), *self._styles]
        return max(self._outer(*size) for size in sizes)

    @property
    def peak(self) -> int:
        """The most at any moment."""
        evaluation = self._evaluation() + self._picture
        capture = max((self._forward(self._outer(*size)) for size in self._styles), default=0)
        recycles = self._backend in (Backend.ONEDNN, Backend.WINOGRAD)
        if recycles and self._widest(self.pixels_at_once) * self._number >= LEAST_BYTES:
            # What maps have taken waits for the next step's.
            return self._held() + self._holes() + max(evaluation, capture) + self._step()
        return self._held() + self._holes() + max(evaluation, self._step(), capture)

    def _held(self) -> int:
        """From the first step to the last: the styles as they are looked at, the photo's maps, how much cells count in
        regions, and what the walk knows.
        """
        chosen, pixels = self._parameters, self._level.width * self._level.height
        styles = sum(3 * _FLOAT * width * height for width, height in self._styles)
        targets = sum(self._tap_bytes(entry.layer, pixels) for entry in self._content_layers)
        masks = 0
        for entry in self._style_layers:
            layer = convolution_of(entry.layer, chosen.backbone)
            masks += self._regions * _FLOAT * (pixels // layer.stride**2)
        masks += self._regions * _FLOAT * pixels
        return styles + targets + masks + self._walk_pictures() * self._picture

    def _holes(self) -> int:
        """What the C library keeps of freed maps between others: of those that are recycled, none.

        A share that was measured, of all that come and go in an evaluation.
        """
        cut = [layer.channels * (self.pixels_at_once // layer.stride**2) * self._number for layer in self._layers]
        cut += [self._tap_bytes(tap, self.pixels_at_once) for tap in taps_of(self._parameters)]
        return round(_HOLES * sum(number for number in cut if number < LEAST_BYTES))

    def _walk_pictures(self) -> int:
        """The point, the next one and the gradient; pairs, one place more than there are, or moments; a best point with
        its gradient, or an average and what is shown of it.
        """
        chosen = self._parameters
        pictures = 3
        if chosen.optimizer in (Optimizer.LBFGS, Optimizer.LBFGSB):
            pictures += 2 * (chosen.history_size + 1)
        elif chosen.optimizer is Optimizer.ADAM:
            pictures += 2
        return pictures + (0 if chosen.iterate is Iterate.LAST else 2)

    def _step(self) -> int:
        """What a step holds beside: the gradient and the point that it came to, and what the direction is made from,
        for L-BFGS the newest pair, and this and the gradient together.
        """
        chosen = self._parameters
        if chosen.optimizer in (Optimizer.LBFGS, Optimizer.LBFGSB):
            return 7 * self._picture
        return (5 if chosen.optimizer is Optimizer.ADAM else 4) * self._picture

    def _evaluation(self) -> int:
        """The way through the network and back."""
        if self._tiling is None:
            return self._whole(self._level.width * self._level.height)
        blocks = self._blocks(self._level.width, self._level.height)
        largest = max(blocks)
        # Most blocks are of one size.
        ways = {pixels: self._kept_way(pixels) for pixels in set(blocks)}
        kept = [ways[pixels] for pixels in blocks[: self._tiling.kept]]
        # On the way back the kept blocks go first, each with what is kept of it; on the way there the others come last.
        back = sum(kept) - max(kept, default=0) + self._block(largest)
        if len(kept) < len(blocks):
            back = max(back, sum(kept) + self._forward(largest), self._block(largest))
        # Losses of the picture itself are computed as a whole.
        picture_terms = 6 if self._has_picture_terms else 0
        return max(back, picture_terms * self._picture)

    def _whole(self, pixels: int) -> int:
        """All maps are kept until their gradient is known; those of the taps are there before that goes back."""
        return self._kept_maps(pixels, self._number, _INDEX) + self._loss_maps(pixels) + self._pulls(pixels)

    def _block(self, pixels: int) -> int:
        """A block on its way: its signs, or maps, and where it is widest, in the first of the network's blocks."""
        widest = self._widest(pixels)
        if not self._by_signs:
            return self._whole(pixels) + self._taps(pixels)
        # The tap's gradient, the one that comes to it and the one that goes on, the two added up, and the signs as
        # numbers.
        back = widest * 5 * self._number
        return max(back, self._pulls(pixels) + widest * self._number) + self._kept_way(pixels)

    def _kept_way(self, pixels: int) -> int:
        """The way back of a block, kept for later."""
        first = CONVOLUTIONS[self._parameters.backbone][0]
        again = sum(self._tap_bytes(tap, pixels) for tap in {first.conv, first.relu} & taps_of(self._parameters))
        kept = (self._number, _INDEX) if not self._by_signs else (_SIGN, _QUARTER)
        return self._kept_maps(pixels, *kept) + self._taps(pixels) - again

    def _kept_maps(self, pixels: int, number: float, index: int) -> int:
        """What autograd keeps of the network's maps. number: bytes of one; index: of a maximum's place."""
        kept = 3.0 * pixels * self._number
        above = (*self._layers[1:], None)
        for layer, next_layer in zip(self._layers, above, strict=True):
            cells = pixels // layer.stride**2
            if not self._is_dropped(layer, next_layer):
                kept += layer.channels * cells * number
            if layer.pooling:
                kept += layer.in_channels * cells * self._pooled_bytes(layer, number, index)
            if layer.normalized:  # the normalised map, and what it is divided by, before and after its power
                kept += layer.in_channels * cells * 3 * number
        return round(kept)

    def _pooled_bytes(self, layer: Convolution, number: float, index: int) -> float:
        """Of one cell: the pooled map, and what the way back needs beside it. number, index: bytes of each."""
        chosen, window = self._parameters, layer.pooling
        if chosen.pooling is Pooling.MAX:
            compiled = self._backend in (Backend.ONEDNN, Backend.WINOGRAD)
            if compiled and window == HALVING:
                return _QUARTER  # all that `max_pooling` keeps
            return number + index  # where the maxima were
        if chosen.pooling is Pooling.AVERAGE:
            return number
        return 7 * number  # the squares of four cells, their mean, and its root, before and after scaling

    def _is_dropped(self, layer: Convolution, above: Convolution | None) -> bool:
        """Whether what the next layer pools is enough, as for networks whose way back is written out."""
        pooled = above is not None and above.pooling is not None and self._parameters.pooling is Pooling.MAX
        return self._backend is not Backend.REFERENCE and pooled and layer.relu not in taps_of(self._parameters)

    @property
    def _layers(self) -> tuple[Convolution, ...]:
        return _computed(self._parameters)

    def _loss_maps(self, pixels: int) -> int:
        """What losses keep of the taps, in float32: differences from the photo's, centred maps, and copies of 16-bit
        maps but for those of which `gram_product` makes Gram matrices.
        """
        chosen = self._parameters
        kept = sum(_map_bytes(entry.layer, chosen.backbone, pixels) for entry in self._content_layers)
        for entry in self._style_layers:
            channels = convolution_of(entry.layer, chosen.backbone).channels
            direct = self._backend is not Backend.CUDA and not self._regions and channels % PANEL == 0
            copied = self._number < _FLOAT and not direct
            copies = int(copied or chosen.style_statistic is not StyleStatistic.GRAM) + int(chosen.mean_std_weight > 0)
            kept += copies * _map_bytes(entry.layer, chosen.backbone, pixels)
        return kept

    def _taps(self, pixels: int) -> int:
        return sum(self._tap_bytes(tap, pixels) for tap in taps_of(self._parameters))

    def _tap_bytes(self, tap: str, pixels: int) -> int:
        """A layer's maps as the network gives them."""
        return _map_bytes(tap, self._parameters.backbone, pixels) * self._number // _FLOAT

    def _pulls(self, pixels: int) -> int:
        """The gradients of the losses at the taps."""
        return self._taps(pixels)

    def _forward(self, pixels: int) -> int:
        """Forward only: the taps, and the input and output of the widest convolution."""
        return self._taps(pixels) + 2 * self._widest(pixels) * self._number

    def _widest(self, pixels: int) -> int:
        """Numbers of the network's largest map."""
        first = CONVOLUTIONS[self._parameters.backbone][0]
        return first.channels * (pixels // first.stride**2)

    def _outer(self, width: int, height: int) -> int:
        return max(self._blocks(width, height))

    def _blocks(self, width: int, height: int) -> list[int]:
        if self._tiling is None:
            return [width * height]
        return block_pixels(width, height, self._tiling, self._parameters)

    @property
    def _content_layers(self) -> tuple[LayerWeight, ...]:
        return _in_use(self._parameters.content_layers, self._parameters.content_weight)

    @property
    def _style_layers(self) -> tuple[LayerWeight, ...]:
        return _in_use(self._parameters.style_layers, self._parameters.style_weight)

    @property
    def _has_picture_terms(self) -> bool:
        chosen = self._parameters
        return max(chosen.tv_weight, chosen.range_weight, chosen.alpha_weight) > 0

    @property
    def _by_signs(self) -> bool:
        return signs_suffice(self._parameters.backbone, self._parameters.pooling)


def block_pixels(width: int, height: int, tiling: Tiling, parameters: Parameters) -> list[int]:
    """The pixels of each block of a picture, with its margins."""
    seen = grain(taps_of(parameters), parameters.backbone, parameters.padding)
    rows, columns = (spans(side, tiling.side, seen) for side in (height, width))
    return [row.outer_length * column.outer_length for row in rows for column in columns]


def taps_of(parameters: Parameters) -> frozenset[str]:
    """The layers whose maps a painting looks at."""
    chosen = parameters
    return frozenset(
        entry.layer
        for layers, weight in (
            (chosen.content_layers, chosen.content_weight),
            (chosen.style_layers, chosen.style_weight),
            (chosen.dream_layers, chosen.dream_weight),
        )
        for entry in _in_use(layers, weight)
    )


def _in_use(layers: Sequence[LayerWeight], weight: float) -> tuple[LayerWeight, ...]:
    return tuple(entry for entry in layers if weight > 0 and entry.weight > 0)


def _computed(parameters: Parameters) -> tuple[Convolution, ...]:
    """The layers up to the highest tap."""
    table = CONVOLUTIONS[parameters.backbone]
    last = max((table.index(convolution_of(tap, parameters.backbone)) for tap in taps_of(parameters)), default=-1)
    return table[: last + 1]


def estimate_features_bytes(pixels: int, layer: str, backbone: Backbone) -> int:
    """Estimate the peak memory of a feature visualisation in bytes, beyond the resident network, its sheet left out.

    pixels: of the largest picture, as it is looked through. Within some 35 % of the measured resident memory on a CPU
    (tests/engine/test_memory.py).
    """
    last = convolution_of(layer, backbone)
    table = CONVOLUTIONS[backbone]
    switches = widest = 0
    for step in table[: table.index(last) + 1]:
        cells = pixels // step.stride**2
        if step.pooling:
            switches += step.in_channels * cells * _INDEX
        # What a convolution reads and what it gives, either way; the CPU's kernels make one of them again in their own
        # order, some both, some none.
        read, given = step.in_channels * cells * step.step**2, step.channels * cells
        widest = max(widest, (read + given + max(read, given)) * _FLOAT)
    return _FIXED + _FIXED_OF_BYTE * _FLOAT + switches + widest + 2 * _map_bytes(layer, backbone, pixels)


def _map_bytes(layer: str, backbone: Backbone, pixels: int) -> int:
    """Size of a layer's feature maps in float32."""
    convolution = convolution_of(layer, backbone)
    return convolution.channels * (pixels // convolution.stride**2) * _FLOAT


def _number_bytes(precision: Precision) -> int:
    return 2 if precision is Precision.BF16 else _FLOAT
