"""Promises of the built-in styles: they decode, are of a useful size, say whose they are, and differ strongly."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, fields
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from stylized.styles import BuiltinStyle, builtin_styles

REPOSITORY = Path(__file__).parents[2]
FOLDER = REPOSITORY / "daemon" / "stylized" / "styles"
SAMPLE = REPOSITORY / "clients" / "stylize" / "data"
STYLES = tuple(builtin_styles().values())


def _decode(data: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(data))
    picture.load()
    return picture


def _table_rows(readme: Path) -> Iterator[list[str]]:
    """Yield the cells of the rows of the README's table that begin with a name in backquotes."""
    for line in readme.read_text(encoding="utf-8").splitlines():
        if line.startswith("| `"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def _colours(picture: Image.Image) -> NDArray[np.float64]:
    """Return the shares of 8 x 8 x 8 bins of colour; they sum to 1."""
    bins = np.asarray(picture.convert("RGB"), dtype=np.int64) // 32
    index = (bins[..., 0] * 8 + bins[..., 1]) * 8 + bins[..., 2]
    return np.bincount(index.ravel(), minlength=512) / index.size


def test_styles_come_in_a_fixed_order() -> None:
    assert list(builtin_styles()) == ["oil", "woodblock", "mosaic", "ink"]


def test_a_style_knows_the_name_that_it_is_listed_under() -> None:
    assert {name: style.name for name, style in builtin_styles().items()} == {name: name for name in builtin_styles()}


def test_the_listing_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        builtin_styles()["oil"] = STYLES[1]  # pyright: ignore[reportIndexIssue]


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.name)
def test_every_style_is_an_rgb_jpeg_of_moderate_size(style: BuiltinStyle) -> None:
    data = style.read()
    picture = _decode(data)
    assert (picture.format, picture.mode) == ("JPEG", "RGB")
    assert 640 <= max(picture.size) <= 900
    assert len(data) < 300_000


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.name)
def test_every_style_says_whose_it_is(style: BuiltinStyle) -> None:
    for field in fields(style):
        value = asdict(style)[field.name]
        assert isinstance(value, str), field.name
        assert value == value.strip() != "", field.name
    assert style.rights.startswith(("Public domain", "MIT", "CC0"))


def test_readme_pictures_and_metadata_list_the_same_styles() -> None:
    listed = {cells[0].strip("`"): cells for cells in _table_rows(FOLDER / "README.md")}
    assert list(listed) == list(builtin_styles())
    assert {path.stem for path in FOLDER.glob("*.jpg")} == set(builtin_styles())
    for name, (_, picture, artist, _, rights) in listed.items():
        style = builtin_styles()[name]
        width, height = _decode(style.read()).size
        assert picture == f"{style.title}, {width} x {height}"
        assert style.artist == artist.replace("our own", "Stylized")
        assert style.rights.startswith(rights)


def test_all_pairs_of_styles_differ_strongly_in_colour() -> None:
    """Half the L1 distance of the histograms: 0 for the same colours, 1 for none in common.

    The nearest pair, woodblock and mosaic, measures 0.60; the left half of a style against its right half at most 0.30.
    """
    colours = {style.name: _colours(_decode(style.read())) for style in STYLES}
    for one, other in combinations(colours, 2):
        distance = np.abs(colours[one] - colours[other]).sum() / 2
        assert distance > 0.4, f"{one} and {other}"


def test_listing_and_reading_styles_imports_no_heavy_library() -> None:
    script = (
        "import sys; from stylized.styles import builtin_styles; [s.read() for s in builtin_styles().values()];"
        "sys.exit(' '.join({'torch', 'numpy', 'PIL'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"imported: {done.stderr}"


def test_the_sample_photograph_decodes_and_says_whose_it_is() -> None:
    data = (SAMPLE / "sample.jpg").read_bytes()
    picture = _decode(data)
    assert (picture.format, picture.mode) == ("JPEG", "RGB")
    assert 640 <= max(picture.size) <= 900
    assert len(data) < 300_000
    readme = (SAMPLE / "README.md").read_text(encoding="utf-8")
    width, height = picture.size
    for fact in (f"`sample.jpg` ({width} x {height})", "Mathias Appel", "CC0-1.0", "https://commons.wikimedia.org/"):
        assert fact in readme
