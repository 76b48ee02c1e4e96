"""Promise: every snippet of the guides works as it stands, pasted into a folder with a photo."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from neuralstyle.v1.endpoint import HOME_VARIABLE
from tests.docs.snippets import Section, Snippet, sections
from tests.node_client import PACKAGE
from tests.real_daemon import RealDaemon

REPOSITORY = Path(__file__).resolve().parents[2]
ALL = frozenset({"sh", "python", "js"})
PAGES = {
    "docs/call-it-from-your-tool.md": ALL,
    "docs/python.md": ALL,
    "docs/recording.md": ALL,
    "docs/regions.md": ALL,
    "README.md": frozenset({"python"}),  # its commands install and paint for minutes; .ci/run has those that matter
}
SECTIONS = [
    section for page, languages in PAGES.items() for section in sections(REPOSITORY / page, except_for=ALL - languages)
]
GIVEN = ("cat.jpg", "dog.jpg", "monet.jpg")
MASKS = ("face.png", "sky.png", "water.png")
"""Pictures that the guides take for granted."""
SNIPPET_S = 120


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What a reader has: the repository, and a few photos in its folder. They are small, so that painting is quick."""
    for number, name in enumerate(GIVEN):
        samples = np.random.default_rng(number).integers(0, 256, (24, 32, 3), np.uint8)
        Image.fromarray(samples).save(tmp_path / name)
    for name in MASKS:
        mask = Image.new("L", (32, 24))
        mask.paste(255, (0, 0, 20, 24))
        mask.save(tmp_path / name)
    for name in ("proto", "clients", "examples"):
        (tmp_path / name).symlink_to(REPOSITORY / name)
    return tmp_path


@pytest.mark.parametrize("section", SECTIONS, ids=str)
def test_a_section_can_be_pasted(
    section: Section, folder: Path, hasty_daemon: RealDaemon, request: pytest.FixtureRequest
) -> None:
    languages = {snippet.language for snippet in section.snippets}
    assert languages <= ALL, "the tests cannot run that"
    if "js" in languages:
        request.getfixturevalue("node")
        (folder / "node_modules").symlink_to(PACKAGE / "node_modules")
    for snippet in section.snippets:
        _run(snippet, folder, hasty_daemon.folder)
    for name in section.pictures:
        with Image.open(folder / name) as picture:
            picture.load()


def _run(snippet: Snippet, folder: Path, home: Path) -> None:
    if snippet.language == "js":
        (folder / "paint.mjs").write_text(snippet.text)
    command = {
        "sh": ["bash", "-euo", "pipefail", "-c", snippet.text],
        "js": ["node", "paint.mjs"],
        # -S: without the .pth file that makes the packages of this repository importable.
        "python": [sys.executable, *(() if snippet.uses_our_library else ("-S",)), "-c", snippet.text],
    }[snippet.language]
    result = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, HOME_VARIABLE: str(home), "PATH": _path(), "PYTHONPATH": sysconfig.get_path("purelib")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SNIPPET_S,
        check=False,
    )
    assert result.returncode == 0, f"{snippet.text}\n{result.stdout}\n{result.stderr}"


def _path() -> str:
    """PATH with this Python's programs, and with a stand-in for grpcurl where that is not installed."""
    stand_in = [] if shutil.which("grpcurl") else [str(Path(__file__).parent)]
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"], *stand_in])


def test_a_snippet_without_our_library_has_none_of_our_packages(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="No module named 'neuralstyle'"):
        _run(Snippet("python", "import neuralstyle.v1.stylize_pb2"), folder, tmp_path)


def test_a_snippet_that_fails_fails_its_test(folder: Path, tmp_path: Path) -> None:
    for snippet in (Snippet("sh", "false | true"), Snippet("python", "1 / 0")):
        with pytest.raises(AssertionError):
            _run(snippet, folder, tmp_path)
