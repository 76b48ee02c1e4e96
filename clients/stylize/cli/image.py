"""`stylize image`: one photo, one painting."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer


def image(
    photo: Annotated[Path, typer.Argument(metavar="PHOTO", help="The photo to paint.", show_default=False)],
    style: Annotated[
        list[str],
        typer.Option(
            "--style",
            "-s",
            metavar="STYLE",
            help="A picture file, or the name of a built-in style (`stylize styles`). Several are mixed.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="Where the painting goes: .png, .jpg, .webp or .tif. Default: PHOTO.STYLE.png beside the photo.",
            show_default=False,
        ),
    ] = None,
    size: Annotated[
        int | None, typer.Option(metavar="PIXELS", help="Long side of the painting.", show_default=False)
    ] = None,
    preset: Annotated[
        str | None, typer.Option(metavar="NAME", help="Which values to start from (`stylize presets`).")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(metavar="N", help="The same seed gives the same painting on the same machine.")
    ] = None,
    precision: Annotated[
        str | None, typer.Option(metavar="KIND", help="Arithmetic of the network: auto, fp32 or bf16.")
    ] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="Any other value of the preset, such as iterations=200 (`stylize presets NAME` lists them).",
        ),
    ] = None,
    preview_to: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Rewrite this picture as the painting forms.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that are there already.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one event a line, as JSON, and nothing else.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print only the painting's path, and errors.")] = False,
) -> None:
    """Paint a photo in the manner of a style."""
    from neuralstyle.v1 import stylize_pb2 as pb
    from stylize.cli.failures import errors_as_events
    from stylize.cli.painting import PREVIEW_SIDE, Output, run
    from stylize.cli.terminal import connected
    from stylize.pictures import check_readable
    from stylize.saving import check_output
    from stylize.tunables import parse_choice

    with errors_as_events(as_json):
        # All that can be refused without a daemon is refused before one is started.
        check_readable(photo)
        path = out or default_output(photo, style)
        check_output(path, overwrite)
        if preview_to:
            check_output(preview_to, overwrite)
        tunables = _tunables(size, assignments or [])
        if precision is not None:
            parse_choice(pb.Precision.DESCRIPTOR, precision, "precision")
        with connected(quiet=quiet or as_json) as client:
            job = client.stylize(
                photo,
                style,
                preset,
                seed=seed,
                precision=precision,
                preview=PREVIEW_SIDE if preview_to else None,
                **tunables,
            )
            run(job, Output(path, overwrite, preview_to, as_json, quiet))


def default_output(photo: Path, styles: list[str]) -> Path:
    """Beside the photo: "cat.jpg" in "woodblock" and "oil.jpg" becomes "cat.woodblock+oil.png"."""
    return photo.with_name(f"{photo.stem}.{'+'.join(Path(style).stem for style in styles)}.png")


def _tunables(size: int | None, assignments: list[str]) -> dict[str, Any]:
    from stylize.tunables import build_tunables, parse_assignment

    tunables: dict[str, Any] = dict(parse_assignment(assignment) for assignment in assignments)
    if size is not None:
        if "size" in tunables:
            raise typer.BadParameter("The size is given twice.", param_hint="--size")
        tunables["size"] = size
    build_tunables(tunables)
    return tunables
