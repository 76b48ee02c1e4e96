"""A daemon with limits that a test chose, so that it need not wait an hour: `--home FOLDER NAME=VALUE...`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from stylized.service.daemon import DaemonOptions, serve
from stylized.service.limits import Limits


def main(home: str, *limits: str) -> None:
    """Serves until told to end."""
    named = dict(limit.split("=") for limit in limits)
    chosen = {name: type(getattr(Limits, name))(value) for name, value in named.items()}
    asyncio.run(serve(DaemonOptions(Path(home), limits=Limits(**chosen))))


if __name__ == "__main__":  # its worker imports this module too
    main(*sys.argv[2:])
