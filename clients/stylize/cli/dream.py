"""`stylize dream`: what the network fancies to see in a photo; one picture, or a film that falls into it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from stylize.cli import options

PRESET = "dream"
FRAMES = 60
FPS = 12.0


def dream(
    photo: Annotated[Path, typer.Argument(metavar="PHOTO", help="The photo.", show_default=False)],
    layer: Annotated[
        str | None,
        typer.Option(
            metavar="LAYER,...",
            help="What is strengthened: strokes and eyes at relu3_x and relu4_x, beasts and buildings at relu5_x. "
            "Default: the preset's.",
            show_default=False,
        ),
    ] = None,
    zoom: Annotated[
        float | None,
        typer.Option(
            metavar="FACTOR",
            help="Make a film: each picture is the one before it, enlarged by this about its middle, and dreamt on; "
            "such as 1.05.",
            show_default=False,
        ),
    ] = None,
    frames: Annotated[int, typer.Option(metavar="N", help="Pictures of the film.")] = FRAMES,
    fps: Annotated[float, typer.Option(metavar="N", help="Pictures a second of the film.")] = FPS,
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE|FOLDER/",
            help="A picture; of a film .mp4, .webp or .gif, or a folder for numbered pictures. Default: "
            "PHOTO.dream.png or .webp beside the photo.",
            show_default=False,
        ),
    ] = None,
    preset: options.Preset = PRESET,
    size: options.Size = None,
    assignments: options.Assignments = None,
    seed: options.Seed = None,
    precision: options.Precision = None,
    depth: options.Depth = 8,
    metadata: options.MetadataKept = "all",
    preview: options.Preview = False,
    open_after: options.OpenAfter = False,
    overwrite: options.Overwrite = False,
    as_json: options.AsEvents = False,
    quiet: options.Quiet = False,
) -> None:
    """Let the network dream over a photo: what a layer sees a little of, it is made to see more of.

    Ctrl-C stops and keeps what there is.
    """
    from stylize.cli.dream_film import DreamFilm
    from stylize.cli.failures import errors_as_events
    from stylize.cli.look import look_from_options
    from stylize.cli.orders import FileOptions, file_order
    from stylize.cli.session import Session, run
    from stylize.pictures import check_readable
    from stylize.saving import check_output

    with errors_as_events(as_json):
        check_readable(photo)
        look = look_from_options(
            (), preset=preset, assignments=assignments or (), seed=seed, precision=precision, depth=depth, size=size
        )
        if layer is not None:
            look = replace(look, tunables={**look.tunables, "dream_layers": layer})
        session = Session(as_json, quiet, preview=preview, open_after=open_after)
        if zoom is None:
            path = Path(out) if out else photo.with_name(f"{photo.stem}.dream.png")
            check_output(path, overwrite, depth)
            files = FileOptions.of(metadata, overwrite=overwrite, frames=session.wants_frames)
            run([file_order(photo, path, look, files)], session)
        else:
            film = DreamFilm(out or str(photo.with_name(f"{photo.stem}.dream.webp")), zoom, frames, fps, overwrite)
            film.shoot(photo, look, session)
