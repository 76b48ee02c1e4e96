"""What `stylize gimp doctor` asks the plug-in inside GIMP: can it import what it needs, does it find a daemon?"""

from __future__ import annotations

import json
import queue
import sys

from neural_style import VERSION
from neural_style.events import Connected, Event
from neural_style.failures import Failure

PATIENCE = 40.0


def report() -> str:
    """A JSON list of checks, each with name, ok, found and remedy."""
    checks = [_check("Plug-in", True, f"{VERSION}, in GIMP's Python {sys.version.split()[0]}")]
    try:
        from google import protobuf

        from neural_style import client  # noqa: F401
    except Exception as error:
        found = f"{type(error).__name__}: {error}"
        checks.append(_check("Parts beside the plug-in", False, found, "Install it again with: stylize gimp install"))
        return json.dumps(checks)
    checks.append(_check("Parts beside the plug-in", True, f"protobuf {protobuf.__version__}, grpclib"))
    checks.append(_daemon())
    return json.dumps(checks)


def _daemon() -> dict[str, object]:
    from neural_style.session import Session

    events: queue.Queue[Event] = queue.Queue()
    session = Session()
    try:
        session.connect(events.put)
        while True:
            event = events.get(timeout=PATIENCE)
            if isinstance(event, Connected):
                return _check("Daemon", True, f"{event.version} {event.device}".strip())
            if isinstance(event, Failure):
                return _check("Daemon", False, "no answer", event.message)
    except queue.Empty:
        return _check("Daemon", False, f"no answer in {PATIENCE:.0f} s", "stylize daemon logs")
    finally:
        session.close()


def _check(name: str, ok: bool, found: str, remedy: str = "") -> dict[str, object]:
    return {"name": name, "ok": ok, "found": found, "remedy": remedy}
