"""The tunables in groups, as people look for them; in the contract they stand in the order in which they came."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

GROUPS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "Size and steps": ("size", "iterations", "plateau", "iterate", "average_decay"),
        "Photo": ("content_weight", "content_layers", "content_loss"),
        "Style": (
            *("style_weight", "strength", "style_layers", "style_layer_ratio", "style_scale", "style_size"),
            *("style_statistic", "style_loss", "gram_scale", "mean_std_weight", "style_mixing"),
        ),
        "Colour and regions": ("color", "color_method", "mask_propagation"),
        "Smoothness and range": ("tv_weight", "tv_loss", "tv_power", "range_weight", "alpha_weight", "alpha_power"),
        "Start": ("init", "init_noise", "noise_spread", "pink_exponent"),
        "From coarse to fine": (
            *("pyramid_factor", "pyramid_min_size", "coarsest_iterations", "iterations_growth", "pyramid_detail"),
        ),
        "Optimiser": (
            *("optimizer", "learning_rate", "history_size", "beta1", "beta2", "epsilon", "gradient_normalization"),
        ),
        "Network": ("backbone", "pooling", "pooling_scale", "padding"),
        "Dream": ("dream_weight", "dream_layers", "jitter"),
    }
)
"""Each tunable is in one group; a test says so."""
