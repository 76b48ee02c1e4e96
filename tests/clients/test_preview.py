"""Promise: a painting is seen in the terminal while it forms, in the best way there is, and asking leaves no trace.

The other end of a pseudo-terminal plays terminals of several kinds, and silent ones.
"""

from __future__ import annotations

import base64
import io
import re
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.color import ColorSystem
from rich.console import Console

from stylize import events
from stylize.cli.painting import Order
from stylize.cli.preview import preview_reporter
from stylize.cli.terminal_graphics import draw, fit_cells
from stylize.cli.terminal_query import Graphics, Terminal

from . import fake_terminal as fake
from .conftest import RunCli
from .fake_terminal import FakeTerminal, Ran
from .photos import colours, encode
from .scripted_daemon import (
    RunningDaemon,
    ScriptedService,
    frame,
    painting_of,
    progress,
    result_chunks,
    started,
    summary,
)

BLOCK = "▀".encode()


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "cat.png"
    path.write_bytes(encode(colours(), "PNG"))
    return path


def paint_in(terminal: FakeTerminal, photo: Path, *options: str, **environment: str) -> Ran:
    return terminal.run("-m", "stylize", "image", photo, "-s", "mosaic", "--preview", *options, **environment)


def settled(ran: Ran) -> None:
    assert ran.returncode == 0, ran.screen.decode()
    assert ran.unread == 0
    assert ran.same_settings
    assert b"^[" not in ran.screen, "an answer was echoed"
    assert b"cat.mosaic.png" in ran.screen


def test_kitty_gets_png_files_that_replace_each_other(scripted: RunningDaemon, photo: Path) -> None:
    answers = {fake.CELL_QUESTION: fake.CELL_10_BY_20, fake.KITTY_QUESTION: fake.KITTY_YES}
    ran = paint_in(FakeTerminal({**answers, fake.ATTRIBUTES_QUESTION: fake.PLAIN}), photo)
    settled(ran)
    pictures = re.findall(rb"\x1b_Ga=T,f=100,q=2,i=(\d+),p=1,c=(\d+),r=(\d+),C=1,m=0;([^\x1b]*)\x1b\\", ran.screen)
    *frames, last = pictures
    assert len({number for number, *_ in frames}) == 1, "frames lie one upon the other"
    assert Image.open(io.BytesIO(base64.b64decode(frames[0][3]))).size == (16, 12)
    painting = Image.open(io.BytesIO(base64.b64decode(last[3])))
    assert painting.tobytes() == Image.open(io.BytesIO(painting_of(photo.read_bytes()))).tobytes()
    assert BLOCK not in ran.screen


def test_iterm2_gets_inline_files(scripted: RunningDaemon, photo: Path) -> None:
    terminal = FakeTerminal({fake.ATTRIBUTES_QUESTION: fake.PLAIN})
    ran = paint_in(terminal, photo, TERM_PROGRAM="iTerm.app")
    settled(ran)
    files = re.findall(rb"\x1b\]1337;File=inline=1;size=(\d+);width=\d+;height=\d+;[^:]*:([^\x07]*)\x07", ran.screen)
    assert all(int(size) == len(base64.b64decode(data)) for size, data in files)
    assert len(files) > 1


def test_a_terminal_with_attribute_4_gets_sixels(scripted: RunningDaemon, photo: Path) -> None:
    answers = {fake.CELL_QUESTION: fake.CELL_10_BY_20, fake.ATTRIBUTES_QUESTION: fake.WITH_SIXELS}
    ran = paint_in(FakeTerminal(answers), photo)
    settled(ran)
    *_, last = re.findall(rb"\x1bPq.*?\x1b\\", ran.screen, re.DOTALL)
    shown = Image.fromarray(decode_sixels(last.decode()))
    columns, rows = fit_cells((60, 40), (79, 27), (10, 20))
    assert shown.size == (columns * 10, rows * 20)
    expected = Image.open(io.BytesIO(painting_of(photo.read_bytes()))).resize(shown.size, Image.Resampling.LANCZOS)
    difference = np.abs(np.asarray(shown).astype(int) - np.asarray(expected))
    assert difference.mean() < 8


def test_others_get_half_blocks(scripted: RunningDaemon, photo: Path) -> None:
    ran = paint_in(FakeTerminal({fake.ATTRIBUTES_QUESTION: fake.PLAIN}), photo)
    settled(ran)
    assert ran.screen.count(BLOCK) > 100
    assert ran.screen.count(b"Painting 64 x 48") == 1
    assert "━━━━━ 1/4".encode() in ran.screen.replace("┄".encode(), b"")


def test_a_word_meanwhile_stands_under_the_picture_and_draws_no_second_one(photo: Path) -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, color_system="truecolor", width=80, height=30)
    reporter = preview_reporter(console, 1, lambda: Terminal(Graphics.BLOCKS))
    assert reporter is not None
    order = Order("cat.png", lambda client: pytest.fail("not begun"), lambda job: None)
    picture = events.Frame(1, 0, 1, 60, 40, "png", photo.read_bytes())
    with reporter:
        reporter.show(order, picture)
        made_room = screen.getvalue().count("\n" * 10)
        reporter.say("Stopping.")
        reporter.show(order, events.Progress(2, 4, {}, 1.0, 1.0, None))
        reporter.show(order, picture)
    assert screen.getvalue().count("\n" * 10) == made_room > 0
    assert screen.getvalue().endswith("\x1b[KStopping.\r\r\x1b[K")


def test_a_silent_terminal_costs_a_second_and_gets_half_blocks(scripted: RunningDaemon, photo: Path) -> None:
    ran = paint_in(FakeTerminal({}), photo)
    settled(ran)
    assert ran.screen.count(BLOCK) > 100


