"""Promise: a painting of 16 bits a sample arrives with all of them, and its file tells what one of 8 bits tells."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import png
import pytest
import tifffile
from PIL import ExifTags, Image, ImageCms

from neuralstyle.v1 import stylize_pb2 as pb
from stylize.client import Client
from stylize.errors import InvalidRequest, OutputUnwritable
from stylize.events import Result
from stylize.pictures import open_picture
from stylize.provenance import Provenance, read_provenance
from stylize.saving import check_output, save_painting
from tests.real_daemon import RealDaemon

from .photos import camera_exif, colours, encode, wide_gamut_profile
from .scripted_daemon import RunningDaemon

HOW = Provenance("draft", {"size": 64}, 7, "fp32", "vgg19", "ab" * 32, "1.2.3", "cd" * 32, depth=16)
SUFFIXES = [".png", ".tif"]


def ramp(channels: int = 3) -> np.ndarray:
    """Samples whose lower bytes are all different."""
    return (np.arange(40 * 60 * channels, dtype=np.uint32) * 7919 % 65536).astype(np.uint16).reshape(40, 60, channels)


def read_samples(path: Path) -> np.ndarray:
    """By a reader that is none of ours: pypng's own decoder, tifffile."""
    if path.suffix == ".tif":
        return tifffile.imread(path)
    width, height, rows, info = png.Reader(bytes=path.read_bytes()).asDirect()
    assert info["bitdepth"] == 16
    return np.array([list(row) for row in rows], np.uint16).reshape(height, width, info["planes"])


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("channels", [3, 4])
def test_every_bit_is_in_the_file(tmp_path: Path, suffix: str, channels: int) -> None:
    path = tmp_path / f"out{suffix}"
    photo = encode(colours(), "JPEG", exif=camera_exif(), icc_profile=wide_gamut_profile())
    save_painting(ramp(channels), path, open_picture(photo).traits(), HOW)
    assert np.array_equal(read_samples(path), ramp(channels))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_exif_profile_and_origin_are_in_the_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    photo = encode(colours(), "JPEG", exif=camera_exif(6), icc_profile=wide_gamut_profile())
    save_painting(ramp(), path, open_picture(photo).traits(), HOW)
    assert read_provenance(path) == HOW
    with Image.open(path) as image:
        exif = image.getexif()
        assert (exif[ExifTags.Base.Orientation], exif[ExifTags.Base.Make]) == (1, "Camera & Sons")
        assert exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ExposureTime] == pytest.approx(0.008)
        assert exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] == "N"
        # Not the photo's: 16 bits stay in sRGB, and say so.
        profile = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
    assert "sRGB" in ImageCms.getProfileDescription(profile)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_programs_of_others_see_the_same_picture(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    save_painting(ramp(4), path, open_picture(encode(colours(), "PNG")).traits(), HOW)
    with Image.open(path) as image:
        seen = np.asarray(image)  # Pillow reads the upper bytes
    assert seen.shape == (40, 60, 4)
    assert np.abs(seen.astype(int) - ramp(4) / 257).max() <= 1


@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
def test_a_format_of_8_bits_is_refused_early(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(OutputUnwritable, match="hold 8 bits") as caught:
        check_output(tmp_path / f"out{suffix}", overwrite=False, depth=16)
    assert ".tif" in caught.value.remedy


def test_a_result_of_16_bits_can_be_had_as_array_and_as_picture() -> None:
    result = Result(60, 40, 3, ramp().nbytes, ramp().tobytes(), "raw_uint16")
    assert result.depth == 16
    assert np.array_equal(result.array(), ramp())
    assert np.array_equal(np.asarray(result.image()), np.rint(ramp() / 257).astype(np.uint8))


def test_a_result_of_8_bits_is_an_array_too() -> None:
    result = Result(60, 40, 4, 0, encode(colours(alpha=True), "PNG"))
    assert (result.depth, result.array().dtype) == (8, np.uint8)
    assert np.array_equal(result.array(), np.asarray(colours(alpha=True)))


def test_another_depth_is_refused(client: Client, scripted: RunningDaemon) -> None:
    with pytest.raises(InvalidRequest, match="8 or 16"):
        client.stylize(b"photo", "woodblock", depth=12)
    assert "Stylize" not in scripted.service.methods()


def test_the_daemons_16_bits_are_its_8_bits_and_more(daemon: RealDaemon, tmp_path: Path) -> None:
    photo = encode(colours(48, 32, alpha=True), "PNG")
    style = np.asarray(colours(40, 40))
    options = {"seed": 1, "precision": "fp32", "size": 48, "iterations": 2}
    with Client.connect(daemon.endpoint.targets[0]) as client:
        plain = client.stylize(photo, style, "gatys", **options).result()
        deep = client.stylize(photo, style, "gatys", depth=16, **options)
        path = deep.save(tmp_path / "out.tif")
    assert deep.painting is not None
    assert (
        deep.painting.format == pb.ResultFormat.Name(pb.RESULT_FORMAT_RAW_UINT16).removeprefix("RESULT_FORMAT_").lower()
    )
    samples = deep.painting.array()
    assert (samples.dtype, samples.shape) == (np.uint16, (32, 48, 4))
    assert np.abs(samples / 257 - np.asarray(plain)).max() <= 0.5 + 1e-6
    assert np.any(samples % 257), "only 8 bits' worth of colours"
    assert np.array_equal(read_samples(path), samples)
