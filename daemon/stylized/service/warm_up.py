"""The first steps on a GPU, taken before anybody waits for them.

CUDA's context, the libraries' handles and the kernels are made when they are first used, which takes a second or more.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

import torch

from stylized.engine.lane import first_line
from stylized.engine.network import Network
from stylized.engine.presets import DEFAULT_PRESET, builtin_presets
from stylized.engine.stylize import Request, StyleSource, stylize

_SIDE = 128
_STEPS = 2

log = logging.getLogger(__name__)


def warm_up(network: Callable[[], Network]) -> None:
    """Paints a little with the network as most jobs will. What fails here is only logged: jobs will tell."""
    parameters = builtin_presets()[DEFAULT_PRESET].parameters
    few = replace(parameters, size=_SIDE, iterations=_STEPS, coarsest_iterations=_STEPS)
    gray = torch.full((1, 3, _SIDE, _SIDE), 0.5)
    try:
        for event in stylize(network(), Request(gray, (StyleSource(gray, 1.0),), few, seed=0)):
            del event
    except Exception as error:
        log.warning("the first steps failed: %s", first_line(error))