def test_late_answers_are_thrown_away(scripted: RunningDaemon, service: ScriptedService, photo: Path) -> None:
    def script(request, context, photo):
        yield started()
        yield progress(1)
        yield frame(1)
        time.sleep(1.5)
        yield from result_chunks(painting_of(photo))
        yield summary()

    service.script = script
    answers = {fake.KITTY_QUESTION: fake.KITTY_YES, fake.ATTRIBUTES_QUESTION: fake.PLAIN}
    ran = paint_in(FakeTerminal(answers, delay=1.3), photo)
    assert (ran.returncode, ran.unread, ran.same_settings) == (0, 0, True)


def test_a_terminal_that_prints_what_it_does_not_understand_is_not_asked(scripted: RunningDaemon, photo: Path) -> None:
    ran = paint_in(FakeTerminal({}), photo, TERM_PROGRAM="Apple_Terminal")
    settled(ran)
    assert fake.KITTY_QUESTION not in ran.screen
    assert ran.screen.count(BLOCK) > 100


def test_a_job_in_the_background_asks_nothing_and_is_not_stopped(scripted: RunningDaemon, photo: Path) -> None:
    command = '"$0" -m stylize image "$1" -s mosaic --preview & wait'
    terminal = FakeTerminal({fake.ATTRIBUTES_QUESTION: fake.PLAIN})
    ran = terminal.run_program(["bash", "-c", f"set -m; {command}", sys.executable, str(photo)])
    assert ran.returncode == 0
    assert fake.ATTRIBUTES_QUESTION not in ran.screen
    assert b"cat.mosaic.png" in ran.screen


def test_a_dumb_terminal_gets_lines(scripted: RunningDaemon, photo: Path) -> None:
    ran = paint_in(FakeTerminal({}), photo, TERM="dumb", COLORTERM="")
    settled(ran)
    assert b"no preview" in ran.screen
    assert BLOCK not in ran.screen


def test_without_a_terminal_there_are_lines_and_no_codes(scripted: RunningDaemon, run_cli: RunCli, photo: Path) -> None:
    ended = run_cli("image", photo, "-s", "mosaic", "--preview")
    assert ended.returncode == 0
    assert "no preview" in ended.stderr
    assert "\x1b" not in ended.stdout + ended.stderr


def test_the_bars_of_many_photos_fit_the_terminal(scripted: RunningDaemon, photo: Path, tmp_path: Path) -> None:
    for index in range(5):
        (tmp_path / f"a photo with quite a long name {index}.png").write_bytes(photo.read_bytes())
    ran = FakeTerminal({}, size=(60, 20)).run("-m", "stylize", "image", tmp_path, "-s", "mosaic")
    assert ran.returncode == 0, ran.screen.decode()
    assert b"6/6 photos" in ran.screen
    assert ran.screen.count(b".mosaic.png") == 6
    assert b"Painted 6 of 6 photos" in ran.screen


@pytest.mark.parametrize("colour_system", [ColorSystem.TRUECOLOR, ColorSystem.EIGHT_BIT])
def test_half_blocks_show_two_pixels_each(colour_system: ColorSystem) -> None:
    image = Image.fromarray(np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 255]]], np.uint8))
    codes = draw(image, 2, 1, Terminal(Graphics.BLOCKS), colour_system, 1)
    if colour_system is ColorSystem.TRUECOLOR:
        assert "38;2;255;0;0;48;2;0;0;255m▀" in codes
        assert "38;2;0;255;0;48;2;255;255;255m▀" in codes
    else:
        assert "2;" not in codes
        assert codes.count("▀") == 2


def test_every_pixel_of_a_picture_of_few_colours_is_in_its_sixels() -> None:
    rows, columns = np.mgrid[0:32, 0:24]  # no whole number of bands
    few = np.array([[0, 0, 0], [255, 0, 0], [0, 255, 255], [255, 255, 255]], np.uint8)
    samples = few[(rows * 7 // 5 + columns // 3) % 4]
    codes = draw(Image.fromarray(samples), 3, 2, Terminal(Graphics.SIXEL, (8, 16)), ColorSystem.TRUECOLOR, 1)
    assert np.array_equal(decode_sixels(codes.removeprefix("\x1b7").removesuffix("\x1b8")), samples)


def test_pictures_keep_their_shape_in_cells() -> None:
    assert fit_cells((400, 200), (80, 28), (10, 20)) == (80, 20)
    assert fit_cells((200, 400), (80, 28), (10, 20)) == (28, 28)
    assert fit_cells((4000, 10), (80, 28), (8, 16)) == (80, 1)


def decode_sixels(codes: str) -> np.ndarray:
    """An independent reading of DEC's format: uint8 [H, W, 3]."""
    head = re.match(r'\x1bPq"1;1;(\d+);(\d+)', codes)
    assert head
    width, height = int(head[1]), int(head[2])
    canvas = np.zeros((height + 6, width, 3), np.uint8)
    palette: dict[int, list[int]] = {}
    colour, x, y = 0, 0, 0
    for token in re.findall(r"#\d+(?:;2;\d+;\d+;\d+)?|!\d+[?-~]|[?-~]|\$|-", codes[head.end() : -2]):
        if token.startswith("#"):
            number, *definition = map(int, token[1:].split(";"))
            if definition:
                palette[number] = [value * 255 // 100 for value in definition[1:]]
            colour = number
        elif token == "$":
            x = 0
        elif token == "-":
            x, y = 0, y + 6
        else:
            count = int(token[1:-1]) if token.startswith("!") else 1
            for bit in range(6):
                if (ord(token[-1]) - 63) >> bit & 1:
                    canvas[y + bit, x : x + count] = palette[colour]
            x += count
    return canvas[:height]
