"""The version of this client, as it introduces itself to daemons."""

from __future__ import annotations

from importlib import metadata

DISTRIBUTION = "stylized"


def client_version() -> str:
    """Version of the installed distribution, or "0+source" when run from a source tree that is not installed."""
    try:
        return metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return "0+source"
