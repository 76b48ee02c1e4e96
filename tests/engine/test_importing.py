"""A front end can check requests without loading torch."""

from __future__ import annotations

import subprocess
import sys

import pytest

LIGHT = ["", ".layers", ".parameters", ".presets", ".schedule", ".memory"]


def _loads_torch(module: str) -> bool:
    program = f"import sys, {module}; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    return subprocess.run([sys.executable, "-c", program], check=False).returncode == 1


@pytest.mark.parametrize("module", LIGHT)
def test_what_a_front_end_needs_does_not_load_torch(module: str) -> None:
    assert not _loads_torch(f"stylized.engine{module}")


def test_the_check_above_can_fail() -> None:
    assert _loads_torch("stylized.engine.network_torch")
