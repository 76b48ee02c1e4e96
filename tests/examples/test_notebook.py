"""Promise: the notebook shows the painting as it forms, and is committed without what it showed."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from PIL import Image

from neuralstyle.v1.endpoint import HOME_VARIABLE
from tests.real_daemon import RealDaemon

NOTEBOOK = Path(__file__).resolve().parents[2] / "examples" / "watch_it_form.ipynb"
CELL_S = 120


def read() -> Any:
    return nbformat.read(NOTEBOOK, as_version=4)


def test_it_is_committed_without_outputs() -> None:
    for cell in read().cells:
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count) == ([], None)


class WatchedNotebook(NotebookClient):
    """Remembers what the displays showed one after the other: an executed notebook has only the last of each."""

    def __init__(self, notebook: Any, **options: Any) -> None:
        super().__init__(notebook, **options)
        self.shown: list[dict[str, str]] = []

    def process_message(self, msg: dict[str, Any], cell: Any, cell_index: int) -> Any:
        if msg["msg_type"] == "update_display_data":
            self.shown.append(msg["content"]["data"])
        return super().process_message(msg, cell, cell_index)


def test_it_shows_frames_and_the_painting(
    hasty_daemon: RealDaemon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(hasty_daemon.folder))
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    notebook = read()
    parameters = next(cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", ()))
    # As papermill does it: the values that are wanted, in a cell after the tagged one.
    notebook.cells.insert(notebook.cells.index(parameters) + 1, nbformat.v4.new_code_cell("SIZE, ITERATIONS = 60, 30"))
    client = WatchedNotebook(notebook, timeout=CELL_S, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    pictures = [picture(data) for data in client.shown if "image/png" in data]
    assert len(pictures) >= 4  # of each painting a frame at least, and its end
    assert all(image.size == (60, 40) for image in pictures)
    assert len({image.tobytes() for image in pictures}) >= 3
    words = [data["text/markdown"] for data in client.shown if "image/png" not in data]
    assert any("steps in" in text for text in words)
    results = [
        output.data
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if "image/png" in output.get("data", ())
    ]
    assert (120, 40) in [picture(data).size for data in results], "no photo and painting side by side"


def picture(data: dict[str, str]) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).convert("RGB")
