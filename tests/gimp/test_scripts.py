"""Without a dialog: Script-Fu, Python-Fu, a daemon that is not there, a job that outlives GIMP."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from neuralstyle.v1 import admin_pb2
from stylize import Client
from tests.gimp.real_gimp import RealGimp
from tests.real_daemon import RealDaemon, cancelled_at, wait_for

PHOTO = """
def photo(width=60, height=44):
    image = new_image(width, height)
    layer = add_layer(image, "photo", width, height)
    fill(layer, "R'G'B'A float", picture(width, height))
    return image, layer
"""
LONG = 'style="mosaic", size=512, quality="fine", preset="gatys"'
"""A painting that does not end by itself within a test."""


def test_the_same_plug_in_paints_in_gimp_3_0_and_3_2(each_gimp: RealGimp, tmp_path: Path) -> None:
    ran = each_gimp.batch(
        PHOTO
        + """
image, layer = photo()
call("painted", image, [layer], style="ink", size=64, quality="draft")
save(image, "painted.png")
doctor = procedure("plug-in-neural-style-doctor")
tell("doctor", json.loads(doctor.run(doctor.create_config()).index(1)))
tell("version", Gimp.version())
""",
        tmp_path,
    )
    assert ran.code == 0, ran.output
    assert ran.results["painted"]["status"] == "success", ran.results["painted"]["message"]
    assert all(check["ok"] for check in ran.results["doctor"]), ran.results["doctor"]
    assert ran.results["version"].startswith({"trixie": "3.0", "forky": "3.2"}[each_gimp.suite])


def test_script_fu_calls_it_with_names(gimp: RealGimp, tmp_path: Path) -> None:
    ran = gimp.batch(
        PHOTO
        + """
image, layer = photo()
evaluate = procedure("plug-in-script-fu-eval")
config = evaluate.create_config()
config.set_property("run-mode", Gimp.RunMode.NONINTERACTIVE)
config.set_property("script", f'''(plug-in-neural-style #:run-mode RUN-NONINTERACTIVE #:image {image.get_id()}
  #:drawables (vector {layer.get_id()}) #:style "woodblock" #:size 64 #:quality "draft" #:strength 70
  #:output "replace")''')
values = evaluate.run(config)
tell("status", values.index(0).value_nick)
tell("record", record(image))
""",
        tmp_path,
    )
    assert ran.code == 0, ran.output
    assert ran.results["status"] == "success"
    assert ran.results["record"]["style"] == "woodblock"
    assert ran.results["record"]["parameters"]["strength"] == pytest.approx(0.7)


def test_without_a_daemon_it_says_the_command_that_starts_one(gimp: RealGimp, tmp_path: Path) -> None:
    ran = gimp.batch(
        PHOTO
        + 'image, layer = photo()\nimage.clean_all()\ncall("alone", image, [layer])\ntell("dirty", image.is_dirty())',
        tmp_path,
        daemon=False,
    )
    assert ran.code == 0, ran.output
    assert "stylize daemon start" in ran.results["alone"]["message"]
    assert not ran.results["dirty"]


def test_killing_the_plug_in_frees_the_daemon_and_leaves_the_image_alone(
    gimp: RealGimp, daemon: RealDaemon, tmp_path: Path
) -> None:
    """GIMP's own Cancel button does just this: a SIGKILL, without a word before."""
    extra: list[int] = []
    killer = threading.Thread(target=lambda: extra.append(kill_while_painting(daemon)))
    killer.start()
    ran = gimp.batch(
        PHOTO
        + f"""
image, layer = photo(96, 64)
image.clean_all()
call("killed", image, [layer], {LONG})
tell("dirty", image.is_dirty())
tell("layers", len(image.get_layers()))
call("after", image, [layer], style="ink", size=64, quality="draft")
""",
        tmp_path,
    )
    killer.join(60)
    assert ran.code == 0, ran.output
    assert extra, "the plug-in was not found painting"
    # Of a painting of hundreds. Iterations, which no other load on the machine can falsify.
    assert extra[0] <= 10, f"{extra[0]} iterations were painted for nobody"
    assert ran.results["killed"]["status"] != "success"
    assert not ran.results["dirty"]
    assert ran.results["layers"] == 1
    assert ran.results["after"]["status"] == "success"


