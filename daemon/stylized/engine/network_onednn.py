"""The network on a CPU with fused convolutions, and with its way back written out instead of recorded by autograd.

What is saved by that: a map that went through a max pooling is not kept, since the strongest cells and where they were
tell all that the way back asks; the masks of the ReLUs and the gradients of the taps are put into the gradient in
place, for fresh memory costs more than the sum (a page fault for each 4 KiB); and what is kept of a layer is dropped as
soon as the gradient has passed it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from stylized.engine.choices import Padding, Pooling
from stylized.engine.fused import FusedConvolution, PackedWeights
from stylized.engine.kernel_costs import MAX_PACKED_BYTES
from stylized.engine.layers import CONVOLUTIONS, Convolution, PoolingWindow
from stylized.engine.max_pooling import compiled, pool_strongest, spread, suits
from stylized.engine.network import Weights
from stylized.engine.network_torch import TorchNetwork, continued, normalize_responses, pool
from stylized.engine.recycled import empty_maps
from stylized.engine.signs import kept

_WayBack = Callable[[Tensor], Tensor]


class LayerWays(Protocol):
    """How a layer's convolution is computed; `FusedConvolution` is one way."""

    def forward(self, maps: Tensor, padding: int, *, rectified: bool) -> Tensor:
        """Convolve, add the bias, and if `rectified` clamp at 0. Returns fresh memory."""
        ...

    def backward(self, gradient: Tensor, side: torch.Size, padding: int) -> Tensor:
        """Return the gradient of the maps, whose H and W are `side`, from that of the convolution, in fresh memory."""
        ...


class OnednnNetwork(TorchNetwork):
    """A `Network` whose gradient can be asked for once."""

    def __init__(
        self, weights: Weights, *, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
    ) -> None:
        """Copy the weights to a device. dtype: float32, bfloat16, or float64 for tests."""
        super().__init__(weights, device=device, dtype=dtype)
        compiled(dtype)  # now, so that no painting waits for it
        packed = PackedWeights(MAX_PACKED_BYTES)
        self._convolutions = {
            layer.conv: FusedConvolution(layer, *self._layers[layer.conv], packed)
            for layer in CONVOLUTIONS[weights.backbone]
        }

    def features(
        self,
        image: Tensor,
        taps: Collection[str],
        pooling: Pooling = Pooling.MAX,
        padding: Padding = Padding.ZERO,
        pooling_scale: float = 1.0,
    ) -> dict[str, Tensor]:
        """As `Network` says."""
        if not taps:
            return {}
        x = self._entry(image)
        first = CONVOLUTIONS[self.backbone][0]
        if padding is not Padding.ZERO:
            x = continued(x, first, padding)
        course = _Course(torch.is_grad_enabled() and x.requires_grad, self.dtype)
        climb = partial(self._climb, course, frozenset(taps), pooling, padding, pooling_scale)
        maps = _Pass.apply(x, climb, course)
        return dict(zip(course.taps, maps, strict=True))

    def _ways(self, layer: Convolution, cells: int) -> LayerWays:
        """How a layer is computed on maps of so many cells. What another way of computing overrides."""
        del cells
        return self._convolutions[layer.conv]

    def _climb(
        self, course: _Course, taps: Collection[str], pooling: Pooling, padding: Padding, scale: float, x: Tensor
    ) -> Iterator[Tensor]:
        """Go up to the highest tap, write down the way back, and give the maps of the taps."""
        needed = self._needed(taps)
        for layer, above in zip(needed, (*needed[1:], None), strict=True):
            if layer.pooling and pooling is Pooling.MAX:
                x = _pool_strongest(course, x, layer.pooling, scale)
            elif layer.pooling:
                x = course.recorded(partial(pool, window=layer.pooling, pooling=pooling, scale=scale), x)
            if layer.normalized:
                x = course.recorded(normalize_responses, x)
            around = 0 if layer is needed[0] and padding is not Padding.ZERO else layer.padding
            ways = self._ways(layer, x.shape[2] * x.shape[3])
            course.then(partial(ways.backward, side=x.shape[2:], padding=around))
            x = ways.forward(x, around, rectified=layer.conv not in taps)
            tapped = layer.relu in taps
            if layer.conv in taps:
                yield course.tap(layer.conv, x)
                if above is None and not tapped:
                    return
                x = F.relu(x)
            if tapped or above is None or not above.pooling or pooling is not Pooling.MAX:
                # Else the mask of the pooled map is enough: the gradient reaches no cell that is weaker.
                course.then(partial(_mask, positive=kept(x.detach())))
            if tapped:
                yield course.tap(layer.relu, x)


