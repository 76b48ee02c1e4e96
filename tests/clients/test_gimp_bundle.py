"""Promise: what is installed into GIMP is complete: it needs nothing but a Python, and carries nothing compiled."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from stylize.errors import InputUnreadable
from stylize.gimp import bundle
from stylize.gimp.bundle import VENDORED, assemble, vendor

from .gimps import contents, make_plug_in
from .scripted_daemon import RunningDaemon

REPOSITORY = Path(__file__).parents[2]

CALL = """
import asyncio, sys
sys.path.insert(0, sys.argv[1])
from google.protobuf.internal import api_implementation
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpclib.client import Channel, UnaryUnaryMethod
from neuralstyle.v1 import endpoint, stylize_pb2 as pb

async def main():
    described = endpoint.read_endpoint(endpoint.home())
    host, _, port = described.targets[1].rpartition(":")
    async with Channel(host, int(port)) as channel:
        name = "/neuralstyle.v1.StylizeService/GetServerInfo"
        call = UnaryUnaryMethod(channel, name, pb.GetServerInfoRequest, pb.GetServerInfoResponse)
        info = await call(pb.GetServerInfoRequest(), metadata={"authorization": "Bearer " + described.token()})
    print(info.server_version, api_implementation.Type())
    for name, module in sys.modules.items():
        path = getattr(module, "__file__", None) or ""
        if "-packages" in path:
            print("from outside:", name)

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def vendored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle") / "vendor"
    vendor(folder)
    return folder


@pytest.fixture
def plug_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = make_plug_in(tmp_path / "sources")
    monkeypatch.setattr(bundle, "plug_in_source", lambda: folder)
    return folder


def run_alone(folder: Path, *options: str, **environment: str) -> str:
    ended = subprocess.run(
        [sys.executable, *options, "-B", "-c", CALL, folder],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_the_libraries_alone_reach_a_daemon(scripted: RunningDaemon, vendored: Path) -> None:
    assert run_alone(vendored, "-I", "-S") == "9.8.7 python\n"


@pytest.mark.parametrize("regular", [True, False])
def test_compiled_packages_of_another_version_are_kept_out(
    scripted: RunningDaemon, vendored: Path, tmp_path: Path, regular: bool
) -> None:
    # What somebody has installed into the Python that GIMP uses.
    other = tmp_path / "site" / "google"
    (other / "_upb").mkdir(parents=True)
    (other / "_upb" / "_message.py").write_text("")
    if regular:
        (other / "__init__.py").write_text("")
    assert run_alone(vendored, "-S", PYTHONPATH=str(other.parent)) == "9.8.7 python\n"


def test_nothing_in_it_is_compiled_and_all_of_it_is_licensed(vendored: Path) -> None:
    names = list(contents(vendored))
    assert {Path(name).suffix for name in names if not name.startswith("LICENSES/")} == {".py"}
    assert not any("_grpc.py" in name and name.startswith("neuralstyle") for name in names)
    assert not any("test" in Path(name).name for name in names)
    for item in VENDORED:
        assert "copyright" in (vendored / "LICENSES" / f"{item.distribution}.txt").read_text().lower()


def test_it_is_written_in_the_python_that_the_manifest_names(tmp_path: Path, plug_in: Path) -> None:
    manifest = assemble(tmp_path / "neural-style")
    version = (int(manifest.oldest_python.split(".")[0]), int(manifest.oldest_python.split(".")[1]))
    assert (3, 10) <= version <= sys.version_info[:2]
    for path in (tmp_path / "neural-style").rglob("*.py"):
        ast.parse(path.read_text(encoding="utf-8"), feature_version=version)


def test_the_manifest_lists_every_file_and_a_command_that_runs(tmp_path: Path, plug_in: Path) -> None:
    folder = tmp_path / "neural-style"
    assemble(folder)
    written = json.loads((folder / "installed.json").read_text())
    listed = "".join(f"{digest}  {name}\n" for name, digest in written["files"].items())
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet"], cwd=folder, input=listed, text=True, check=True)
    assert set(written["files"]) == set(contents(folder)) - {"installed.json"}
    command = written["daemon_command"]
    assert Path(command[0]).is_absolute()
    assert "--background" in command
    subprocess.run([*command, "--help"], check=True, capture_output=True, timeout=60)


def test_what_is_of_no_use_in_gimp_stays_out(tmp_path: Path, plug_in: Path) -> None:
    folder = tmp_path / "neural-style"
    assemble(folder)
    own = {name for name in contents(folder) if not name.startswith("vendor/")}
    assert own == {
        "installed.json",
        "neural-style.py",
        "neural_style/__init__.py",
        "locale/de/LC_MESSAGES/neural-style.mo",
        "help/index.html",
    }
    assert not (folder / "vendor" / "left_over.py").exists()
    assert os.access(folder / "neural-style.py", os.X_OK)


def test_a_missing_library_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "VENDORED", (bundle.Vendored("grpclib", ("grpclib_of_another_name",)),))
    with pytest.raises(InputUnreadable, match="grpclib_of_another_name") as caught:
        vendor(tmp_path / "vendor")
    assert "pip install" in caught.value.remedy


def test_the_wheel_carries_the_plug_in(tmp_path: Path) -> None:
    build = ["-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", tmp_path, REPOSITORY]
    subprocess.run([sys.executable, *build], check=True, capture_output=True, timeout=120)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    found = subprocess.run(
        [sys.executable, "-c", "from stylize.gimp.bundle import plug_in_source; print(plug_in_source())"],
        env={**os.environ, "PYTHONPATH": str(tmp_path / "installed")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    folder = Path(found.stdout.strip())
    assert folder.is_relative_to(tmp_path / "installed")
    source = REPOSITORY / "gimp_plugin" / "neural-style"
    assert (folder / "neural-style.py").read_bytes() == (source / "neural-style.py").read_bytes()
