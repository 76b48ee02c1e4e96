"""`stylize texture`: a style without a photo."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stylize.cli import completion, options

PRESET = "texture"


def texture(
    styles: Annotated[
        list[str],
        typer.Argument(
            metavar="STYLE",
            help="Picture files, or names of styles (`stylize styles`). Several are mixed.",
            show_default=False,
            autocompletion=completion.styles,
        ),
    ],
    style_weight: options.ArgumentWeights = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="Default: STYLE.texture.png here.", show_default=False),
    ] = None,
    preset: options.Preset = PRESET,
    size: options.Size = None,
    style_scale: options.StyleScale = None,
    assignments: options.Assignments = None,
    seed: options.Seed = None,
    precision: options.Precision = None,
    depth: options.Depth = 8,
    metadata: options.MetadataKept = "all",
    preview: options.Preview = False,
    save_every: options.SaveEvery = None,
    timelapse: options.Timelapse = None,
    timelapse_every: options.TimelapseEvery = options.TIMELAPSE_EVERY,
    loss_plot: options.LossPlot = None,
    loss_csv: options.LossCsv = None,
    open_after: options.OpenAfter = False,
    overwrite: options.Overwrite = False,
    as_json: options.AsEvents = False,
    quiet: options.Quiet = False,
) -> None:
    """Paint a texture like a style, out of noise: the style's strokes and colours, nothing of what it shows.

    It has the shape of the first style; --size may be more than the style has.
    """
    from stylize.cli.failures import errors_as_events
    from stylize.cli.look import look_from_options
    from stylize.cli.orders import FileOptions, file_order
    from stylize.cli.recording import Recorded
    from stylize.cli.session import Session, run
    from stylize.saving import check_output

    with errors_as_events(as_json):
        look = look_from_options(
            styles,
            style_weight or (),
            preset=preset,
            assignments=assignments or (),
            seed=seed,
            precision=precision,
            depth=depth,
            size=size,
            style_scale=style_scale,
        )
        path = out or Path(f"{'+'.join(Path(style).stem for style in styles)}.texture.png")
        check_output(path, overwrite, depth)
        session = Session(as_json, quiet, preview=preview, open_after=open_after)
        recorded = Recorded(save_every, timelapse, timelapse_every, loss_plot, loss_csv)
        files = FileOptions.of(metadata, overwrite=overwrite, frames=session.wants_frames, recorded=recorded)
        run([file_order(None, path, look, files)], session)