class _Course:
    """The way back from the taps to the picture, written down on the way up and walked once."""

    def __init__(self, kept: bool, dtype: torch.dtype) -> None:
        """kept: whether there will be a way back. dtype: of the maps between the layers."""
        self.taps: list[str] = []
        self._kept = kept
        self._dtype = dtype
        self._steps: list[_WayBack | str] = []

    def then(self, step: _WayBack) -> None:
        """Write down what makes the gradient before from that after. It may overwrite what it is given."""
        if self._kept:
            self._steps.append(step)

    def tap(self, name: str, maps: Tensor) -> Tensor:
        """Return maps for the losses, whose gradient joins the way back here."""
        self.taps.append(name)
        if self._kept:
            self._steps.append(name)
        return maps

    def recorded(self, operation: _WayBack, maps: Tensor) -> Tensor:
        """Let autograd write down the way back of an operation."""
        if not self._kept:
            return operation(maps)
        with torch.enable_grad():
            before = maps.detach().requires_grad_()
            after = operation(before)
        self.then(lambda gradient: torch.autograd.grad(after, before, gradient)[0])
        return after.detach()

    def walk_back(self, gradients: Mapping[str, Tensor | None]) -> Tensor | None:
        """The gradient of what the first layer reads, from those of the taps; None if no tap has one."""
        if len(self._steps) < len(gradients):
            raise RuntimeError("This network's gradient can be asked for once: what it needs is dropped on the way.")
        gradient = None
        while self._steps:
            step = self._steps.pop()
            if not isinstance(step, str):
                gradient = None if gradient is None else step(gradient)
            elif (joining := gradients[step]) is not None:
                if gradient is None:
                    gradient = joining.to(self._dtype, memory_format=torch.channels_last, copy=True)
                else:
                    gradient.add_(joining.to(self._dtype))
        return gradient


class _Pass(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, climb: Callable[[Tensor], Iterator[Tensor]], course: _Course
    ) -> tuple[Tensor, ...]:
        ctx.course = course
        ctx.set_materialize_grads(False)
        return tuple(climb(x))

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride] (the decorator hides the name of ctx)
        ctx: Any, *gradients: Tensor | None
    ) -> tuple[Tensor | None, None, None]:
        return ctx.course.walk_back(dict(zip(ctx.course.taps, gradients, strict=True))), None, None


def _pool_strongest(course: _Course, x: Tensor, window: PoolingWindow, scale: float) -> Tensor:
    """Max pooling of rectified maps, times a scale; what it pooled is not kept."""
    if suits(x, window):
        pooled, places = pool_strongest(x, scale)
        course.then(partial(spread, places=places, scale=scale, side=x.shape[2:]))
        return pooled
    # Kernel, step, padding, dilation, and whether the rest is covered.
    how = ([window.side] * 2, [window.step] * 2, [0, 0], [1, 1], window.covers_rest)
    pooled, places = torch.ops.aten.max_pool2d_with_indices(x, *how)
    if scale != 1.0:
        pooled.mul_(scale)
    shape = x.shape
    positive = kept(pooled)

    def back(gradient: Tensor) -> Tensor:
        # Where the strongest cell of a window is 0, all are, and the ReLU passes nothing on.
        _mask(gradient, positive)
        if scale != 1.0:
            gradient.mul_(scale)
        before = empty_maps(shape, gradient.dtype, gradient.device)
        # Of the maps that were pooled it reads the shape alone.
        return torch.ops.aten.max_pool2d_with_indices_backward.grad_input(
            gradient, before, *how, places, grad_input=before
        )

    course.then(back)
    return pooled


def _mask(gradient: Tensor, positive: Callable[[], Tensor]) -> Tensor:
    """The way back of a ReLU, in place. positive: gives what is above 0 where its result was."""
    return torch.ops.aten.threshold_backward.grad_input(gradient, positive(), 0, grad_input=gradient)
