"""Promise: a painting keeps the photo's profile, EXIF data and alpha, tells how it was made, and is whole or absent."""

from __future__ import annotations

import errno
import io
import json
import os
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import ExifTags, Image

from stylize import saving
from stylize.client import Client
from stylize.errors import OutputExists, OutputUnwritable
from stylize.events import Result
from stylize.pictures import open_picture
from stylize.provenance import Provenance
from stylize.saving import check_output, rescue, save_painting, write_whole

from .photos import camera_exif, colours, encode, srgb_as_wide_gamut, wide_gamut_profile

HOW = Provenance(
    "draft", {"size": 64, "style_layers": {"relu1_1": 0.5}}, 7, "fp32", "vgg19", "ab" * 32, "1.2.3", "cd" * 32
)
SUFFIXES = [".png", ".jpg", ".webp", ".tif"]


def save(path: Path, photo: bytes, painting: Image.Image, **options) -> Image.Image:
    save_painting(painting, path, open_picture(photo).traits(), HOW, **options)
    return Image.open(io.BytesIO(path.read_bytes()))


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_the_painting_has_the_photos_profile_and_its_colours(tmp_path: Path, kind: str, suffix: str) -> None:
    photo = encode(colours(), kind, icc_profile=wide_gamut_profile())
    saved = save(tmp_path / f"out{suffix}", photo, colours())
    assert saved.info["icc_profile"] == wide_gamut_profile()
    expected = srgb_as_wide_gamut(np.asarray(colours()))
    difference = np.abs(np.asarray(saved.convert("RGB")) - expected)
    lossless = suffix in (".png", ".tif")
    assert difference.max() < (1.6 if lossless else 40)
    assert difference.mean() < (0.5 if lossless else 3)


def test_without_a_profile_the_colours_stay_as_they_are(tmp_path: Path) -> None:
    saved = save(tmp_path / "out.png", encode(colours(), "PNG"), colours())
    assert "icc_profile" not in saved.info
    assert saved.tobytes() == colours().tobytes()


@pytest.mark.parametrize("profile", [b"nonsense", wide_gamut_profile().replace(b"RGB ", b"GRAY")])
def test_a_profile_that_is_not_for_rgb_is_not_embedded(tmp_path: Path, profile: bytes) -> None:
    saved = save(tmp_path / "out.png", encode(colours(), "PNG", icc_profile=profile), colours())
    assert "icc_profile" not in saved.info
    assert saved.tobytes() == colours().tobytes()


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif"])
@pytest.mark.parametrize("profile", [None, wide_gamut_profile()])
def test_alpha_stays(tmp_path: Path, suffix: str, profile: bytes | None) -> None:
    photo = encode(colours(alpha=True), "PNG", icc_profile=profile)
    saved = save(tmp_path / f"out{suffix}", photo, colours(alpha=True))
    assert saved.mode == "RGBA"
    assert saved.getchannel("A").tobytes() == colours(alpha=True).getchannel("A").tobytes()


def test_jpeg_lays_transparency_on_white(tmp_path: Path) -> None:
    saved = save(tmp_path / "out.jpg", encode(colours(alpha=True), "PNG"), colours(alpha=True))
    assert saved.mode == "RGB"
    top, bottom = np.asarray(saved)[0], np.asarray(saved)[-1]
    assert top.min() > 240
    assert np.abs(bottom.astype(int) - np.asarray(colours())[-1]).mean() < 10


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_exif_is_carried_and_corrected(tmp_path: Path, kind: str, suffix: str) -> None:
    photo = encode(colours(), kind, exif=camera_exif(orientation=6))
    upright = colours().transpose(Image.Transpose.ROTATE_270)
    saved = save(tmp_path / f"out{suffix}", photo, upright)
    exif = saved.getexif()
    assert saved.size == (40, 60)
    assert exif[ExifTags.Base.Orientation] == 1
    assert exif[ExifTags.Base.Make] == "Camera & Sons"
    details = exif.get_ifd(ExifTags.IFD.Exif)
    assert details[ExifTags.Base.ExposureTime] == pytest.approx(0.008)
    assert (details[ExifTags.Base.ExifImageWidth], details[ExifTags.Base.ExifImageHeight]) == (40, 60)
    assert exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] == "N"


def test_the_photos_thumbnail_is_not_carried(tmp_path: Path) -> None:
    photo = encode(colours(), "JPEG", exif=camera_exif())
    assert Image.open(io.BytesIO(photo)).getexif().get_ifd(ExifTags.IFD.IFD1)
    saved = save(tmp_path / "out.jpg", photo, colours())
    assert not saved.getexif().get_ifd(ExifTags.IFD.IFD1)


