"""The example client for Node, installed as its README says.

Without Node these tests are skipped with one line; with STYLIZED_REQUIRE_NODE=1, as in `.ci/run`, that is a failure.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "clients" / "node"
INSTALL_S = 240


def installed_node() -> str:
    """The program `node`, after the client's packages have been put beside the client."""
    program = shutil.which("node")
    if program is None or shutil.which("npm") is None:
        why_not = "Node and npm are not installed (on Debian: apt install nodejs npm)."
        if os.environ.get("STYLIZED_REQUIRE_NODE") == "1":
            pytest.fail(why_not)
        pytest.skip(why_not)
    _install()
    return program


def _install() -> None:
    """`npm ci`, unless what is installed is as new as the lock file. Of two processes the second waits."""
    lock, installed = PACKAGE / "package-lock.json", PACKAGE / "node_modules" / ".package-lock.json"
    with lock.open() as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        if installed.exists() and installed.stat().st_mtime >= lock.stat().st_mtime:
            return
        command = ["npm", "ci"]
        result = subprocess.run(command, cwd=PACKAGE, capture_output=True, text=True, timeout=INSTALL_S, check=False)
        assert result.returncode == 0, result.stderr
