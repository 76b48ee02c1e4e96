"""The command `stylized`: the daemon in the foreground."""

from __future__ import annotations

import asyncio
import logging
import logging.handlers
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from neuralstyle.v1.endpoint import WEIGHTS_VARIABLE, home, log_file
from stylized import __version__
from stylized.engine.choices import Backend, Precision
from stylized.service.limits import WORKERS_PER_DEVICE

LOG_FORMAT = "%(asctime)s %(levelname)-7s %(message)s"
LOG_BYTES = 10_000_000
LOG_FILES = 3

app = typer.Typer(add_completion=False)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"stylized {__version__}")
        raise typer.Exit


@app.command()
def stylized(
    port: Annotated[int, typer.Option(help="TCP port on 127.0.0.1; 0 lets the system choose.", min=0, max=65535)] = 0,
    folder: Annotated[
        Path | None, typer.Option("--home", help="Folder of the endpoint file, lock and log; else $STYLIZED_HOME.")
    ] = None,
    weights: Annotated[
        list[str] | None,
        typer.Option(
            help="A network's weights beside the bundled ones of VGG19, or in their place: a .safetensors, .pth or .npz"
            " file, 'torchvision' (VGG19) or 'torchvision-vgg16'. May be given several times; else"
            f" ${WEIGHTS_VARIABLE}, separated by '{os.pathsep}'.",
        ),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(help="CPU threads for painting, divided among the workers of a device; default all cores.", min=1),
    ] = None,
    workers: Annotated[
        int,
        typer.Option(
            help="Processes that paint on each device: every GPU, or else the CPU. On a CPU several get more small"
            " pictures done, each of them later.",
            min=1,
        ),
    ] = WORKERS_PER_DEVICE,
    backend: Annotated[
        Backend,
        typer.Option(
            help="How the network is computed. winograd: with fewer multiplications, on a CPU; onednn: with fused"
            " convolutions, on a CPU; cuda: tuned and recorded, on NVIDIA GPUs;"
            " reference: in plain PyTorch operations, everywhere; auto: the fastest of them."
        ),
    ] = Backend.AUTO,
    precision: Annotated[
        Precision,
        typer.Option(
            help="Arithmetic of the network for jobs that ask for none. auto: bf16 where the device computes it"
            " natively, else fp32."
        ),
    ] = Precision.AUTO,
    memory: Annotated[
        float | None,
        typer.Option(
            help="GiB that a painting may take at most; default what is free. A larger one is computed in blocks, or"
            " refused.",
            min=0.1,
        ),
    ] = None,
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "info",
    background: Annotated[
        bool, typer.Option("--background", help="Log to a rotating file in the home folder instead of the terminal.")
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Keep the networks loaded and paint for clients, until Ctrl-C or SIGTERM.

    Clients on this machine find the daemon by themselves; see `stylize --help`.
    """
    from stylized.service.daemon import DaemonOptions, serve
    from stylized.service.endpoint import AlreadyRunningError
    from stylized.service.worker_process import WorkerOptions

    level = logging.getLevelName(log_level.upper())
    if not isinstance(level, int):
        raise typer.BadParameter(f"{log_level!r} is no log level; use debug, info, warning or error.")
    place = (folder or home()).absolute()
    try:
        _start_logging(level, log_file(place) if background else None)
        limit = None if memory is None else int(memory * 2**30)
        worker = WorkerOptions(_weights(weights), threads, backend, precision, limit)
        options = DaemonOptions(place, port, worker, workers)
        asyncio.run(serve(options))
    except (AlreadyRunningError, OSError) as error:
        logging.getLogger(__name__).error("%s", error)
        raise typer.Exit(1) from error


def _weights(given: list[str] | None) -> tuple[str, ...]:
    return tuple(given or filter(None, os.environ.get(WEIGHTS_VARIABLE, "").split(os.pathsep)))


def _start_logging(level: int, file: Path | None) -> None:
    handler: logging.Handler
    if file:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handler = logging.handlers.RotatingFileHandler(file, maxBytes=LOG_BYTES, backupCount=LOG_FILES)
    else:
        handler = logging.StreamHandler(sys.stderr)
    logging.basicConfig(level=level, format=LOG_FORMAT, datefmt="%Y-%m-%d %H:%M:%S", handlers=[handler])


def main() -> None:
    """Entry point of the console script."""
    app(prog_name="stylized")
