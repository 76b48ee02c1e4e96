"""A painting that is smaller than its layer lies where it belongs, and two quick steps look like a slow one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.gimp.real_gimp import RealGimp

SAMPLE = Path(__file__).resolve().parents[2] / "clients" / "stylize" / "data" / "sample.jpg"
SMALL = (96, 64)
LARGE = (1440, 960)

BATCH = f"""
import sys
sys.path.insert(0, "/mnt/plug-in/neural-style")
from neural_style import enlargement
from neural_style.geometry import Rect
from neural_style.samples import Pixels, SampleType
painting = Pixels(*{SMALL}, SampleType.UINT16, Path("/mnt/pictures/small").read_bytes())
width, height = {LARGE}
whole = Rect(0, 0, width, height)
def write(name, part, kind, **more):
    bands = enlargement.enlarged(painting, width, height, part, kind, **more)
    (OUT / name).write_bytes(b"".join(band.data for band in bands))
write("two-steps", whole, SampleType.UINT8)
write("one-step", whole, SampleType.UINT16)
write("part", Rect(333, 200, 501, 301), SampleType.UINT8)
write("alpha", whole, SampleType.UINT8, alpha=True)
"""


@pytest.fixture(scope="module")
def folder(gimp: RealGimp, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("enlargement")
    with Image.open(SAMPLE) as image:
        small = np.asarray(image.convert("RGB").resize(SMALL, Image.Resampling.LANCZOS)).astype("<u2") * 257
    small.tofile(made / "small")
    ran = gimp.batch(BATCH, made / "out", small=made / "small")
    assert ran.code == 0, ran.output
    return made


def read(file: Path, kind: str = "u1", channels: int = 3, size: tuple[int, int] = LARGE) -> NDArray[np.float64]:
    """[H, W, C] in 0..255."""
    values = np.fromfile(file, kind).reshape(size[1], size[0], channels).astype(float)
    return values / 257 if kind == "<u2" else values


def test_two_steps_look_like_one(folder: Path) -> None:
    difference = np.abs(read(folder / "out" / "two-steps") - read(folder / "out" / "one-step", "<u2"))
    assert difference.mean() < 0.6
    assert difference.max() < 8


@pytest.mark.parametrize(("name", "kind"), [("two-steps", "u1"), ("one-step", "<u2")])
def test_the_painting_lies_where_another_program_puts_it(folder: Path, name: str, kind: str) -> None:
    small = Image.fromarray((np.fromfile(folder / "small", "<u2") // 257).astype(np.uint8).reshape(*SMALL[::-1], 3))
    other = np.asarray(small.resize(LARGE, Image.Resampling.BILINEAR), float)
    ours = read(folder / "out" / name, kind)

    def apart(down: int, right: int) -> float:
        inner = ours[20:-20, 20:-20]
        return float(np.abs(np.roll(other, (down, right), (0, 1))[20:-20, 20:-20] - inner).mean())

    here = apart(0, 0)
    assert here < 3
    assert all(here < apart(*shift) for shift in ((1, 0), (-1, 0), (0, 1), (0, -1)))


def test_a_part_is_what_lies_there_in_the_whole(folder: Path) -> None:
    whole = read(folder / "out" / "two-steps")
    part = read(folder / "out" / "part", size=(501, 301))
    np.testing.assert_array_equal(part, whole[200:501, 333:834])
    with_alpha = read(folder / "out" / "alpha", channels=4)
    assert np.abs(with_alpha[..., :3] - whole).max() <= 1  # GDK rounds another way there
    np.testing.assert_array_equal(with_alpha[..., 3], 255)
