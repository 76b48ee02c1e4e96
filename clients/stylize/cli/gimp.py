"""`stylize gimp`: the plug-in for GIMP 3, put in place, taken away, examined."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from stylize.errors import StylizeError
    from stylize.gimp.installer import Change
    from stylize.gimp.profiles import Profile

app = typer.Typer(no_args_is_help=True, help="Install the plug-in into GIMP 3, remove it, or see why it does not work.")

ProfileOption = Annotated[
    Path | None,
    typer.Option("--profile", metavar="FOLDER", help="GIMP's profile folder, if it is not found by itself."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@dataclass(frozen=True)
class _Result:
    """What came of one profile."""

    profile: Profile
    change: Change | None
    error: StylizeError | None


@app.command()
def install(
    profile: ProfileOption = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace a plug-in folder of this name that stylize did not install.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Install the plug-in into each GIMP 3 of yours, or bring it up to date."""
    from stylize.cli.failures import errors_as_events
    from stylize.cli.terminal import patience
    from stylize.gimp import MENU, installer
    from stylize.gimp.profiles import Machine, find_profiles, make_profile, named_profile
    from stylize.gimp.programs import find_programs

    with errors_as_events(as_json), patience("Installing", quiet=as_json):
        machine = Machine.this()
        programs = [] if profile else find_programs(machine.environment)
        profiles = [named_profile(profile)] if profile else find_profiles(machine, programs)

        def put(profile: Profile) -> Change:
            make_profile(profile, machine, programs)
            return installer.install(profile.plug_ins, force=force)

        results = _for_each(profiles, put)
    _tell(results, as_json, ending=f"Restart GIMP; the filter is under {MENU}.")


@app.command()
def uninstall(profile: ProfileOption = None, as_json: JsonOption = False) -> None:
    """Remove the plug-in from each GIMP 3 of yours; only what was installed goes."""
    from stylize.cli.failures import errors_as_events
    from stylize.gimp import installer
    from stylize.gimp.profiles import Machine, find_profiles, named_profile

    with errors_as_events(as_json):
        # Without the programs on PATH: a GIMP that was never started has no plug-ins.
        profiles = [named_profile(profile)] if profile else find_profiles(Machine.this())
        results = _for_each(profiles, lambda profile: installer.uninstall(profile.plug_ins))
    removed = any(result.change and result.change.outcome is installer.Outcome.REMOVED for result in results)
    _tell(results, as_json, ending="Restart GIMP to see it gone." if removed else "There was nothing to remove.")


@app.command()
def doctor(
    profile: ProfileOption = None,
    ask: Annotated[
        bool, typer.Option("--ask/--no-ask", help="Start GIMP without a window and ask it; takes some seconds.")
    ] = True,
    start: Annotated[
        bool, typer.Option("--start/--no-start", help="Start the daemon if none runs, to see whether it can.")
    ] = True,
    as_json: JsonOption = False,
) -> None:
    """Check the plug-in in each GIMP 3 of yours and its way to the daemon, and say what to do about what fails."""
    from stylize.cli.checks import tell_checks
    from stylize.cli.failures import errors_as_events
    from stylize.cli.terminal import patience
    from stylize.diagnosis import examine_daemon
    from stylize.gimp.doctor import examine_gimp
    from stylize.gimp.profiles import Machine, named_profile
    from stylize.gimp.programs import find_programs

    with errors_as_events(as_json), patience("Checking", quiet=as_json):
        named = named_profile(profile) if profile else None
        machine = Machine.this()
        daemon = examine_daemon(start=start)  # first: the plug-in asks the daemon, too
        checks = examine_gimp(machine, find_programs(machine.environment), named, ask=ask)
    tell_checks([*checks, *daemon], as_json=as_json)


def _for_each(profiles: list[Profile], action: Callable[[Profile], Change]) -> list[_Result]:
    from stylize.errors import StylizeError

    results = []
    for profile in profiles:
        try:
            results.append(_Result(profile, action(profile), None))
        except StylizeError as error:  # the other GIMPs get it all the same
            results.append(_Result(profile, None, error))
    return results


def _tell(results: list[_Result], as_json: bool, *, ending: str) -> None:
    from stylize.cli.terminal import print_json

    if as_json:
        print_json([_plain(result) for result in results])
    else:
        _print_table(results)
    for result in results:
        if result.error is not None:
            raise result.error
    if not as_json:
        print(ending)


def _print_table(results: list[_Result]) -> None:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from stylize.cli.terminal import results as stdout

    table = Table("GIMP", "Plug-in", "Folder", box=box.SIMPLE_HEAD)
    table.columns[2].overflow = "fold"
    for result in results:
        table.add_row(result.profile.title, _words(result), escape(_short(result.profile.plug_in)))
    stdout().print(table)
    for result in results:
        if result.change and result.change.kept:
            stdout().print(
                f"Your own files stay in {result.profile.plug_in}: {', '.join(result.change.kept)}.", markup=False
            )


def _short(path: Path) -> str:
    home = Path.home()
    return str(Path("~") / path.relative_to(home)) if path.is_relative_to(home) else str(path)


def _words(result: _Result) -> str:
    from stylize.gimp.installer import Outcome
    from stylize.version import client_version

    change = result.change
    if change is None:
        return "[bold red]failed[/]"
    if change.outcome is Outcome.UPDATED and change.before != client_version():
        return f"{change.outcome.value} from {change.before} to {client_version()}"
    return change.outcome.value


def _plain(result: _Result) -> dict[str, Any]:
    change, error = result.change, result.error
    return {
        "kind": result.profile.kind.value,
        "gimp": result.profile.series,
        "folder": str(result.profile.plug_in),
        "outcome": change.outcome.value if change else "failed",
        "version_before": change.before or None if change else None,
        "kept": list(change.kept) if change else [],
        "error": str(error) if error else None,
        "remedy": error.remedy if error else None,
    }
