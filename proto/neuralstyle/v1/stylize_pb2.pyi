import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SampleType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SAMPLE_TYPE_UNSPECIFIED: _ClassVar[SampleType]
    SAMPLE_TYPE_UINT8: _ClassVar[SampleType]
    SAMPLE_TYPE_UINT16: _ClassVar[SampleType]
    SAMPLE_TYPE_FLOAT32: _ClassVar[SampleType]

class ColorSpace(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    COLOR_SPACE_UNSPECIFIED: _ClassVar[ColorSpace]
    COLOR_SPACE_SRGB: _ClassVar[ColorSpace]
    COLOR_SPACE_LINEAR_SRGB: _ClassVar[ColorSpace]

class Backbone(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    BACKBONE_UNSPECIFIED: _ClassVar[Backbone]
    BACKBONE_VGG19: _ClassVar[Backbone]
    BACKBONE_VGG16: _ClassVar[Backbone]
    BACKBONE_CAFFENET: _ClassVar[Backbone]

class ContentLoss(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CONTENT_LOSS_UNSPECIFIED: _ClassVar[ContentLoss]
    CONTENT_LOSS_MEAN: _ClassVar[ContentLoss]
    CONTENT_LOSS_SUM: _ClassVar[ContentLoss]
    CONTENT_LOSS_HALF_SUM: _ClassVar[ContentLoss]
    CONTENT_LOSS_NORMALIZED: _ClassVar[ContentLoss]
    CONTENT_LOSS_RATIO: _ClassVar[ContentLoss]

class StyleStatistic(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STYLE_STATISTIC_UNSPECIFIED: _ClassVar[StyleStatistic]
    STYLE_STATISTIC_GRAM: _ClassVar[StyleStatistic]
    STYLE_STATISTIC_COVARIANCE: _ClassVar[StyleStatistic]
    STYLE_STATISTIC_MEAN_STD: _ClassVar[StyleStatistic]
    STYLE_STATISTIC_WASSERSTEIN: _ClassVar[StyleStatistic]

class StyleLoss(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STYLE_LOSS_UNSPECIFIED: _ClassVar[StyleLoss]
    STYLE_LOSS_MEAN: _ClassVar[StyleLoss]
    STYLE_LOSS_SUM: _ClassVar[StyleLoss]
    STYLE_LOSS_PAPER: _ClassVar[StyleLoss]
    STYLE_LOSS_NORMALIZED: _ClassVar[StyleLoss]
    STYLE_LOSS_RATIO: _ClassVar[StyleLoss]

class GramScale(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    GRAM_SCALE_UNSPECIFIED: _ClassVar[GramScale]
    GRAM_SCALE_ELEMENTS: _ClassVar[GramScale]
    GRAM_SCALE_PIXELS: _ClassVar[GramScale]
    GRAM_SCALE_NONE: _ClassVar[GramScale]

class StyleMixing(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STYLE_MIXING_UNSPECIFIED: _ClassVar[StyleMixing]
    STYLE_MIXING_STATISTICS: _ClassVar[StyleMixing]
    STYLE_MIXING_LOSSES: _ClassVar[StyleMixing]

class TvLoss(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TV_LOSS_UNSPECIFIED: _ClassVar[TvLoss]
    TV_LOSS_SQUARED: _ClassVar[TvLoss]
    TV_LOSS_SQUARED_SUM: _ClassVar[TvLoss]
    TV_LOSS_L1: _ClassVar[TvLoss]
    TV_LOSS_POWER: _ClassVar[TvLoss]
    TV_LOSS_NINE_POINT: _ClassVar[TvLoss]

class GradientNormalization(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    GRADIENT_NORMALIZATION_UNSPECIFIED: _ClassVar[GradientNormalization]
    GRADIENT_NORMALIZATION_NONE: _ClassVar[GradientNormalization]
    GRADIENT_NORMALIZATION_L1: _ClassVar[GradientNormalization]

class MaskPropagation(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MASK_PROPAGATION_UNSPECIFIED: _ClassVar[MaskPropagation]
    MASK_PROPAGATION_SIMPLE: _ClassVar[MaskPropagation]
    MASK_PROPAGATION_INSIDE: _ClassVar[MaskPropagation]
    MASK_PROPAGATION_ALL: _ClassVar[MaskPropagation]

class ColorMethod(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    COLOR_METHOD_UNSPECIFIED: _ClassVar[ColorMethod]
    COLOR_METHOD_LUMINANCE: _ClassVar[ColorMethod]
    COLOR_METHOD_COVARIANCE: _ClassVar[ColorMethod]
    COLOR_METHOD_HISTOGRAM: _ClassVar[ColorMethod]

class Iterate(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ITERATE_UNSPECIFIED: _ClassVar[Iterate]
    ITERATE_LAST: _ClassVar[Iterate]
    ITERATE_BEST: _ClassVar[Iterate]
    ITERATE_AVERAGE: _ClassVar[Iterate]

class Pooling(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    POOLING_UNSPECIFIED: _ClassVar[Pooling]
    POOLING_MAX: _ClassVar[Pooling]
    POOLING_AVERAGE: _ClassVar[Pooling]
    POOLING_L2: _ClassVar[Pooling]

class Padding(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PADDING_UNSPECIFIED: _ClassVar[Padding]
    PADDING_ZERO: _ClassVar[Padding]
    PADDING_REPLICATE: _ClassVar[Padding]
    PADDING_REFLECT: _ClassVar[Padding]

class Optimizer(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OPTIMIZER_UNSPECIFIED: _ClassVar[Optimizer]
    OPTIMIZER_LBFGS: _ClassVar[Optimizer]
    OPTIMIZER_ADAM: _ClassVar[Optimizer]
    OPTIMIZER_LBFGSB: _ClassVar[Optimizer]
    OPTIMIZER_GRADIENT_DESCENT: _ClassVar[Optimizer]
    OPTIMIZER_NORMALIZED_DESCENT: _ClassVar[Optimizer]
    OPTIMIZER_SCALED_DESCENT: _ClassVar[Optimizer]

class Init(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    INIT_UNSPECIFIED: _ClassVar[Init]
    INIT_CONTENT: _ClassVar[Init]
    INIT_NOISE: _ClassVar[Init]
    INIT_PINK: _ClassVar[Init]
    INIT_STYLE_STATISTICS: _ClassVar[Init]
    INIT_IMAGE: _ClassVar[Init]

class Precision(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PRECISION_UNSPECIFIED: _ClassVar[Precision]
    PRECISION_AUTO: _ClassVar[Precision]
    PRECISION_FP32: _ClassVar[Precision]
    PRECISION_BF16: _ClassVar[Precision]

class Priority(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PRIORITY_UNSPECIFIED: _ClassVar[Priority]
    PRIORITY_INTERACTIVE: _ClassVar[Priority]
    PRIORITY_BATCH: _ClassVar[Priority]

class FrameFormat(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FRAME_FORMAT_UNSPECIFIED: _ClassVar[FrameFormat]
    FRAME_FORMAT_JPEG: _ClassVar[FrameFormat]
    FRAME_FORMAT_PNG: _ClassVar[FrameFormat]
    FRAME_FORMAT_RAW_RGB8: _ClassVar[FrameFormat]

class ResultFormat(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RESULT_FORMAT_UNSPECIFIED: _ClassVar[ResultFormat]
    RESULT_FORMAT_PNG: _ClassVar[ResultFormat]
    RESULT_FORMAT_RAW_UINT8: _ClassVar[ResultFormat]
    RESULT_FORMAT_RAW_UINT16: _ClassVar[ResultFormat]
    RESULT_FORMAT_RAW_FLOAT32: _ClassVar[ResultFormat]

class WorkerState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    WORKER_STATE_UNSPECIFIED: _ClassVar[WorkerState]
    WORKER_STATE_LOADING: _ClassVar[WorkerState]
    WORKER_STATE_READY: _ClassVar[WorkerState]
    WORKER_STATE_BUSY: _ClassVar[WorkerState]
    WORKER_STATE_FAILED: _ClassVar[WorkerState]
SAMPLE_TYPE_UNSPECIFIED: SampleType
SAMPLE_TYPE_UINT8: SampleType
SAMPLE_TYPE_UINT16: SampleType
SAMPLE_TYPE_FLOAT32: SampleType
COLOR_SPACE_UNSPECIFIED: ColorSpace
COLOR_SPACE_SRGB: ColorSpace
COLOR_SPACE_LINEAR_SRGB: ColorSpace
BACKBONE_UNSPECIFIED: Backbone
BACKBONE_VGG19: Backbone
BACKBONE_VGG16: Backbone
BACKBONE_CAFFENET: Backbone
CONTENT_LOSS_UNSPECIFIED: ContentLoss
CONTENT_LOSS_MEAN: ContentLoss
CONTENT_LOSS_SUM: ContentLoss
CONTENT_LOSS_HALF_SUM: ContentLoss
CONTENT_LOSS_NORMALIZED: ContentLoss
CONTENT_LOSS_RATIO: ContentLoss
STYLE_STATISTIC_UNSPECIFIED: StyleStatistic
STYLE_STATISTIC_GRAM: StyleStatistic
STYLE_STATISTIC_COVARIANCE: StyleStatistic
STYLE_STATISTIC_MEAN_STD: StyleStatistic
STYLE_STATISTIC_WASSERSTEIN: StyleStatistic
STYLE_LOSS_UNSPECIFIED: StyleLoss
STYLE_LOSS_MEAN: StyleLoss
STYLE_LOSS_SUM: StyleLoss
STYLE_LOSS_PAPER: StyleLoss
STYLE_LOSS_NORMALIZED: StyleLoss
STYLE_LOSS_RATIO: StyleLoss
GRAM_SCALE_UNSPECIFIED: GramScale
GRAM_SCALE_ELEMENTS: GramScale
GRAM_SCALE_PIXELS: GramScale
GRAM_SCALE_NONE: GramScale
STYLE_MIXING_UNSPECIFIED: StyleMixing
STYLE_MIXING_STATISTICS: StyleMixing
STYLE_MIXING_LOSSES: StyleMixing
TV_LOSS_UNSPECIFIED: TvLoss
TV_LOSS_SQUARED: TvLoss
TV_LOSS_SQUARED_SUM: TvLoss
TV_LOSS_L1: TvLoss
TV_LOSS_POWER: TvLoss
TV_LOSS_NINE_POINT: TvLoss
GRADIENT_NORMALIZATION_UNSPECIFIED: GradientNormalization
GRADIENT_NORMALIZATION_NONE: GradientNormalization
GRADIENT_NORMALIZATION_L1: GradientNormalization
MASK_PROPAGATION_UNSPECIFIED: MaskPropagation
MASK_PROPAGATION_SIMPLE: MaskPropagation
MASK_PROPAGATION_INSIDE: MaskPropagation
MASK_PROPAGATION_ALL: MaskPropagation
COLOR_METHOD_UNSPECIFIED: ColorMethod
COLOR_METHOD_LUMINANCE: ColorMethod
COLOR_METHOD_COVARIANCE: ColorMethod
COLOR_METHOD_HISTOGRAM: ColorMethod
ITERATE_UNSPECIFIED: Iterate
ITERATE_LAST: Iterate
ITERATE_BEST: Iterate
ITERATE_AVERAGE: Iterate
POOLING_UNSPECIFIED: Pooling
POOLING_MAX: Pooling
POOLING_AVERAGE: Pooling
POOLING_L2: Pooling
PADDING_UNSPECIFIED: Padding
PADDING_ZERO: Padding
PADDING_REPLICATE: Padding
PADDING_REFLECT: Padding
OPTIMIZER_UNSPECIFIED: Optimizer
OPTIMIZER_LBFGS: Optimizer
OPTIMIZER_ADAM: Optimizer
OPTIMIZER_LBFGSB: Optimizer
OPTIMIZER_GRADIENT_DESCENT: Optimizer
OPTIMIZER_NORMALIZED_DESCENT: Optimizer
OPTIMIZER_SCALED_DESCENT: Optimizer
INIT_UNSPECIFIED: Init
INIT_CONTENT: Init
INIT_NOISE: Init
INIT_PINK: Init
INIT_STYLE_STATISTICS: Init
INIT_IMAGE: Init
PRECISION_UNSPECIFIED: Precision
PRECISION_AUTO: Precision
PRECISION_FP32: Precision
PRECISION_BF16: Precision
PRIORITY_UNSPECIFIED: Priority
PRIORITY_INTERACTIVE: Priority
PRIORITY_BATCH: Priority
FRAME_FORMAT_UNSPECIFIED: FrameFormat
FRAME_FORMAT_JPEG: FrameFormat
FRAME_FORMAT_PNG: FrameFormat
FRAME_FORMAT_RAW_RGB8: FrameFormat
RESULT_FORMAT_UNSPECIFIED: ResultFormat
RESULT_FORMAT_PNG: ResultFormat
RESULT_FORMAT_RAW_UINT8: ResultFormat
RESULT_FORMAT_RAW_UINT16: ResultFormat
RESULT_FORMAT_RAW_FLOAT32: ResultFormat
WORKER_STATE_UNSPECIFIED: WorkerState
WORKER_STATE_LOADING: WorkerState
WORKER_STATE_READY: WorkerState
WORKER_STATE_BUSY: WorkerState
WORKER_STATE_FAILED: WorkerState

class Image(_message.Message):
    __slots__ = ("encoded", "raw", "image_id")
    ENCODED_FIELD_NUMBER: _ClassVar[int]
    RAW_FIELD_NUMBER: _ClassVar[int]
    IMAGE_ID_FIELD_NUMBER: _ClassVar[int]
    encoded: bytes
    raw: RawPixels
    image_id: str
    def __init__(self, encoded: _Optional[bytes] = ..., raw: _Optional[_Union[RawPixels, _Mapping]] = ..., image_id: _Optional[str] = ...) -> None: ...

class RawPixels(_message.Message):
    __slots__ = ("format", "data")
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    format: RawFormat
    data: bytes
    def __init__(self, format: _Optional[_Union[RawFormat, _Mapping]] = ..., data: _Optional[bytes] = ...) -> None: ...

class RawFormat(_message.Message):
    __slots__ = ("width", "height", "channels", "sample_type", "row_stride", "color_space")
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    CHANNELS_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_TYPE_FIELD_NUMBER: _ClassVar[int]
    ROW_STRIDE_FIELD_NUMBER: _ClassVar[int]
    COLOR_SPACE_FIELD_NUMBER: _ClassVar[int]
    width: int
    height: int
    channels: int
    sample_type: SampleType
    row_stride: int
    color_space: ColorSpace
    def __init__(self, width: _Optional[int] = ..., height: _Optional[int] = ..., channels: _Optional[int] = ..., sample_type: _Optional[_Union[SampleType, str]] = ..., row_stride: _Optional[int] = ..., color_space: _Optional[_Union[ColorSpace, str]] = ...) -> None: ...

class UploadImageRequest(_message.Message):
    __slots__ = ("header", "chunk")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    header: UploadHeader
    chunk: bytes
    def __init__(self, header: _Optional[_Union[UploadHeader, _Mapping]] = ..., chunk: _Optional[bytes] = ...) -> None: ...

class UploadHeader(_message.Message):
    __slots__ = ("size_bytes", "raw")
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    RAW_FIELD_NUMBER: _ClassVar[int]
    size_bytes: int
    raw: RawFormat
    def __init__(self, size_bytes: _Optional[int] = ..., raw: _Optional[_Union[RawFormat, _Mapping]] = ...) -> None: ...

class UploadImageResponse(_message.Message):
    __slots__ = ("image_id", "width", "height", "has_alpha")
    IMAGE_ID_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    HAS_ALPHA_FIELD_NUMBER: _ClassVar[int]
    image_id: str
    width: int
    height: int
    has_alpha: bool
    def __init__(self, image_id: _Optional[str] = ..., width: _Optional[int] = ..., height: _Optional[int] = ..., has_alpha: bool = ...) -> None: ...

class StylizeRequest(_message.Message):
    __slots__ = ("content", "styles", "preset", "tunables", "seed", "precision", "preview", "result_format", "priority", "max_runtime", "detach", "mask", "init_image", "resume_from", "features")
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    STYLES_FIELD_NUMBER: _ClassVar[int]
    PRESET_FIELD_NUMBER: _ClassVar[int]
    TUNABLES_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    PRECISION_FIELD_NUMBER: _ClassVar[int]
    PREVIEW_FIELD_NUMBER: _ClassVar[int]
    RESULT_FORMAT_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    MAX_RUNTIME_FIELD_NUMBER: _ClassVar[int]
    DETACH_FIELD_NUMBER: _ClassVar[int]
    MASK_FIELD_NUMBER: _ClassVar[int]
    INIT_IMAGE_FIELD_NUMBER: _ClassVar[int]
    RESUME_FROM_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    content: Image
    styles: _containers.RepeatedCompositeFieldContainer[Style]
    preset: str
    tunables: Tunables
    seed: int
    precision: Precision
    preview: PreviewPolicy
    result_format: ResultFormat
    priority: Priority
    max_runtime: _duration_pb2.Duration
    detach: bool
    mask: Image
    init_image: Image
    resume_from: str
    features: FeatureVisualization
    def __init__(self, content: _Optional[_Union[Image, _Mapping]] = ..., styles: _Optional[_Iterable[_Union[Style, _Mapping]]] = ..., preset: _Optional[str] = ..., tunables: _Optional[_Union[Tunables, _Mapping]] = ..., seed: _Optional[int] = ..., precision: _Optional[_Union[Precision, str]] = ..., preview: _Optional[_Union[PreviewPolicy, _Mapping]] = ..., result_format: _Optional[_Union[ResultFormat, str]] = ..., priority: _Optional[_Union[Priority, str]] = ..., max_runtime: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., detach: bool = ..., mask: _Optional[_Union[Image, _Mapping]] = ..., init_image: _Optional[_Union[Image, _Mapping]] = ..., resume_from: _Optional[str] = ..., features: _Optional[_Union[FeatureVisualization, _Mapping]] = ...) -> None: ...

class FeatureVisualization(_message.Message):
    __slots__ = ("pictures", "layer", "filter", "count")
    PICTURES_FIELD_NUMBER: _ClassVar[int]
    LAYER_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    pictures: _containers.RepeatedCompositeFieldContainer[Image]
    layer: str
    filter: int
    count: int
    def __init__(self, pictures: _Optional[_Iterable[_Union[Image, _Mapping]]] = ..., layer: _Optional[str] = ..., filter: _Optional[int] = ..., count: _Optional[int] = ...) -> None: ...

class Style(_message.Message):
    __slots__ = ("image", "name", "weight", "mask", "source_mask")
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    MASK_FIELD_NUMBER: _ClassVar[int]
    SOURCE_MASK_FIELD_NUMBER: _ClassVar[int]
    image: Image
    name: str
    weight: float
    mask: Image
    source_mask: Image
    def __init__(self, image: _Optional[_Union[Image, _Mapping]] = ..., name: _Optional[str] = ..., weight: _Optional[float] = ..., mask: _Optional[_Union[Image, _Mapping]] = ..., source_mask: _Optional[_Union[Image, _Mapping]] = ...) -> None: ...

class Tunables(_message.Message):
    __slots__ = ("size", "iterations", "content_weight", "style_weight", "tv_weight", "content_layers", "style_layers", "pooling", "padding", "optimizer", "learning_rate", "history_size", "init", "style_scale", "strength", "color", "backbone", "pooling_scale", "content_loss", "style_statistic", "style_loss", "gram_scale", "mean_std_weight", "style_layer_ratio", "style_mixing", "tv_loss", "tv_power", "range_weight", "alpha_weight", "alpha_power", "gradient_normalization", "style_size", "mask_propagation", "color_method", "noise_spread", "pink_exponent", "init_noise", "beta1", "beta2", "epsilon", "iterate", "average_decay", "plateau", "pyramid_factor", "pyramid_min_size", "coarsest_iterations", "iterations_growth", "pyramid_detail", "dream_weight", "dream_layers", "jitter")
    SIZE_FIELD_NUMBER: _ClassVar[int]
    ITERATIONS_FIELD_NUMBER: _ClassVar[int]
    CONTENT_WEIGHT_FIELD_NUMBER: _ClassVar[int]
    STYLE_WEIGHT_FIELD_NUMBER: _ClassVar[int]
    TV_WEIGHT_FIELD_NUMBER: _ClassVar[int]
    CONTENT_LAYERS_FIELD_NUMBER: _ClassVar[int]
    STYLE_LAYERS_FIELD_NUMBER: _ClassVar[int]
    POOLING_FIELD_NUMBER: _ClassVar[int]
    PADDING_FIELD_NUMBER: _ClassVar[int]
    OPTIMIZER_FIELD_NUMBER: _ClassVar[int]
    LEARNING_RATE_FIELD_NUMBER: _ClassVar[int]
    HISTORY_SIZE_FIELD_NUMBER: _ClassVar[int]
    INIT_FIELD_NUMBER: _ClassVar[int]
    STYLE_SCALE_FIELD_NUMBER: _ClassVar[int]
    STRENGTH_FIELD_NUMBER: _ClassVar[int]
    COLOR_FIELD_NUMBER: _ClassVar[int]
    BACKBONE_FIELD_NUMBER: _ClassVar[int]
    POOLING_SCALE_FIELD_NUMBER: _ClassVar[int]
    CONTENT_LOSS_FIELD_NUMBER: _ClassVar[int]
    STYLE_STATISTIC_FIELD_NUMBER: _ClassVar[int]
    STYLE_LOSS_FIELD_NUMBER: _ClassVar[int]
    GRAM_SCALE_FIELD_NUMBER: _ClassVar[int]
    MEAN_STD_WEIGHT_FIELD_NUMBER: _ClassVar[int]
    STYLE_LAYER_RATIO_FIELD_NUMBER: _ClassVar[int]
    STYLE_MIXING_FIELD_NUMBER: _ClassVar[int]
    TV_LOSS_FIELD_NUMBER: _ClassVar[int]
    TV_POWER_FIELD_NUMBER: _ClassVar[int]
    RANGE_WEIGHT_FIELD_NUMBER: _ClassVar[int]
    ALPHA_WEIGHT_FIELD_NUMBER: _ClassVar[int]
    ALPHA_POWER_FIELD_NUMBER: _ClassVar[int]
    GRADIENT_NORMALIZATION_FIELD_NUMBER: _ClassVar[int]
    STYLE_SIZE_FIELD_NUMBER: _ClassVar[int]
    MASK_PROPAGATION_FIELD_NUMBER: _ClassVar[int]
    COLOR_METHOD_FIELD_NUMBER: _ClassVar[int]
    NOISE_SPREAD_FIELD_NUMBER: _ClassVar[int]
    PINK_EXPONENT_FIELD_NUMBER: _ClassVar[int]
    INIT_NOISE_FIELD_NUMBER: _ClassVar[int]
    BETA1_FIELD_NUMBER: _ClassVar[int]
    BETA2_FIELD_NUMBER: _ClassVar[int]
    EPSILON_FIELD_NUMBER: _ClassVar[int]
    ITERATE_FIELD_NUMBER: _ClassVar[int]
    AVERAGE_DECAY_FIELD_NUMBER: _ClassVar[int]
    PLATEAU_FIELD_NUMBER: _ClassVar[int]
    PYRAMID_FACTOR_FIELD_NUMBER: _ClassVar[int]
    PYRAMID_MIN_SIZE_FIELD_NUMBER: _ClassVar[int]
    COARSEST_ITERATIONS_FIELD_NUMBER: _ClassVar[int]
    ITERATIONS_GROWTH_FIELD_NUMBER: _ClassVar[int]
    PYRAMID_DETAIL_FIELD_NUMBER: _ClassVar[int]
    DREAM_WEIGHT_FIELD_NUMBER: _ClassVar[int]
    DREAM_LAYERS_FIELD_NUMBER: _ClassVar[int]
    JITTER_FIELD_NUMBER: _ClassVar[int]
    size: int
    iterations: int
    content_weight: float
    style_weight: float
    tv_weight: float
    content_layers: LayerWeights
    style_layers: LayerWeights
    pooling: Pooling
    padding: Padding
    optimizer: Optimizer
    learning_rate: float
    history_size: int
    init: Init
    style_scale: float
    strength: float
    color: float
    backbone: Backbone
    pooling_scale: float
    content_loss: ContentLoss
    style_statistic: StyleStatistic
    style_loss: StyleLoss
    gram_scale: GramScale
    mean_std_weight: float
    style_layer_ratio: float
    style_mixing: StyleMixing
    tv_loss: TvLoss
    tv_power: float
    range_weight: float
    alpha_weight: float
    alpha_power: float
    gradient_normalization: GradientNormalization
    style_size: int
    mask_propagation: MaskPropagation
    color_method: ColorMethod
    noise_spread: float
    pink_exponent: float
    init_noise: float
    beta1: float
    beta2: float
    epsilon: float
    iterate: Iterate
    average_decay: float
    plateau: float
    pyramid_factor: float
    pyramid_min_size: int
    coarsest_iterations: int
    iterations_growth: float
    pyramid_detail: float
    dream_weight: float
    dream_layers: LayerWeights
    jitter: int
    def __init__(self, size: _Optional[int] = ..., iterations: _Optional[int] = ..., content_weight: _Optional[float] = ..., style_weight: _Optional[float] = ..., tv_weight: _Optional[float] = ..., content_layers: _Optional[_Union[LayerWeights, _Mapping]] = ..., style_layers: _Optional[_Union[LayerWeights, _Mapping]] = ..., pooling: _Optional[_Union[Pooling, str]] = ..., padding: _Optional[_Union[Padding, str]] = ..., optimizer: _Optional[_Union[Optimizer, str]] = ..., learning_rate: _Optional[float] = ..., history_size: _Optional[int] = ..., init: _Optional[_Union[Init, str]] = ..., style_scale: _Optional[float] = ..., strength: _Optional[float] = ..., color: _Optional[float] = ..., backbone: _Optional[_Union[Backbone, str]] = ..., pooling_scale: _Optional[float] = ..., content_loss: _Optional[_Union[ContentLoss, str]] = ..., style_statistic: _Optional[_Union[StyleStatistic, str]] = ..., style_loss: _Optional[_Union[StyleLoss, str]] = ..., gram_scale: _Optional[_Union[GramScale, str]] = ..., mean_std_weight: _Optional[float] = ..., style_layer_ratio: _Optional[float] = ..., style_mixing: _Optional[_Union[StyleMixing, str]] = ..., tv_loss: _Optional[_Union[TvLoss, str]] = ..., tv_power: _Optional[float] = ..., range_weight: _Optional[float] = ..., alpha_weight: _Optional[float] = ..., alpha_power: _Optional[float] = ..., gradient_normalization: _Optional[_Union[GradientNormalization, str]] = ..., style_size: _Optional[int] = ..., mask_propagation: _Optional[_Union[MaskPropagation, str]] = ..., color_method: _Optional[_Union[ColorMethod, str]] = ..., noise_spread: _Optional[float] = ..., pink_exponent: _Optional[float] = ..., init_noise: _Optional[float] = ..., beta1: _Optional[float] = ..., beta2: _Optional[float] = ..., epsilon: _Optional[float] = ..., iterate: _Optional[_Union[Iterate, str]] = ..., average_decay: _Optional[float] = ..., plateau: _Optional[float] = ..., pyramid_factor: _Optional[float] = ..., pyramid_min_size: _Optional[int] = ..., coarsest_iterations: _Optional[int] = ..., iterations_growth: _Optional[float] = ..., pyramid_detail: _Optional[float] = ..., dream_weight: _Optional[float] = ..., dream_layers: _Optional[_Union[LayerWeights, _Mapping]] = ..., jitter: _Optional[int] = ...) -> None: ...

class LayerWeights(_message.Message):
    __slots__ = ("layers",)
    LAYERS_FIELD_NUMBER: _ClassVar[int]
    layers: _containers.RepeatedCompositeFieldContainer[LayerWeight]
    def __init__(self, layers: _Optional[_Iterable[_Union[LayerWeight, _Mapping]]] = ...) -> None: ...

class LayerWeight(_message.Message):
    __slots__ = ("layer", "weight")
    LAYER_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    layer: str
    weight: float
    def __init__(self, layer: _Optional[str] = ..., weight: _Optional[float] = ...) -> None: ...

class PreviewPolicy(_message.Message):
    __slots__ = ("max_side", "min_interval", "format", "every_iterations")
    MAX_SIDE_FIELD_NUMBER: _ClassVar[int]
    MIN_INTERVAL_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    EVERY_ITERATIONS_FIELD_NUMBER: _ClassVar[int]
    max_side: int
    min_interval: _duration_pb2.Duration
    format: FrameFormat
    every_iterations: int
    def __init__(self, max_side: _Optional[int] = ..., min_interval: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., format: _Optional[_Union[FrameFormat, str]] = ..., every_iterations: _Optional[int] = ...) -> None: ...

class StylizeResponse(_message.Message):
    __slots__ = ("queued", "started", "progress", "frame", "result_chunk", "summary")
    QUEUED_FIELD_NUMBER: _ClassVar[int]
    STARTED_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    FRAME_FIELD_NUMBER: _ClassVar[int]
    RESULT_CHUNK_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    queued: Queued
    started: Started
    progress: Progress
    frame: Frame
    result_chunk: ResultChunk
    summary: Summary
    def __init__(self, queued: _Optional[_Union[Queued, _Mapping]] = ..., started: _Optional[_Union[Started, _Mapping]] = ..., progress: _Optional[_Union[Progress, _Mapping]] = ..., frame: _Optional[_Union[Frame, _Mapping]] = ..., result_chunk: _Optional[_Union[ResultChunk, _Mapping]] = ..., summary: _Optional[_Union[Summary, _Mapping]] = ...) -> None: ...

class Queued(_message.Message):
    __slots__ = ("job_id", "jobs_ahead")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    JOBS_AHEAD_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    jobs_ahead: int
    def __init__(self, job_id: _Optional[str] = ..., jobs_ahead: _Optional[int] = ...) -> None: ...

class Started(_message.Message):
    __slots__ = ("job_id", "seed", "device", "precision", "preset", "parameters", "plan", "memory_estimate_bytes", "backend")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    PRECISION_FIELD_NUMBER: _ClassVar[int]
    PRESET_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    PLAN_FIELD_NUMBER: _ClassVar[int]
    MEMORY_ESTIMATE_BYTES_FIELD_NUMBER: _ClassVar[int]
    BACKEND_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    seed: int
    device: str
    precision: Precision
    preset: str
    parameters: Tunables
    plan: _containers.RepeatedCompositeFieldContainer[Level]
    memory_estimate_bytes: int
    backend: str
    def __init__(self, job_id: _Optional[str] = ..., seed: _Optional[int] = ..., device: _Optional[str] = ..., precision: _Optional[_Union[Precision, str]] = ..., preset: _Optional[str] = ..., parameters: _Optional[_Union[Tunables, _Mapping]] = ..., plan: _Optional[_Iterable[_Union[Level, _Mapping]]] = ..., memory_estimate_bytes: _Optional[int] = ..., backend: _Optional[str] = ...) -> None: ...

class Level(_message.Message):
    __slots__ = ("width", "height", "iterations")
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    ITERATIONS_FIELD_NUMBER: _ClassVar[int]
    width: int
    height: int
    iterations: int
    def __init__(self, width: _Optional[int] = ..., height: _Optional[int] = ..., iterations: _Optional[int] = ...) -> None: ...

class Progress(_message.Message):
    __slots__ = ("iteration", "iterations", "terms", "loss", "elapsed", "eta")
    ITERATION_FIELD_NUMBER: _ClassVar[int]
    ITERATIONS_FIELD_NUMBER: _ClassVar[int]
    TERMS_FIELD_NUMBER: _ClassVar[int]
    LOSS_FIELD_NUMBER: _ClassVar[int]
    ELAPSED_FIELD_NUMBER: _ClassVar[int]
    ETA_FIELD_NUMBER: _ClassVar[int]
    iteration: int
    iterations: int
    terms: _containers.RepeatedCompositeFieldContainer[LossTerm]
    loss: float
    elapsed: _duration_pb2.Duration
    eta: _duration_pb2.Duration
    def __init__(self, iteration: _Optional[int] = ..., iterations: _Optional[int] = ..., terms: _Optional[_Iterable[_Union[LossTerm, _Mapping]]] = ..., loss: _Optional[float] = ..., elapsed: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., eta: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class LossTerm(_message.Message):
    __slots__ = ("name", "value")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: float
    def __init__(self, name: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...

class Frame(_message.Message):
    __slots__ = ("sequence", "skipped", "iteration", "width", "height", "format", "data")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    ITERATION_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    skipped: int
    iteration: int
    width: int
    height: int
    format: FrameFormat
    data: bytes
    def __init__(self, sequence: _Optional[int] = ..., skipped: _Optional[int] = ..., iteration: _Optional[int] = ..., width: _Optional[int] = ..., height: _Optional[int] = ..., format: _Optional[_Union[FrameFormat, str]] = ..., data: _Optional[bytes] = ...) -> None: ...

class ResultChunk(_message.Message):
    __slots__ = ("header", "data")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    header: ResultHeader
    data: bytes
    def __init__(self, header: _Optional[_Union[ResultHeader, _Mapping]] = ..., data: _Optional[bytes] = ...) -> None: ...

class ResultHeader(_message.Message):
    __slots__ = ("format", "pixels", "size_bytes")
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    PIXELS_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    format: ResultFormat
    pixels: RawFormat
    size_bytes: int
    def __init__(self, format: _Optional[_Union[ResultFormat, str]] = ..., pixels: _Optional[_Union[RawFormat, _Mapping]] = ..., size_bytes: _Optional[int] = ...) -> None: ...

class Summary(_message.Message):
    __slots__ = ("job_id", "iterations", "terms", "loss", "queued_time", "run_time", "peak_memory_bytes", "seed", "device", "precision", "server_version", "weights", "parameter_hash", "warnings", "stopped_early", "parameters")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    ITERATIONS_FIELD_NUMBER: _ClassVar[int]
    TERMS_FIELD_NUMBER: _ClassVar[int]
    LOSS_FIELD_NUMBER: _ClassVar[int]
    QUEUED_TIME_FIELD_NUMBER: _ClassVar[int]
    RUN_TIME_FIELD_NUMBER: _ClassVar[int]
    PEAK_MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    PRECISION_FIELD_NUMBER: _ClassVar[int]
    SERVER_VERSION_FIELD_NUMBER: _ClassVar[int]
    WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    PARAMETER_HASH_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    STOPPED_EARLY_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    iterations: int
    terms: _containers.RepeatedCompositeFieldContainer[LossTerm]
    loss: float
    queued_time: _duration_pb2.Duration
    run_time: _duration_pb2.Duration
    peak_memory_bytes: int
    seed: int
    device: str
    precision: Precision
    server_version: str
    weights: WeightsInfo
    parameter_hash: str
    warnings: _containers.RepeatedScalarFieldContainer[str]
    stopped_early: bool
    parameters: Tunables
    def __init__(self, job_id: _Optional[str] = ..., iterations: _Optional[int] = ..., terms: _Optional[_Iterable[_Union[LossTerm, _Mapping]]] = ..., loss: _Optional[float] = ..., queued_time: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., run_time: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., peak_memory_bytes: _Optional[int] = ..., seed: _Optional[int] = ..., device: _Optional[str] = ..., precision: _Optional[_Union[Precision, str]] = ..., server_version: _Optional[str] = ..., weights: _Optional[_Union[WeightsInfo, _Mapping]] = ..., parameter_hash: _Optional[str] = ..., warnings: _Optional[_Iterable[str]] = ..., stopped_early: bool = ..., parameters: _Optional[_Union[Tunables, _Mapping]] = ...) -> None: ...

class UpdateJobRequest(_message.Message):
    __slots__ = ("job_id", "tunables")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    TUNABLES_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    tunables: Tunables
    def __init__(self, job_id: _Optional[str] = ..., tunables: _Optional[_Union[Tunables, _Mapping]] = ...) -> None: ...

class UpdateJobResponse(_message.Message):
    __slots__ = ("parameters",)
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    parameters: Tunables
    def __init__(self, parameters: _Optional[_Union[Tunables, _Mapping]] = ...) -> None: ...

class CancelJobRequest(_message.Message):
    __slots__ = ("job_id", "keep")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    KEEP_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    keep: bool
    def __init__(self, job_id: _Optional[str] = ..., keep: bool = ...) -> None: ...

class CancelJobResponse(_message.Message):
    __slots__ = ("was_active",)
    WAS_ACTIVE_FIELD_NUMBER: _ClassVar[int]
    was_active: bool
    def __init__(self, was_active: bool = ...) -> None: ...

class WatchJobRequest(_message.Message):
    __slots__ = ("job_id", "preview")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    PREVIEW_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    preview: PreviewPolicy
    def __init__(self, job_id: _Optional[str] = ..., preview: _Optional[_Union[PreviewPolicy, _Mapping]] = ...) -> None: ...

class WatchJobResponse(_message.Message):
    __slots__ = ("event",)
    EVENT_FIELD_NUMBER: _ClassVar[int]
    event: StylizeResponse
    def __init__(self, event: _Optional[_Union[StylizeResponse, _Mapping]] = ...) -> None: ...

class GetServerInfoRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetServerInfoResponse(_message.Message):
    __slots__ = ("server_version", "api_versions", "features", "limits", "worker_state", "device", "weights", "running_jobs", "queued_jobs", "start_time", "default_preset", "all_weights", "workers")
    SERVER_VERSION_FIELD_NUMBER: _ClassVar[int]
    API_VERSIONS_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    WORKER_STATE_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    RUNNING_JOBS_FIELD_NUMBER: _ClassVar[int]
    QUEUED_JOBS_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_PRESET_FIELD_NUMBER: _ClassVar[int]
    ALL_WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    WORKERS_FIELD_NUMBER: _ClassVar[int]
    server_version: str
    api_versions: _containers.RepeatedScalarFieldContainer[str]
    features: _containers.RepeatedScalarFieldContainer[str]
    limits: Limits
    worker_state: WorkerState
    device: str
    weights: WeightsInfo
    running_jobs: int
    queued_jobs: int
    start_time: _timestamp_pb2.Timestamp
    default_preset: str
    all_weights: _containers.RepeatedCompositeFieldContainer[WeightsInfo]
    workers: _containers.RepeatedCompositeFieldContainer[WorkerStatus]
    def __init__(self, server_version: _Optional[str] = ..., api_versions: _Optional[_Iterable[str]] = ..., features: _Optional[_Iterable[str]] = ..., limits: _Optional[_Union[Limits, _Mapping]] = ..., worker_state: _Optional[_Union[WorkerState, str]] = ..., device: _Optional[str] = ..., weights: _Optional[_Union[WeightsInfo, _Mapping]] = ..., running_jobs: _Optional[int] = ..., queued_jobs: _Optional[int] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., default_preset: _Optional[str] = ..., all_weights: _Optional[_Iterable[_Union[WeightsInfo, _Mapping]]] = ..., workers: _Optional[_Iterable[_Union[WorkerStatus, _Mapping]]] = ...) -> None: ...

class WorkerStatus(_message.Message):
    __slots__ = ("state", "device", "pid", "job_id")
    STATE_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    state: WorkerState
    device: str
    pid: int
    job_id: str
    def __init__(self, state: _Optional[_Union[WorkerState, str]] = ..., device: _Optional[str] = ..., pid: _Optional[int] = ..., job_id: _Optional[str] = ...) -> None: ...

class Limits(_message.Message):
    __slots__ = ("max_message_bytes", "max_inline_image_bytes", "max_image_bytes", "max_image_pixels", "max_image_side", "min_image_side", "min_size", "max_size", "max_iterations", "max_styles", "max_queued_jobs", "image_ttl", "detached_ttl", "max_feature_pictures")
    MAX_MESSAGE_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_INLINE_IMAGE_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_IMAGE_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_IMAGE_PIXELS_FIELD_NUMBER: _ClassVar[int]
    MAX_IMAGE_SIDE_FIELD_NUMBER: _ClassVar[int]
    MIN_IMAGE_SIDE_FIELD_NUMBER: _ClassVar[int]
    MIN_SIZE_FIELD_NUMBER: _ClassVar[int]
    MAX_SIZE_FIELD_NUMBER: _ClassVar[int]
    MAX_ITERATIONS_FIELD_NUMBER: _ClassVar[int]
    MAX_STYLES_FIELD_NUMBER: _ClassVar[int]
    MAX_QUEUED_JOBS_FIELD_NUMBER: _ClassVar[int]
    IMAGE_TTL_FIELD_NUMBER: _ClassVar[int]
    DETACHED_TTL_FIELD_NUMBER: _ClassVar[int]
    MAX_FEATURE_PICTURES_FIELD_NUMBER: _ClassVar[int]
    max_message_bytes: int
    max_inline_image_bytes: int
    max_image_bytes: int
    max_image_pixels: int
    max_image_side: int
    min_image_side: int
    min_size: int
    max_size: int
    max_iterations: int
    max_styles: int
    max_queued_jobs: int
    image_ttl: _duration_pb2.Duration
    detached_ttl: _duration_pb2.Duration
    max_feature_pictures: int
    def __init__(self, max_message_bytes: _Optional[int] = ..., max_inline_image_bytes: _Optional[int] = ..., max_image_bytes: _Optional[int] = ..., max_image_pixels: _Optional[int] = ..., max_image_side: _Optional[int] = ..., min_image_side: _Optional[int] = ..., min_size: _Optional[int] = ..., max_size: _Optional[int] = ..., max_iterations: _Optional[int] = ..., max_styles: _Optional[int] = ..., max_queued_jobs: _Optional[int] = ..., image_ttl: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., detached_ttl: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., max_feature_pictures: _Optional[int] = ...) -> None: ...

class WeightsInfo(_message.Message):
    __slots__ = ("name", "sha256", "backbone")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    BACKBONE_FIELD_NUMBER: _ClassVar[int]
    name: str
    sha256: str
    backbone: Backbone
    def __init__(self, name: _Optional[str] = ..., sha256: _Optional[str] = ..., backbone: _Optional[_Union[Backbone, str]] = ...) -> None: ...

class ListStylesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListStylesResponse(_message.Message):
    __slots__ = ("styles",)
    STYLES_FIELD_NUMBER: _ClassVar[int]
    styles: _containers.RepeatedCompositeFieldContainer[StyleInfo]
    def __init__(self, styles: _Optional[_Iterable[_Union[StyleInfo, _Mapping]]] = ...) -> None: ...

class StyleInfo(_message.Message):
    __slots__ = ("name", "title", "artist", "source", "rights", "width", "height", "thumbnail")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    ARTIST_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    RIGHTS_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    THUMBNAIL_FIELD_NUMBER: _ClassVar[int]
    name: str
    title: str
    artist: str
    source: str
    rights: str
    width: int
    height: int
    thumbnail: bytes
    def __init__(self, name: _Optional[str] = ..., title: _Optional[str] = ..., artist: _Optional[str] = ..., source: _Optional[str] = ..., rights: _Optional[str] = ..., width: _Optional[int] = ..., height: _Optional[int] = ..., thumbnail: _Optional[bytes] = ...) -> None: ...

class ListPresetsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListPresetsResponse(_message.Message):
    __slots__ = ("presets",)
    PRESETS_FIELD_NUMBER: _ClassVar[int]
    presets: _containers.RepeatedCompositeFieldContainer[PresetInfo]
    def __init__(self, presets: _Optional[_Iterable[_Union[PresetInfo, _Mapping]]] = ...) -> None: ...

class PresetInfo(_message.Message):
    __slots__ = ("name", "description", "weights", "tunables", "extends", "origins")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    TUNABLES_FIELD_NUMBER: _ClassVar[int]
    EXTENDS_FIELD_NUMBER: _ClassVar[int]
    ORIGINS_FIELD_NUMBER: _ClassVar[int]
    name: str
    description: str
    weights: str
    tunables: Tunables
    extends: str
    origins: _containers.RepeatedCompositeFieldContainer[TunableOrigin]
    def __init__(self, name: _Optional[str] = ..., description: _Optional[str] = ..., weights: _Optional[str] = ..., tunables: _Optional[_Union[Tunables, _Mapping]] = ..., extends: _Optional[str] = ..., origins: _Optional[_Iterable[_Union[TunableOrigin, _Mapping]]] = ...) -> None: ...

class TunableOrigin(_message.Message):
    __slots__ = ("tunable", "preset", "source")
    TUNABLE_FIELD_NUMBER: _ClassVar[int]
    PRESET_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    tunable: str
    preset: str
    source: str
    def __init__(self, tunable: _Optional[str] = ..., preset: _Optional[str] = ..., source: _Optional[str] = ...) -> None: ...
