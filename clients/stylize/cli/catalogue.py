"""`stylize presets`: what there is to choose from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from stylize.cli import completion, options

if TYPE_CHECKING:
    from neuralstyle.v1 import stylize_pb2 as pb


def presets(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="Show the values of this preset.", autocompletion=completion.presets),
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """List the presets, or show the values of one."""
    from neuralstyle.v1.reasons import Reason
    from stylize.cli.terminal import connected, print_json
    from stylize.errors import error_from_reason
    from stylize.plain import plain_message

    with connected(quiet=as_json) as client:
        found = client.presets()
        default = client.info().default_preset
    completion.remember("presets", [(preset.name, preset.description) for preset in found])
    if name is not None:
        found = [preset for preset in found if preset.name == name]
        if not found:
            raise error_from_reason(Reason.UNKNOWN_PRESET, f"There is no preset {name!r}.")
    if as_json:
        plain = [plain_message(preset) | {"default": preset.name == default} for preset in found]
        print_json(plain if name is None else plain[0])
    elif name is None:
        _print_presets(found, default)
    else:
        _print_preset(found[0])


def _print_presets(found: list[pb.PresetInfo], default: str) -> None:
    from rich import box
    from rich.table import Table

    from stylize.cli.terminal import results

    table = Table("Name", "What it is for", "Made for weights", box=box.SIMPLE_HEAD)
    for preset in found:
        mark = " (default)" if preset.name == default else ""
        table.add_row(f"[bold]{preset.name}[/]{mark}", preset.description, preset.weights)
    results().print(table)


def _print_preset(preset: pb.PresetInfo) -> None:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from stylize.cli.terminal import results
    from stylize.tunables import plain_tunables, value_text

    table = Table("Tunable", "Value", "What it is", box=box.SIMPLE_HEAD)
    for key, value in plain_tunables(preset.tunables).items():
        table.add_row(key, value_text(value), escape(options.tunable_help(key)))
    console = results()
    console.print(f"[bold]{preset.name}[/]: {preset.description} Made for the weights {preset.weights}.")
    console.print(table)
    console.print("Change any with --set, such as --set iterations=100.")
