"""`stylize daemon`: starting, stopping and looking at the daemon. Only `start` ever starts one."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neuralstyle.v1.endpoint import WEIGHTS_VARIABLE

if TYPE_CHECKING:
    from stylize.client import Client

app = typer.Typer(no_args_is_help=True, help="Start, stop and look at the painting daemon.")

POLL_INTERVAL = 0.2


@app.command()
def start(
    weights: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE",
            help="A network's weights beside the bundled ones of VGG19, or in their place; may be given several times."
            f" For good: set ${WEIGHTS_VARIABLE}, where `{os.pathsep}` separates several.",
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Processes that paint on each GPU, or on the CPU, whose cores they then share. Several get more small"
            " pictures done, each of them later.",
        ),
    ] = None,
) -> None:
    """Start the daemon in the background, unless it runs."""
    from neuralstyle.v1 import endpoint
    from stylize.autostart import start_daemon
    from stylize.cli.terminal import CLIENT_NAME, connected, patience

    if weights or workers:
        with patience("Starting the daemon"):
            start_daemon(endpoint.home(), CLIENT_NAME, weights=weights or (), workers=workers).close()
    with connected() as client:
        info = client.info()
        print(f"The daemon {info.server_version} runs at {client.target}.")


@app.command()
def stop(
    now: Annotated[bool, typer.Option("--now", help="Cancel running jobs instead of finishing them.")] = False,
) -> None:
    """Stop the daemon, after the jobs it has taken, and wait until it is gone."""
    from stylize.autostart import is_running
    from stylize.cli.terminal import connected, patience
    from stylize.errors import DaemonUnreachable

    try:
        with connected(start=False) as client:
            pid = client.shutdown(grace=0 if now else None)
    except DaemonUnreachable:
        print("No daemon runs.")
        return
    with patience("Waiting for the daemon to end"):
        while is_running(pid):
            time.sleep(POLL_INTERVAL)
    print("The daemon has ended.")


@app.command()
def status(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Show what the daemon does: workers, jobs, limits. Exit code 3 if none runs."""
    from neuralstyle.v1.reasons import LocalExit
    from stylize.cli.terminal import connected, print_json
    from stylize.errors import DaemonUnreachable

    try:
        with connected(start=False) as client:
            state = _state(client)
    except DaemonUnreachable as error:
        if as_json:
            print_json({"running": False})
        else:
            print(f"{error} Clients start it when they need it, or do it now: `stylize daemon start`.")
        raise typer.Exit(LocalExit.DAEMON_UNREACHABLE) from None
    if as_json:
        print_json(state)
    else:
        _print_state(state)


@app.command()
def logs(
    lines: Annotated[int, typer.Option("--lines", "-n", metavar="N", min=0, help="How many lines from the end.")] = 50,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on showing new lines; Ctrl-C ends it.")] = False,
) -> None:
    """Show the log of a daemon that was started in the background."""
    from neuralstyle.v1 import endpoint
    from stylize.autostart import log_tail

    path = endpoint.log_file(endpoint.home())
    if not path.exists() and not follow:
        print(f"There is no log at {path}: no daemon was started in the background yet.")
        return
    shown = path.stat().st_size if path.exists() else 0
    for line in log_tail(endpoint.home(), lines):
        print(line)
    while follow:
        time.sleep(POLL_INTERVAL)
        size = path.stat().st_size if path.exists() else 0
        if size < shown:  # a new file
            shown = 0
        if size > shown:
            with path.open("rb") as stream:
                stream.seek(shown)
                data = stream.read()
            shown += len(data)
            print(data.decode("utf-8", errors="replace"), end="", flush=True)


def _state(client: Client) -> dict[str, Any]:
    from neuralstyle.v1 import endpoint
    from stylize.plain import plain_message

    described = endpoint.read_endpoint(endpoint.home())
    return {
        "running": True,
        "target": client.target,
        "pid": described.pid if described else None,
        **plain_message(client.info()),
        "jobs": [plain_message(job) for job in client.jobs()],
    }


def _print_state(state: dict[str, Any]) -> None:
    from datetime import datetime, timezone

    from rich import box
    from rich.table import Table

    from stylize.cli.progress import duration_text
    from stylize.cli.terminal import results

    console = results()
    facts = Table(box=None, show_header=False, pad_edge=False)
    weights = [f"{one['name']}, sha256 {one['sha256'][:12]}" for one in state["all_weights"]]
    started = datetime.fromisoformat(state["start_time"].replace("Z", "+00:00")) if state["start_time"] else None
    up = duration_text((datetime.now(timezone.utc) - started).total_seconds()) if started else "?"
    facts.add_row("Daemon", f"{state['server_version']}, process {state['pid']}, up {up}")
    facts.add_row("Reached at", state["target"])
    facts.add_row("Workers", "\n".join(map(_worker_text, state["workers"])) or _worker_text(state))
    facts.add_row("Weights", "\n".join(weights) or "not loaded yet")
    facts.add_row("Jobs", f"{state['running_jobs']} running, {state['queued_jobs']} waiting")
    console.print(facts)
    if state["jobs"]:
        jobs = Table("Job", "State", "Iteration", "Preset", "Client", box=box.SIMPLE_HEAD)
        for job in state["jobs"]:
            step = f"{job['iteration']}/{job['iterations']}" if job["iterations"] else ""
            jobs.add_row(job["job_id"], job["state"], step, job["preset"], job["client"])
        console.print(jobs)
    limits = Table("Limit", "Value", box=box.SIMPLE_HEAD)
    for name, value in (state["limits"] or {}).items():
        limits.add_row(name, _limit_text(name, value))
    console.print(limits)


def _worker_text(worker: dict[str, Any]) -> str:
    """One of them; from a daemon that does not list them, what it says of the one that it has."""
    job = f" with job {worker['job_id']}" if worker.get("job_id") else ""
    state = worker.get("state") or worker["worker_state"]
    return f"{state}{job}, {worker['device'] or 'device not known yet'}"


def _limit_text(name: str, value: Any) -> str:
    from stylize.cli.progress import duration_text

    if name.endswith("_ttl"):
        return duration_text(value) if value else ""
    return f"{value / 2**20:,.4g} MiB" if name.endswith("_bytes") else f"{value:,}"
