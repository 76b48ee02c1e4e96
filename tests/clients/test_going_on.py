"""Promise: a painting goes on where it stands, or says why it cannot; and any picture can be what it starts from."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from neuralstyle.v1.reasons import LocalExit, Reason
from stylize.aio import AsyncClient
from stylize.client import Client
from stylize.errors import InputUnreadable, InvalidRequest, NotFound, StylizeError, Unsupported
from stylize.pictures import PictureRecord
from stylize.provenance import Provenance, Resumed, read_provenance
from tests.real_daemon import RealDaemon

from .conftest import RunCli
from .photos import colours, encode
from .scripted_daemon import RunningDaemon, ScriptedService, abort, paint, summary

LOOK = {"preset": "gatys", "size": 40, "seed": 3, "precision": "fp32"}
LOOK_OPTIONS = ("-s", "oil.png", "--preset", "gatys", "--size", "40", "--seed", "3", "--precision", "fp32")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A photo, a style and a picture to start from."""
    (tmp_path / "cat.jpg").write_bytes(encode(colours(48, 32), "JPEG"))
    (tmp_path / "oil.png").write_bytes(encode(colours(40, 40), "PNG"))
    (tmp_path / "sketch.png").write_bytes(encode(Image.linear_gradient("L").resize((48, 32)), "PNG"))
    return tmp_path


@pytest.fixture
def real(daemon: RealDaemon) -> Iterator[Client]:
    with Client.connect(daemon.endpoint.targets[0], start=False) as client:
        yield client


@pytest.fixture
def resumable(scripted: RunningDaemon) -> ScriptedService:
    """The scripted daemon, one that goes on from paintings."""
    scripted.service.features.append("resume")
    return scripted.service


def pixels(path: Path) -> bytes:
    return Image.open(path).tobytes()


def record(path: Path) -> PictureRecord:
    return PictureRecord(path.name, hashlib.sha256(path.read_bytes()).hexdigest())


def steps(number: int) -> tuple[str, str]:
    return "--set", f"iterations={number}"


# Going on, on the command line


def test_three_steps_and_three_more_are_six(daemon: RealDaemon, call_cli: RunCli, folder: Path) -> None:
    home = str(daemon.folder)
    for name, number in (("six", 6), ("three", 3)):
        made = call_cli("image", "cat.jpg", *LOOK_OPTIONS, *steps(number), "-o", f"{name}.png", STYLIZED_HOME=home)
        assert made.returncode == 0, made.stderr
    before = (folder / "three.png").read_bytes()
    more = call_cli("continue", "three.png", STYLIZED_HOME=home)
    assert (more.returncode, more.stdout) == (0, "three.continued.png\n"), more.stderr
    assert pixels(folder / "three.continued.png") == pixels(folder / "six.png")
    assert (folder / "three.png").read_bytes() == before
    told = read_provenance(folder / "three.continued.png")
    first = read_provenance(folder / "three.png")
    assert told.resumed_from == Resumed(first.job_id, record(folder / "three.png"))
    # What has gone on can go on again, and be painted again.
    assert call_cli("continue", "three.continued.png", "--iterations", "1", STYLIZED_HOME=home).returncode == 0
    again = call_cli("rerun", "three.continued.png", STYLIZED_HOME=home)
    assert "went on from three.png, as before" in again.stderr
    assert pixels(folder / "three.continued.again.png") == pixels(folder / "six.png")


