"""What tests of several rooms share: daemons, one for all that leave it as it was and fresh ones for those that do not,
and Node."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.node_client import installed_node
from tests.real_daemon import RealDaemon


@pytest.fixture(scope="session")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealDaemon]:
    """A loaded daemon. Tests that use it must leave no job behind."""
    running = RealDaemon(tmp_path_factory.mktemp("shared") / "home")
    try:
        running.wait_until_loaded()
        yield running
    finally:
        running.close()


@pytest.fixture(scope="session")
def hasty_daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealDaemon]:
    """A loaded daemon whose presets take a few steps, for what is run as users would run it: guides, examples, clients
    in other languages. One thread, because two that wait for each other on a busy machine are slower."""
    running = RealDaemon(tmp_path_factory.mktemp("hasty") / "home", "--threads", "1", module="tests.hasty_daemon")
    try:
        running.wait_until_loaded()
        yield running
    finally:
        running.close()


@pytest.fixture
def start_daemon(tmp_path: Path) -> Iterator[Callable[..., RealDaemon]]:
    """Starts daemons that may be broken, in `tmp_path / "home"` unless told otherwise."""
    started: list[RealDaemon] = []

    def start(*arguments: str, folder: Path | None = None, module: str = "stylized") -> RealDaemon:
        running = RealDaemon(folder or tmp_path / "home", *arguments, module=module)
        started.append(running)
        return running

    yield start
    for running in started:
        running.close()


@pytest.fixture(scope="session")
def node() -> str:
    """The program `node`, with the packages of the client for Node."""
    return installed_node()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line that a script can look for, if tests for a real GIMP were among those chosen. From the reports, which
    come here from all processes, and not in the room's own conftest.py, which the process that prints does not read
    where others run the tests.
    """
    ran, skipped = (
        {
            report.nodeid
            for outcome in outcomes
            for report in terminalreporter.stats.get(outcome, [])
            if getattr(report, "nodeid", "").startswith("tests/gimp/")
        }
        for outcomes in (("passed", "failed", "error"), ("skipped",))
    )
    if ran or skipped:
        terminalreporter.write_line(f"Tests run in a real GIMP: {len(ran)}")
