"""`stylize continue`: paint on where a painting stands."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stylize.cli import completion, options

if TYPE_CHECKING:
    from stylize.provenance import Provenance


def going_on(
    painting: Annotated[
        Path,
        typer.Argument(
            metavar="PAINTING",
            help="A painting that stylize saved; one that was stopped with Ctrl-C, too.",
            show_default=False,
        ),
    ],
    iterations: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Steps to go on. Default: as many as it has, or what is left of them if it was stopped.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="Default: PAINTING.continued.png beside it. PAINTING itself only with --overwrite.",
            show_default=False,
        ),
    ] = None,
    photo: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The photo, if it is not found by itself; or another one of its proportions.",
            show_default=False,
        ),
    ] = None,
    style: Annotated[
        list[str] | None,
        typer.Option(
            "--style",
            "-s",
            metavar="STYLE",
            help="The styles that are not found by themselves, in their order; or others, if all of them are built in.",
            show_default=False,
            autocompletion=completion.styles,
        ),
    ] = None,
    style_weight: options.ArgumentWeights = None,
    size: options.Size = None,
    strength: options.Strength = None,
    style_scale: options.StyleScale = None,
    colors: options.Colours = None,
    mask: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The mask, if it is not found by itself; or another one."),
    ] = None,
    init: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Start from this picture, such as PAINTING itself, when the daemon no longer keeps where the painting "
            "stood: without what the optimiser knew.",
            show_default=False,
        ),
    ] = None,
    assignments: options.Assignments = None,
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
    """Paint on where a painting stands, for more steps or with other values, at its full size.

    Photo, styles and mask are found as by `stylize rerun`, and what is not said stays as it was. The daemon keeps the
    last few paintings with what the optimiser knew of them, as memory allows, until it restarts. Without that it begins
    nothing; --init goes on from the picture alone.
    """
    from dataclasses import replace

    from stylize.cli.failures import errors_as_events
    from stylize.cli.look import look_from_options
    from stylize.cli.orders import FileOptions, file_order
    from stylize.cli.recording import Recorded
    from stylize.cli.session import Session, run
    from stylize.cli.sources import Given, find_sources, start_values
    from stylize.pictures import check_readable
    from stylize.provenance import read_provenance
    from stylize.request import open_resumed
    from stylize.saving import check_output

    with errors_as_events(as_json):
        told = read_provenance(painting)
        # From here on it is as if the painting that is asked for told of itself.
        told = replace(told, resumed_from=open_resumed(painting), init_image=None)
        sources = find_sources(told, painting.parent, Given(photo, tuple(style or ()), mask, init))
        for found in (sources.photo, sources.mask):
            if found is not None:
                check_readable(found)
        changed = look_from_options(
            [style.name for style in sources.styles],
            style_weight or (),
            assignments=assignments or (),
            colours=colors,
            depth=told.depth,
            iterations=iterations,
            size=size,
            strength=strength,
            style_scale=style_scale,
        )
        path = out or painting.with_name(f"{painting.stem}.continued{painting.suffix}")
        check_output(path, overwrite, told.depth)
        look = replace(
            changed,
            styles=tuple(
                replace(style, weight=weighed.weight or style.weight)
                for style, weighed in zip(sources.styles, changed.styles, strict=True)
            ),
            preset=told.preset,
            tunables={
                **told.parameters,
                "iterations": _iterations(told),
                **start_values(told, init),
                **changed.tunables,
            },
            seed=told.seed,
            precision=told.precision,
            mask=sources.mask,
            init_image=sources.init_image,
            resume_from=sources.resume_from,
        )
        session = Session(as_json, quiet, preview=preview, open_after=open_after)
        for note in sources.notes:
            session.say(f"Note: {note}")
        recorded = Recorded(save_every, timelapse, timelapse_every, loss_plot, loss_csv)
        files = FileOptions.of(metadata, overwrite=overwrite, frames=session.wants_frames, recorded=recorded)
        run([file_order(sources.photo, path, look, files)], session)


def _iterations(told: Provenance) -> int:
    """What is left of a painting that was stopped early, else as many as it has."""
    done = int(str(told.parameters["iterations"]))
    return told.iterations_asked - done if told.iterations_asked > done else done
