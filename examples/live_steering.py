"""Changes its mind while the painting forms: more style after a third of the way, the photo's colours after two.

    python live_steering.py                        # watch forming.png while it runs
    python live_steering.py cat.jpg --style monet.jpg --at 50:strength=0.9 --at 80:style_weight=20

What it shows: a job is steered by `Client.update`, from the next step on and without starting again; previews; and that
the painting keeps a record of the values that it ended with.
"""

from __future__ import annotations

import argparse
import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import stylize

PREVIEW_SIDE = 512
DEFAULT_TURNS = ("33:strength=0.8", "66:color=0")


@dataclass(frozen=True)
class Turn:
    """A change of a weight at some point of the way."""

    percent: float
    name: str
    value: str

    @classmethod
    def parse(cls, text: str) -> Turn:
        """From "50:strength=0.9"."""
        percent, _, assignment = text.partition(":")
        name, _, value = assignment.partition("=")
        try:
            return cls(float(percent), name, value)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not of the form PERCENT:name=value") from None


def main(photo: Path, style: str, turns: list[Turn], out: Path, forming: Path, **settings: Any) -> None:
    """Paints, steers, writes the newest preview to `forming` and the painting to `out`.

    settings: size and iterations, for `Client.stylize`.
    """
    ahead = sorted(turns, key=lambda turn: turn.percent)
    with (
        stylize.Client.connect() as client,
        client.stylize(photo, style, "draft", preview=PREVIEW_SIDE, **settings) as job,
    ):
        for event in job:
            match event:
                case stylize.Frame():
                    event.image().save(forming)
                case stylize.Progress():
                    print(f"{event.iteration}/{event.iterations} loss {event.loss:.3g}")
                    while ahead and event.iteration >= ahead[0].percent / 100 * event.iterations:
                        turn = ahead.pop(0)
                        print(f"{turn.name} becomes {turn.value}")
                        with contextlib.suppress(stylize.NotFound):  # it is at its end already
                            client.update(str(job.job_id), **{turn.name: turn.value})
                case stylize.Summary():
                    told = (f"{turn.name} {event.parameters[turn.name]:g}" for turn in turns)
                    print("it ended with", ", ".join(told))
        print(job.save(out, overwrite=True))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photo", nargs="?", type=Path, default=stylize.SAMPLE_PHOTO, help="default: a sample photo")
    parser.add_argument("--style", default="oil", help="name or picture; default: oil")
    parser.add_argument(
        "--at",
        type=Turn.parse,
        action="append",
        metavar="PERCENT:NAME=VALUE",
        help="a weight, strength or color that changes on the way; may be repeated; "
        f"default: {' and '.join(map(str, DEFAULT_TURNS))}",
    )
    parser.add_argument("--out", type=Path, default=Path("steered.png"), help="default: steered.png")
    parser.add_argument("--forming", type=Path, default=Path("forming.png"), help="preview; default: forming.png")
    parser.add_argument("--size", type=int, default=384, help="long side in pixels; default: 384")
    parser.add_argument("--iterations", type=int, help="steps; default: the preset's")
    options = parser.parse_args()
    turns = options.at or [Turn.parse(text) for text in DEFAULT_TURNS]
    try:
        main(
            options.photo,
            options.style,
            turns,
            options.out,
            options.forming,
            size=options.size,
            iterations=options.iterations,
        )
    except stylize.StylizeError as error:
        raise SystemExit(f"{error} {error.remedy}") from None
