"""Fixtures for tests in a real GIMP.

Where there can be no GIMP (no root, no Debian), these tests are skipped with one line that says why; with
STYLIZED_REQUIRE_GIMP=1, as in `.ci/run`, that is a failure instead. The number that ran is printed at the end (by
`tests/conftest.py`), so that a skipped suite does not look like a green one.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from stylize.gimp.bundle import assemble
from tests.gimp.real_gimp import SUITES, NoRootError, RealGimp, make_root
from tests.real_daemon import RealDaemon

HERE = Path(__file__).resolve().parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """GIMP's root may have to be made first."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.timeout(900))


@functools.cache
def _root(suite: str) -> str:
    """Why there is no root; "" if there is one."""
    try:
        make_root(suite)
    except NoRootError as error:
        return str(error)
    return ""


def _gimp(version: str, plug_in: Path, daemon: RealDaemon) -> RealGimp:
    why_not = _root(SUITES[version])
    if why_not:
        if os.environ.get("STYLIZED_REQUIRE_GIMP") == "1":
            pytest.fail(why_not)
        pytest.skip(why_not)
    return RealGimp(SUITES[version], plug_in, daemon.folder)


@pytest.fixture(scope="session")
def plug_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plug-in's folder as the installer assembles it."""
    folder = tmp_path_factory.mktemp("plug-in") / "neural-style"
    assemble(folder)
    return folder


@pytest.fixture(scope="session")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealDaemon]:
    """The daemon that GIMP paints with. One thread: the pictures here are small, and two threads that wait for each
    other on a busy machine are ten times as slow."""
    running = RealDaemon(tmp_path_factory.mktemp("gimp") / "home", "--threads", "1")
    try:
        running.wait_until_loaded()
        yield running
    finally:
        running.close()


@pytest.fixture(scope="session")
def gimp(plug_in: Path, daemon: RealDaemon) -> RealGimp:
    """GIMP 3.0."""
    return _gimp("3.0", plug_in, daemon)


@pytest.fixture(scope="session", params=list(SUITES))
def each_gimp(request: pytest.FixtureRequest, plug_in: Path, daemon: RealDaemon) -> RealGimp:
    """GIMP 3.0 and 3.2, one after the other, with the same plug-in folder."""
    return _gimp(request.param, plug_in, daemon)


@pytest.fixture
def own_daemon(tmp_path: Path) -> Iterator[RealDaemon]:
    """A daemon that a test may stop or kill."""
    running = RealDaemon(tmp_path / "home", "--threads", "1")
    try:
        running.wait_until_loaded()
        yield running
    finally:
        running.close()
