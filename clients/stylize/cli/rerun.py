"""`stylize rerun`: paint again what a painting's file tells."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stylize.cli import completion, options

STDIN = "-"


def rerun(
    painting: Annotated[
        str,
        typer.Argument(
            metavar="PAINTING",
            help="A painting that stylize saved; or the record of a layer painted in GIMP (its parasite `stylized`) as "
            "a JSON file; - reads either from stdin.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="Default: PAINTING.again.png beside it.", show_default=False),
    ] = None,
    photo: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="The photo, if it is not found by itself, or another one.", show_default=False
        ),
    ] = None,
    style: Annotated[
        list[str] | None,
        typer.Option(
            "--style",
            "-s",
            metavar="STYLE",
            help="The styles that are not found by themselves, in their order; or others.",
            show_default=False,
            autocompletion=completion.styles,
        ),
    ] = None,
    mask: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The mask, if it is not found by itself.", show_default=False),
    ] = None,
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
    """Paint a picture again from what its file tells: on the same machine, the same picture.

    A painting names its photo, styles and mask, not their folders: they are looked for beside the painting, in the
    folder above, in the current folder and among your own styles, and are recognised by their sha-256.
    """
    from stylize.cli.failures import errors_as_events
    from stylize.cli.look import Look
    from stylize.cli.orders import FileOptions, file_order
    from stylize.cli.recording import Recorded
    from stylize.cli.session import Session, run
    from stylize.cli.sources import Given, find_sources
    from stylize.errors import InputUnreadable
    from stylize.pictures import check_readable
    from stylize.provenance import parse_provenance, read_provenance
    from stylize.saving import check_output

    with errors_as_events(as_json):
        place = Path() if painting == STDIN else Path(painting).parent
        if painting == STDIN:
            told = parse_provenance(typer.get_binary_stream("stdin").read(), "What came on stdin")
        else:
            told = read_provenance(Path(painting))
        if told.features:
            layer, number = told.features.layer, told.features.filter
            raise InputUnreadable(
                f"{painting} is no painting: it shows what filter {number} of {layer} responds to.",
                remedy=f"Make it again with `stylize features PICTURE... --layer {layer} --filter {number}`.",
            )
        sources = find_sources(told, place, Given(photo, tuple(style or ()), mask))
        if sources.photo is not None:
            check_readable(sources.photo)
        path = out or _default_output(painting, sources.photo)
        check_output(path, overwrite, told.depth)
        look = Look(
            tuple(sources.styles),
            told.preset,
            dict(told.parameters),
            told.seed,
            told.precision,
            told.depth,
            sources.mask,
        )
        session = Session(as_json, quiet, preview=preview, open_after=open_after)
        for note in sources.notes:
            session.say(f"Note: {note}")
        recorded = Recorded(save_every, timelapse, timelapse_every, loss_plot, loss_csv)
        files = FileOptions.of(metadata, overwrite=overwrite, frames=session.wants_frames, recorded=recorded)
        run([file_order(sources.photo, path, look, files)], session)
        if metadata != "none":
            session.say(_comparison(told.parameter_hash, read_provenance(path).parameter_hash))


def _default_output(painting: str, photo: Path | None) -> Path:
    """ "cat.oil.png" becomes "cat.oil.again.png"; of a record, the photo's name is used."""
    path = Path(painting)
    if painting == STDIN or path.suffix == ".json":
        return Path(f"{photo.stem if photo else 'painting'}.again.png")
    return path.with_name(f"{path.stem}.again{path.suffix}")


def _comparison(before: str, now: str) -> str:
    """What the daemon's hashes over everything that went in tell."""
    if not before:
        return "Note: the painting was steered or stopped early, so that this one is alike, not the same."
    if before == now:
        return "Everything that went into it is the same, so on the same machine the picture is."
    return "Note: something that went into it is not the same as before, so the picture is another."
