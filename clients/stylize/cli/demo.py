"""`stylize demo`: the first picture, without any choice to make."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stylize.sample import SAMPLE_PHOTO

STYLE = "mosaic"
PRESET = "draft"


def demo(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Where the picture goes; made if it is missing.")
    ] = Path("demo"),
    as_json: Annotated[bool, typer.Option("--json", help="Print one event a line, as JSON, and nothing else.")] = False,
) -> None:
    """Paint the sample photo in a built-in style."""
    from stylize.cli.failures import errors_as_events
    from stylize.cli.look import Look, LookStyle
    from stylize.cli.orders import FileOptions, file_order
    from stylize.cli.photos import default_output
    from stylize.cli.session import Session, run
    from stylize.cli.terminal import connected, messages
    from stylize.errors import OutputUnwritable

    with errors_as_events(as_json):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputUnwritable(f"The folder {folder} cannot be made: {error.strerror}.") from error
        with connected(quiet=as_json) as client:
            style = STYLE if STYLE in client.style_names else client.style_names[0]
        # The demo may be run again: only its own picture is replaced.
        path = default_output(SAMPLE_PHOTO, [style], folder)
        look = Look((LookStyle(style),), PRESET)
        run([file_order(SAMPLE_PHOTO, path, look, FileOptions(overwrite=True))], Session(as_json))
        if not as_json:
            messages().print(f"Now your own photo: [bold]stylize image PHOTO --style {style}[/]")
