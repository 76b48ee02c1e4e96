"""`stylize styles`: built-in styles and the user's own."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stylize.cli import completion, options

if TYPE_CHECKING:
    from neuralstyle.v1 import stylize_pb2 as pb
    from stylize.own_styles import OwnStyle

app = typer.Typer(help="List the styles, built-in and your own; keep a picture as a style, or remove it.")

THUMBNAIL_SIDE = 192
"""Pixels, as the daemon makes them of built-in styles."""


@app.callback(invoke_without_command=True)
def styles(
    context: typer.Context,
    sheet: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a picture with all styles, small, with their names."),
    ] = None,
    overwrite: options.Overwrite = False,
    as_json: options.AsJson = False,
) -> None:
    """List the styles, built-in and your own; keep a picture as a style, or remove it."""
    if context.invoked_subcommand:
        return
    from stylize import own_styles
    from stylize.cli.terminal import connected, print_json
    from stylize.plain import plain_message
    from stylize.saving import check_output

    if sheet:
        check_output(sheet, overwrite)
    with connected(quiet=as_json) as client:
        built_in = client.styles()
    completion.remember("styles", [(style.name, style.title) for style in built_in])
    names = {style.name for style in built_in}
    own = [style for style in own_styles.stored() if style.name not in names]
    if sheet:
        _write_sheet(sheet, built_in, own, overwrite)
    if as_json:
        known = [plain_message(style) | {"own": False, "path": None} for style in built_in]
        print_json([*known, *({"name": style.name, "own": True, "path": str(style.path)} for style in own)])
    elif sheet:
        print(sheet)
    else:
        _print_tables(built_in, own)


@app.command()
def add(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The picture.", show_default=False)],
    name: Annotated[
        str,
        typer.Option(metavar="NAME", help="Small letters, digits, - and _; not a built-in one's.", show_default=False),
    ],
    overwrite: options.Overwrite = False,
) -> None:
    """Keep a copy of a picture as a style of your own, for --style NAME."""
    from stylize import own_styles
    from stylize.cli.terminal import connected, messages
    from stylize.pictures import check_readable

    check_readable(file)
    with connected() as client:
        style = own_styles.add(file, name, client.style_names, overwrite=overwrite)
    print(style.path)
    messages().print(f"Use it with [bold]--style {style.name}[/].")


@app.command()
def remove(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="One of your own.",
            show_default=False,
            autocompletion=completion.own_style_names,
        ),
    ],
) -> None:
    """Remove a style of your own. Pictures painted in it stay."""
    from stylize import own_styles

    own_styles.remove(name)
    print(f"{name} is removed.")


def _print_tables(built_in: list[pb.StyleInfo], own: list[OwnStyle]) -> None:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from stylize.cli.terminal import results

    table = Table("Name", "Title", "Artist", "Rights", box=box.SIMPLE_HEAD)
    for style in built_in:
        table.add_row(f"[bold]{style.name}[/]", style.title, style.artist, style.rights)
    console = results()
    console.print(table)
    if own:
        table = Table("Your own", "File", box=box.SIMPLE_HEAD)
        table.columns[1].overflow = "fold"
        for style in own:
            table.add_row(f"[bold]{style.name}[/]", escape(str(style.path)))
        console.print(table)
    else:
        console.print("Keep any picture as a style of your own: stylize styles add FILE --name NAME")


def _write_sheet(path: Path, built_in: list[pb.StyleInfo], own: list[OwnStyle], overwrite: bool) -> None:
    from PIL import Image

    from stylize.cli.sheet_file import save_sheet
    from stylize.contact_sheet import Cell, Heading, gallery
    from stylize.pictures import open_picture, upright_srgb

    cells = [Cell(Image.open(io.BytesIO(style.thumbnail)).convert("RGB"), style.name) for style in built_in]
    for style in own:
        picture = upright_srgb(open_picture(style.path)).convert("RGB")
        picture.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.LANCZOS)
        cells.append(Cell(picture, style.name))
    save_sheet(gallery(cells, Heading("Styles")), path, overwrite=overwrite)
