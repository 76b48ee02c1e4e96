"""`stylize rerun`: paint again what a painting's file tells."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stylize.cli import completion, options

if TYPE_CHECKING:
    from stylize.provenance import Provenance

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
    init: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The picture that it started from, if it is not found by itself; or one to start from in place of a "
            "painting that it went on from.",
            show_default=False,
        ),
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

    A painting names its photo, styles, mask and start, not their folders: they are looked for beside the painting, in
    the folder above, in the current folder and among your own styles, and are recognised by their sha-256. One that
    went on from another painting (`stylize continue`) does so again, if the daemon still keeps where that stood.
    """
    from stylize.cli.failures import errors_as_events
    from stylize.cli.look import Look
    from stylize.cli.orders import FileOptions, file_order
    from stylize.cli.recording import Recorded
    from stylize.cli.session import Session, run
    from stylize.cli.sources import Given, find_sources, start_values
    from stylize.pictures import check_readable
    from stylize.provenance import parse_provenance, read_provenance
    from stylize.saving import check_output

    with errors_as_events(as_json):
        place = Path() if painting == STDIN else Path(painting).parent
        if painting == STDIN:
            told = parse_provenance(typer.get_binary_stream("stdin").read(), "What came on stdin")
        else:
            told = read_provenance(Path(painting))
        sources = find_sources(told, place, Given(photo, tuple(style or ()), mask, init))
        if sources.photo is not None:
            check_readable(sources.photo)
        path = out or _default_output(painting, sources.photo)
        check_output(path, overwrite, told.depth)
        look = Look(
            tuple(sources.styles),
            told.preset,
            {**told.parameters, **start_values(told, sources.init_image)},
            told.seed,
            told.precision,
            told.depth,
            sources.mask,
            sources.init_image,
            sources.resume_from,
        )
        session = Session(as_json, quiet, preview=preview, open_after=open_after)
        for note in sources.notes:
            session.say(f"Note: {note}")
        recorded = Recorded(save_every, timelapse, timelapse_every, loss_plot, loss_csv)
        files = FileOptions.of(metadata, overwrite=overwrite, frames=session.wants_frames, recorded=recorded)
        run([file_order(sources.photo, path, look, files)], session)
        if metadata != "none":
            session.say(_comparison(told, read_provenance(path)))


def _default_output(painting: str, photo: Path | None) -> Path:
    """ "cat.oil.png" becomes "cat.oil.again.png"; of a record, the photo's name is used."""
    path = Path(painting)
    if painting == STDIN or path.suffix == ".json":
        return Path(f"{photo.stem if photo else 'painting'}.again.png")
    return path.with_name(f"{path.stem}.again{path.suffix}")


def _comparison(before: Provenance, now: Provenance) -> str:
    """What the daemon's hashes over everything that went in tell; there are none of what went on from a painting."""
    if now.resumed_from:
        return f"It went on from {now.resumed_from}, as before: if nothing else was changed, it is the same."
    if before.resumed_from:
        return "Note: it started anew from a picture, so this one is alike, not the same."
    if not before.parameter_hash:
        return "Note: the painting was steered or stopped early, so that this one is alike, not the same."
    if before.parameter_hash == now.parameter_hash:
        return "Everything that went into it is the same, so on the same machine the picture is."
    return "Note: something that went into it is not the same as before, so the picture is another."
