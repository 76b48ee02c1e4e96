"""How much memory a job will take: arithmetic on sizes, told before anything is allocated. Free of torch."""

from __future__ import annotations

from collections.abc import Sequence

from stylized.engine.choices import Backbone, Backend, Iterate, Optimizer, Pooling, Precision
from stylized.engine.layers import CONVOLUTIONS, Convolution, convolution_of
from stylized.engine.parameters import Parameters
from stylized.engine.schedule import Level, style_size
from stylized.engine.winograd_costs import kernel_numbers, scratch_numbers, suits

_FLOAT = 4
# Indices of a max pooling are kept for the way back, as 64-bit integers.
_INDEX = 8
# Code, thread buffers and packed weights that the first pass brings into memory, measured.
_FIXED = 70 * 2**20


def estimate_bytes(
    levels: Sequence[Level],
    parameters: Parameters,
    precision: Precision,
    backend: Backend,
    style_sizes: Sequence[tuple[int, int]],
) -> int:
    """Estimate the peak memory of a job in bytes, beyond the resident network.

    precision: of the network; AUTO counts as fp32. backend: resolved. style_sizes: (width,
    height) of the style pictures as they came. Within some 25 % of the measured resident memory on a CPU
    (tests/engine/test_memory.py).
    """
    peak = kernels = 0
    for level in levels:
        pixels = level.width * level.height
        painting = _gradient_bytes(pixels, parameters, precision) + _optimizer_bytes(pixels, parameters)
        capture = 0
        for size in style_sizes:
            width, height = style_size(*size, level, parameters)
            capture = max(capture, _capture_bytes(width * height, parameters, precision))
        peak = max(peak, painting, capture)
        if backend is Backend.WINOGRAD:
            kernels = max(kernels, _winograd_bytes(pixels, parameters))
    return _FIXED + kernels + peak


def _winograd_bytes(pixels: int, parameters: Parameters) -> int:
    """Transformed kernels, kept from the first pass on, and what a convolution holds beside the maps."""
    used = [(layer, pixels // layer.stride**2) for layer in _computed(parameters)]
    used = [(layer, cells) for layer, cells in used if suits(layer, cells)]
    scratch = max((scratch_numbers(*one) for one in used), default=0)
    return _FLOAT * (sum(kernel_numbers(layer) for layer, _ in used) + scratch)


def _computed(parameters: Parameters) -> tuple[Convolution, ...]:
    """The layers up to the highest tap."""
    table = CONVOLUTIONS[parameters.backbone]
    taps = {entry.layer for entry in (*parameters.content_layers, *parameters.style_layers)}
    last = max(table.index(convolution_of(tap, parameters.backbone)) for tap in taps)
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
    return _FIXED + switches + widest + 2 * _map_bytes(layer, backbone, pixels)


def _gradient_bytes(pixels: int, parameters: Parameters, precision: Precision) -> int:
    """Forward and backward through the network: every map is kept until its gradient is known."""
    size = _number_bytes(precision)
    backbone = parameters.backbone
    taps = {entry.layer for entry in (*parameters.content_layers, *parameters.style_layers)}
    kept = 0
    for layer in _computed(parameters):
        cells = pixels // layer.stride**2
        kept += layer.channels * cells * size
        if layer.pooling:
            kept += layer.in_channels * cells * _pooled_bytes(parameters, size)
        if layer.normalized:  # the normalised map, and what it is divided by, before and after its power
            kept += layer.in_channels * cells * 3 * size
    # Taps are copied to float32 for the losses; a content tap also has its target and the difference.
    kept += sum(_map_bytes(tap, backbone, pixels) for tap in taps if precision is Precision.BF16)
    kept += 2 * sum(_map_bytes(entry.layer, backbone, pixels) for entry in parameters.content_layers)
    # The way back is widest at the first block: gradients of two maps, and that of its tap in float32.
    first = CONVOLUTIONS[backbone][0]
    return kept + first.channels * (pixels // first.stride**2) * (2 * size + _FLOAT)


def _pooled_bytes(parameters: Parameters, size: int) -> int:
    """Of one cell: the pooled map, and what the way back needs beside it."""
    if parameters.pooling is Pooling.MAX:  # where the maxima were
        return size + _INDEX
    if parameters.pooling is Pooling.AVERAGE:
        return size
    return 7 * size  # the squares of four cells, their mean, and its root, before and after scaling


def _capture_bytes(pixels: int, parameters: Parameters, precision: Precision) -> int:
    """Forward only: the taps, and the input and output of the widest convolution."""
    taps = sum(_map_bytes(entry.layer, parameters.backbone, pixels) for entry in parameters.style_layers)
    first = CONVOLUTIONS[parameters.backbone][0]
    return taps + 2 * first.channels * (pixels // first.stride**2) * _number_bytes(precision)


def _optimizer_bytes(pixels: int, parameters: Parameters) -> int:
    """Pictures that the walk holds: two for each pair of L-BFGS, two moments of Adam, a best or an average iterate, and
    points, gradients and what a step computes besides.
    """
    pictures = 12
    if parameters.optimizer in (Optimizer.LBFGS, Optimizer.LBFGSB):
        pictures += 2 * (parameters.history_size + 1) + 5  # and the vectors that the history is multiplied with
    elif parameters.optimizer is Optimizer.ADAM:
        pictures += 2
    if parameters.iterate is not Iterate.LAST:
        pictures += 2
    return pictures * 3 * pixels * _FLOAT


def _map_bytes(layer: str, backbone: Backbone, pixels: int) -> int:
    """Size of a layer's feature maps in float32."""
    convolution = convolution_of(layer, backbone)
    return convolution.channels * (pixels // convolution.stride**2) * _FLOAT


def _number_bytes(precision: Precision) -> int:
    return 2 if precision is Precision.BF16 else _FLOAT
