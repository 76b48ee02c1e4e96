"""How far the preset `pastiche` gets in 50 steps, against the program `pastiche` itself.

Both paint the same pixels at 128 px in fp32, from the photo, each with its own L-BFGS. The program's own loss function
judges both where they arrived, which neither clips to 0..255, and once more in the 8 bits that are saved, which neither
minimises. L-BFGS in fp32 is chaotic, so both paint each pair from several starts that differ by a ten-thousandth of a
pixel value: what is between a program's own results is no difference of programs.

Our first iteration looks at the start, and the picture is one whose losses are known: 50 iterations make 49 moves. The
program looks at the start before it counts, and shows where its last move led: 50 steps make 50 moves. So ours is
judged after 50 iterations and after 51, which is as many moves, and as many looks, as the program's. Writes JSON and a
Markdown table to benchmarks/results.

    python -m benchmarks.losses [--starts 3]
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import torch
from PIL import Image
from torch import Tensor

from benchmarks.facts import PEER as PEER_VERSION
from benchmarks.facts import facts
from benchmarks.peer import Pastiche
from benchmarks.results import geometric_mean, page, save, table
from benchmarks.studio import Pair, load_network, picture, to_image
from benchmarks.subjects import to_tensor
from stylized.engine.choices import Init
from stylized.engine.network import Network
from stylized.engine.presets import builtin_presets
from stylized.engine.schedule import fit_size
from stylized.engine.stylize import Finished, Request, State, StyleSource, stylize

SIZE = 128
STEPS = 50
NUDGE = 1e-4
"""In pixel values of 0..255: about ten times what fp32 tells apart there."""
PAIRS = (
    Pair("sample", "oil"),
    Pair("sample", "woodblock"),
    Pair("tubingen", "starry_night"),
    Pair("temple", "mosaic"),
)


@dataclass(frozen=True)
class Loss:
    """By the program's own function: where a walk arrived, and of the picture that is saved, in 8 bits."""

    arrived: float
    saved: float

    @classmethod
    def at(cls, point: Tensor, program: Pastiche) -> Loss:
        """Of a point as `Pastiche.point` is one."""
        return cls(program.loss_at(point), program.loss_at(point.clamp(0, 255).round()))


@dataclass(frozen=True)
class Outcome:
    """The losses of a pair: at the photo, and for each start those of both.

    ours: after STEPS iterations. ours_moved: after as many moves as the program's.
    """

    pair: str
    photo: float
    ours: tuple[Loss, ...]
    ours_moved: tuple[Loss, ...]
    theirs: tuple[Loss, ...]

    @property
    def ratios(self) -> tuple[float, float, float]:
        """Ours over theirs, of geometric means: where they arrived, the same after as many moves, and that saved."""
        theirs, theirs_saved = (geometric_mean(values) for values in _columns(self.theirs))
        (ours, _), (moved, moved_saved) = (
            map(geometric_mean, _columns(losses)) for losses in (self.ours, self.ours_moved)
        )
        return ours / theirs, moved / theirs, moved_saved / theirs_saved


def compare(network: Network, pair: Pair, starts: int = 1) -> Outcome:
    """Paint a pair with both, from the photo and from starts - 1 points beside it."""
    photo, style = (_at_size(picture(name)) for name in (pair.photo, pair.style))
    ours, ours_moved, theirs = [], [], []
    at_photo = math.nan
    for seed in range(starts):
        nudge = NUDGE * torch.randn(1, 3, photo.height, photo.width, generator=torch.Generator().manual_seed(seed))
        program = Pastiche(photo, style)
        if seed == 0:
            nudge, at_photo = torch.zeros_like(nudge), program.loss_at(program.point)
        program.shift(nudge)
        for found, point in zip((ours, ours_moved), _painted(network, photo, style, nudge), strict=True):
            found.append(Loss.at(point, program))
        for _ in range(STEPS):
            program.draw()
        theirs.append(Loss.at(program.point, program))
    return Outcome(pair.name, at_photo, tuple(ours), tuple(ours_moved), tuple(theirs))


def _at_size(image: Tensor) -> Image.Image:
    whole = to_image(image)
    return whole.resize(fit_size(whole.width, whole.height, SIZE), Image.Resampling.LANCZOS)


def _painted(network: Network, photo: Image.Image, style: Image.Image, nudge: Tensor) -> tuple[Tensor, Tensor]:
    """Where the preset arrives after STEPS iterations and after one more, [1, 3, H, W], RGB 0..255, not clipped."""
    content = to_tensor(photo)
    parameters = replace(builtin_presets()["pastiche"].parameters, size=SIZE, iterations=STEPS, init=Init.IMAGE)
    source = StyleSource(to_tensor(style), 1.0)
    first = Request(content, (source,), parameters, seed=0, init_image=content + nudge / 255.0)
    after = _end(network, first)
    return after.point, _end(network, replace(first, parameters=replace(parameters, iterations=1), resume=after)).point


def _end(network: Network, request: Request) -> State:
    for event in stylize(network, request):
        if isinstance(event, Finished):
            return event.state
    raise AssertionError("a painting ends with Finished")


def report(outcomes: Sequence[Outcome], told: Mapping[str, str]) -> str:
    """The Markdown page."""
    rows = [["pair", "at the photo", "program", "preset", "preset, 51 iterations", "ratio", "51 iterations", "saved"]]
    for outcome in outcomes:
        cells = [f"{outcome.photo:,.0f}"]
        for losses in (outcome.theirs, outcome.ours, outcome.ours_moved):
            values, _ = _columns(losses)
            cells.append(f"{geometric_mean(values):,.0f} ({min(values):,.0f} to {max(values):,.0f})")
        rows.append([outcome.pair, *cells, *_cells(outcome.ratios)])
    means = [geometric_mean(ratios) for ratios in zip(*(outcome.ratios for outcome in outcomes), strict=True)]
    rows.append(["mean", "", "", "", "", *_cells(means)])
    words = (
        "Losses are means over the starts (least to most), ratios are of means, preset over program. `saved`: of the "
        "pictures that are saved, after as many moves; clipping them to 0..255 adds more than is between the programs."
    )
    return page(f"The loss after {STEPS} steps, beside the program's", told, table(rows), words)


def _columns(losses: Sequence[Loss]) -> tuple[list[float], list[float]]:
    return [loss.arrived for loss in losses], [loss.saved for loss in losses]


def _cells(ratios: Sequence[float]) -> list[str]:
    return [f"{ratio:.3f}" for ratio in ratios]


def main() -> None:
    """Measures and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--starts", type=int, default=3)
    options = parser.parse_args()
    network = load_network()
    outcomes = []
    for pair in PAIRS:
        outcomes.append(compare(network, pair, options.starts))
        print(outcomes[-1], flush=True)
    told = facts(PEER_VERSION, precision="fp32", starts=options.starts)
    save("losses", told, {"outcomes": [asdict(outcome) for outcome in outcomes]}, report(outcomes, told))


if __name__ == "__main__":
    main()
