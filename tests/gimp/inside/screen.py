"""Runs inside the GIMP root: a GIMP with windows on a virtual screen, driven as a user would, by keys and mouse."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import gimp_profile

SIZE = (1400, 1000)
START_SECONDS = 120.0

_Found = TypeVar("_Found")


class Screen:
    """Xvfb, a window manager, and one GIMP. Use it in a `with` block.

    plug_in: None for the user's own profile, with whatever is installed there.
    """

    def __init__(self, plug_in: Path | None, pictures: list[str], log: Path, *, language: str = "") -> None:
        self._environment = gimp_profile.make(plug_in) if plug_in else dict(os.environ)
        if language:
            self._environment |= {"LANG": f"{language}.UTF-8", "LC_ALL": f"{language}.UTF-8", "LANGUAGE": language}
        self._pictures = pictures
        self._log = log
        self._processes: list[subprocess.Popen[bytes]] = []
        self.image_window = ""

    def __enter__(self) -> Screen:
        Path("/tmp/.X11-unix").mkdir(mode=0o1777, exist_ok=True)
        width, height = SIZE
        # X takes the next free number: its sockets are shared with all runs on this machine.
        reader, writer = os.pipe()
        self._start(
            *("Xvfb", "-displayfd", str(writer), "-screen", "0", f"{width}x{height}x24", "-nolisten", "tcp"),
            pass_fds=(writer,),
        )
        os.close(writer)
        with os.fdopen(reader) as stream:
            self._environment["DISPLAY"] = f":{stream.readline().strip()}"
        self._start("openbox")
        gimp = gimp_profile.program("gimp-3.0", "gimp")
        self._start("dbus-run-session", "--", gimp, "-n", "-s", *self._pictures)
        # The image's window, not the splash or the empty one before the picture is loaded.
        self.image_window = wait("GIMP's window", lambda: self.window("layer.* – GIMP$|Ebene.* – GIMP$"), START_SECONDS)
        time.sleep(1.0)
        self.do("windowsize", self.image_window, str(width - 10), str(height - 40))
        self.do("windowmove", self.image_window, "2", "20")
        self.focus(self.image_window)
        time.sleep(1.0)
        return self

    def __exit__(self, *_error: object) -> None:
        for process in reversed(self._processes):
            process.terminate()
        for process in self._processes:
            process.wait(10)

    def window(self, name: str) -> str:
        """Id of the visible window whose title fits the regular expression; "" if there is none."""
        found = subprocess.run(
            ["xdotool", "search", "--onlyvisible", "--name", name],
            capture_output=True,
            text=True,
            env=self._environment,
        )
        return (found.stdout.split() or [""])[0]

    def title(self, window: str) -> str:
        """The window's title now."""
        return self._output("xdotool", "getwindowname", window)

    def do(self, *command: str) -> None:
        """One xdotool command."""
        subprocess.run(["xdotool", *command], env=self._environment, check=True, capture_output=True)

    def focus(self, window: str) -> None:
        """Makes it the active window; a window manager that is just starting may have to be asked again."""
        wait("the active window", lambda: self._activated(window))

    def _activated(self, window: str) -> bool:
        command = ["xdotool", "windowactivate", "--sync", window]
        try:
            return subprocess.run(command, env=self._environment, capture_output=True, timeout=10).returncode == 0
        except subprocess.TimeoutExpired:
            return False

    def keys(self, window: str, *keys: str) -> None:
        """Types key combinations, such as ctrl+z, into a window."""
        self.focus(window)
        for key in keys:
            self.do("key", key)
            time.sleep(0.2)

    def click(self, x: int, y: int) -> None:
        """A click at a place of the screen."""
        self.do("mousemove", str(x), str(y), "click", "1")

    def drag(self, start: tuple[int, int], end: tuple[int, int]) -> None:
        """A drag with the left button, in a few steps as a hand does it."""
        self.do("mousemove", str(start[0]), str(start[1]), "mousedown", "1")
        for step in range(1, 9):
            x = start[0] + (end[0] - start[0]) * step // 8
            y = start[1] + (end[1] - start[1]) * step // 8
            self.do("mousemove", str(x), str(y))
            time.sleep(0.03)
        self.do("mouseup", "1")

    def place(self, window: str) -> tuple[int, int, int, int]:
        """Left, top, width and height of a window on the screen."""
        lines = self._output("xdotool", "getwindowgeometry", "--shell", window).splitlines()
        values = dict(line.split("=", 1) for line in lines if "=" in line)
        return int(values["X"]), int(values["Y"]), int(values["WIDTH"]), int(values["HEIGHT"])

    def open_filter(self, title: str = "Neural Style", words: str = "neural style") -> str:
        """Opens the filter through GIMP's search of actions, and gives the dialog's window."""
        self.focus(self.image_window)
        self.do("key", "slash")
        time.sleep(1.0)
        self.do("type", "--delay", "30", words)
        time.sleep(1.2)
        self.do("key", "Return")
        return wait("the dialog", lambda: self.window(f"^{title}$"), 40.0)

    def shot(self, file: Path) -> None:
        """A picture of the whole screen."""
        subprocess.run(["scrot", "-o", str(file)], env=self._environment, check=True)

    def shot_of(self, window: str, file: Path) -> None:
        """A picture of one window, with its title."""
        self.focus(window)
        time.sleep(0.5)
        subprocess.run(["scrot", "--focused", "--border", "-o", str(file)], env=self._environment, check=True)

    def _start(self, *command: str, pass_fds: tuple[int, ...] = ()) -> None:
        with self._log.open("ab") as stream:
            process = subprocess.Popen(command, stdout=stream, stderr=stream, env=self._environment, pass_fds=pass_fds)
        self._processes.append(process)

    def _output(self, *command: str) -> str:
        return subprocess.run(command, env=self._environment, capture_output=True, text=True, check=True).stdout.strip()


def wait(what: str, ready: Callable[[], _Found], seconds: float = 30.0) -> _Found:
    """Waits until `ready` gives something true, and gives that. Raises TimeoutError that says what did not come."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        result = ready()
        if result:
            return result
        time.sleep(0.05)
    raise TimeoutError(f"{what} did not come in {seconds:g} s")
