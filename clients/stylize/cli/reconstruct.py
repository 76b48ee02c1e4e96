"""`stylize reconstruct`: what a layer of the network keeps of a photo, and of a style."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stylize.cli import completion, options

if TYPE_CHECKING:
    from PIL import Image

    from stylize.cli.look import Look
    from stylize.cli.painting import Order
    from stylize.client import Client
    from stylize.job import Job

PRESET = "reconstruct"
LAYER = "relu4_2"
SEED = 0
"""The same noise for all layers, so that only the layer differs."""


@dataclass(frozen=True)
class Subject:
    """What is reconstructed: a photo from its features, or a style from its statistics."""

    name: str
    photo: Path | None
    look: Look
    weighted: str
    """The tunable that takes the layer."""

    def order(self, layer: str, pictures: dict[str, Image.Image]) -> Order:
        """An order for the picture of one layer."""
        from stylize.cli.sheet_file import picture_order

        def begin(client: Client) -> Job:
            look = replace(self.look, tunables={**self.look.tunables, self.weighted: layer})
            return look.begin(client, self.photo, batch=True)

        return picture_order(self.label(layer), begin, pictures)

    def label(self, layer: str) -> str:
        """What the picture of one layer is called."""
        return f"{self.name}, {layer}"


def reconstruct(
    photo: Annotated[Path, typer.Argument(metavar="PHOTO", help="The photo.", show_default=False)],
    layer: Annotated[
        str, typer.Option(metavar="LAYER,...", help="From which layer, such as relu4_2; several make a sheet.")
    ] = LAYER,
    all_layers: Annotated[bool, typer.Option("--all", help="A sheet of all layers, each after its ReLU.")] = False,
    style: Annotated[
        str | None,
        typer.Option(
            "--style",
            "-s",
            metavar="STYLE",
            help="On the sheet also this style, from its statistics (Gram matrix) at each layer.",
            show_default=False,
            autocompletion=completion.styles,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="Default: PHOTO.LAYER.png, or PHOTO.layers.png for a sheet, beside the photo.",
            show_default=False,
        ),
    ] = None,
    preset: options.Preset = PRESET,
    size: options.Size = None,
    assignments: options.Assignments = None,
    seed: options.Seed = SEED,
    precision: options.Precision = None,
    preview: options.Preview = False,
    open_after: options.OpenAfter = False,
    overwrite: options.Overwrite = False,
    as_json: options.AsEvents = False,
    quiet: options.Quiet = False,
) -> None:
    """Paint a photo from what a layer of the network keeps of it, out of noise.

    The deeper the layer, the less of the single pixels and the more of the things. Ctrl-C leaves the rest of a sheet
    empty.
    """
    from stylize.cli.failures import errors_as_events
    from stylize.cli.look import LookStyle, look_from_options
    from stylize.cli.orders import FileOptions, file_order
    from stylize.cli.session import Session, run
    from stylize.cli.sheet_file import assembling
    from stylize.pictures import check_readable
    from stylize.saving import check_output

    with errors_as_events(as_json):
        check_readable(photo)
        look = look_from_options(
            (), preset=preset, assignments=assignments or (), seed=seed, precision=precision, size=size
        )
        rows = _layers(layer, str(look.tunables.get("backbone", "")), all_layers=all_layers)
        single = not all_layers and style is None and len(rows) == len(rows[0]) == 1
        path = out or photo.with_name(f"{photo.stem}.{rows[0][0] if single else 'layers'}.png")
        check_output(path, overwrite)
        session = Session(as_json, quiet, preview=preview and single, open_after=open_after, thing="picture")
        if single:
            files = FileOptions.of(overwrite=overwrite, frames=session.wants_frames)
            chosen = replace(look, tunables={**look.tunables, "content_layers": rows[0][0]})
            run([file_order(photo, path, chosen, files)], session)
            return
        subjects = [Subject("photo", photo, look, "content_layers")]
        if style is not None:
            weights = {"content_weight": 0.0, "style_weight": 1.0, **look.tunables}
            in_style = replace(look, styles=(LookStyle(style),), tunables=weights)
            subjects.append(Subject("style", None, in_style, "style_layers"))
        pictures: dict[str, Image.Image] = {}
        orders = [subject.order(name, pictures) for row in rows for name in row for subject in subjects]

        def arrange() -> Image.Image:
            return _sheet(rows, subjects, pictures, photo)

        run(orders, session, assemble=assembling(path, pictures, arrange, overwrite=overwrite))


def _layers(given: str, backbone: str, *, all_layers: bool) -> tuple[tuple[str, ...], ...]:
    """The layers in the rows in which a sheet shows them."""
    from stylize.cli.network_layers import DEFAULT_BACKBONE, LAYERS

    if not all_layers:
        names = tuple(name.strip() for name in given.split(",") if name.strip())
        if not names:
            raise typer.BadParameter("It names no layer.", param_hint="--layer")
        return (names,)
    if given != LAYER:
        raise typer.BadParameter("Give either --layer or --all.", param_hint="--all")
    return LAYERS[backbone or DEFAULT_BACKBONE]


def _sheet(
    rows: Sequence[Sequence[str]], subjects: Sequence[Subject], pictures: dict[str, Image.Image], photo: Path
) -> Image.Image:
    """One row of the network's layers under the other; beside those of the photo those of the style."""
    from stylize.contact_sheet import Cell, Heading, gallery
    from stylize.pictures import open_picture, upright_srgb

    columns = max(map(len, rows))
    cells: list[Cell | None] = []
    for row in rows:
        for subject in subjects:
            cells += [Cell(pictures.get(subject.label(name)), subject.label(name)) for name in row]
            cells += [None] * (columns - len(row))
    heading = Heading(photo.name, "what each layer keeps", upright_srgb(open_picture(photo)))
    return gallery(cells, heading, columns * len(subjects))
