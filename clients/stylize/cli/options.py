"""Options that several commands have, each in one place. What the contract says of a tunable is its help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from neuralstyle.v1.comments import FIELD_COMMENTS
from stylize.cli import completion

TUNABLES = "Tunables."
TIMELAPSE_EVERY = 10
"""As `stylize.recording.timelapse.EVERY`, which `--help` does not wait for."""


def tunable_help(name: str) -> str:
    """What the contract says of it."""
    return FIELD_COMMENTS[TUNABLES + name]


def tunable_names() -> list[str]:
    """In the order of the contract."""
    return [name.removeprefix(TUNABLES) for name in FIELD_COMMENTS if name.startswith(TUNABLES)]


Styles = Annotated[
    list[str],
    typer.Option(
        "--style",
        "-s",
        metavar="STYLE",
        help="A picture file, or the name of a style (`stylize styles`). Several are mixed.",
        show_default=False,
        autocompletion=completion.styles,
    ),
]
StyleWeights = Annotated[
    list[float] | None,
    typer.Option(
        "--style-weight",
        metavar="N",
        help="One for each --style, in their order: " + FIELD_COMMENTS["Style.weight"],
        show_default=False,
    ),
]
ArgumentWeights = Annotated[
    list[float] | None,
    typer.Option(
        "--style-weight",
        metavar="N",
        help="One for each style, in their order: " + FIELD_COMMENTS["Style.weight"],
        show_default=False,
    ),
]
Preset = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|FILE.toml",
        help="Which values to start from: the name of a preset (`stylize presets`), or a file of your own "
        "(`stylize presets new`).",
        autocompletion=completion.presets,
    ),
]
Size = Annotated[int | None, typer.Option(metavar="PIXELS", help=tunable_help("size"), show_default=False)]
Strength = Annotated[float | None, typer.Option(metavar="0..1", help=tunable_help("strength"), show_default=False)]
StyleScale = Annotated[
    float | None, typer.Option(metavar="FACTOR", help=tunable_help("style_scale"), show_default=False)
]
Colours = Annotated[
    str | None,
    typer.Option(
        "--colors",
        metavar="keep|style",
        help="keep: the photo's colours stay, and only brightness is painted. style: the style's colours. "
        "Between the two: --set color=0.5.",
        show_default=False,
        autocompletion=completion.colours,
    ),
]
Assignments = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help=f"Any value of the preset, such as iterations=200: {', '.join(tunable_names())}. "
        "`stylize presets show NAME` shows their values and says what they are.",
        autocompletion=completion.assignments,
    ),
]
Seed = Annotated[
    int | None, typer.Option(metavar="N", help="The same seed gives the same painting on the same machine.")
]
Precision = Annotated[
    str | None,
    typer.Option(
        metavar="KIND",
        help="Arithmetic of the network: auto, fp32 or bf16.",
        autocompletion=completion.precisions,
    ),
]
Depth = Annotated[
    int,
    typer.Option(metavar="BITS", help="Bits a sample: 8, or 16 for PNG and TIFF, which then stay in sRGB."),
]
MetadataKept = Annotated[
    str,
    typer.Option(
        "--metadata",
        metavar="all|profile|none",
        help="What the file holds besides the pixels. all: the photo's profile and EXIF data, and how it was painted. "
        "profile: the same without EXIF data, so without camera and place. none: nothing; `stylize rerun` cannot "
        "paint it again.",
        autocompletion=completion.metadata,
    ),
]
Mask = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="A picture of the photo's shape: white is painted, black stays the photo, gray mixes.",
        show_default=False,
    ),
]
Init = Annotated[
    Path | None,
    typer.Option(
        "--init",
        metavar="FILE",
        help="A picture to start from, in place of what the preset starts from; scaled to the painting. With "
        "--set pyramid_factor=1 its detail stays: there are then no coarser sizes.",
        show_default=False,
    ),
]
StyleMasks = Annotated[
    list[str] | None,
    typer.Option(
        "--style-mask",
        metavar="FILE",
        help="Where a style goes, white on black in the photo's shape: one for each --style, in their order; - for one "
        "that goes where the others do not.",
        show_default=False,
    ),
]
StyleSourceMasks = Annotated[
    list[str] | None,
    typer.Option(
        "--style-source-mask",
        metavar="FILE",
        help="Which part of a style picture counts, white on black in its shape: one for each --style, in their order; "
        "- for all of it.",
        show_default=False,
    ),
]
SaveEvery = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=1,
        help="Save a numbered picture every N steps, in a folder beside the painting: oil.png has oil.steps/0050.png. "
        "At most 1024 pixels; PNG up to 512, JPEG above.",
        show_default=False,
    ),
]
Timelapse = Annotated[
    str | None,
    typer.Option(
        metavar="FILE|.mp4",
        help="Make a film of the painting as it forms: .mp4 (needs stylized[record]), .webp or .gif. The ending alone "
        "puts it beside the painting, also of many photos: oil.png has oil.timelapse.mp4.",
        show_default=False,
    ),
]
TimelapseEvery = Annotated[
    int,
    typer.Option(metavar="N", min=1, help="Steps from one picture of the film to the next; it shows ten a second."),
]
LossPlot = Annotated[
    str | None,
    typer.Option(
        metavar="FILE|.png",
        help="Draw the course of the losses: .png, .svg or .pdf (needs stylized[record]). The ending alone puts it "
        "beside the painting: oil.loss.png.",
        show_default=False,
    ),
]
LossCsv = Annotated[
    str | None,
    typer.Option(
        metavar="FILE|.csv",
        help="Write every term of the loss, step by step, as a table. The ending alone puts it beside the painting: "
        "oil.loss.csv.",
        show_default=False,
    ),
]
Preview = Annotated[
    bool,
    typer.Option(
        "--preview",
        help="Show the painting in the terminal as it forms: as a picture where the terminal can, else in colored "
        "blocks.",
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace files that are there already.")]
AsEvents = Annotated[bool, typer.Option("--json", help="Print one event a line, as JSON, and nothing else.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print only the paintings' paths, and errors.")]
OpenAfter = Annotated[bool, typer.Option("--open", help="Show what was painted in the desktop's picture viewer.")]
