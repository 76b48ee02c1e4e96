"""What a walk knows, as named tensors: can be kept, moved to another device, and taken up again."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from stylized.engine.objective import Evaluation

Memory = Mapping[str, Tensor]
"""As torch's state_dict: the keys are known only to the class that wrote it."""

_TOTAL, _GRADIENT, _TERM = "evaluation total", "evaluation gradient", "evaluation term "


def of_evaluation(evaluation: Evaluation | None) -> Memory:
    """Return an evaluation as a part of a memory; None as nothing."""
    if evaluation is None:
        return {}
    terms = {_TERM + name: value for name, value in evaluation.terms.items()}
    return {**terms, _TOTAL: evaluation.total, _GRADIENT: evaluation.gradient}


def evaluation_in(memory: Memory) -> Evaluation | None:
    """Return the evaluation that is part of a memory, or None."""
    if _TOTAL not in memory:
        return None
    terms = {name.removeprefix(_TERM): value for name, value in memory.items() if name.startswith(_TERM)}
    return Evaluation(terms, memory[_TOTAL], memory[_GRADIENT])


def changed(memory: Memory, change: Callable[[Tensor], Tensor]) -> Memory:
    """Return a memory with each tensor changed."""
    return {name: change(value) for name, value in memory.items()}


def copied(memory: Memory, device: torch.device) -> Memory:
    """Return a memory whose tensors are on a device and of its own."""
    return changed(memory, lambda tensor: tensor.to(device, copy=True))


def tensors(memory: Memory) -> list[Tensor]:
    """Return its tensors."""
    return list(memory.values())
