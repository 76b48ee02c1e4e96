"""`stylize sheet`: one photo in many ways, side by side."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stylize.cli import completion, options

if TYPE_CHECKING:
    from PIL import Image

    from stylize.cli.look import Look
    from stylize.cli.painting import Order
    from stylize.client import Client
    from stylize.job import Job

PRESET = "draft"
"""A sheet is for choosing: it need not be painted to the end."""
SEED = 0
"""The same for all pictures, so that only what varies differs."""
MOST_PICTURES = 100
ALL = "all"


@dataclass(frozen=True)
class Choice:
    """One value of what varies."""

    label: str
    changes: dict[str, Any]
    """Fields of `Look` and tunables that it sets."""


@dataclass(frozen=True)
class Axis:
    """One thing that varies."""

    name: str
    choices: tuple[Choice, ...]


def sheet(
    photo: Annotated[Path, typer.Argument(metavar="PHOTO", help="The photo to paint.", show_default=False)],
    style: Annotated[
        list[str] | None,
        typer.Option(
            "--style",
            "-s",
            metavar="STYLE",
            help="A picture file, or the name of a style, for all pictures. Several are mixed.",
            autocompletion=completion.styles,
        ),
    ] = None,
    styles: Annotated[
        str | None,
        typer.Option(
            metavar="all|A,B,...", help="A picture for each of these styles, or for all that `stylize styles` lists."
        ),
    ] = None,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=A,B,...",
            help="A picture for each of these values, such as strength=0.2,0.5,0.8 or style_scale=0.5,1,2: any "
            "tunable, preset or seed. Two things that vary make a table.",
            autocompletion=completion.assignments,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="Default: PHOTO.sheet.png beside it.", show_default=False),
    ] = None,
    preset: options.Preset = PRESET,
    size: options.Size = None,
    colors: options.Colours = None,
    assignments: options.Assignments = None,
    seed: options.Seed = SEED,
    precision: options.Precision = None,
    open_after: options.OpenAfter = False,
    overwrite: options.Overwrite = False,
    as_json: options.AsEvents = False,
    quiet: options.Quiet = False,
) -> None:
    """Paint a contact sheet: a photo in several styles, strengths, or values of anything else.

    Ctrl-C leaves the rest of the sheet empty; a second one leaves no sheet.
    """
    from stylize.cli.failures import errors_as_events
    from stylize.cli.look import look_from_options
    from stylize.cli.session import Session, run
    from stylize.cli.sheet_file import assembling
    from stylize.cli.terminal import connected
    from stylize.pictures import check_readable
    from stylize.saving import check_output

    with errors_as_events(as_json):
        check_readable(photo)
        path = out or photo.with_name(f"{photo.stem}.sheet.png")
        check_output(path, overwrite)
        axes = [_axis(text) for text in vary or ()]
        _check_choice(style, styles, axes)
        look = look_from_options(
            style or [],
            preset=preset,
            assignments=assignments or (),
            colours=colors,
            seed=seed,
            precision=precision,
            size=size,
        )
        if styles is not None:
            with connected(quiet=quiet or as_json) as client:
                axes.insert(0, _style_axis(styles, client))
        pictures: dict[str, Image.Image] = {}
        cells = _cells(axes)
        orders = [_order(label, photo, look, changes, pictures) for label, changes in cells]
        session = Session(as_json, quiet, open_after=open_after, thing="picture")

        arrange = functools.partial(_arranged, axes, pictures, photo, _fixed_text(look))
        run(orders, session, assemble=assembling(path, pictures, arrange, overwrite=overwrite))


def _axis(text: str) -> Axis:
    from stylize.tunables import build_tunables, parse_assignment

    name, _, values = text.partition("=")
    fields = {"preset": str, "seed": int}
    if name not in fields:
        name, values = parse_assignment(text)
    choices = []
    for value in (part.strip() for part in values.split(",")):
        try:
            changes = {name: fields[name](value) if name in fields else value}
        except ValueError:
            raise typer.BadParameter(f"{value!r} is no {name}.", param_hint="--vary") from None
        if name not in fields:
            build_tunables(changes)
        choices.append(Choice(f"{name} {value}", changes))
    return Axis(name, tuple(choices))


def _style_axis(styles: str, client: Client) -> Axis:
    from stylize import own_styles
    from stylize.cli.look import LookStyle
    from stylize.style_names import resolve_style

    names = [part.strip() for part in styles.split(",") if part.strip()]
    if names == [ALL]:
        own = [style.name for style in own_styles.stored() if style.name not in client.style_names]
        names = [*client.style_names, *own]
    for name in names:
        resolve_style(name, client.style_names)
    return Axis("style", tuple(Choice(Path(name).stem, {"styles": (LookStyle(name),)}) for name in names))


def _check_choice(style: list[str] | None, styles: str | None, axes: list[Axis]) -> None:
    if bool(style) == (styles is not None):
        raise typer.BadParameter("Give either --style, for all pictures, or --styles, to compare them.")
    count = len(axes) + (styles is not None)
    if count not in (1, 2):
        raise typer.BadParameter(
            f"{count or 'No'} things vary; a sheet shows one or two: --styles A,B or --vary NAME=A,B.",
            param_hint="--vary",
        )
    if len({axis.name for axis in axes}) < len(axes):
        raise typer.BadParameter(f"{axes[0].name} varies twice.", param_hint="--vary")


def _cells(axes: Sequence[Axis]) -> list[tuple[str, dict[str, Any]]]:
    """Label and changes of every picture, row by row."""
    cells: list[tuple[str, dict[str, Any]]] = [("", {})]
    for axis in reversed(axes):  # the first runs along the rows
        cells = [
            (f"{label}, {choice.label}".lstrip(", "), {**changes, **choice.changes})
            for label, changes in cells
            for choice in axis.choices
        ]
    if len(cells) > MOST_PICTURES:
        raise typer.BadParameter(
            f"That makes {len(cells)} pictures, more than the {MOST_PICTURES} of one sheet.", param_hint="--vary"
        )
    return cells


def _order(label: str, photo: Path, look: Look, changes: dict[str, Any], pictures: dict[str, Image.Image]) -> Order:
    from dataclasses import fields, replace

    from stylize.cli.sheet_file import picture_order

    known = {field.name for field in fields(look)}
    own = replace(look, **{name: value for name, value in changes.items() if name in known})
    tunables = {name: value for name, value in changes.items() if name not in known}

    def begin(client: Client) -> Job:
        return own.begin(client, photo, batch=True, **tunables)

    return picture_order(label, begin, pictures)


def _fixed_text(look: Look) -> str:
    """What all pictures have in common."""
    styles = " + ".join(Path(style.name).stem for style in look.styles)
    values = [f"{name} {value}" for name, value in look.tunables.items()]
    preset = f"preset {look.preset}" if look.preset else ""
    return ", ".join(part for part in (styles, preset, *values) if part)


def _arranged(axes: Sequence[Axis], pictures: dict[str, Image.Image], photo: Path, subtitle: str) -> Image.Image:
    from stylize.contact_sheet import Cell, Heading, gallery, table
    from stylize.pictures import open_picture, upright_srgb

    heading = Heading(photo.name, subtitle, upright_srgb(open_picture(photo)))
    labels = [label for label, _ in _cells(axes)]
    cells = [Cell(pictures.get(label), label) for label in labels]
    if len(axes) == 1:
        return gallery(cells, heading)
    across, down = axes
    width = len(across.choices)
    rows = [cells[start : start + width] for start in range(0, len(cells), width)]
    columns = [choice.label for choice in across.choices]
    return table(rows, columns, [choice.label for choice in down.choices], heading)
