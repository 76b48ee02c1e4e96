"""Promise: the arithmetic on plain bytes does what numpy does, to the bit."""

from __future__ import annotations

import numpy as np
import pytest
from neural_style.samples import Pixels, SampleType, is_opaque, mean_color, with_alpha, without_alpha

DTYPES = {SampleType.UINT8: "u1", SampleType.UINT16: "<u2", SampleType.FLOAT32: "<f4"}
FULL = {SampleType.UINT8: 255, SampleType.UINT16: 65535, SampleType.FLOAT32: 1.0}

every_type = pytest.mark.parametrize("sample_type", SampleType)


def samples(sample_type: SampleType, channels: int, count: int = 35, seed: int = 0) -> np.ndarray:
    """[count, channels] of any bits: for floats also infinities, NaN and minus zero."""
    data = np.random.default_rng(seed).integers(0, 256, count * channels * sample_type.value, dtype=np.uint8).tobytes()
    values = np.frombuffer(data, DTYPES[sample_type]).reshape(count, channels).copy()
    if sample_type is SampleType.FLOAT32:
        values[0, :3] = (np.nan, -0.0, np.inf)
    return values


def test_without_alpha_keeps_the_colours_bit_for_bit() -> None:
    rgba = np.random.default_rng(5).integers(0, 256, (7, 5, 4), np.uint8)
    assert without_alpha(rgba.tobytes()) == rgba[..., :3].tobytes()
    assert without_alpha(b"") == b""


def test_the_sample_types_have_the_sizes_of_their_samples() -> None:
    assert {kind: np.dtype(DTYPES[kind]).itemsize for kind in SampleType} == {kind: kind.value for kind in SampleType}


@every_type
def test_alpha_comes_from_one_picture_and_the_colours_from_the_other(sample_type: SampleType) -> None:
    rgb, rgba = samples(sample_type, 3, seed=1), samples(sample_type, 4, seed=2)
    expected = np.concatenate([rgb, rgba[:, 3:]], axis=1)
    assert with_alpha(rgb.tobytes(), rgba.tobytes(), sample_type) == expected.tobytes()


@every_type
@pytest.mark.parametrize("count", [0, 1])
def test_alpha_of_hardly_any_pixels(sample_type: SampleType, count: int) -> None:
    rgb, rgba = samples(sample_type, 3)[:count], samples(sample_type, 4)[:count]
    expected = np.concatenate([rgb, rgba[:, 3:]], axis=1)
    assert with_alpha(rgb.tobytes(), rgba.tobytes(), sample_type) == expected.tobytes()


def test_pictures_of_different_sizes_are_not_mixed() -> None:
    with pytest.raises(ValueError, match="differ"):
        with_alpha(bytes(6), bytes(4), SampleType.UINT8)


@every_type
def test_opaque_is_what_is_full_everywhere(sample_type: SampleType) -> None:
    rgba = samples(sample_type, 4)
    rgba[:, 3] = FULL[sample_type]
    assert is_opaque(rgba.tobytes(), sample_type)
    for pixel in (0, 17, 34):
        for byte in range(sample_type.value):
            broken = bytearray(rgba.tobytes())
            broken[(pixel * 4 + 3) * sample_type.value + byte] ^= 1
            assert not is_opaque(bytes(broken), sample_type)


@every_type
def test_the_colours_do_not_count_for_opacity(sample_type: SampleType) -> None:
    rgba = np.zeros((9, 4), DTYPES[sample_type])
    rgba[:, 3] = FULL[sample_type]
    assert is_opaque(rgba.tobytes(), sample_type)


def test_the_mean_colour_counts_pixels_by_how_visible_they_are() -> None:
    generator = np.random.default_rng(3)
    color, alpha = generator.random((50, 3)), generator.random((50, 1))
    alpha[:20] = 0.0
    premultiplied = np.concatenate([color * alpha, alpha], axis=1).astype("<f4")
    assert mean_color(premultiplied.tobytes()) == pytest.approx(
        np.average(color, axis=0, weights=alpha[:, 0]), rel=1e-5
    )


def test_what_is_not_visible_at_all_is_gray() -> None:
    assert mean_color(np.zeros((4, 4), "<f4").tobytes()) == (0.5, 0.5, 0.5)


@every_type
def test_pixels_are_as_many_bytes_as_they_say(sample_type: SampleType) -> None:
    size = 5 * 4 * 3 * sample_type.value
    assert Pixels(5, 4, sample_type, bytes(size)).data == bytes(size)
    with pytest.raises(ValueError, match="5 x 4"):
        Pixels(5, 4, sample_type, bytes(size - 1))
