"""The kinds of file that a film can be: .mp4 through ffmpeg, .webp and .gif through Pillow."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from stylize.errors import OutputUnwritable
from stylize.recording.extras import require
from stylize.recording.recorder import FRAME_SIDE

GIF_SIDE = 480
"""Longest side of a .gif: it is compressed so badly that larger ones are too large to be sent around."""
_GIF_COLOURS = 256
_SAMPLES = 16
_SAMPLE_SIDE = 160
"""From so many frames, so large, the one palette of a .gif is taken."""
_ROUNDS = 3
"""Of k-means, after median cut alone, which gives a film whose colours change a cast."""
_CRF = 17
"""Quality of H.264, 0 to 51, smaller is better: brush strokes without visible blocks."""
_EXACT = "bicubic+accurate_rnd+full_chroma_int+full_chroma_inp"
_COLOURS = "colorspace=bt709:color_primaries=bt709:color_trc=bt709:range=tv"
_WEBP_QUALITY = 85


@dataclass(frozen=True)
class Film:
    """Pictures to be shown one after the other."""

    pictures: Callable[[], Iterator[Image.Image]]
    """Gives them, mode RGB, in any size; may be called again."""
    size: tuple[int, int]
    """Width and height of the film; pictures are scaled to it."""
    count: int
    """How many there are, at least one."""
    fps: float
    """Pictures a second."""
    hold: float
    """Seconds for which the last one stands."""

    def frames(self) -> Iterator[Image.Image]:
        """The pictures in the film's size."""
        for picture in self.pictures():
            yield picture if picture.size == self.size else picture.resize(self.size, Image.Resampling.LANCZOS)

    @property
    def times(self) -> list[float]:
        """For how many seconds each stands."""
        return [1 / self.fps] * (self.count - 1) + [max(self.hold, 1 / self.fps)]


def check_film(path: Path) -> None:
    """Raises OutputUnwritable for a suffix that names no film, or one that needs what is not installed."""
    suffix = path.suffix.lower()
    if suffix not in _WRITERS:
        kind = f"the suffix {path.suffix}" if path.suffix else "no suffix"
        raise OutputUnwritable(
            f"{path} has {kind}, which names no kind of film.", remedy=f"Use one of {', '.join(_WRITERS)}."
        )
    if suffix == ".mp4":
        require("imageio_ffmpeg", "imageio-ffmpeg", "a film as .mp4")


def side_limit(path: Path) -> int:
    """Longest side of such a film in pixels."""
    return GIF_SIDE if path.suffix.lower() == ".gif" else FRAME_SIDE


def write_film(film: Film, path: Path, suffix: str) -> None:
    """Writes it as the kind of film that `suffix` names. Raises OSError, or OutputUnwritable if ffmpeg fails."""
    _WRITERS[suffix.lower()](film, path)


def _write_gif(film: Film, path: Path) -> None:
    # One palette for all: with one each, the ground flickers from frame to frame.
    palette = _common_palette(film)
    frames = (frame.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG) for frame in film.frames())
    times = [max(20, round(seconds * 100) * 10) for seconds in film.times]  # ms; players slow down what is faster
    next(frames).save(path, "GIF", save_all=True, append_images=frames, duration=times, loop=0, optimize=False)


def _common_palette(film: Film) -> Image.Image:
    """A picture with the palette of samples from all over the film."""
    wanted = {round(number * (film.count - 1) / (_SAMPLES - 1)) for number in range(_SAMPLES)}
    samples = []
    for number, frame in enumerate(film.frames()):
        if number in wanted:
            sample = frame.copy()
            sample.thumbnail((_SAMPLE_SIDE, _SAMPLE_SIDE))
            samples.append(sample)
    width, height = samples[0].size
    mosaic = Image.new("RGB", (width, height * len(samples)))
    for row, sample in enumerate(samples):
        mosaic.paste(sample, (0, row * height))
    return mosaic.quantize(_GIF_COLOURS, Image.Quantize.MEDIANCUT, kmeans=_ROUNDS)


def _write_webp(film: Film, path: Path) -> None:
    frames = film.frames()
    times = [round(seconds * 1000) for seconds in film.times]
    first = next(frames)
    first.save(path, "WEBP", save_all=True, append_images=frames, duration=times, loop=0, quality=_WEBP_QUALITY)


def _write_mp4(film: Film, path: Path) -> None:
    """H.264 with 4:2:0 colours, which needs even sides: of an odd one the last line is left out.

    The program is the one that comes with imageio-ffmpeg; its own `write_frames` is not used, because it forks, which
    gRPC does not survive while calls are open, and does not tell if ffmpeg fails.
    """
    import imageio_ffmpeg

    size = film.size[0] // 2 * 2, film.size[1] // 2 * 2
    command = [
        *(imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error"),
        *("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{size[0]}x{size[1]}", "-r", f"{film.fps:g}", "-i", "-"),
        # What the numbers mean is said, since players guess it from the size otherwise and show other colours.
        *("-vf", f"scale=out_color_matrix=bt709:out_range=tv:flags={_EXACT},format=yuv420p,setparams={_COLOURS}"),
        *("-c:v", "libx264", "-crf", str(_CRF), "-preset", "medium", "-movflags", "+faststart"),
        *("-f", "mp4", str(path)),
    ]
    with tempfile.TemporaryFile() as messages:
        ffmpeg = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=messages, start_new_session=True
        )
        assert ffmpeg.stdin is not None
        try:
            with ffmpeg.stdin as stream:
                for frame, seconds in zip(film.frames(), film.times, strict=True):
                    data = frame.crop((0, 0, *size)).tobytes()
                    for _ in range(max(1, round(seconds * film.fps))):
                        stream.write(data)
        except BrokenPipeError:
            pass  # it has ended, and says why
        except BaseException:
            ffmpeg.kill()
            raise
        finally:
            code = ffmpeg.wait()
        if code:
            messages.seek(0)
            said = messages.read().decode(errors="replace").strip().splitlines() or [f"exit code {code}"]
            raise OutputUnwritable(f"ffmpeg could not write the film: {said[-1]}.")


_WRITERS: dict[str, Callable[[Film, Path], None]] = {".mp4": _write_mp4, ".webp": _write_webp, ".gif": _write_gif}
