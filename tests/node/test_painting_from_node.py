"""Promise: the contract, endpoint.json and a gRPC library are enough to paint from another language."""

from __future__ import annotations

import io
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from neuralstyle.v1 import stylize_pb2 as pb
from neuralstyle.v1.endpoint import HOME_VARIABLE, endpoint_file
from stylize.request import CHUNK_BYTES
from stylized.engine.presets import builtin_presets
from tests.clients.scripted_daemon import RunningDaemon, ScriptedService, painting_of, started, summary
from tests.clients.test_job import CHUNKS
from tests.node_client import PACKAGE
from tests.real_daemon import RealDaemon, upload

RunNode = Callable[..., subprocess.CompletedProcess[str]]
SETTINGS = ("--style", "mosaic", "--preset", "gatys", "--size", "48", "--iterations", "3", "--seed", str(2**64 - 1))

PRESETS = ", ".join(builtin_presets())


@pytest.fixture
def paint(node: str, hasty_daemon: RealDaemon, tmp_path: Path) -> RunNode:
    """Runs the client in `tmp_path`."""

    def run(*arguments: str, home: Path = hasty_daemon.folder) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [node, str(PACKAGE / "paint.js"), *arguments],
            cwd=tmp_path,
            env={**os.environ, HOME_VARIABLE: str(home)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A photo whose file takes several chunks."""
    path = tmp_path / "photo.png"
    samples = np.random.default_rng(0).integers(0, 256, (320, 480, 3), np.uint8)
    Image.fromarray(samples).save(path)
    assert path.stat().st_size > 256 * 1024
    return path


def test_the_painting_is_the_one_that_any_client_gets(
    paint: RunNode, photo: Path, tmp_path: Path, hasty_daemon: RealDaemon
) -> None:
    result = paint("photo.png", *SETTINGS, "--preview", "forming.jpg")
    assert (result.returncode, result.stdout) == (0, "photo.node.png\n"), result.stderr
    stub = hasty_daemon.stylize()
    request = pb.StylizeRequest(preset="gatys", seed=2**64 - 1, tunables=pb.Tunables(size=48, iterations=3))
    request.content.image_id = upload(stub, photo.read_bytes()).image_id
    request.styles.add(name="mosaic")
    expected = b"".join(response.result_chunk.data for response in stub.Stylize(request))
    assert (tmp_path / "photo.node.png").read_bytes() == expected
    assert "3/3 loss" in result.stderr
    assert f"seed {2**64 - 1}" in result.stderr
    with Image.open(tmp_path / "forming.jpg") as frame:
        assert (frame.format, frame.size) == ("JPEG", Image.open(io.BytesIO(expected)).size)
    assert not list(tmp_path.glob("*.part"))


def test_over_tcp_the_token_is_sent_and_a_dead_target_is_passed_over(
    paint: RunNode, photo: Path, tmp_path: Path, hasty_daemon: RealDaemon
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    described = json.loads(endpoint_file(hasty_daemon.folder).read_text())
    described["targets"][0] = "unix:/nowhere/daemon.sock"
    endpoint_file(home).write_text(json.dumps(described))
    result = paint("photo.png", *SETTINGS, home=home)
    assert result.returncode == 0, result.stderr
    described["token_path"] = str(home / "token")
    (home / "token").write_text("0" * 64)
    endpoint_file(home).write_text(json.dumps(described))
    result = paint("photo.png", *SETTINGS, "--overwrite", home=home)
    assert (result.returncode, result.stderr.endswith("(BAD_TOKEN)\n")) == (1, True), result.stderr


@pytest.fixture
def scripted(tmp_path: Path) -> Iterator[RunningDaemon]:
    """A daemon whose paintings come in many small chunks."""
    running = RunningDaemon(tmp_path / "home", ScriptedService())
    running.announce()
    yield running
    running.stop()


def test_pictures_travel_in_chunks_and_in_order(
    paint: RunNode, photo: Path, tmp_path: Path, scripted: RunningDaemon
) -> None:
    result = paint("photo.png", "--style", "woodblock", home=scripted.folder)
    assert result.returncode == 0, result.stderr
    data = photo.read_bytes()
    assert list(scripted.service.uploads.values()) == [data]
    assert scripted.service.chunk_sizes == [CHUNK_BYTES, len(data) - CHUNK_BYTES]
    assert (tmp_path / "photo.node.png").read_bytes() == painting_of(data)


@pytest.mark.parametrize("responses", [[started(), *CHUNKS[:-1], summary()], [started(), *CHUNKS], [started()]])
def test_an_incomplete_painting_is_not_written(
    paint: RunNode, photo: Path, tmp_path: Path, scripted: RunningDaemon, responses: list[pb.StylizeResponse]
) -> None:
    scripted.service.script = lambda request, context, data: iter(responses)
    result = paint("photo.png", "--style", "woodblock", home=scripted.folder)
    assert result.returncode == 1
    assert result.stderr.endswith("send it again.\n")
    assert not (tmp_path / "photo.node.png").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--preset", "fast"), f"There is no preset 'fast'; use one of {PRESETS}. (UNKNOWN_PRESET)\n"),
        (("--style", "notes.txt"), "use a PNG, JPEG, WEBP, TIFF, BMP or GIF file. (IMAGE_UNREADABLE)\n"),
        (("--style", "nowhere.jpg"), "nowhere.jpg cannot be read (ENOENT): check its name and its permissions.\n"),
        (("--seed=-1",), "--seed is a whole number up to 18446744073709551615, not -1.\n"),
        (("--size", "wide"), "--size is a whole number up to 4294967295, not wide.\n"),
        (("--out", "photo.png"), "photo.png is there already: allow it with --overwrite.\n"),
    ],
)
def test_what_goes_wrong_is_one_sentence_and_leaves_no_file(
    paint: RunNode, photo: Path, tmp_path: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    result = paint("photo.png", *arguments)
    assert (result.returncode, result.stdout) == (1, "")
    assert sentence in result.stderr
    assert result.stderr.count("\n") == 1
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_without_a_daemon_the_next_step_is_told(paint: RunNode, photo: Path, tmp_path: Path) -> None:
    result = paint("photo.png", home=tmp_path / "home")
    assert result.returncode == 1
    assert "start it with `stylize daemon start`" in result.stderr


def test_versions_are_pinned_and_the_lock_file_names_no_place() -> None:
    package, lock = (json.loads((PACKAGE / name).read_text()) for name in ("package.json", "package-lock.json"))
    for name, version in package["dependencies"].items():
        assert lock["packages"][f"node_modules/{name}"]["version"] == version
    assert all("integrity" in entry and "resolved" not in entry for path, entry in lock["packages"].items() if path)
