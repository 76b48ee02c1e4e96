"""The command line: `stylize`.

stdout carries results (paths, tables, JSON), stderr progress and errors. Modules of this package import the client
library inside their functions, so that `stylize --help` does not wait for gRPC.
"""

from __future__ import annotations


def main() -> None:
    """Entry point of the command `stylize`."""
    from stylize.cli.app import app

    app()
