"""The memory estimate against the resident memory of a process that paints."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

from stylized.engine.choices import Iterate, Optimizer, Precision
from stylized.engine.memory import estimate_bytes
from stylized.engine.schedule import Level

from .samples import parameters

LEVEL = Level(256, 192, 10)

# Paints with few pairs, so that the history is full after few steps, and tells the rise of the peak over what the
# loaded network takes. Writing 5 to clear_refs resets the peak (proc(5)).
PROGRAM = """
import ctypes, json, sys
from pathlib import Path
import torch
from stylized.engine.presets import builtin_presets
from stylized.engine.stylize import Request, StyleSource, stylize
from stylized.engine.vgg import VGG19
from stylized.weights import load_weights
from dataclasses import replace

def status(key):
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith(key)).split()[1])

def rise(dtype):
    network = VGG19(load_weights().layers, dtype=dtype)
    parameters = replace(builtin_presets()["gatys"].parameters, size=256, iterations=5, history_size=2)
    request = Request(torch.rand(1, 3, 192, 256), (StyleSource(torch.rand(1, 3, 160, 256), 1.0),), parameters, 0)
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    before = status("VmRSS")
    for _ in stylize(network, request):
        pass
    return status("VmHWM") - before

print(json.dumps(rise(getattr(torch, sys.argv[1]))))
"""


def _estimate(level: Level = LEVEL, precision: Precision = Precision.FP32, **changes: object) -> int:
    settings = dataclasses.replace(parameters(history_size=2), **changes)
    return estimate_bytes([level], settings, precision, [(level.width, level.height)])


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="reads Linux's /proc")
@pytest.mark.parametrize(("precision", "dtype"), [(Precision.FP32, "float32"), (Precision.BF16, "bfloat16")])
def test_the_estimate_is_near_what_a_painting_takes(precision: Precision, dtype: str) -> None:
    run = subprocess.run([sys.executable, "-c", PROGRAM, dtype], check=True, capture_output=True, text=True)
    measured = json.loads(run.stdout)
    assert 0.65 * measured < _estimate(precision=precision) < 1.5 * measured


def test_it_grows_with_the_picture() -> None:
    small, large = _estimate(Level(256, 256, 1)), _estimate(Level(2048, 2048, 1))
    assert 30 < (large / small) < 64


def test_the_largest_level_counts() -> None:
    levels = [Level(256, 192, 1), LEVEL, Level(512, 384, 1)]
    styles = [(512, 384)]
    both = estimate_bytes(levels, parameters(), Precision.FP32, styles)
    assert both == estimate_bytes(levels[-1:], parameters(), Precision.FP32, styles)


def test_it_knows_what_costs_memory() -> None:
    assert _estimate(precision=Precision.AUTO) == _estimate(precision=Precision.FP32)
    assert _estimate(precision=Precision.BF16) < _estimate(precision=Precision.FP32)
    pair = 2 * 3 * 256 * 192 * 4
    assert _estimate(history_size=12) - _estimate(history_size=2) == 10 * pair
    # Two moments; and no pairs, nor the three vectors that these are multiplied with.
    assert _estimate(optimizer=Optimizer.ADAM) - _estimate(optimizer=Optimizer.GRADIENT_DESCENT) == pair
    assert _estimate(optimizer=Optimizer.ADAM) < _estimate(history_size=1)
    assert _estimate(optimizer=Optimizer.LBFGSB) == _estimate()
    assert _estimate(iterate=Iterate.AVERAGE) == _estimate(iterate=Iterate.BEST) == _estimate() + pair


def test_a_style_far_larger_than_the_painting_counts() -> None:
    large = estimate_bytes([LEVEL], parameters(style_scale=10.0), Precision.FP32, [(2560, 2560)])
    assert large > 10 * _estimate()
