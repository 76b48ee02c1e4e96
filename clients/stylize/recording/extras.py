"""What recording needs beyond the thin clients, installed as the extra `record`."""

from __future__ import annotations

import importlib.util

from stylize.errors import OutputUnwritable


def require(module: str, package: str, purpose: str) -> None:
    """Raises OutputUnwritable, with the command that installs it, if a module is missing.

    package: its name on PyPI. purpose: what it is for, such as "a film as .mp4".
    """
    if importlib.util.find_spec(module) is None:
        raise OutputUnwritable(
            f"For {purpose} the package {package} is needed, which is not installed.",
            remedy="Install it with `pip install 'stylized[record]'`.",
        )
