"""The text of a systemd user unit that watches folders."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

UNIT_NAME = "stylize-watch.service"

_UNIT = """\
[Unit]
Description=Paint the photos that are dropped into {folders}
Documentation=man:systemd.service(5)

[Service]
ExecStart={command}
Restart=on-failure
RestartSec=30
# A photo under the brush is finished first. Being killed costs that painting's time and nothing else.
TimeoutStopSec=5min
# The painting daemon, which the watcher may have started, serves others, too.
KillMode=process

[Install]
WantedBy=default.target
"""


def unit_text(folders: Sequence[Path]) -> str:
    """The unit file for absolute paths of hot folders."""
    words = [sys.executable, "-m", "stylize", "watch", *map(str, folders)]
    return _UNIT.format(
        folders=", ".join(str(folder).replace("%", "%%") for folder in folders),
        command=" ".join(_quoted(word) for word in words),
    )


def _quoted(word: str) -> str:
    """A word of a command line as systemd.service(5) reads it."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    escaped = escaped.replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"' if escaped != word or not word or any(character in word for character in " ';") else word
