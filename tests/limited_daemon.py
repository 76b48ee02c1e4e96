"""A daemon with limits that a test chose, so that it need not wait an hour or see hundreds of MiB go by. Its arguments:
`--home FOLDER [--threads N] NAME=VALUE...`."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from stylized.service.daemon import DaemonOptions, serve
from stylized.service.limits import Limits
from stylized.service.worker_process import WorkerOptions


def main() -> None:
    """Serves until told to end."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--threads", type=int)
    parser.add_argument("limits", nargs="*")
    arguments = parser.parse_args()
    named = dict(limit.split("=") for limit in arguments.limits)
    chosen = {name: type(getattr(Limits, name))(value) for name, value in named.items()}
    worker = WorkerOptions(threads=arguments.threads)
    asyncio.run(serve(DaemonOptions(arguments.home, worker=worker, limits=Limits(**chosen))))


if __name__ == "__main__":  # its worker imports this module too
    main()