def test_png_tells_how_it_was_made(tmp_path: Path) -> None:
    text = save(tmp_path / "out.png", encode(colours(), "PNG"), colours()).text  # pyright: ignore[reportAttributeAccessIssue]
    assert text["stylized:preset"] == "draft"
    assert json.loads(text["stylized:parameters"]) == HOW.parameters
    assert text["stylized:seed"] == "7"
    assert text["stylized:weights_sha256"] == "ab" * 32
    assert text["stylized:version"] == "1.2.3"
    assert text["stylized:parameter_hash"] == "cd" * 32


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".tif"])
def test_other_formats_tell_it_in_the_user_comment(tmp_path: Path, suffix: str) -> None:
    saved = save(tmp_path / f"out{suffix}", encode(colours(), "PNG"), colours())
    comment = saved.getexif().get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment]
    assert comment.startswith(b"ASCII\0\0\0")
    told = json.loads(comment[8:])
    assert (told["seed"], told["parameters"], told["preset"]) == (7, HOW.parameters, "draft")


def test_a_whole_job_keeps_what_the_photo_has(client: Client, tmp_path: Path) -> None:
    photo = encode(colours(alpha=True), "PNG", exif=camera_exif(6), icc_profile=wide_gamut_profile())
    path = client.stylize(photo, "woodblock").save(tmp_path / "out.png")
    saved = Image.open(io.BytesIO(path.read_bytes()))
    assert (saved.size, saved.mode) == ((40, 60), "RGBA")
    assert saved.info["icc_profile"] == wide_gamut_profile()
    assert saved.getexif()[ExifTags.Base.Orientation] == 1
    assert saved.text["stylized:version"] == "9.8.7"  # pyright: ignore[reportAttributeAccessIssue]


def test_the_bytes_of_a_file_are_those_that_would_be_saved(client: Client, tmp_path: Path) -> None:
    job = client.stylize(encode(colours(alpha=True), "PNG", exif=camera_exif(6)), "woodblock")
    data = job.encoded("nowhere/at/all.png")
    assert data == job.save(tmp_path / "out.png").read_bytes()


def test_an_existing_file_stays_unless_told_otherwise(tmp_path: Path) -> None:
    path = tmp_path / "out.png"
    path.write_bytes(b"precious")
    with pytest.raises(OutputExists):
        save(path, b"", colours())
    assert path.read_bytes() == b"precious"
    assert save(path, b"", colours(), overwrite=True).size == (60, 40)


def test_a_file_that_appeared_while_painting_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "out.png"
    monkeypatch.setattr(saving, "check_output", lambda *_: path.write_bytes(b"precious"))
    with pytest.raises(OutputExists):
        save(path, b"", colours())
    assert path.read_bytes() == b"precious"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_leaves_the_old_file_and_no_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "out.png"
    path.write_bytes(b"precious")

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputUnwritable, match="No space left"):
        write_whole(path, b"new", overwrite=True)
    assert path.read_bytes() == b"precious"
    assert list(tmp_path.iterdir()) == [path]


def test_without_hard_links_it_is_saved_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_) -> None:
        raise OSError(errno.EPERM, "no hard links here")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    write_whole(tmp_path / "out.png", b"new", overwrite=False)
    assert (tmp_path / "out.png").read_bytes() == b"new"
    with pytest.raises(OutputExists):
        write_whole(tmp_path / "out.png", b"newer", overwrite=False)


def test_the_file_has_the_users_usual_mode(tmp_path: Path) -> None:
    mask = os.umask(0o027)
    try:
        write_whole(tmp_path / "out.png", b"new", overwrite=False)
    finally:
        os.umask(mask)
    assert (tmp_path / "out.png").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    ("name", "said"),
    [("out.gif", "suffix .gif"), ("out", "no suffix"), ("nix/out.png", "no folder"), ("folder.png", "is a folder")],
)
def test_an_impossible_output_is_refused_early(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(OutputUnwritable, match=said):
        check_output(tmp_path / name, overwrite=True)


def test_a_rescued_painting_is_the_daemons_own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saving.tempfile, "gettempdir", lambda: str(tmp_path / "missing"))
    monkeypatch.chdir(tmp_path)
    path = rescue(Result(60, 40, 3, 8, b"painting"), "cat.woodblock")
    assert path is not None
    assert path.parent == tmp_path
    assert path.read_bytes() == b"painting"
    assert path.name.startswith("cat.woodblock")


def test_a_rescued_painting_of_16_bits_has_them_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saving.tempfile, "gettempdir", lambda: str(tmp_path))
    samples = np.arange(12, dtype=np.uint16).reshape(2, 2, 3) * 5001
    path = rescue(Result(2, 2, 3, 24, samples.tobytes(), "raw_uint16"), "cat")
    assert path is not None
    assert np.array_equal(tifffile.imread(path), samples)


@pytest.mark.parametrize("tag", [ExifTags.Base.MakerNote, ExifTags.Base.ImageDescription])
def test_exif_too_large_for_jpeg_does_not_lose_the_painting(tmp_path: Path, tag: int) -> None:
    exif = Image.Exif()
    large = bytes(70_000) if tag == ExifTags.Base.MakerNote else "a" * 70_000
    exif[ExifTags.IFD.Exif] = {tag: large, ExifTags.Base.ExposureTime: 0.5}
    saved = save(tmp_path / "out.jpg", encode(colours(), "PNG", exif=exif), colours())
    details = saved.getexif().get_ifd(ExifTags.IFD.Exif)
    assert ExifTags.Base.UserComment in details
    assert (ExifTags.Base.ExposureTime in details) == (tag == ExifTags.Base.MakerNote)
