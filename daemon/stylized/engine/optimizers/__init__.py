"""The methods that move the pixels, resident on the device: L-BFGS with and without bounds, Adam, and plain descents.

All walk as `descent.Descent` says: a step evaluates the objective once and never waits for the device. They go on at
another size (`resample`), under another objective (`objective_changed`), or where another walk of their kind stood
(`load_state`).
"""

from __future__ import annotations

from torch import Tensor

from stylized.engine.choices import Optimizer
from stylized.engine.optimizers.adam import Adam
from stylized.engine.optimizers.descent import MAX_REJECTIONS, Descent, Evaluate, select
from stylized.engine.optimizers.gradient import GradientDescent, NormalizedDescent, ScaledDescent
from stylized.engine.optimizers.lbfgs import LBFGS, LBFGSB
from stylized.engine.optimizers.memory import Memory
from stylized.engine.parameters import Parameters

__all__ = [
    "LBFGS",
    "LBFGSB",
    "MAX_REJECTIONS",
    "Adam",
    "Descent",
    "Evaluate",
    "GradientDescent",
    "Memory",
    "NormalizedDescent",
    "ScaledDescent",
    "make_optimizer",
    "select",
]


def make_optimizer(start: Tensor, parameters: Parameters) -> Descent:
    """Return the optimiser that the parameters name, at its start: float32 [1, 3, H, W], RGB 0..255."""
    rate = parameters.learning_rate
    match parameters.optimizer:
        case Optimizer.LBFGS:
            return LBFGS(start, rate, parameters.history_size)
        case Optimizer.LBFGSB:
            return LBFGSB(start, rate, parameters.history_size)
        case Optimizer.ADAM:
            return Adam(start, rate, (parameters.beta1, parameters.beta2), parameters.epsilon)
        case Optimizer.GRADIENT_DESCENT:
            return GradientDescent(start, rate)
        case Optimizer.NORMALIZED_DESCENT:
            return NormalizedDescent(start, rate)
        case Optimizer.SCALED_DESCENT:
            return ScaledDescent(start, rate)
