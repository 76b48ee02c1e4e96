"""Promise: the table has every loss that was told, and the plot shows those numbers."""

from __future__ import annotations

import csv
import itertools
import math
from pathlib import Path

import pytest
from PIL import Image

from stylize.errors import OutputExists, OutputUnwritable
from stylize.events import Level
from stylize.recording import LossPlot, LossTable, extras
from stylize.recording.loss_plot import draw
from stylize.recording.losses import LossLog

from .scripted_events import job, progress, started

LEVELS = (Level(32, 22, 10), Level(64, 44, 20))


def log_of(*events: object) -> LossLog:
    log = LossLog()
    for event in events:
        log.take(event)  # pyright: ignore[reportArgumentType]
    return log


def texts(log: LossLog) -> list[str]:
    """What stands in the plot beside its axes."""
    return [text.get_text() for text in draw(log).axes[0].texts]


def test_the_table_has_the_numbers_in_full(tmp_path: Path) -> None:
    path = tmp_path / "losses.csv"
    with LossTable(path) as table:
        for event in job(LEVELS):
            table.take(event)
    with path.open(newline="") as stream:
        rows = list(csv.reader(stream))
    assert rows[0] == ["iteration", "seconds", "loss", "content", "style"]
    assert len(rows) == 31
    for step, row in enumerate(rows[1:], 1):
        assert [float(cell) for cell in row] == [step, step / 4, 2.0 * step + 300.0 / step, 2.0 * step, 300.0 / step]


def test_terms_that_only_some_levels_have_are_columns_of_all(tmp_path: Path) -> None:
    path = tmp_path / "losses.csv"
    with LossTable(path) as table:
        for event in (progress(1, 3, content=1.0), progress(2, 3, style=math.nan), progress(2, 3, style=5.0)):
            table.take(event)
    assert path.read_text() == "iteration,seconds,loss,content,style\n1,0.250,1.0,1.0,\n2,0.500,nan,,nan\n"


def test_nothing_is_written_without_a_number(tmp_path: Path) -> None:
    with LossTable(tmp_path / "losses.csv") as table, LossPlot(tmp_path / "losses.png") as plot:
        for recorder in (table, plot):
            recorder.take(started(LEVELS))
    assert list(tmp_path.iterdir()) == []


def test_the_plot_shows_the_terms_and_their_sum_a_piece_for_each_level() -> None:
    axes = draw(log_of(*job(LEVELS))).axes[0]
    curves = [line for line in axes.lines if len(line.get_xdata()) in (10, 20)]  # pyright: ignore[reportArgumentType]
    assert len(curves) == 2 * 3
    steps = list(range(1, 11))
    assert list(curves[0].get_xdata()) == steps  # pyright: ignore[reportArgumentType]
    assert list(curves[0].get_ydata()) == [2.0 * step for step in steps]  # pyright: ignore[reportArgumentType]
    assert list(curves[-1].get_xdata()) == list(range(11, 31))  # pyright: ignore[reportArgumentType]
    assert axes.get_yscale() == "log"
    assert axes.get_xlim() == (1, 30)
    marks = [line for line in axes.lines if line not in curves]
    assert [list(mark.get_xdata()) for mark in marks] == [[10.5, 10.5]]  # pyright: ignore[reportArgumentType]


def test_every_line_has_its_name_and_every_level_its_size() -> None:
    assert texts(log_of(*job(LEVELS))) == ["32 px", "64 px", "style", "content", "loss"]
    # One level needs no mark, and one term no sum.
    assert texts(log_of(started(LEVELS[:1]), *(progress(step, 9, style=2.0) for step in range(1, 9)))) == ["style"]


def test_names_do_not_lie_on_each_other() -> None:
    terms = {f"term {number}": 1.0 + number / 1000 for number in range(6)}
    axes = draw(log_of(*(progress(step, 5, **terms) for step in range(1, 6)))).axes[0]
    heights = sorted(text.get_position()[1] for text in axes.texts)
    assert len(heights) == 7
    assert min(upper - lower for lower, upper in itertools.pairwise(heights)) > 0.05
    assert heights[0] >= 0
    assert heights[-1] <= 1


def test_what_is_nothing_is_not_drawn_and_what_is_no_number_leaves_a_gap() -> None:
    log = log_of(*(progress(step, 9, tv=0.0, style=math.inf if step == 4 else 3.0) for step in range(1, 9)))
    assert texts(log) == ["style"]
    values = draw(log).axes[0].lines[0].get_ydata()
    assert [math.isnan(value) for value in values] == [step == 4 for step in range(1, 9)]  # pyright: ignore[reportGeneralTypeIssues]


def test_losses_below_zero_are_drawn() -> None:
    log = log_of(*(progress(step, 9, activation=-5.0 * step) for step in range(1, 9)))
    assert draw(log).axes[0].get_yscale() == "symlog"


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_the_plot_is_a_picture(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"losses{suffix}"
    with LossPlot(path) as plot:
        for event in job(LEVELS):
            plot.take(event)
    data = path.read_bytes()
    assert {".png": b"\x89PNG", ".svg": b"<svg", ".pdf": b"%PDF"}[suffix] in data[:1000]
    if suffix == ".png":
        with Image.open(path) as picture:
            assert picture.size == (1200, 675)
            assert len(picture.convert("RGB").getcolors(1 << 20) or ()) > 50


def test_a_place_that_cannot_be_written_is_told_before_it_is_painted(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("mine")
    (tmp_path / "mine.png").write_text("mine")
    for recorder, name, error in (
        (LossTable, "mine.csv", OutputExists),
        (LossPlot, "mine.png", OutputExists),
        (LossTable, "losses.txt", OutputUnwritable),
        (LossPlot, "losses.jpg", OutputUnwritable),
        (LossPlot, "missing/losses.png", OutputUnwritable),
    ):
        with pytest.raises(error):
            recorder(tmp_path / name)


def test_a_missing_extra_is_one_sentence_with_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(OutputUnwritable, match="the package matplotlib is needed, which is not installed") as caught:
        LossPlot(tmp_path / "losses.png")
    assert "pip install 'stylized[record]'" in caught.value.remedy
    LossTable(tmp_path / "losses.csv")