def test_other_values_are_those_asked_for_and_the_rest_stays(
    daemon: RealDaemon, call_cli: RunCli, folder: Path
) -> None:
    home = str(daemon.folder)
    look = (*LOOK_OPTIONS, "-s", "ink", "--strength", "0.6")
    assert call_cli("image", "cat.jpg", *look, *steps(2), "-o", "out.png", STYLIZED_HOME=home).returncode == 0
    options = ("--style-weight", "1", "--style-weight", "9", "--set", "style_weight=7", "--size", "36")
    more = call_cli("continue", "out.png", *options, "--iterations", "3", "-o", "on.png", STYLIZED_HOME=home)
    assert more.returncode == 0, more.stderr
    before, told = read_provenance(folder / "out.png"), read_provenance(folder / "on.png")
    assert told.parameters == {**before.parameters, "style_weight": 7.0, "size": 36, "iterations": 3}
    assert [style.weight for style in told.styles] == [1.0, 9.0]
    assert (told.seed, told.preset, told.content) == (before.seed, before.preset, before.content)


def test_the_painting_itself_is_replaced_only_if_asked(daemon: RealDaemon, call_cli: RunCli, folder: Path) -> None:
    home = str(daemon.folder)
    assert call_cli("image", "cat.jpg", *LOOK_OPTIONS, *steps(1), "-o", "out.png", STYLIZED_HOME=home).returncode == 0
    before = (folder / "out.png").read_bytes()
    refused = call_cli("continue", "out.png", "-o", "out.png", STYLIZED_HOME=home)
    assert refused.returncode == LocalExit.OUTPUT_EXISTS
    assert (folder / "out.png").read_bytes() == before
    assert call_cli("continue", "out.png", "-o", "out.png", "--overwrite", STYLIZED_HOME=home).returncode == 0
    assert (folder / "out.png").read_bytes() != before


@pytest.mark.parametrize(("early", "asked"), [(False, 9), (True, 5)])
def test_one_that_was_stopped_goes_on_to_where_it_was_to_end(
    resumable: ScriptedService, call_cli: RunCli, folder: Path, early: bool, asked: int
) -> None:
    def script(request, context, photo: bytes):
        *events, _ = paint(request, context, photo)
        yield from [*events, summary(stopped_early=early)]

    resumable.script = script
    assert call_cli("image", "cat.jpg", "-s", "oil.png", "-o", "out.png").returncode == 0
    assert call_cli("continue", "out.png").returncode == 0
    assert resumable.requests[-1].resume_from == "job-1"
    assert resumable.requests[-1].tunables.iterations == asked


def forget(request, context, photo: bytes):
    if request.resume_from:
        abort(context, Reason.JOB_NOT_FOUND, "Nothing is kept of that job.", field="resume_from")
    yield from paint(request, context, photo)


def test_what_the_daemon_no_longer_keeps_is_told_and_begun_in_no_other_way(
    resumable: ScriptedService, call_cli: RunCli, folder: Path
) -> None:
    resumable.script = forget
    assert call_cli("image", "cat.jpg", "-s", "oil.png", "-o", "out.png").returncode == 0
    sent = len(resumable.requests)
    gone = call_cli("continue", "out.png")
    assert gone.returncode == Reason.JOB_NOT_FOUND.exit_code
    assert "does not keep where out.png stood, or no longer" in gone.stderr
    assert "`--init out.png`" in gone.stderr
    assert len(resumable.requests) == sent + 1
    assert not (folder / "out.continued.png").exists()


def test_on_demand_it_goes_on_from_the_picture_alone(
    resumable: ScriptedService, call_cli: RunCli, folder: Path
) -> None:
    resumable.script = forget
    assert call_cli("image", "cat.jpg", "-s", "oil.png", "-o", "out.png").returncode == 0
    more = call_cli("continue", "out.png", "--init", "out.png")
    assert more.returncode == 0, more.stderr
    request = resumable.requests[-1]
    assert resumable.uploads[request.init_image.image_id] == (folder / "out.png").read_bytes()
    assert (request.resume_from, request.tunables.pyramid_factor, request.tunables.init_noise) == ("", 1.0, 0.0)
    told = read_provenance(folder / "out.continued.png")
    assert (told.init_image, told.resumed_from) == (record(folder / "out.png"), None)


