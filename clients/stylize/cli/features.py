"""`stylize features`: what a filter of the network responds to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stylize.cli import options

if TYPE_CHECKING:
    from stylize.client import Client
    from stylize.job import Job

LAYER = "relu3_1"


def features(
    pictures: Annotated[
        list[str],
        typer.Argument(
            metavar="PICTURE",
            help="The pictures to look through: files, folders, or patterns such as '*.jpg'.",
            show_default=False,
        ),
    ],
    layer: Annotated[str, typer.Option(metavar="LAYER", help="Such as relu3_1.")] = LAYER,
    number: Annotated[int, typer.Option("--filter", metavar="N", help="Filter of the layer, from 0.")] = 0,
    count: Annotated[int | None, typer.Option(metavar="N", help="Responses to show. Default: 9.")] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="Default: LAYER-N.png here.", show_default=False),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(metavar="PIXELS", help="Long side to which larger pictures are scaled down before."),
    ] = None,
    assignments: options.Assignments = None,
    open_after: options.OpenAfter = False,
    overwrite: options.Overwrite = False,
    as_json: options.AsEvents = False,
    quiet: options.Quiet = False,
) -> None:
    """Show what a filter of the network responds to.

    Its strongest responses to the pictures, each projected back to pixels, and beside them the parts of the pictures
    that caused them (Zeiler and Fergus 2014).
    """
    from stylize.cli.failures import errors_as_events
    from stylize.cli.look import look_from_options
    from stylize.cli.orders import FileOptions, save
    from stylize.cli.painting import Order
    from stylize.cli.photos import find_photos
    from stylize.cli.session import Session, run
    from stylize.pictures import check_readable
    from stylize.saving import check_output

    with errors_as_events(as_json):
        found = find_photos(pictures).photos
        for picture in found:
            check_readable(picture)
        tunables = look_from_options((), assignments=assignments or (), size=size).tunables
        path = out or Path(f"{layer}-{number}.png")
        check_output(path, overwrite)
        files = FileOptions.of(overwrite=overwrite)

        def begin(client: Client) -> Job:
            return client.visualize_features(list(found), layer, number, count=count, **tunables)

        order = Order(f"{layer}, filter {number}", begin, lambda job: save(job, path, files))
        run([order], Session(as_json, quiet, open_after=open_after))
