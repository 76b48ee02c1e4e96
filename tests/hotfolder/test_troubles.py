"""Promise: a daemon that is away, a full disk, a read-only place and a worker that dies are waited for, in words, and
cost no picture; what is the photo's own fault ends in failed/."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from neuralstyle.v1 import stylize_pb2 as pb
from neuralstyle.v1.endpoint import HOME_VARIABLE, read_endpoint
from neuralstyle.v1.reasons import Reason
from stylize.autostart import is_running
from stylize.client import Client
from stylize.errors import DaemonUnreachable, InvalidRequest, OutputUnwritable
from stylize.hotfolder.layout import HotFolder
from stylize.hotfolder.reports import Failed, Painted, Postponed, Progressed, Trouble, TroubleOver
from stylize.hotfolder.service import connector
from tests.clients.scripted_daemon import ScriptedService, abort, paint, started
from tests.real_daemon import RealDaemon, wait_for

from .conftest import Connect
from .mounts import mounted, remount
from .watching import CHEAP, QUICK, Watch, drop, hot_folder, names_in


def test_a_full_disk_is_waited_for_and_the_painting_kept(hot: HotFolder, connect: Connect) -> None:
    with mounted(hot.outbox, "size=64k"):
        filler = hot.outbox / "filler"
        filler.write_bytes(bytes(64 * 1024))
        with Watch(hot, connect=connect) as watch:
            drop(hot, "photo.png")
            (trouble,) = watch.wait_for(Trouble, kind="out")
            assert "No space left on device" in trouble.message
            assert names_in(hot.outbox) == ["filler"]  # nothing half-written stays
            assert names_in(hot.inbox) == ["photo.png"]
            filler.unlink()
            watch.wait_for(Painted)
            watch.wait_for(TroubleOver, kind="out")
        assert names_in(hot.outbox) == ["photo.png"]
    assert len([report for report in watch.all(Progressed) if report.iteration == 1]) == 1  # painted once


def test_a_full_disk_under_the_ledger_is_waited_for(tmp_path: Path, connect: Connect) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    with mounted(disk, "size=512k"):
        hot = hot_folder(disk / "hot")
        with Watch(hot, connect=connect) as watch:
            drop(hot, "first.png", seed=1)
            watch.wait_for(Painted)
            filler = disk / "filler"
            with contextlib.suppress(OSError), filler.open("wb", buffering=0) as stream:
                while stream.write(bytes(4096)):
                    pass
            (hot.done / "first.png").rename(hot.inbox / "again.png")
            watch.wait_for(Trouble, kind="ledger")
            filler.unlink()
            watch.until(lambda: not names_in(hot.inbox))
    assert watch.all(Failed) == []


def test_a_read_only_place_is_waited_for(hot: HotFolder, connect: Connect) -> None:
    with mounted(hot.outbox), mounted(hot.done):
        with Watch(hot, connect=connect) as watch:
            remount(hot.outbox, "ro")
            remount(hot.done, "ro")
            drop(hot, "photo.png")
            (trouble,) = watch.wait_for(Trouble, kind="out")
            assert "Read-only file system" in trouble.message
            remount(hot.outbox, "rw")
            watch.wait_for(Trouble, kind="done")
            assert names_in(hot.outbox) == ["photo.png"]
            assert names_in(hot.inbox) == ["photo.png"]
            remount(hot.done, "rw")
            watch.wait_for(Painted)
        assert names_in(hot.outbox) == names_in(hot.done) == ["photo.png"]  # over the border of a file system


def test_a_single_pass_does_not_wait_for_ever(hot: HotFolder, connect: Connect) -> None:
    with mounted(hot.outbox, "ro"):
        drop(hot, "photo.png")
        with Watch(hot, connect=connect, timing=replace(QUICK, give_up=0.5), once=True) as watch:
            watch.join()
    assert isinstance(watch.error, OutputUnwritable)
    assert names_in(hot.inbox) == ["photo.png"]


def test_a_single_pass_leaves_what_the_settings_spoil_and_says_so(hot: HotFolder, connect: Connect) -> None:
    (hot.styles / "broken.png").write_bytes(b"no picture")
    drop(hot, "broken/a.png", seed=1)
    drop(hot, "b.png", seed=2)
    with Watch(hot, connect=connect, once=True) as watch:
        watch.join()
    assert isinstance(watch.error, InvalidRequest)
    assert "'broken'" in str(watch.error)
    assert names_in(hot.inbox) == ["broken/a.png"]
    assert names_in(hot.outbox) == ["b.png"]


def test_a_single_pass_over_a_full_folder_does_not_keep_it_from_another(
    hot: HotFolder, connect: Connect, tmp_path: Path
) -> None:
    other = hot_folder(tmp_path / "other")
    for number in range(8):
        drop(hot, f"{number}.png", number)
        drop(other, f"{number}.png", number)
    with (
        mounted(hot.outbox, "ro"),
        Watch(hot, other, connect=connect, timing=replace(QUICK, give_up=0.5), once=True) as watch,
    ):
        watch.join()
    assert isinstance(watch.error, OutputUnwritable)
    assert len(names_in(other.outbox)) == len(names_in(hot.inbox)) == 8


def test_a_single_pass_without_a_daemon_ends_with_the_reason(hot: HotFolder) -> None:
    def nobody() -> Client:
        raise DaemonUnreachable("No daemon runs.")

    drop(hot, "photo.png")
    with Watch(hot, connect=nobody, timing=replace(QUICK, give_up=0.3), once=True) as watch:
        watch.join()
    assert isinstance(watch.error, DaemonUnreachable)
    assert names_in(hot.inbox) == ["photo.png"]


def test_a_killed_daemon_is_started_again_and_the_photos_are_not_blamed(
    hot: HotFolder, start_daemon: Callable[..., RealDaemon], monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = start_daemon()
    daemon.wait_until_loaded()
    monkeypatch.setenv(HOME_VARIABLE, str(daemon.folder))
    hot.settings_file.write_text(CHEAP.replace("iterations = 1", "iterations = 20"))
    try:
        with Watch(hot, connect=connector("test")) as watch:
            for number in range(8):
                drop(hot, f"{number}.png", number)
            watch.wait_for(Painted, 2)
            daemon.process.kill()
            daemon.process.wait()
            watch.wait_for(Painted, 8)
        assert watch.all(Failed) == []
        assert len(names_in(hot.outbox)) == len(names_in(hot.done)) == 8
    finally:
        second = read_endpoint(daemon.folder)
        assert second is not None
        if second.pid != daemon.process.pid:
            os.kill(second.pid, signal.SIGTERM)
            wait_for(lambda: not is_running(second.pid), 30, "the end of the second daemon")


def test_a_daemon_that_is_away_is_waited_for(hot: HotFolder, connect: Connect) -> None:
    answers = [DaemonUnreachable("No daemon runs."), DaemonUnreachable("No daemon runs.")]

    def away_at_first() -> Client:
        if answers:
            raise answers.pop()
        return connect()

    with Watch(hot, connect=away_at_first) as watch:
        drop(hot, "photo.png")
        (trouble,) = watch.wait_for(Trouble, kind="daemon")
        assert "No daemon runs." in trouble.message
        watch.wait_for(TroubleOver, kind="daemon")
        watch.wait_for(Painted)
    assert len(watch.all(Trouble)) == 1  # told once


def test_a_worker_that_dies_over_a_photo_is_tried_three_times(
    hot: HotFolder, connect_scripted: Connect, service: ScriptedService
) -> None:
    def script(request, context, photo):
        yield started()
        abort(context, Reason.WORKER_RESTARTING, "The painting process died.")

    service.script = script
    with Watch(hot, connect=connect_scripted) as watch:
        drop(hot, "poison.png")
        (failed,) = watch.wait_for(Failed)
    assert failed.message == "The painting process died."
    assert [report.attempts for report in watch.all(Postponed)] == [1, 2]
    assert len(service.requests) == 3
    assert names_in(hot.failed) == ["poison.png", "poison.png.error.txt"]


def test_a_busy_daemon_is_waited_for_however_long(
    hot: HotFolder, connect_scripted: Connect, service: ScriptedService
) -> None:
    refused = []

    def script(request, context, photo):
        if len(refused) < 6:
            refused.append(1)
            abort(context, Reason.QUEUE_FULL, "16 jobs wait already.")
        yield from paint(request, context, photo)

    service.script = script
    with Watch(hot, connect=connect_scripted) as watch:
        drop(hot, "photo.png")
        watch.wait_for(Painted)
    assert watch.all(Failed) == []


def test_jobs_are_batch_jobs_without_previews(
    hot: HotFolder, connect_scripted: Connect, service: ScriptedService
) -> None:
    with Watch(hot, connect=connect_scripted) as watch:
        drop(hot, "photo.png")
        watch.wait_for(Painted)
    (request,) = service.requests
    assert request.priority == pb.PRIORITY_BATCH
    assert not request.HasField("preview")
    assert (request.preset, request.seed, request.tunables.size) == ("gatys", 1, 16)


def test_no_more_are_in_flight_than_leave_room_for_others(
    hot: HotFolder, connect_scripted: Connect, service: ScriptedService
) -> None:
    """A daemon whose queue holds 4 gets 2 at a time, though 4 are wanted."""
    service.max_queued_jobs = 4
    together, most = [], []

    def script(request, context, photo):
        together.append(1)
        most.append(len(together))
        *events, last = paint(request, context, photo)
        yield from events
        time.sleep(0.05)
        together.pop()
        yield last

    service.script = script
    with Watch(hot, connect=connect_scripted) as watch:
        for number in range(12):
            drop(hot, f"{number}.png", number)
        watch.wait_for(Painted, 12)
    assert max(most) == 2
