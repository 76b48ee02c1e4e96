"""A daemon whose presets are done after a few steps, so that guides and examples can be run as they stand.

Takes the arguments of `stylized`. Everything else is the real daemon.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from stylized.engine.presets import Preset, builtin_presets
from stylized.service import command, daemon

ITERATIONS = 6


def hasty_presets() -> Mapping[str, Preset]:
    """The built-in presets with fewer iterations."""
    return {
        name: replace(preset, parameters=replace(preset.parameters, iterations=ITERATIONS, coarsest_iterations=0))
        for name, preset in builtin_presets().items()
    }


if __name__ == "__main__":  # its worker imports this module too
    daemon.builtin_presets = hasty_presets
    command.main()
