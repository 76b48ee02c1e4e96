"""Which arithmetic the network runs in."""

from __future__ import annotations

import torch
from torch import Tensor

from stylized.engine.choices import Precision

_DTYPES = {Precision.FP32: torch.float32, Precision.BF16: torch.bfloat16}


def resolve_precision(precision: Precision, device: torch.device) -> Precision:
    """Return FP32 or BF16: what was asked for, and for AUTO what suits the device.

    Where the device multiplies bf16 natively, an iteration takes two thirds of the time or less; elsewhere it is
    emulated and slower than fp32.
    """
    if precision is not Precision.AUTO:
        return precision
    return Precision.BF16 if _computes_bf16(device) else Precision.FP32


def dtype_of(precision: Precision) -> torch.dtype:
    """Return the tensor type of a resolved precision. KeyError for AUTO."""
    return _DTYPES[precision]


def wide(dtype: torch.dtype) -> torch.dtype:
    """Return the type in which losses are computed: Gram sums overflow 16-bit floats (neural-style #425)."""
    return torch.float64 if dtype is torch.float64 else torch.float32


def widened(maps: Tensor) -> Tensor:
    """Return maps as losses compute with them."""
    return maps.to(wide(maps.dtype))


def _computes_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        # Ampere (8.0) brought bf16 tensor cores.
        return torch.cuda.get_device_capability(device)[0] >= 8
    if device.type == "cpu":
        capabilities = getattr(torch.cpu, "get_capabilities", None)
        if capabilities is None:  # torch before 2.10 does not tell
            return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
        known = capabilities()
        return bool(known.get("avx512_bf16") or known.get("amx_bf16"))
    return False
