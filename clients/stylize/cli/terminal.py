"""The two streams of the command line, and connecting with a word of patience."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from stylize.client import Client

CLIENT_NAME = "cli"


def results() -> Console:
    """stdout, for tables."""
    from rich.console import Console

    return Console(highlight=False)


def messages() -> Console:
    """stderr, for progress."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def print_json(value: Any) -> None:
    """One indented JSON document on stdout."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


@contextlib.contextmanager
def connected(*, start: bool = True, quiet: bool = False) -> Iterator[Client]:
    """A client of the daemon, which is started if need be; says so, because the first start takes seconds."""
    from stylize.client import Client
    from stylize.errors import DaemonUnreachable

    try:
        client = Client.connect(start=False, client_name=CLIENT_NAME)
    except DaemonUnreachable:
        if not start:
            raise
        with patience("Starting the daemon", quiet=quiet):
            client = Client.connect(client_name=CLIENT_NAME)
    with client:
        yield client


@contextlib.contextmanager
def patience(what: str, *, quiet: bool = False) -> Iterator[None]:
    """Shows on stderr that something takes its time: a spinner on a terminal, else a line."""
    if quiet:
        yield
    elif sys.stderr.isatty():
        with messages().status(f"{what} ..."):
            yield
    else:
        print(f"{what} ...", file=sys.stderr, flush=True)
        yield
