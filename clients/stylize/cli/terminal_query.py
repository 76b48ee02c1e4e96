"""What pictures a terminal can show, found out by asking it.

Nothing but the terminal itself knows: $TERM is the same in many, and is passed on by ssh and tmux to places where it is
no longer true. Three questions are sent at once: the size of a character cell in pixels (XTWINOPS 16), whether the
graphics protocol of kitty is understood (a query that shows nothing), and last the device attributes (DA1), which every
terminal answers, in order: when their answer is there, the others will not come any more, and if it names attribute 4,
the terminal draws sixels.

What can go wrong, and what is accepted: a terminal that answers nothing costs `ANSWER_TIMEOUT`. Answers that come later
than that, over a very slow line, are thrown away when the preview ends (`forget_answers`), but meanwhile the terminal
may echo them. What was typed ahead during the questions is lost. Terminals known to print questions that they do not
understand are not asked.
"""

from __future__ import annotations

import contextlib
import enum
import os
import re
import select
import termios
import time
import tty
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ANSWER_TIMEOUT = 1.0
"""Seconds for a terminal to answer; on this machine it takes milliseconds."""
USUAL_CELL = (8, 16)
"""Pixels of a character cell, width and height, where the terminal does not tell."""

_QUESTIONS = b"\x1b[16t\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\\x1b[c"
_ATTRIBUTES = re.compile(rb"\x1b\[\?([0-9;]*)c")
_CELL = re.compile(rb"\x1b\[6;(\d+);(\d+)t")
_KITTY = re.compile(rb"\x1b_Gi=31;OK\x1b\\")
_NOT_ASKED = {"Apple_Terminal"}
"""$TERM_PROGRAM of terminals that print what they do not understand."""
_ITERM2 = {"iTerm.app", "WezTerm", "mintty"}
_SIXEL = "4"


class Graphics(enum.Enum):
    """How a terminal is given a picture, best first."""

    KITTY = "kitty"
    ITERM2 = "iterm2"
    SIXEL = "sixel"
    BLOCKS = "blocks"
    """Not at all: each character cell is two coloured halves."""


@dataclass(frozen=True)
class Terminal:
    """What is known of one."""

    graphics: Graphics
    cell: tuple[int, int] = USUAL_CELL
    """Width and height of a character cell in pixels."""
    answered: bool = True
    """False if it was asked and said nothing."""


def examine_terminal(
    environment: Mapping[str, str] = os.environ, device: str = "/dev/tty", timeout: float = ANSWER_TIMEOUT
) -> Terminal:
    """Asks the terminal of this process. Never raises, never takes longer than `timeout`."""
    if environment.get("TERM_PROGRAM") in _NOT_ASKED or environment.get("TERM") in ("dumb", "linux"):
        return Terminal(Graphics.BLOCKS)
    try:
        answers = _ask(device, timeout)
    except (OSError, termios.error):
        return Terminal(Graphics.BLOCKS)
    if answers is None:  # a job in the background must not touch the terminal
        return Terminal(Graphics.BLOCKS)
    attributes = _ATTRIBUTES.search(answers)
    cell = _CELL.search(answers)
    size = (int(cell[2]), int(cell[1])) if cell and int(cell[1]) and int(cell[2]) else USUAL_CELL
    inside = "TMUX" in environment or environment.get("TERM", "").startswith(("tmux", "screen"))
    if _KITTY.search(answers):
        graphics = Graphics.KITTY
    elif not inside and environment.get("TERM_PROGRAM") in _ITERM2:
        graphics = Graphics.ITERM2
    elif attributes and _SIXEL in attributes[1].decode().split(";"):
        graphics = Graphics.SIXEL
    else:
        graphics = Graphics.BLOCKS
    return Terminal(graphics, size, answered=attributes is not None)


def forget_answers(device: str = "/dev/tty") -> None:
    """Throws away what the terminal has sent and nobody has read."""
    with contextlib.suppress(OSError, termios.error), Path(device).open("rb", buffering=0) as terminal:
        termios.tcflush(terminal.fileno(), termios.TCIFLUSH)


def _ask(device: str, timeout: float) -> bytes | None:
    handle = os.open(device, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        if os.tcgetpgrp(handle) != os.getpgrp():
            return None
        before = termios.tcgetattr(handle)
        try:
            tty.setcbreak(handle, termios.TCSANOW)  # no echo of the answers; Ctrl-C works as ever
            os.write(handle, _QUESTIONS)
            answers = _read_answers(handle, time.monotonic() + timeout)
            os.write(handle, b"\r\x1b[K")  # whatever the questions may have left on the line
            return answers
        finally:
            termios.tcsetattr(handle, termios.TCSAFLUSH, before)
    finally:
        os.close(handle)


def _read_answers(handle: int, deadline: float) -> bytes:
    answers = b""
    while not _ATTRIBUTES.search(answers):
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([handle], [], [], left)[0]:
            break
        piece = os.read(handle, 4096)
        if not piece:
            break
        answers += piece
    return answers
