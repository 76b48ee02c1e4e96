"""The choices among parameters, as enums: what each value means stands in `stylize.proto`, under the same names.

Free of torch.
"""

from __future__ import annotations

from enum import Enum


class Backbone(str, Enum):
    """The network whose features are compared."""

    VGG19 = "vgg19"
    VGG16 = "vgg16"
    CAFFENET = "caffenet"


class Pooling(str, Enum):
    """How the network shrinks its feature maps: strongest, mean or root mean square of each block."""

    MAX = "max"
    AVERAGE = "average"
    L2 = "l2"


class Padding(str, Enum):
    """What lies around the picture for the first convolution: what training had there (for VGG zeros, the mean colour),
    its edge repeated, or itself mirrored.
    """

    ZERO = "zero"
    REPLICATE = "replicate"
    REFLECT = "reflect"


class ContentLoss(str, Enum):
    """How features are compared with the photo's."""

    MEAN = "mean"
    SUM = "sum"
    HALF_SUM = "half_sum"
    NORMALIZED = "normalized"
    RATIO = "ratio"


class StyleStatistic(str, Enum):
    """What of the features is the style."""

    GRAM = "gram"
    COVARIANCE = "covariance"
    MEAN_STD = "mean_std"
    WASSERSTEIN = "wasserstein"


class StyleLoss(str, Enum):
    """How style statistics are compared."""

    MEAN = "mean"
    SUM = "sum"
    PAPER = "paper"
    NORMALIZED = "normalized"
    RATIO = "ratio"


class GramScale(str, Enum):
    """What F Fᵀ is divided by: C H W, H W or nothing."""

    ELEMENTS = "elements"
    PIXELS = "pixels"
    NONE = "none"


class StyleMixing(str, Enum):
    """How several styles are mixed: their statistics, or their losses."""

    STATISTICS = "statistics"
    LOSSES = "losses"


class TvLoss(str, Enum):
    """How graininess is measured."""

    SQUARED = "squared"
    SQUARED_SUM = "squared_sum"
    L1 = "l1"
    POWER = "power"
    NINE_POINT = "nine_point"


class GradientNormalization(str, Enum):
    """Whether each layer's gradient is brought to one length."""

    NONE = "none"
    L1 = "l1"


class MaskPropagation(str, Enum):
    """How masks are carried from pixels to feature cells."""

    SIMPLE = "simple"
    INSIDE = "inside"
    ALL = "all"


class ColorMethod(str, Enum):
    """How the photo's colours are kept: after painting by luminance, or before by matching the style's colours."""

    LUMINANCE = "luminance"
    COVARIANCE = "covariance"
    HISTOGRAM = "histogram"


class Optimizer(str, Enum):
    """The method that moves the pixels."""

    LBFGS = "lbfgs"
    ADAM = "adam"
    LBFGSB = "lbfgsb"
    GRADIENT_DESCENT = "gradient_descent"
    NORMALIZED_DESCENT = "normalized_descent"
    SCALED_DESCENT = "scaled_descent"


class Init(str, Enum):
    """Where the painting starts."""

    CONTENT = "content"
    NOISE = "noise"
    PINK = "pink"
    STYLE_STATISTICS = "style_statistics"
    IMAGE = "image"


class Iterate(str, Enum):
    """Which of the iterates is the painting."""

    LAST = "last"
    BEST = "best"
    AVERAGE = "average"


class Precision(str, Enum):
    """Arithmetic of the network. AUTO is bf16 where the device computes it natively, else fp32."""

    AUTO = "auto"
    FP32 = "fp32"
    BF16 = "bf16"


class Backend(str, Enum):
    """How the network is computed.

    REFERENCE: plain PyTorch operations, wherever torch runs. ONEDNN: fused convolutions on a CPU. WINOGRAD: with
    fewer multiplications, on a CPU. CUDA: NVIDIA GPUs, with convolutions tuned to each size and steps replayed from
    recordings; its fp32 rounds to TF32 where the GPU has it. AUTO: the fastest that a device and an arithmetic have.
    """

    AUTO = "auto"
    REFERENCE = "reference"
    ONEDNN = "onednn"
    WINOGRAD = "winograd"
    CUDA = "cuda"
