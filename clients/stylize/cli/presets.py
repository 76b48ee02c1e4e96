"""`stylize presets`: what there is to choose from, what it consists of, and a beginning for one's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stylize.cli import completion, options

if TYPE_CHECKING:
    from neuralstyle.v1 import stylize_pb2 as pb
    from stylize.client import Client
    from stylize.own_presets import OwnPreset

app = typer.Typer(help="List the presets; show what one consists of; begin one of your own.")

_Chosen = Annotated[
    str,
    typer.Argument(
        metavar="NAME|FILE.toml",
        help="A preset, or a file of your own.",
        show_default=False,
        autocompletion=completion.presets,
    ),
]


@app.callback(invoke_without_command=True)
def presets(context: typer.Context, as_json: options.AsJson = False) -> None:
    """List the presets; show what one consists of; begin one of your own."""
    if context.invoked_subcommand:
        return
    from stylize.cli.terminal import connected, print_json
    from stylize.plain import plain_message

    with connected(quiet=as_json) as client:
        found = _known(client)
        default = client.info().default_preset
    if as_json:
        print_json([plain_message(preset) | {"default": preset.name == default} for preset in found])
    else:
        _print_list(found, default)


@app.command()
def show(name: _Chosen, as_json: options.AsJson = False) -> None:
    """Show all values of a preset: what each is, and where it comes from."""
    from stylize.cli.terminal import connected, print_json
    from stylize.own_presets import OwnPreset, choose_preset
    from stylize.plain import plain_message

    chosen = choose_preset(name, {})
    with connected(quiet=as_json) as client:
        if isinstance(chosen, OwnPreset):
            preset = resolved(chosen, _find(client, chosen.extends or client.info().default_preset))
        else:
            preset = _find(client, chosen)
    if as_json:
        print_json(plain_message(preset))
    else:
        _print_preset(preset)


@app.command()
def new(
    file: Annotated[Path, typer.Argument(metavar="FILE.toml", help="The file to write.", show_default=False)],
    extends: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The preset to begin from. Default: the daemon's.",
            show_default=False,
            autocompletion=completion.presets,
        ),
    ] = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Write a preset file to begin with: all values of another, each with what it is, waiting to be changed."""
    from stylize.cli.terminal import connected, messages
    from stylize.errors import OutputExists, OutputUnwritable
    from stylize.own_presets import SUFFIX
    from stylize.saving import write_whole

    if file.suffix != SUFFIX:
        raise OutputUnwritable(f"{file} does not end in {SUFFIX}.", remedy=f"Name it {file.stem}{SUFFIX}.")
    if file.exists() and not overwrite:
        raise OutputExists(f"{file} is there already.")
    with connected() as client:
        preset = _find(client, extends or client.info().default_preset)
    write_whole(file, template(preset).encode(), overwrite=overwrite)
    print(file)
    messages().print(f"Change what you like, then use it with [bold]--preset {file}[/].")


def resolved(own: OwnPreset, base: pb.PresetInfo) -> pb.PresetInfo:
    """A preset of the user's own with all values, as the daemon tells its presets."""
    from neuralstyle.v1 import stylize_pb2 as pb
    from stylize.tunables import build_tunables, plain_tunables

    values = plain_tunables(base.tunables) | dict(own.values)
    return pb.PresetInfo(
        name=own.path.name,
        description=own.description,
        weights=base.weights,
        tunables=build_tunables(values),
        extends=base.name,
        origins=[
            pb.TunableOrigin(tunable=origin.tunable, preset=own.origins[origin.tunable].name)
            if origin.tunable in own.origins
            else origin
            for origin in base.origins
        ],
    )


def template(base: pb.PresetInfo) -> str:
    """A preset file that extends another and gives none of its values yet."""
    from stylize.cli.tunable_groups import GROUPS
    from stylize.tunables import plain_tunables

    values = plain_tunables(base.tunables)
    lines = [
        f'description = "{base.name}, changed."',
        f'extends = "{base.name}"',
        "",
        "# Take away the # before a line to change its value; what is not given is as in the preset that it extends.",
        "[parameters]",
    ]
    tables: list[str] = []
    for heading, names in GROUPS.items():
        lines += ["", f"# {heading}"]
        for name in names:
            value = values.get(name)
            if isinstance(value, dict):
                table = [f"# {layer} = {weight!r}" for layer, weight in value.items()] or ["# (no layer)"]
                tables += ["", *_comment(name), f"# [parameters.{name}]", *table]
            elif value is not None:
                lines += [
                    "",
                    *_comment(name),
                    f'# {name} = "{value}"' if isinstance(value, str) else f"# {name} = {value!r}",
                ]
    return "\n".join([*lines, *tables]) + "\n"


def _comment(name: str) -> list[str]:
    import textwrap

    return textwrap.wrap(f"{name}: {options.tunable_help(name)}", 118, initial_indent="## ", subsequent_indent="## ")


def _known(client: Client) -> list[pb.PresetInfo]:
    found = client.presets()
    completion.remember("presets", [(preset.name, preset.description) for preset in found])
    return found


def _find(client: Client, name: str) -> pb.PresetInfo:
    import difflib

    from neuralstyle.v1.reasons import Reason
    from stylize.errors import error_from_reason

    found = {preset.name: preset for preset in _known(client)}
    if name in found:
        return found[name]
    near = difflib.get_close_matches(name, found, n=1, cutoff=0.5)
    hint = f"Did you mean {near[0]}?" if near else f"There are {', '.join(found)}."
    raise error_from_reason(Reason.UNKNOWN_PRESET, f"There is no preset {name!r}.", field="preset", remedy=hint)


def _print_list(found: list[pb.PresetInfo], default: str) -> None:
    from rich import box
    from rich.table import Table

    from stylize.cli.terminal import results

    table = Table("Name", "What it is for", "Made for weights", box=box.SIMPLE_HEAD)
    for preset in found:
        mark = " (default)" if preset.name == default else ""
        table.add_row(f"[bold]{preset.name}[/]{mark}", preset.description, preset.weights)
    console = results()
    console.print(table)
    console.print("What one consists of: stylize presets show NAME. One of your own: stylize presets new FILE.toml")


def _print_preset(preset: pb.PresetInfo) -> None:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from stylize.cli.terminal import results
    from stylize.cli.tunable_groups import GROUPS
    from stylize.tunables import plain_tunables, value_text

    values = plain_tunables(preset.tunables)
    origins = {origin.tunable: origin for origin in preset.origins}
    extends = f" Extends {preset.extends}." if preset.extends else ""
    console = results()
    console.print(
        f"[bold]{preset.name}[/]: {escape(preset.description)}{extends} Made for the weights {preset.weights}."
    )
    for heading, names in GROUPS.items():
        console.print(f"\n[bold]{heading}[/]")
        table = Table(box=box.SIMPLE, show_header=False, padding=(0, 1), show_edge=False)
        table.add_column(style="cyan", no_wrap=True)
        table.add_column(max_width=24, overflow="fold")
        table.add_column()
        for name in names:
            if name not in values:  # of a daemon that does not know it
                continue
            says = escape(options.tunable_help(name))
            if name in origins:
                says += f"\n[dim]{escape(_origin_text(origins[name]))}[/]"
            table.add_row(name, value_text(values[name]), says)
        console.print(table)
    console.print("\nChange any with --set, such as --set iterations=100.")


def _origin_text(origin: pb.TunableOrigin) -> str:
    return f"{origin.preset}: {origin.source}" if origin.source else origin.preset
