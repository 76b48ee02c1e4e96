"""Promise: a painting tells all that is needed to paint it again, and nothing of the folders it was made in."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from PIL import Image

from stylize.client import Client
from stylize.encoding import Metadata
from stylize.errors import InputUnreadable
from stylize.events import Level, Started, Summary, event_from_proto
from stylize.pictures import open_picture
from stylize.provenance import (
    PictureRecord,
    Provenance,
    Resumed,
    StyleRecord,
    is_painting,
    parse_provenance,
    read_provenance,
)
from stylize.saving import save_painting

from .photos import camera_exif, colours, encode, wide_gamut_profile
from .scripted_daemon import started, summary

SUFFIXES = [".png", ".jpg", ".webp", ".tif"]
HOW = Provenance(
    preset="draft",
    parameters={"size": 64, "style_layers": {"relu1_1": 0.5}, "pooling": "max"},
    seed=2**63,
    precision="fp32",
    weights="vgg19",
    weights_sha256="ab" * 32,
    version="1.2.3",
    parameter_hash="",
    content=PictureRecord("Kätzchen 🐈.jpg", "ef" * 32),
    styles=(
        StyleRecord("ink", None, 2.0),
        StyleRecord("", PictureRecord("oil.png", "01" * 32), 1.0, None, PictureRecord("part.png", "45" * 32)),
    ),
    mask=PictureRecord("mask.png", "23" * 32),
    init_image=PictureRecord("sketch.png", "67" * 32),
    resumed_from=Resumed("0123456789abcdef", PictureRecord("half.png", "89" * 32)),
    job_id="fedcba9876543210",
    iterations_asked=200,
)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_written_is_read_again(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    photo = open_picture(encode(colours(), "JPEG", exif=camera_exif()))
    save_painting(colours(), path, photo.traits(), HOW)
    assert read_provenance(path) == HOW
    assert is_painting(path)


def test_a_job_tells_its_sources_without_their_folders(client: Client, tmp_path: Path) -> None:
    folder = tmp_path / "secret place"
    folder.mkdir()
    for name in ("cat.png", "oil.png"):
        (folder / name).write_bytes(encode(colours(), "PNG"))
    path = client.stylize(folder / "cat.png", [("woodblock", 2.0), folder / "oil.png"]).save(tmp_path / "out.png")
    told = read_provenance(path)
    sha256 = hashlib.sha256((folder / "cat.png").read_bytes()).hexdigest()
    assert told.content == PictureRecord("cat.png", sha256)
    assert told.styles == (StyleRecord("woodblock", None, 2.0), StyleRecord("", PictureRecord("oil.png", sha256)))
    assert b"secret" not in path.read_bytes()


def test_one_that_was_stopped_on_its_way_from_coarse_to_fine_tells_those_at_the_full_size() -> None:
    begun, ended = event_from_proto(started()), event_from_proto(summary(stopped_early=True))
    assert isinstance(begun, Started)
    assert isinstance(ended, Summary)
    for coarser, told in ((20, 5), (40, 1)):
        plan = (Level(32, 24, coarser), Level(64, 48, 40))
        assert Provenance.of(replace(begun, plan=plan), replace(ended, iterations=25)).parameters["iterations"] == told


def test_the_record_of_a_gimp_layer_is_read(tmp_path: Path) -> None:
    record = {key: value for key, value in asdict(HOW).items() if key not in ("content", "styles", "mask", "depth")}
    told = parse_provenance(json.dumps({**record, "style": "ink", "seconds": 4.2}).encode(), "layer")
    assert (told.parameters, told.content, told.depth) == (HOW.parameters, None, 8)
    assert told.styles == (StyleRecord("ink", None),)
    told = parse_provenance(json.dumps({**record, "style": "/home/me/oil.jpg"}).encode(), "layer")
    assert told.styles == ()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"nonsense", "neither a picture nor"),
        (b"{not json", "neither a picture nor"),
        (b'{"preset": "draft"}', "not complete"),
        (encode(colours(), "PNG"), "does not tell"),
        (encode(colours(), "JPEG", exif=camera_exif()), "does not tell"),
    ],
)
def test_what_tells_nothing_is_one_sentence(data: bytes, said: str) -> None:
    with pytest.raises(InputUnreadable, match=said) as caught:
        parse_provenance(data, "x.png")
    assert caught.value.remedy


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_metadata_are_kept_as_asked(tmp_path: Path, suffix: str) -> None:
    photo = open_picture(encode(colours(), "JPEG", exif=camera_exif(), icc_profile=wide_gamut_profile())).traits()
    kept = {}
    for metadata in Metadata:
        path = tmp_path / f"{metadata.value}{suffix}"
        save_painting(colours(), path, photo, HOW, metadata=metadata)
        with Image.open(path) as image:
            exif = image.getexif()
            kept[metadata] = (
                0x010F in exif,
                bool(exif.get_ifd(0x8825)),
                "icc_profile" in image.info,
                is_painting(path),
            )
    assert kept == {
        Metadata.ALL: (True, True, True, True),
        Metadata.PROFILE: (False, False, True, True),
        Metadata.NONE: (False, False, False, False),
    }