def test_a_painting_that_names_no_job_is_refused_without_a_call(
    resumable: ScriptedService, call_cli: RunCli, folder: Path
) -> None:
    assert call_cli("image", "cat.jpg", "-s", "oil.png", "-o", "out.png").returncode == 0
    with Image.open(folder / "out.png") as image:
        nameless = Provenance(**{**vars(read_provenance(folder / "out.png")), "job_id": ""})
        image.save(folder / "out.png", pnginfo=nameless.to_png_text())
    calls = len(resumable.calls)
    refused = call_cli("continue", "out.png")
    assert refused.returncode == LocalExit.INPUT_UNREADABLE
    assert "does not tell which job painted it" in refused.stderr
    assert len(resumable.calls) == calls


# Going on, in the library


def test_a_job_its_id_and_its_file_mean_the_same(real: Client, daemon: RealDaemon, folder: Path) -> None:
    photo, style = folder / "cat.jpg", folder / "oil.png"
    whole = real.stylize(photo, style, iterations=4, **LOOK).array()
    half = real.stylize(photo, style, iterations=2, **LOOK)
    saved = half.save(folder / "half.png")
    assert half.job_id
    for source in (half, half.job_id, saved):
        assert (real.stylize(photo, style, iterations=2, resume_from=source, **LOOK).array() == whole).all()

    async def awaited() -> np.ndarray:
        async with await AsyncClient.connect(daemon.endpoint.targets[0], start=False) as client:
            return await (await client.stylize(photo, style, iterations=2, resume_from=saved, **LOOK)).array()

    assert (asyncio.run(awaited()) == whole).all()


def test_the_painting_tells_the_job_that_it_went_on_from_and_no_folder(real: Client, folder: Path) -> None:
    half = real.stylize(folder / "cat.jpg", folder / "oil.png", iterations=1, **LOOK)
    saved = half.save(folder / "half.jpg")
    for source, told in ((half, None), (saved, record(saved))):
        job = real.stylize(folder / "cat.jpg", folder / "oil.png", iterations=1, resume_from=source, **LOOK)
        path = job.save(folder / "on.jpg", overwrite=True)
        assert read_provenance(path).resumed_from == Resumed(str(half.job_id), told)
        assert str(folder).encode() not in path.read_bytes()


def test_a_job_that_is_not_kept_is_not_found(real: Client, folder: Path) -> None:
    job = real.stylize(folder / "cat.jpg", folder / "oil.png", resume_from="0123456789abcdef", **LOOK)
    with pytest.raises(NotFound, match="the painting of job 0123456789abcdef stood") as caught:
        job.result()
    assert (caught.value.field, "init_image" in caught.value.remedy) == ("resume_from", True)


def test_what_cannot_be_gone_on_from_is_refused_before_anything_travels(
    client: Client, service: ScriptedService, folder: Path
) -> None:
    sources: list[tuple[Path | str, type[StylizeError]]] = [
        (folder / "cat.jpg", InputUnreadable),
        (folder / "missing.png", InputUnreadable),
        ("", InvalidRequest),
        ("job-1", Unsupported),  # this daemon knows nothing of it, and would begin anew
    ]
    for source, error in sources:
        with pytest.raises(error):
            client.stylize(folder / "cat.jpg", "woodblock", resume_from=source)
    assert "Stylize" not in service.methods()


# A picture to start from

STILL = {"optimizer": "adam", "learning_rate": 0.01, "iterations": 1, "style_weight": 0, "tv_weight": 0, "size": 48}
"""Where it ends is where it starts, to half a level of 0..255."""


@pytest.mark.parametrize("preset", ["gatys", "own.toml"])
def test_the_painting_starts_from_the_picture(real: Client, folder: Path, preset: str) -> None:
    (folder / "own.toml").write_text('extends = "gatys"\n[parameters]\ninit = "noise"\n')
    chosen = folder / preset if preset.endswith(".toml") else preset
    sketch = np.asarray(Image.open(folder / "sketch.png").convert("RGB")).astype(int)
    painted = real.stylize(folder / "cat.jpg", preset=chosen, init_image=folder / "sketch.png", **STILL)
    assert abs(painted.array().astype(int) - sketch).max() <= 1
    mixed = real.stylize(
        folder / "cat.jpg", preset=chosen, init_image=folder / "sketch.png", init_noise=0.5, seed=1, **STILL
    )
    assert abs(mixed.array().astype(int) - sketch).max() > 20


