from __future__ import annotations

import gc
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from neural_style import endpoints
from neural_style.session import Session

from neuralstyle.v1.endpoint import HOME_VARIABLE
from tests.gimp_plugin.sessions import network_threads


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home for the daemon, and a plug-in that cannot start one."""
    folder = tmp_path / "home"
    monkeypatch.setenv(HOME_VARIABLE, str(folder))
    monkeypatch.setattr(endpoints, "INSTALLED", tmp_path / "installed.json")
    return folder


@pytest.fixture
def open_session() -> Iterator[Callable[[], Session]]:
    """Opens sessions; after the test they are closed and must have left neither thread nor socket."""
    opened: list[Session] = []

    def open_one() -> Session:
        opened.append(Session())
        return opened[-1]

    yield open_one
    for session in opened:
        session.close()
    assert not network_threads()
    opened.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)  # what is left open says so when it is collected
        gc.collect()


@pytest.fixture
def session(open_session: Callable[[], Session]) -> Session:
    return open_session()
