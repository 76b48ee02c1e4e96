"""A terminal for tests: a pseudo-terminal whose other end answers questions as the test says, or does not."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
import tty
from collections.abc import Sequence
from dataclasses import dataclass

KITTY_QUESTION = b"\x1b_Gi=31"
CELL_QUESTION = b"\x1b[16t"
ATTRIBUTES_QUESTION = b"\x1b[c"

OF_THE_TESTS_TERMINAL = ("TMUX", "TERM_PROGRAM", "NO_COLOR", "LINES", "COLUMNS")
"""Variables that tell of the terminal in which the tests run, if they run in one. xdist sets the last two."""
LONGEST = 20.0
"""Seconds that a program may run."""
KITTY_YES = b"\x1b_Gi=31;OK\x1b\\"
CELL_10_BY_20 = b"\x1b[6;20;10t"
PLAIN = b"\x1b[?62;22c"
WITH_SIXELS = b"\x1b[?62;4;22c"


@dataclass(frozen=True)
class Ran:
    """What a program did in the terminal."""

    returncode: int
    screen: bytes
    """All that was sent to the terminal."""
    seconds: float
    unread: int
    """Bytes of answers that nobody has read: a shell would take them for keys."""
    same_settings: bool
    """True if the terminal's settings are as they were."""


class FakeTerminal:
    """`answers`: to each question, in the order in which they are asked. `delay`: seconds until it answers."""

    def __init__(self, answers: dict[bytes, bytes], *, delay: float = 0.0, size: tuple[int, int] = (80, 30)) -> None:
        self._answers = answers
        self._delay = delay
        self._size = size

    def run(self, *arguments: object, **environment: str) -> Ran:
        """Runs `python ARGUMENTS` with the terminal as its stdin, stdout, stderr and controlling terminal."""
        return self.run_program([sys.executable, *map(str, arguments)], **environment)

    def run_program(self, arguments: Sequence[str], **environment: str) -> Ran:
        """The same for any program."""
        ours, theirs = pty.openpty()
        try:
            columns, rows = self._size
            fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            before = termios.tcgetattr(theirs)
            begun = time.monotonic()
            kept = {key: value for key, value in os.environ.items() if key not in OF_THE_TESTS_TERMINAL}
            # A session leader that opens a terminal gets it as its controlling one.
            process = subprocess.Popen(
                ["sh", "-c", 'exec "$@" <"$0" >"$0" 2>"$0"', os.ttyname(theirs), *arguments],
                env={
                    **kept,
                    "TERM": "xterm-256color",
                    "COLORTERM": "truecolor",
                    "PYTHONPATH": os.pathsep.join(sys.path),
                    **environment,
                },
                start_new_session=True,
            )
            screen = self._attend(ours, process, begun + LONGEST)
            seconds = time.monotonic() - begun
            same_settings = termios.tcgetattr(theirs) == before
            tty.setcbreak(theirs, termios.TCSANOW)  # what is no whole line is counted, too
            unread = struct.unpack("i", fcntl.ioctl(theirs, termios.FIONREAD, b"\0\0\0\0"))[0]
            return Ran(process.returncode, screen, seconds, unread, same_settings)
        finally:
            os.close(ours)
            os.close(theirs)

    def _attend(self, ours: int, process: subprocess.Popen[bytes], deadline: float) -> bytes:
        screen = b""
        asked = list(self._answers)
        due: list[tuple[float, bytes]] = []
        while True:
            ended = process.poll() is not None
            if select.select([ours], [], [], 0 if ended else 0.02)[0]:
                screen += os.read(ours, 65536)
            elif ended:
                return screen
            for question in [question for question in asked if question in screen]:
                asked.remove(question)
                due.append((time.monotonic() + self._delay, self._answers[question]))
            for answer in [answer for answer in due if answer[0] <= time.monotonic()]:
                due.remove(answer)
                os.write(ours, answer[1])
            if time.monotonic() > deadline:
                process.kill()
                process.wait()
                raise AssertionError(f"the program hangs; so far: {screen[-2000:]!r}")