def test_a_start_that_contradicts_itself_is_told(real: Client, folder: Path) -> None:
    sketch = folder / "sketch.png"
    for options, said in (
        ({"init": "image"}, "there is none to start from"),
        ({"init": "noise", "init_image": sketch}, "but init is noise"),
        ({"init_image": sketch, "resume_from": "0123456789abcdef"}, "starts where that one stood"),
    ):
        job = real.stylize(folder / "cat.jpg", folder / "oil.png", **options, **LOOK)
        with pytest.raises(InvalidRequest, match=said) as caught:
            job.result()
        assert caught.value.field == "init_image"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--set", "init=image"], "`stylize image --init FILE`"),
        (["--set", "init=noise", "--init", "sketch.png"], "would not be looked at"),
        (["--init", "missing.png"], "missing.png cannot be read"),
    ],
)
def test_the_command_line_tells_it_before_any_call(
    scripted: RunningDaemon, call_cli: RunCli, folder: Path, options: list[str], said: str
) -> None:
    ended = call_cli("image", "cat.jpg", "-s", "oil.png", *options, COLUMNS="200")
    assert ended.returncode != 0
    assert said in ended.stderr
    assert scripted.service.calls == []


def test_a_painting_with_a_picture_to_start_from_is_painted_again_or_asks_for_it(
    daemon: RealDaemon, call_cli: RunCli, folder: Path
) -> None:
    home = str(daemon.folder)
    made = call_cli(
        *("image", "cat.jpg", *LOOK_OPTIONS, *steps(2), "--init", "sketch.png", "-o", "out.png"), STYLIZED_HOME=home
    )
    assert made.returncode == 0, made.stderr
    told = read_provenance(folder / "out.png")
    assert (told.init_image, told.parameters["init"]) == (record(folder / "sketch.png"), "image")
    assert str(folder).encode() not in (folder / "out.png").read_bytes()
    again = call_cli("rerun", "out.png", STYLIZED_HOME=home)
    assert "Everything that went into it is the same" in again.stderr
    assert pixels(folder / "out.again.png") == pixels(folder / "out.png")
    (folder / "other").mkdir()
    (folder / "sketch.png").rename(folder / "other" / "sketch.png")
    lost = call_cli("rerun", "out.png", "-o", "new.png", STYLIZED_HOME=home)
    assert lost.returncode == LocalExit.INPUT_UNREADABLE
    assert "The start picture sketch.png is neither" in lost.stderr
    named = call_cli("rerun", "out.png", "-o", "new.png", "--init", "other/sketch.png", STYLIZED_HOME=home)
    assert named.returncode == 0, named.stderr
    assert pixels(folder / "new.png") == pixels(folder / "out.png")


def test_another_start_than_the_recorded_one_is_told(
    resumable: ScriptedService, call_cli: RunCli, folder: Path
) -> None:
    assert call_cli("image", "cat.jpg", "-s", "oil.png", "-o", "out.png").returncode == 0
    other = call_cli("rerun", "out.png", "--init", "sketch.png", "-o", "new.png")
    assert "Note: It did not start from sketch.png" in other.stderr
    assert call_cli("continue", "out.png", "-o", "on.png").returncode == 0
    other = call_cli("rerun", "on.png", "--init", "out.png", "-o", "new.png", "--overwrite")
    assert "Note: It starts from the picture out.png" in other.stderr
    assert "started anew from a picture" in other.stderr
    assert asdict(read_provenance(folder / "new.png"))["init_image"] == asdict(record(folder / "out.png"))
