"""Reads films by other means than they were written: ffmpeg's decoder, or Pillow's."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from PIL import Image, ImageSequence


@dataclass(frozen=True)
class ReadFilm:
    """What a film shows."""

    size: tuple[int, int]
    frames: list[np.ndarray]
    """uint8 [H, W, 3]."""
    seconds: float
    """How long it lasts."""
    last_seconds: float
    """How long its last picture stands."""


def read_film(path: Path) -> ReadFilm:
    """Every frame of it. A picture of a .mp4 that stands is several equal frames, of which one is given."""
    return _read_mp4(path) if path.suffix == ".mp4" else _read_pictures(path)


def _read_mp4(path: Path) -> ReadFilm:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-i", str(path), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    decoded = subprocess.run(command, capture_output=True, check=True)
    stream = next(line for line in decoded.stderr.decode().splitlines() if "Video: h264" in line)
    assert "yuv420p(tv, bt709" in stream, stream
    match = re.search(r", (\d+)x(\d+).*?, ([\d.]+) fps", stream)
    assert match is not None, stream
    width, height, fps = int(match[1]), int(match[2]), float(match[3])
    frames = list(np.frombuffer(decoded.stdout, np.uint8).reshape(-1, height, width, 3))
    kept = [frame for number, frame in enumerate(frames) if number == 0 or _differ(frame, frames[number - 1])]
    still = next((n for n in range(1, len(frames)) if _differ(frames[-1 - n], frames[-1])), len(frames))
    return ReadFilm((width, height), kept, len(frames) / fps, still / fps)


def _differ(one: np.ndarray, other: np.ndarray) -> bool:
    return float(np.abs(one.astype(float) - other).mean()) > 1.0


def _read_pictures(path: Path) -> ReadFilm:
    with Image.open(path) as film:
        frames, times = [], []
        for picture in ImageSequence.Iterator(film):
            picture.load()
            times.append(picture.info["duration"] / 1000)
            frames.append(np.asarray(picture.convert("RGB")))
        return ReadFilm(film.size, frames, sum(times), times[-1])