def test_a_daemon_that_dies_in_the_middle_is_said_and_nothing_has_changed(
    plug_in: Path, gimp: RealGimp, own_daemon: RealDaemon, tmp_path: Path
) -> None:
    mine = RealGimp(gimp.suite, plug_in, own_daemon.folder)

    def kill() -> None:
        wait_for_step(own_daemon)
        os.killpg(own_daemon.process.pid, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    ran = mine.batch(
        PHOTO
        + f"""
image, layer = photo(300, 200)
image.clean_all()
call("bereft", image, [layer], {LONG})
tell("dirty", image.is_dirty())
""",
        tmp_path / "out",
    )
    killer.join(60)
    assert ran.code == 0, ran.output
    assert ran.results["bereft"]["status"] == "execution-error"
    assert "stopped in the middle" in ran.results["bereft"]["message"]
    assert not ran.results["dirty"]


def test_a_wrong_token_is_said_with_the_remedy(
    plug_in: Path, gimp: RealGimp, own_daemon: RealDaemon, tmp_path: Path
) -> None:
    home = own_daemon.folder
    described = (home / "endpoint.json").read_text()
    # Only TCP, as in a sandbox, with a token of another run.
    tcp = next(target for target in own_daemon.endpoint.targets if not target.startswith("unix:"))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "token").write_text("0" * 64)
    changed = {**json.loads(described), "targets": [tcp], "token_path": str(elsewhere / "token")}
    (elsewhere / "endpoint.json").write_text(json.dumps(changed))
    mine = RealGimp(gimp.suite, plug_in, elsewhere)
    ran = mine.batch(PHOTO + 'image, layer = photo()\ncall("wrong", image, [layer])', tmp_path / "out")
    assert "stylize daemon stop" in ran.results["wrong"]["message"]
    (elsewhere / "token").write_text((home / "token").read_text())
    ran = mine.batch(
        PHOTO + 'image, layer = photo()\ncall("right", image, [layer], size=64, quality="draft")', tmp_path / "out2"
    )
    assert ran.results["right"]["status"] == "success", ran.results["right"]["message"]


def wait_for_step(daemon: RealDaemon) -> str:
    """Waits until the daemon paints for GIMP; gives the job's id."""
    admin = daemon.admin()
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        for job in admin.ListJobs(admin_pb2.ListJobsRequest()).jobs:
            if job.client.startswith("gimp/") and job.iteration >= 1:
                return job.job_id
        time.sleep(0.05)
    raise TimeoutError("no job of GIMP came")


def kill_while_painting(daemon: RealDaemon) -> int:
    """Kills the plug-in in the middle of its job; iterations that the daemon goes on painting."""
    job_id = wait_for_step(daemon)
    with Client.connect(daemon.endpoint.targets[0]) as client:
        [at] = [job.iteration for job in client.jobs() if job.job_id == job_id]
        killed = [pid for pid in plug_in_processes(daemon) if os.kill(pid, signal.SIGKILL) is None]
        assert killed
        wait_for(lambda: not client.jobs() and not client.info().running_jobs, 30, "noticing the killed plug-in")
    return cancelled_at(daemon, job_id) - at


def plug_in_processes(daemon: RealDaemon) -> list[int]:
    """Process ids, on this side of the root, of plug-ins that GIMP runs, not only queries, with this daemon."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                words = (folder / "cmdline").read_bytes().split(b"\0")
                environment = (folder / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            running = any(word.endswith(b"neural-style.py") for word in words) and b"-run" in words
            if running and f"STYLIZED_HOME={daemon.folder}".encode() in environment:
                found.append(int(folder.name))
    return found
