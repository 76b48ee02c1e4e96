"""Promise: results come on stdout, progress and errors on stderr, and each reason has its exit code."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from neuralstyle.v1 import admin_pb2
from neuralstyle.v1 import stylize_pb2 as pb
from neuralstyle.v1.reasons import LocalExit, Reason
from stylize.cli.app import app
from stylize.cli.photos import default_output
from stylize.tunables import choice_names

from .conftest import RunCli
from .photos import camera_exif, colours, encode
from .scripted_daemon import RunningDaemon, ScriptedService, abort, progress, started


def picture(path: Path) -> Image.Image:
    return Image.open(io.BytesIO(path.read_bytes()))


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "cat.jpg"
    path.write_bytes(encode(colours(), "JPEG", exif=camera_exif(6)))
    return path


def test_image_paints_and_prints_the_path(scripted: RunningDaemon, run_cli: RunCli, photo: Path) -> None:
    ended = run_cli(
        *("image", photo, "--style", "woodblock", "-o", "out.png", "--size", "64"),
        *("--set", "iterations=9", "--set", "strength=0.8", "--set", "color=0"),
    )
    assert (ended.returncode, ended.stdout) == (0, "out.png\n")
    assert "100 %  iteration 4/4" in ended.stderr
    assert picture(photo.with_name("out.png")).size == (40, 60)
    request = scripted.service.requests[0]
    assert request.tunables == pb.Tunables(iterations=9, size=64, strength=0.8, color=0.0)
    assert scripted.service.calls[-1].metadata["x-client"].startswith("cli/")


def test_quiet_prints_only_the_path(scripted: RunningDaemon, run_cli: RunCli, photo: Path) -> None:
    ended = run_cli("image", photo, "--style", "woodblock", "--quiet")
    assert (ended.stdout, ended.stderr) == (f"{photo.with_name('cat.woodblock.png')}\n", "")


def test_json_prints_one_event_a_line_and_nothing_else(scripted: RunningDaemon, run_cli: RunCli, photo: Path) -> None:
    ended = run_cli("image", photo, "-s", "woodblock", "-o", "out.png", "--json", "--preview-to", "preview.png")
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    order = [line["event"] for line in lines if line["event"] != "frame"]
    assert order == ["queued", "started", *["progress"] * 4, "result", "summary", "saved"]
    assert lines[-1]["path"] == str(photo.with_name("out.png"))
    assert {"iteration": 2, "iterations": 4, "loss": 500.0}.items() <= next(
        line for line in lines if line["event"] == "progress" and line["iteration"] == 2
    ).items()
    assert not any("data" in line for line in lines)
    assert ended.stderr == ""


def test_json_tells_an_error_once_as_the_last_event(scripted: RunningDaemon, run_cli: RunCli, photo: Path) -> None:
    ended = run_cli("image", photo, "--style", "woodblok", "--json")
    *before, event = [json.loads(line) for line in ended.stdout.splitlines()]
    assert "error" not in {earlier["event"] for earlier in before}
    assert (event["event"], event["reason"], event["exit_code"]) == ("error", "UNKNOWN_STYLE", 18)
    assert ended.returncode == 18


def test_the_preview_is_rewritten_with_each_frame(scripted: RunningDaemon, run_cli: RunCli, photo: Path) -> None:
    run_cli("image", photo, "--style", "woodblock", "--preview-to", "preview.png")
    preview = picture(photo.with_name("preview.png"))
    assert preview.format == "PNG"
    assert np.asarray(preview)[0, 0, 1] == pytest.approx(40, abs=3)
    assert scripted.service.requests[0].preview.max_side > 0


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["cat.jpg", "-s", "woodblock", "-o", "there.png"], LocalExit.OUTPUT_EXISTS, "--overwrite"),
        (["cat.jpg", "-s", "woodblock", "--preview-to", "there.png"], LocalExit.OUTPUT_EXISTS, "--overwrite"),
        (["cat.jpg", "-s", "woodblock", "-o", "nix/out.png"], LocalExit.OUTPUT_UNWRITABLE, "mkdir"),
        (["cat.jpg", "-s", "woodblock", "-o", "out.gif"], LocalExit.OUTPUT_UNWRITABLE, ".webp"),
        (["nix.jpg", "-s", "woodblock"], LocalExit.INPUT_UNREADABLE, "nix.jpg"),
        (["home", "-s", "woodblock"], LocalExit.INPUT_UNREADABLE, "no photo"),
        (["cat.jpg", "-s", "woodblock", "--set", "iteratons=9"], Reason.INVALID_PARAMETER.exit_code, "iterations"),
        (["cat.jpg", "-s", "woodblock", "--set", "size=9", "--size", "8"], LocalExit.USAGE, "twice"),
        (["cat.jpg", "-s", "woodblock", "--precision", "fp16"], Reason.INVALID_PARAMETER.exit_code, "fp32, bf16"),
        (["cat.jpg"], LocalExit.USAGE, "--style"),
    ],
)
def test_what_cannot_work_is_refused_before_any_call(
    scripted: RunningDaemon, run_cli: RunCli, photo: Path, arguments: list[str], code: int, said: str
) -> None:
    there = photo.with_name("there.png")
    there.write_bytes(b"precious")
    ended = run_cli("image", *arguments)
    assert ended.returncode == code
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""
    assert scripted.service.calls == []
    assert there.read_bytes() == b"precious"


@pytest.mark.parametrize("reason", [Reason.QUEUE_FULL, Reason.OUT_OF_MEMORY, Reason.WORKER_RESTARTING, Reason.INTERNAL])
def test_the_exit_code_is_that_of_the_reason(
    scripted: RunningDaemon, service: ScriptedService, run_cli: RunCli, photo: Path, reason: Reason
) -> None:
    def script(request, context, photo):
        yield started()
        abort(context, reason, "One sentence.")

    service.script = script
    ended = run_cli("image", photo, "--style", "woodblock")
    assert ended.returncode == reason.exit_code
    assert f"Error: One sentence.\nWhat to do: {reason.info.remedy}\n" in ended.stderr
    assert not photo.with_name("cat.woodblock.png").exists()


def test_ctrl_c_twice_cancels_the_job_and_leaves_nothing(
    scripted: RunningDaemon, service: ScriptedService, photo: Path
) -> None:
    def script(request, context, photo):  # of a daemon that does not hear of "keep"
        yield pb.StylizeResponse(queued=pb.Queued(job_id="job-1"))
        yield started()
        while context.is_active():
            yield progress(1)
            time.sleep(0.05)

    service.script = script
    process = subprocess.Popen(
        [sys.executable, "-m", "stylize", "image", photo, "--style", "woodblock"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    while "Painting" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    while "Ctrl-C again" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=10)
    assert process.returncode == LocalExit.INTERRUPTED
    assert "Traceback" not in said
    assert service.stopped == ["job-1"]
    assert service.cancelled.wait(2)
    assert [path.name for path in photo.parent.iterdir() if path.is_file()] == ["cat.jpg"]


def test_a_painting_that_cannot_be_saved_is_kept_elsewhere(
    scripted: RunningDaemon, service: ScriptedService, run_cli: RunCli, photo: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (tmp_path / "elsewhere").mkdir()
    paint = service.script

    def script(request, context, photo):
        folder.rmdir()  # as an unmounted disk
        yield from paint(request, context, photo)

    service.script = script
    ended = run_cli("image", photo, "-s", "woodblock", "-o", "out/cat.png", TMPDIR=str(tmp_path / "elsewhere"))
    assert ended.returncode == LocalExit.OUTPUT_UNWRITABLE
    (kept,) = (tmp_path / "elsewhere").iterdir()
    assert str(kept) in ended.stderr
    assert picture(kept).size == (40, 60)


def test_the_default_output_is_beside_the_photo() -> None:
    assert default_output(Path("a/cat.jpg"), ["woodblock", "b/oil.v2.jpg"]) == Path("a/cat.woodblock+oil.v2.png")


def test_the_help_of_precision_names_all_of_the_contract(run_cli: RunCli) -> None:
    text = run_cli("image", "--help").stdout
    assert all(name in text for name in choice_names(pb.Precision.DESCRIPTOR))


def test_demo_runs_twice_and_prints_its_path(scripted: RunningDaemon, run_cli: RunCli, tmp_path: Path) -> None:
    for _ in range(2):
        ended = run_cli("demo")
        assert (ended.returncode, ended.stdout) == (0, "demo/sample.mosaic.png\n")
    assert (tmp_path / "demo" / "sample.mosaic.png").exists()
    assert scripted.service.requests[0].preset == "draft"


def test_styles_and_presets_are_listed(scripted: RunningDaemon, run_cli: RunCli) -> None:
    assert "mosaic" in run_cli("styles").stdout
    styles = json.loads(run_cli("styles", "--json").stdout)
    assert styles[0]["name"] == "woodblock"
    assert "thumbnail" not in styles[0]
    assert "gatys (default)" in run_cli("presets").stdout
    preset = json.loads(run_cli("presets", "show", "draft", "--json").stdout)
    assert preset["tunables"]["style_layers"] == {"relu1_1": 0.5}
    assert "relu1_1:0.5" in run_cli("presets", "show", "draft").stdout
    assert run_cli("presets", "show", "nix").returncode == Reason.UNKNOWN_PRESET.exit_code


def test_status_tells_jobs_as_json_and_as_text(scripted: RunningDaemon, run_cli: RunCli) -> None:
    running = admin_pb2.JobInfo(
        job_id="j1", state=admin_pb2.JOB_STATE_RUNNING, client="cli/1", iteration=3, iterations=9
    )
    waiting = admin_pb2.JobInfo(job_id="j2", state=admin_pb2.JOB_STATE_QUEUED, client="gimp/1")
    scripted.service.jobs = [running, waiting]
    status = json.loads(run_cli("daemon", "status", "--json").stdout)
    assert (status["running"], status["running_jobs"], status["queued_jobs"]) == (True, 1, 1)
    assert [(job["job_id"], job["state"]) for job in status["jobs"]] == [("j1", "running"), ("j2", "queued")]
    assert (status["worker_state"], status["pid"]) == ("ready", os.getpid())
    assert status["limits"]["image_ttl"] == 3600
    text = run_cli("daemon", "status").stdout
    assert "1 running, 1 waiting" in text
    assert "ready, cpu (scripted)" in text  # of a daemon that lists no workers
    scripted.service.workers = [
        pb.WorkerStatus(state=pb.WORKER_STATE_BUSY, device="cuda:0 (One)", pid=12, job_id="j1"),
        pb.WorkerStatus(state=pb.WORKER_STATE_LOADING),
    ]
    status = json.loads(run_cli("daemon", "status", "--json").stdout)
    assert status["workers"][0] == {"state": "busy", "device": "cuda:0 (One)", "pid": 12, "job_id": "j1"}
    text = run_cli("daemon", "status").stdout
    assert "busy with job j1, cuda:0 (One)" in text
    assert "loading, device not known yet" in text
    assert "3/9" in text


@pytest.mark.parametrize("command", [["status"], ["status", "--json"], ["stop"], ["logs"]])
def test_status_stop_and_logs_never_start_a_daemon(run_cli: RunCli, home: Path, command: list[str]) -> None:
    ended = run_cli("daemon", *command)
    assert ended.returncode == (LocalExit.DAEMON_UNREACHABLE if "status" in command else 0)
    assert not home.exists()


@pytest.mark.parametrize("option", ["--weights=vgg16.npz", "--workers=2"])
def test_start_refuses_weights_and_workers_for_a_daemon_that_runs(
    scripted: RunningDaemon, run_cli: RunCli, option: str
) -> None:
    ended = run_cli("daemon", "start", option)
    assert ended.returncode == LocalExit.FAILURE
    assert "runs already" in ended.stderr
    assert "stylize daemon stop" in ended.stderr


def test_logs_shows_the_last_lines(run_cli: RunCli, home: Path) -> None:
    home.mkdir()
    (home / "daemon.log").write_text("one\ntwo\nthree\n")
    assert run_cli("daemon", "logs", "-n", "2").stdout == "two\nthree\n"


def test_doctor_passes_and_fails_with_the_next_step(scripted: RunningDaemon, run_cli: RunCli, home: Path) -> None:
    checks = {check["name"]: check for check in json.loads(run_cli("doctor", "--no-start", "--json").stdout)}
    assert checks["Target"]["ok"]
    assert checks["Worker"]["found"].startswith("ready")
    home.chmod(0o755)
    ended = run_cli("doctor", "--no-start")
    assert ended.returncode == LocalExit.FAILURE
    assert "chmod 700" in ended.stdout


def test_doctor_says_that_no_daemon_runs(run_cli: RunCli) -> None:
    ended = run_cli("doctor", "--no-start")
    assert ended.returncode == LocalExit.FAILURE
    assert "stylize daemon start" in ended.stdout


def test_a_failure_of_the_program_shows_a_traceback_only_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_) -> None:
        raise RuntimeError("nobody expects this")

    monkeypatch.setattr("stylize.cli.terminal.connected", fail)
    ended = CliRunner().invoke(app, ["styles"])
    assert ended.exit_code == LocalExit.FAILURE
    assert "RuntimeError: nobody expects this" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "Traceback" in CliRunner().invoke(app, ["--debug", "styles"]).stderr


def processor_seconds() -> float:
    """What the programs that this one has run and waited for have taken."""
    used = os.times()
    return used.children_user + used.children_system


def test_help_and_version_are_fast(run_cli: RunCli) -> None:
    before = processor_seconds()
    assert "Paint photos" in run_cli("--help").stdout
    assert processor_seconds() - before < 2  # 0.2 s on a quick one; not by the clock, which other programs hold up
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, stylize.cli.app; print('grpc' in sys.modules, 'PIL' in sys.modules)"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert loaded.stdout == "False False\n"
    assert run_cli("--version").stdout.startswith("stylize ")
