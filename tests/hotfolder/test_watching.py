"""Promise: what is dropped into in/ comes out of out/, painted by a real daemon, under whatever name and in whatever
way it was dropped; what cannot be painted comes to failed/ with a sentence."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stylize.errors import InputUnreadable
from stylize.hotfolder import watched
from stylize.hotfolder.layout import HotFolder
from stylize.hotfolder.lease import FolderTaken
from stylize.hotfolder.reports import Counted, Failed, Painted, Progressed, Refused, Repeated, Trouble, TroubleOver
from stylize.hotfolder.scanner import Scan, scan
from stylize.hotfolder.timing import Timing
from tests.clients.photos import colours, encode
from tests.clients.scripted_daemon import ScriptedService

from .conftest import Connect
from .watching import CHEAP, QUICK, Watch, WatcherProcess, drop, hot_folder, names_in, noise


def test_a_photo_becomes_a_painting_and_goes_to_done(hot: HotFolder, connect: Connect) -> None:
    original = drop(hot, "holiday/day 1/photo.jpg").read_bytes()
    with Watch(hot, connect=connect) as watch:
        (painted,) = watch.wait_for(Painted)
    assert (painted.photo, painted.output) == ("holiday/day 1/photo.jpg", "out/holiday/day 1/photo.png")
    with Image.open(hot.root / painted.output) as painting:
        assert painting.size == (16, 16)
        assert painting.info["stylized:preset"] == "gatys"
        # By its name and content `stylize rerun` finds it again, in done/.
        assert json.loads(painting.info["stylized:content"])["file"] == "photo.jpg"
    assert (hot.done / "holiday/day 1/photo.jpg").read_bytes() == original
    assert names_in(hot.inbox) == []


def test_one_that_is_dropped_while_it_watches_is_taken_at_once_if_it_is_renamed_here(
    hot: HotFolder, connect: Connect
) -> None:
    with Watch(hot, connect=connect, timing=Timing(settle=30, least_pause=0.01)) as watch:
        watch.wait_for(Counted)
        began = time.monotonic()
        drop(hot, "renamed.png", seed=1)
        (hot.root / "new").mkdir()
        noise(2).save(hot.root / "new" / "inside.png")
        (hot.root / "new").rename(hot.inbox / "new")
        noise(3).save(hot.inbox / "download.png.part", "PNG")
        (hot.inbox / "download.png.part").rename(hot.inbox / "download.png")
        watch.wait_for(Painted, 3)
        assert time.monotonic() - began < 20
    assert names_in(hot.outbox) == ["download.png", "new/inside.png", "renamed.png"]


def test_one_that_is_written_slowly_is_not_taken_before_it_is_whole(hot: HotFolder, connect: Connect) -> None:
    data = encode(noise(1, 64, 64), "PNG")
    with Watch(hot, connect=connect) as watch:
        watch.wait_for(Counted)
        with (hot.inbox / "slow.png").open("wb") as stream:
            for number, start in enumerate(range(0, len(data), len(data) // 10)):
                # Every other pause is longer than a file must stand still: it is taken, does not decode, and waits.
                time.sleep(0.3 if number % 2 else 0.05)
                assert not watch.all(Painted)
                stream.write(data[start : start + len(data) // 10])
                stream.flush()
        watch.wait_for(Painted)
    assert watch.all(Failed) == []
    assert (hot.done / "slow.png").read_bytes() == data


def test_a_storm_of_2000_renamed_files_is_taken_whole(hot: HotFolder, connect_scripted: Connect) -> None:
    pictures = hot.root / "pictures"
    pictures.mkdir()
    for number in range(2000):  # the same photo: one is painted, and the others are known
        (pictures / f"{number}.png").write_bytes(encode(noise(number % 4), "PNG"))
    with Watch(hot, connect=connect_scripted, seats=8) as watch:
        watch.wait_for(Counted)
        for path in pictures.iterdir():
            path.rename(hot.inbox / path.name)
        watch.until(lambda: len(watch.all(Painted)) + len(watch.all(Repeated)) == 2000)
    assert len(watch.all(Painted)) == len(names_in(hot.outbox)) == 4
    assert len(names_in(hot.done)) == 2000
    assert names_in(hot.inbox) == []


NAMES = ["with  spaces .png", "emoji 😀🖼.png", "new\nline\t.png", "-rf.png", "%s{name}$(x).png", "x" * 246 + ".png"]
NAMES += [os.fsdecode(b"caf\xe9.png"), "no suffix", "ж" * 120 + ".jpeg", "a.b.c.PNG"]


def test_any_name_is_kept(hot: HotFolder, connect: Connect) -> None:
    for number, name in enumerate(NAMES):
        drop(hot, name, number)
    with Watch(hot, connect=connect, once=True) as watch:
        watch.join()
    assert watch.error is None
    assert names_in(hot.done) == sorted(NAMES)
    assert len(names_in(hot.outbox)) == len(NAMES)
    assert all(len(os.fsencode(name)) <= 255 for name in names_in(hot.outbox))
    assert "with  spaces .png" in names_in(hot.outbox)


def sixteen_bits() -> bytes:
    ramp = (np.mgrid[0:16, 0:16][0] * 4096).astype(np.uint16)
    return encode(Image.fromarray(ramp), "PNG")


def animated() -> bytes:
    stream = io.BytesIO()
    noise(1).save(stream, "GIF", save_all=True, append_images=[noise(2), noise(3)])
    return stream.getvalue()


ZOO: dict[str, Callable[[], bytes]] = {
    "a.png": lambda: encode(noise(1), "PNG"),
    "a.jpg": lambda: encode(noise(1), "JPEG"),
    "a.webp": lambda: encode(noise(1), "WEBP"),
    "a.tif": lambda: encode(noise(1), "TIFF"),
    "a.bmp": lambda: encode(noise(1), "BMP"),
    "animated.gif": animated,
    "16bit.png": sixteen_bits,
    "cmyk.jpg": lambda: encode(noise(1).convert("CMYK"), "JPEG"),
    "alpha.png": lambda: encode(colours(20, 20, alpha=True), "PNG"),
    "palette.png": lambda: encode(noise(1).convert("P"), "PNG"),
    "wrong suffix.txt": lambda: encode(noise(4), "PNG"),
}
NO_PICTURES: dict[str, tuple[bytes, str]] = {
    "photo.heic": (b"\0\0\0\x18ftypheic" + bytes(200), "use a PNG, JPEG"),
    "notes.txt": (b"milk, eggs", "use a PNG, JPEG"),
    "cut.png": (encode(noise(9, 64, 64), "PNG")[:5000], "damaged or cut short"),
    "empty.png": (b"", "is empty"),
    "small.png": (encode(noise(1, 8, 8), "PNG"), "at least 16"),
}


def test_every_kind_of_picture_is_painted_or_refused_in_plain_words(hot: HotFolder, connect: Connect) -> None:
    for name, data in ZOO.items():
        (hot.inbox / name).write_bytes(data())
    for name, (data, _) in NO_PICTURES.items():
        (hot.inbox / name).write_bytes(data)
    with Watch(hot, connect=connect, once=True) as watch:
        watch.join()
    assert watch.error is None
    assert {report.photo for report in watch.all(Painted)} == set(ZOO)
    assert {report.photo for report in watch.all(Failed)} == set(NO_PICTURES)
    assert names_in(hot.failed) == sorted([*NO_PICTURES, *(f"{name}.error.txt" for name in NO_PICTURES)])
    for name, (data, said) in NO_PICTURES.items():
        assert (hot.failed / name).read_bytes() == data
        text = (hot.failed / f"{name}.error.txt").read_text()
        assert said in text
        assert "What to do: " in text
    with Image.open(hot.outbox / "alpha.png") as painting:
        assert painting.mode == "RGBA"


def test_the_same_photo_again_is_not_painted_again_and_nothing_is_overwritten(hot: HotFolder, connect: Connect) -> None:
    with Watch(hot, connect=connect) as watch:
        drop(hot, "photo.png", seed=1)
        watch.wait_for(Painted)
        drop(hot, "photo.png", seed=1)
        drop(hot, "copy.png", seed=1)
        watch.wait_for(Repeated, 2)
        drop(hot, "photo.png", seed=2)  # another photo of that name
        watch.wait_for(Painted, 2)
    assert names_in(hot.outbox) == ["photo (2).png", "photo.png"]
    assert names_in(hot.done) == ["copy.png", "photo (2).png", "photo (3).png", "photo.png"]


def test_a_painting_that_was_taken_away_is_painted_again_when_its_photo_comes_again(
    hot: HotFolder, connect: Connect
) -> None:
    with Watch(hot, connect=connect) as watch:
        drop(hot, "photo.png", seed=1)
        watch.wait_for(Painted)
        (hot.outbox / "photo.png").unlink()
        drop(hot, "photo.png", seed=1)
        watch.wait_for(Painted, 2)
    assert names_in(hot.outbox) == ["photo.png"]


def test_changed_settings_count_at_once_and_paint_the_same_photo_again(hot: HotFolder, connect: Connect) -> None:
    with Watch(hot, connect=connect) as watch:
        drop(hot, "photo.png", seed=1)
        watch.wait_for(Painted)
        hot.settings_file.write_text(CHEAP.replace("seed = 1", "seed = 2").replace("size = 16", "size = 17"))
        drop(hot, "photo.png", seed=1)
        watch.wait_for(Painted, 2)
        noise(99).save(hot.styles / "tiny.png")  # the style picture itself
        drop(hot, "photo.png", seed=1)
        watch.wait_for(Painted, 3)
        hot.settings_file.write_text(CHEAP)
        drop(hot, "photo.png", seed=1)
        watch.wait_for(Painted, 4)
    assert watch.all(Repeated) == []
    assert names_in(hot.outbox) == ["photo (2).png", "photo (3).png", "photo (4).png", "photo.png"]


def test_a_photo_that_is_replaced_while_it_is_painted_is_painted_too(hot: HotFolder, connect: Connect) -> None:
    hot.settings_file.write_text(CHEAP.replace("iterations = 1", "iterations = 60"))
    with Watch(hot, connect=connect) as watch:
        drop(hot, "photo.png", seed=1)
        watch.wait_for(Progressed)
        drop(hot, "photo.png", seed=2)  # a rename over it: the first one is the user's to lose
        watch.wait_for(Painted, 2)
    assert len(names_in(hot.outbox)) == 2
    assert (hot.done / "photo.png").read_bytes() == encode(noise(2), "PNG")


def test_wrong_settings_hold_the_photos_and_blame_none(hot: HotFolder, connect: Connect) -> None:
    with Watch(hot, connect=connect) as watch:
        watch.wait_for(Counted)
        for seed, wrong in enumerate(("sise = 3", "size = 3", "size = 99999999")):
            hot.settings_file.write_text(CHEAP.replace("size = 16", wrong))
            drop(hot, f"{wrong}.png", seed=seed)
            watch.until(lambda wrong=wrong: any(wrong.split()[0] in report.message for report in watch.all(Trouble)))
        time.sleep(0.3)
        assert len(names_in(hot.inbox)) == 3
        hot.settings_file.write_text(CHEAP)
        watch.wait_for(Painted, 3)
        watch.wait_for(TroubleOver, kind="settings")
    assert watch.all(Failed) == []


def test_a_bad_style_picture_holds_only_the_photos_of_its_folder(hot: HotFolder, connect: Connect) -> None:
    (hot.styles / "broken.png").write_bytes(b"no picture")
    with Watch(hot, connect=connect) as watch:
        drop(hot, "broken/a.png", seed=1)
        (trouble,) = watch.wait_for(Trouble, kind="settings")
        assert "'broken'" in trouble.message
        drop(hot, "b.png", seed=2)
        watch.wait_for(Painted, photo="b.png")
        noise(50).save(hot.styles / "broken.png")
        watch.wait_for(Painted, photo="broken/a.png")
    assert watch.all(Failed) == []


def test_it_ends_well_while_photos_wait_for_better_settings(hot: HotFolder, connect: Connect) -> None:
    hot.settings_file.write_text(CHEAP.replace("size = 16", "size = 3"))
    with Watch(hot, connect=connect) as watch:
        drop(hot, "a.png")
        watch.wait_for(Trouble, kind="settings")
    assert watch.error is None
    assert names_in(hot.inbox) == ["a.png"]


def test_a_painting_of_the_folder_is_never_taken_as_a_photo(hot: HotFolder, connect: Connect) -> None:
    with Watch(hot, connect=connect) as watch:
        drop(hot, "photo.png", seed=1)
        watch.wait_for(Painted)
        shutil.copy(hot.outbox / "photo.png", hot.inbox / "loop.png")  # as a careless sync would
        (failed,) = watch.wait_for(Failed)
    assert "out/photo.png" in failed.message
    assert names_in(hot.outbox) == ["photo.png"]
    assert names_in(hot.failed) == ["loop.png", "loop.png.error.txt"]


def test_links_and_pipes_are_named_once_and_left(hot: HotFolder, connect_scripted: Connect) -> None:
    (hot.inbox / "link.png").symlink_to(hot.settings_file)
    os.mkfifo(hot.inbox / "pipe.png")
    with Watch(hot, connect=connect_scripted) as watch:
        watch.wait_for(Refused, 2)
        drop(hot, "photo.png")
        watch.wait_for(Painted)
    assert len(watch.all(Refused)) == 2
    assert names_in(hot.inbox) == ["link.png", "pipe.png"]


def test_a_second_watcher_refuses_with_a_sentence(hot: HotFolder, connect_scripted: Connect, tmp_path: Path) -> None:
    first = WatcherProcess(hot, home=tmp_path / "home")
    try:
        first.wait_until("counted")
        with Watch(hot, connect=connect_scripted) as second:
            second.join()
        assert isinstance(second.error, FolderTaken)
        assert str(hot.root) in str(second.error)
    finally:
        first.kill()
    with Watch(hot, connect=connect_scripted) as third:  # the kill has freed it
        third.wait_for(Counted)


def test_several_folders_are_watched_by_one_process_each_with_its_look(
    tmp_path: Path, connect: Connect, hot: HotFolder
) -> None:
    other = hot_folder(tmp_path / "other", CHEAP + '[output]\nformat = "jpg"\nname = "{name}-{style}"\n')
    with Watch(hot, other, connect=connect) as watch:
        drop(hot, "a.png", seed=1)
        drop(other, "a.png", seed=1)
        watch.wait_for(Painted, 2)
    assert names_in(hot.outbox) == ["a.png"]
    assert names_in(other.outbox) == ["a-tiny.jpg"]


def test_folders_in_one_another_are_refused(hot: HotFolder, connect_scripted: Connect) -> None:
    inner = hot_folder(hot.inbox / "inner")
    with Watch(hot, inner, connect=connect_scripted) as watch:
        watch.join()
    assert isinstance(watch.error, InputUnreadable)


def test_a_folder_that_is_away_is_waited_for_and_nothing_is_forgotten(
    hot: HotFolder, connect: Connect, tmp_path: Path
) -> None:
    with Watch(hot, connect=connect) as watch:
        drop(hot, "a.png", seed=1)
        watch.wait_for(Painted)
        hot.root.rename(tmp_path / "elsewhere")
        watch.wait_for(Trouble, kind="away")
        hot.root.mkdir()  # the empty mount point of a disk
        time.sleep(0.5)
        assert list(hot.root.iterdir()) == []
        hot.root.rmdir()
        (tmp_path / "elsewhere").rename(hot.root)
        watch.wait_for(TroubleOver, kind="away")
        drop(hot, "b.png", seed=1)  # the photo that was painted before
        watch.wait_for(Repeated)
    assert names_in(hot.outbox) == ["a.png"]


def test_an_emptied_inbox_is_nothing_to_act_upon(hot: HotFolder, connect: Connect) -> None:
    hot.settings_file.write_text("styles = 3")  # nothing is painted
    photos = [drop(hot, f"{number}.png", number) for number in range(3)]
    hot.settings_file.write_text(CHEAP)
    with Watch(hot, connect=connect) as watch:
        watch.wait_for(Painted, 3)
        for photo in photos:
            (hot.done / photo.name).rename(hot.root / photo.name)
        time.sleep(0.3)
    assert names_in(hot.outbox) == ["0.png", "1.png", "2.png"]
    assert watch.all(Failed) == []


def test_it_goes_on_when_the_thread_that_gives_events_has_died(
    hot: HotFolder, connect_scripted: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Watch(hot, connect=connect_scripted, timing=QUICK) as watch:
        watch.wait_for(Counted)
        (watched,) = watch.service._watched
        assert watched._session is not None
        before = watched._session.wakeup._observer
        assert before is not None
        before.stop()
        before.join()
        watch.wait_for(Trouble, kind="events")
        watch.wait_for(TroubleOver, kind="events")
        drop(hot, "a.png")
        watch.wait_for(Painted)


def test_it_ends_gently_and_finishes_what_is_under_the_brush(hot: HotFolder, connect: Connect) -> None:
    hot.settings_file.write_text(CHEAP.replace("iterations = 1", "iterations = 40"))
    for number in range(6):
        drop(hot, f"{number}.png", number)
    with Watch(hot, connect=connect) as watch:
        watch.wait_for(Painted)
        watch.stop()
        watch.join()
        done = len(watch.all(Painted))
    assert 1 <= done < 6
    assert len(names_in(hot.outbox)) == len(names_in(hot.done)) == done
    assert len(names_in(hot.inbox)) == 6 - done


def test_mounting_is_noticed(tmp_path: Path, connect: Connect) -> None:
    """A real file system that goes and comes back."""
    place, disk = tmp_path / "disk", tmp_path / "disk.img"
    place.mkdir()
    subprocess.run(["truncate", "-s", "8M", disk], check=True)
    made = subprocess.run(["mkfs.ext4", "-q", disk], capture_output=True, check=False)
    mount = ["mount", "-o", "loop", disk, place]
    mounted = subprocess.run(mount, capture_output=True, check=False) if made.returncode == 0 else made
    if mounted.returncode:
        pytest.skip(f"needs the right to mount: {mounted.stderr.decode().strip()}")
    try:
        hot = hot_folder(place / "hot")
        with Watch(hot, connect=connect) as watch:
            drop(hot, "a.png", seed=1)
            watch.wait_for(Painted)
            subprocess.run(["umount", "-l", place], check=True)
            watch.wait_for(Trouble, kind="away")
            subprocess.run(mount, check=True)
            watch.wait_for(TroubleOver, kind="away")
            drop(hot, "b.png", seed=2)
            watch.wait_for(Painted, 2)
        assert names_in(hot.outbox) == ["a.png", "b.png"]
    finally:
        subprocess.run(["umount", "-l", place], check=False)


def test_photos_that_leave_cause_no_look_each(
    hot: HotFolder, connect_scripted: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[float] = []

    def counted(inbox: Path) -> Scan:
        looks.append(time.monotonic())
        return scan(inbox)

    monkeypatch.setattr(watched, "scan", counted)
    for number in range(40):
        drop(hot, f"{number}.png", number)
    with Watch(hot, connect=connect_scripted, timing=replace(QUICK, tidy=60.0)) as watch:
        watch.wait_for(Painted, 40)
    assert len(looks) < 10


def test_photos_that_are_taken_away_are_forgotten_soon(
    hot: HotFolder, connect_scripted: Connect, service: ScriptedService
) -> None:
    """Also where nobody is woken by it."""
    with Watch(hot, connect=connect_scripted, timing=replace(QUICK, settle=60.0, tidy=0.2)) as watch:
        watch.wait_for(Counted)
        (hot.inbox / "photo.png").write_bytes(encode(noise(1), "PNG"))
        watch.wait_for(Counted, waiting=1)
        (hot.inbox / "photo.png").unlink()
        watch.until(lambda: isinstance(watch.reports[-1], Counted) and watch.reports[-1].waiting == 0)


def test_a_small_photo_goes_along_in_its_request_and_others_are_uploaded(
    hot: HotFolder, connect_scripted: Connect, service: ScriptedService
) -> None:
    small, large = encode(noise(1), "PNG"), encode(noise(2, 64, 64), "PNG")
    service.max_inline_image_bytes = len(small)
    (hot.inbox / "small.png").write_bytes(small)
    (hot.inbox / "large.png").write_bytes(large)
    with Watch(hot, connect=connect_scripted) as watch:
        watch.wait_for(Painted, 2)
    sent = {request.content.WhichOneof("source"): request.content for request in service.requests}
    assert sent["encoded"].encoded == small
    assert service.uploads[sent["image_id"].image_id] == large
    assert small not in service.uploads.values()  # the style is there, uploaded once
