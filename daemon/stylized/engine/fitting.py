"""Whether a painting fits into memory: as a whole, in blocks, or not at all. Free of torch.

What fits as a whole is painted as a whole, as that costs least time. Large blocks have less margin, which is computed
beside them; small ones leave room to keep the way back of more of them, which need not be computed twice. What is less
work in all is taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from stylized.engine.choices import Backend, Optimizer, Precision
from stylized.engine.layers import min_side
from stylized.engine.memory import block_pixels, estimate_bytes
from stylized.engine.parameters import Parameters
from stylized.engine.schedule import Level, PictureSizes, PictureTooSmallError, Size, plan
from stylized.engine.tiles import Tiling

# Sides of blocks in pixels that are tried, the largest first. Below, margins would be most of the work.
_SIDES = (4096, 2048, 1536, 1024, 768, 512, 384, 256)

# What the way there alone takes of a way there and back.
_SECOND_LOOK = 0.5

_GIB = 2**30


@dataclass(frozen=True)
class Means:
    """What a painting is computed with. precision, backend: resolved. threads: of the CPU."""

    precision: Precision
    backend: Backend
    threads: int


@dataclass(frozen=True)
class Fit:
    """How a painting fits.

    tilings: of the sizes that are computed in blocks. peak_bytes: estimated peak memory, beyond the resident network
    and the pictures of the request.
    """

    tilings: Mapping[Size, Tiling]
    peak_bytes: int


class DoesNotFitError(ValueError):
    """A painting that does not fit into memory even in blocks. `largest_size`: that would; None if none does."""

    def __init__(self, message: str, largest_size: int | None) -> None:
        super().__init__(message)
        self.message = message
        self.largest_size = largest_size


def fit(
    sizes: PictureSizes,
    parameters: Parameters,
    means: Means,
    max_bytes: int | None,
    *,
    regions: int = 0,
    resumed: bool = False,
) -> Fit:
    """Return how a painting fits into so much memory; None: there is as much as it takes.

    sizes, resumed: as for `plan`. regions: how many styles have masks. Raises DoesNotFitError, and PictureTooSmallError
    as `plan` does.
    """
    found = _fit(sizes, parameters, means, max_bytes, regions, resumed=resumed)
    if max_bytes is None or found.peak_bytes <= max_bytes:
        return found
    largest = _largest_size(sizes, parameters, means, max_bytes, regions, resumed=resumed)
    raise DoesNotFitError(_refusal(sizes, parameters, means, max_bytes, regions, found, largest), largest)


def tiling_warnings(tilings: Mapping[Size, Tiling]) -> tuple[str, ...]:
    """Say in a sentence that a painting does not fit into memory at once."""
    if not tilings:
        return ()
    (width, height), tiling = max(tilings.items(), key=lambda entry: entry[0])
    return (
        f"The painting of {width} x {height} pixels does not fit into memory at once, so it is computed in blocks of"
        f" about {tiling.side} pixels: it will be the same picture, but take longer.",
    )


def _fit(
    sizes: PictureSizes,
    parameters: Parameters,
    means: Means,
    max_bytes: int | None,
    regions: int,
    *,
    resumed: bool,
) -> Fit:
    """How it fits, or the way in which it fits least badly."""
    tilings: dict[Size, Tiling] = {}
    peak = 0
    for level in plan(sizes, parameters, resumed=resumed):
        estimate = _Estimate(level, parameters, means, sizes.styles, regions)
        tiling = None if max_bytes is None else _tiling(estimate, max_bytes)
        if tiling:
            tilings[(level.width, level.height)] = tiling
        peak = max(peak, estimate.bytes(tiling))
    return Fit(tilings, peak)


@dataclass(frozen=True)
class _Estimate:
    """Of one size."""

    level: Level
    parameters: Parameters
    means: Means
    styles: Sequence[Size]
    regions: int

    def bytes(self, tiling: Tiling | None) -> int:
        """The peak in blocks, or as a whole."""
        tilings = {(self.level.width, self.level.height): tiling} if tiling else {}
        means = self.means
        return estimate_bytes(
            [self.level],
            self.parameters,
            means.precision,
            means.backend,
            self.styles,
            tilings,
            self.regions,
            means.threads,
        )

    def work(self, tiling: Tiling) -> float:
        """The pixels of all blocks with their margins, those that are computed twice counted so."""
        blocks = block_pixels(self.level.width, self.level.height, tiling, self.parameters)
        return sum(blocks) + _SECOND_LOOK * sum(blocks[tiling.kept :])

    def with_kept(self, side: int, max_bytes: int) -> Tiling:
        """With as many blocks kept as fit."""
        low, high = 0, len(block_pixels(self.level.width, self.level.height, Tiling(side), self.parameters))
        while low < high:
            middle = (low + high + 1) // 2
            if self.bytes(Tiling(side, middle)) <= max_bytes:
                low = middle
            else:
                high = middle - 1
        return Tiling(side, low)


def _tiling(estimate: _Estimate, max_bytes: int) -> Tiling | None:
    """The way that fits and is least work, else the one that takes least; None: as a whole."""
    if estimate.bytes(None) <= max_bytes:
        return None
    fitting = [side for side in _SIDES if estimate.bytes(Tiling(side)) <= max_bytes]
    if not fitting:
        return Tiling(_SIDES[-1])
    return min((estimate.with_kept(side, max_bytes) for side in fitting), key=estimate.work)


def _fits(
    sizes: PictureSizes, parameters: Parameters, means: Means, max_bytes: int, regions: int, *, resumed: bool
) -> bool:
    """Whether it does in any way. Raises PictureTooSmallError."""
    for level in plan(sizes, parameters, resumed=resumed):
        estimate = _Estimate(level, parameters, means, sizes.styles, regions)
        ways = (None, *(Tiling(side) for side in reversed(_SIDES)))
        if not any(estimate.bytes(tiling) <= max_bytes for tiling in ways):
            return False
    return True


def _largest_size(
    sizes: PictureSizes, parameters: Parameters, means: Means, max_bytes: int, regions: int, *, resumed: bool
) -> int | None:
    """By bisection; it does not matter that blocks make the peak a little uneven."""
    least = min_side(parameters.backbone)
    low, high = least - 1, parameters.size - 1
    while low < high:
        middle = (low + high + 1) // 2
        smaller = replace(parameters, size=middle)
        try:
            fits = _fits(sizes, smaller, means, max_bytes, regions, resumed=resumed)
        except PictureTooSmallError as error:
            if error.smallest_size is None:
                raise
            # As if it fitted, so that a larger one is looked for.
            least = max(least, error.smallest_size)
            fits = True
        low, high = (middle, high) if fits else (low, middle - 1)
    return low if low >= least else None


def _refusal(
    sizes: PictureSizes,
    parameters: Parameters,
    means: Means,
    max_bytes: int,
    regions: int,
    found: Fit,
    largest: int | None,
) -> str:
    text = (
        f"The painting needs about {found.peak_bytes / _GIB:.1f} GiB even in blocks, but {max_bytes / _GIB:.1f} GiB"
        " are free: "
    )
    advice = f"use a size of at most {largest}" if largest else "no size fits"
    if parameters.optimizer in (Optimizer.LBFGS, Optimizer.LBFGSB):
        lean = replace(parameters, optimizer=Optimizer.ADAM)
        if _fits(sizes, lean, means, max_bytes, regions, resumed=False):
            return f"{text}{advice}, or the optimizer adam, as the pairs that L-BFGS remembers take most of it."
    return f"{text}{advice}."
