"""`stylize image`: photos become paintings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stylize.cli import options


def image(
    photos: Annotated[
        list[str],
        typer.Argument(
            metavar="PHOTO",
            help="Photos, folders of photos, or patterns such as '*.jpg'. Paintings of ours among them are left out.",
            show_default=False,
        ),
    ],
    style: options.Styles,
    style_weight: options.StyleWeights = None,
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE|FOLDER/",
            help="Where the painting goes: .png, .jpg, .webp or .tif; for several photos a folder, which is made if it "
            "is missing. Default: PHOTO.STYLE.png beside each photo.",
            show_default=False,
        ),
    ] = None,
    preset: options.Preset = None,
    size: options.Size = None,
    strength: options.Strength = None,
    style_scale: options.StyleScale = None,
    colors: options.Colours = None,
    mask: options.Mask = None,
    init: options.Init = None,
    style_mask: options.StyleMasks = None,
    style_source_mask: options.StyleSourceMasks = None,
    assignments: options.Assignments = None,
    seed: options.Seed = None,
    precision: options.Precision = None,
    depth: options.Depth = 8,
    metadata: options.MetadataKept = "all",
    preview: options.Preview = False,
    preview_to: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Rewrite this picture as the painting forms.")
    ] = None,
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
    """Paint photos in the manner of a style.

    Ctrl-C stops and keeps the painting as it is; a second one discards it.
    """
    from stylize.cli.failures import errors_as_events
    from stylize.cli.look import look_from_options
    from stylize.cli.orders import FileOptions, file_orders
    from stylize.cli.photos import find_photos
    from stylize.cli.recording import Recorded
    from stylize.cli.session import Session, check_preview_file, run

    with errors_as_events(as_json):
        # All that can be refused without a daemon is refused before one is started.
        found = find_photos(photos)
        look = look_from_options(
            style,
            style_weight or (),
            preset=preset,
            assignments=assignments or (),
            colours=colors,
            seed=seed,
            precision=precision,
            depth=depth,
            mask=mask,
            init_image=init,
            style_masks=style_mask or (),
            source_masks=style_source_mask or (),
            size=size,
            strength=strength,
            style_scale=style_scale,
        )
        check_preview_file(preview_to, overwrite)
        session = Session(as_json, quiet, preview=preview, preview_file=preview_to, open_after=open_after)
        recorded = Recorded(save_every, timelapse, timelapse_every, loss_plot, loss_csv)
        recorded.check(len(found.photos))
        files = FileOptions.of(metadata, overwrite=overwrite, frames=session.wants_frames, recorded=recorded)
        orders, refused = file_orders(found, look, out, files)
        if found.paintings:
            session.say(f"Left out: {_number(len(found.paintings), 'painting')} made by stylize.")
        run(orders, session, refused)


def _number(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"
