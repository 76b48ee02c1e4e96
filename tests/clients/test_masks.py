"""Promise: masks travel as pictures of their own, and a daemon that knows nothing of them is not asked to guess."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import pytest

from neuralstyle.v1.reasons import LocalExit
from stylize import AsyncClient, Style
from stylize.client import Client
from stylize.errors import InputUnreadable, Unsupported
from stylize.provenance import read_provenance

from .conftest import RunCli
from .photos import colours, encode
from .scripted_daemon import RunningDaemon, ScriptedService

PHOTO = encode(colours(), "PNG")
MASKS = [encode(colours(30 + number, 20), "PNG") for number in range(3)]
IDS = ["sha256:" + hashlib.sha256(mask).hexdigest() for mask in MASKS]
STYLES = [Style("woodblock", 2.0, MASKS[1], MASKS[2]), "mosaic", ("woodblock", 3.0), Style(PHOTO)]


def check(service: ScriptedService) -> None:
    """The request has each mask in its place, and none where there is none."""
    (request,) = service.requests
    assert request.mask.image_id == IDS[0]
    first, *others = request.styles
    assert (first.name, first.weight, first.mask.image_id, first.source_mask.image_id) == ("woodblock", 2.0, *IDS[1:])
    assert [style.WhichOneof("source") for style in others] == ["name", "name", "image"]
    assert not any(style.HasField("mask") or style.HasField("source_mask") for style in others)
    assert set(IDS) <= set(service.uploads)


def test_masks_reach_the_daemon(service: ScriptedService, client: Client) -> None:
    client.stylize(PHOTO, STYLES, mask=MASKS[0]).result()
    check(service)


def test_masks_reach_the_daemon_from_asyncio(scripted: RunningDaemon) -> None:
    async def paint() -> None:
        async with await AsyncClient.connect(start=False) as client:
            await (await client.stylize(PHOTO, STYLES, mask=MASKS[0])).result()

    asyncio.run(paint())
    check(scripted.service)


def test_masks_reach_the_daemon_from_the_command_line(
    scripted: RunningDaemon, call_cli: RunCli, tmp_path: Path
) -> None:
    (tmp_path / "cat.png").write_bytes(PHOTO)
    for number, mask in enumerate(MASKS):
        (tmp_path / f"{number}.png").write_bytes(mask)
    ended = call_cli(
        *("image", "cat.png", "-o", "out.png", "-s", "woodblock", "-s", "mosaic", "-s", "woodblock", "-s", "cat.png"),
        *("--style-weight", 2, "--style-weight", 1, "--style-weight", 3, "--style-weight", 1, "--mask", "0.png"),
        *("--style-mask", "1.png", *["--style-mask", "-"] * 3),
        *("--style-source-mask", "2.png", *["--style-source-mask", "-"] * 3),
    )
    assert ended.returncode == 0, ended.stderr
    check(scripted.service)
    told = read_provenance(tmp_path / "out.png")
    assert told.mask
    assert told.mask.file == "0.png"
    assert [(s.mask and s.mask.file, s.source_mask and s.source_mask.file) for s in told.styles][:2] == [
        ("1.png", "2.png"),
        (None, None),
    ]


@pytest.mark.parametrize("wanted", [{"mask": MASKS[0]}, {"styles": STYLES[:1]}])
def test_a_daemon_without_masks_is_not_asked(
    service: ScriptedService, scripted: RunningDaemon, wanted: dict[str, object]
) -> None:
    service.features = ["stylize", "upload-image"]
    with Client.connect(start=False) as client:
        with pytest.raises(Unsupported, match="knows nothing of masks"):
            client.stylize(PHOTO, **{"styles": "mosaic", **wanted})  # pyright: ignore[reportArgumentType]
        client.stylize(PHOTO, "mosaic").result()
    assert len(service.requests) == 1


def test_a_mask_that_is_not_there_is_told_before_any_call(
    scripted: RunningDaemon, call_cli: RunCli, client: Client, tmp_path: Path
) -> None:
    (tmp_path / "cat.png").write_bytes(PHOTO)
    for option in ("--mask", "--style-mask", "--style-source-mask"):
        ended = call_cli("image", "cat.png", "-s", "mosaic", option, "nothing.png")
        assert ended.returncode == LocalExit.INPUT_UNREADABLE
        assert "nothing.png" in ended.stderr
    with pytest.raises(InputUnreadable):
        client.stylize(PHOTO, "mosaic", mask=tmp_path / "nothing.png")
    assert scripted.service.requests == []
