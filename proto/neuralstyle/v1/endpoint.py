"""Where a daemon is found: one folder, one JSON file in it.

The daemon writes `endpoint.json` atomically when it is ready to serve and removes it when it ends; a file that is left
behind by a killed daemon is found out because nobody answers at its targets. The lock file beside it, not the file
itself, decides who is the daemon.

The folder is `$STYLIZED_HOME` if that is set, else the platform's state folder: `~/.local/state/stylized` on Linux. It
belongs to one user: mode 0700, and the files in it 0600.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import platformdirs

HOME_VARIABLE = "STYLIZED_HOME"
WEIGHTS_VARIABLE = "STYLIZED_WEIGHTS"
"""What `stylized --weights` is where it is not given; several are separated as in PATH."""
APP_NAME = "stylized"


def home() -> Path:
    """The folder that the daemon and its clients share."""
    override = os.environ.get(HOME_VARIABLE)
    if override:
        return Path(override).absolute()
    return Path(platformdirs.user_state_dir(APP_NAME, appauthor=False))


def endpoint_file(folder: Path) -> Path:
    """The file in which a running daemon describes itself."""
    return folder / "endpoint.json"


def log_file(folder: Path) -> Path:
    """The log of a daemon that was started in the background."""
    return folder / "daemon.log"


@dataclass(frozen=True)
class Endpoint:
    """How to reach one running daemon."""

    targets: tuple[str, ...]
    """gRPC targets in order of preference, such as "unix:/…/daemon.sock" and "127.0.0.1:40123"."""
    token_path: str
    """File with the bearer token that calls over TCP must carry."""
    pid: int
    """Process id of the daemon."""
    instance_id: str
    """Random name of this run of the daemon: two runs never share one."""
    server_version: str
    api_versions: tuple[str, ...]

    def to_json(self) -> str:
        """The text of endpoint.json."""
        return json.dumps(asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Endpoint:
        """The endpoint that endpoint.json describes. Unknown keys are ignored.

        Raises ValueError if the text is not what a daemon writes.
        """
        try:
            data = json.loads(text)
            return cls(
                targets=tuple(str(target) for target in data["targets"]),
                token_path=str(data["token_path"]),
                pid=int(data["pid"]),
                instance_id=str(data["instance_id"]),
                server_version=str(data["server_version"]),
                api_versions=tuple(str(version) for version in data["api_versions"]),
            )
        except (KeyError, TypeError, json.JSONDecodeError) as error:
            raise ValueError(f"not an endpoint description: {error}") from error

    def token(self) -> str:
        """The bearer token. Raises OSError if its file cannot be read."""
        return Path(self.token_path).read_text(encoding="ascii").strip()


def read_endpoint(folder: Path) -> Endpoint | None:
    """What the daemon of this folder last wrote, or None if there is nothing usable. It may be long dead."""
    try:
        return Endpoint.from_json(endpoint_file(folder).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
