"""A difference over its own size, and below which size features count as nothing."""

from __future__ import annotations

from torch import Tensor

# Mean square below which features are as good as none: what is divided by them is divided by this. crowsonkb adds the
# same number to variances; features of the Caffe networks have 1e2 to 1e6, those of torchvision's some 1.
FAINT = 1e-4

# crowsonkb's, so that no difference gives 0 and not 0 / 0.
NO_DIFFERENCE = 1e-8


def ratio(difference: Tensor) -> Tensor:
    """Σd² / Σ|d| of a tensor of any shape: its gradient has an L1 norm of about 1, whatever the size of d.

    crowsonkb/style-transfer-pytorch, 2021 (`ScaledMSELoss`).
    """
    return difference.square().sum() / (difference.abs().sum() + NO_DIFFERENCE)
