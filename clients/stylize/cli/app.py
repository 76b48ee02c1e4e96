"""The tree of commands."""

from __future__ import annotations

from typing import Annotated

import typer

from stylize.cli import (
    daemon,
    demo,
    doctor,
    dream,
    features,
    gimp,
    going_on,
    image,
    presets,
    reconstruct,
    rerun,
    sheet,
    styles,
    texture,
    watch,
)
from stylize.cli.failures import ReportingGroup

app = typer.Typer(
    name="stylize",
    cls=ReportingGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Paint photos in the manner of paintings. The painting daemon is started when it is needed.",
    epilog="First try: stylize demo",
)
app.command("image")(image.image)
app.command("rerun")(rerun.rerun)
app.command("continue")(going_on.going_on)
app.command("sheet")(sheet.sheet)
app.command("texture")(texture.texture)
app.command("reconstruct")(reconstruct.reconstruct)
app.command("dream")(dream.dream)
app.command("features")(features.features)
app.command("demo")(demo.demo)
app.command("watch")(watch.watch)
app.add_typer(styles.app, name="styles")
app.add_typer(presets.app, name="presets")
app.add_typer(daemon.app, name="daemon")
app.add_typer(gimp.app, name="gimp")
app.command("doctor")(doctor.doctor)


def _print_version(wanted: bool) -> None:
    if wanted:
        from stylize.version import client_version

        typer.echo(f"stylize {client_version()}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Options of all commands; `ReportingGroup` reads `debug`."""
