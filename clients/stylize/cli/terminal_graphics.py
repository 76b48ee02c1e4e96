"""A picture as what a terminal wants to be sent for it.

Three protocols and a fallback, each a few lines. The libraries that exist were looked at: textual-image asks the
terminal behind stdout when it is imported, and stdout is where paths go here; term-image has no sixels.
"""

from __future__ import annotations

import base64
import io
from itertools import groupby

import numpy as np
from PIL import Image
from rich.color import Color, ColorSystem
from rich.style import Style

from stylize.cli.terminal_query import Graphics, Terminal

UPPER_HALF = "▀"
KITTY_CHUNK = 4096
"""Most characters of one escape code of kitty's protocol."""
SIXEL_COLOURS = 128


def fit_cells(picture: tuple[int, int], most: tuple[int, int], cell: tuple[int, int]) -> tuple[int, int]:
    """Columns and rows that a picture of so many pixels takes, in its shape, at most `most`."""
    width, height = picture
    scale = min(most[0] * cell[0] / width, most[1] * cell[1] / height)
    return max(1, round(width * scale / cell[0])), max(1, round(height * scale / cell[1]))


def draw(image: Image.Image, columns: int, rows: int, terminal: Terminal, colours: ColorSystem, number: int) -> str:
    """Codes that show `image` (mode RGB) in so many cells, from the cursor's place, and leave the cursor there.

    number: tells kitty which picture this is; one that it has already is replaced.
    """
    if terminal.graphics is Graphics.KITTY:
        return _kitty(image, columns, rows, number)
    if terminal.graphics is Graphics.ITERM2:
        return _kept_in_place(_iterm2(image, columns, rows))
    if terminal.graphics is Graphics.SIXEL:
        size = columns * terminal.cell[0], rows * terminal.cell[1]
        return _kept_in_place(_sixels(image.resize(size, Image.Resampling.LANCZOS)))
    return _kept_in_place(_blocks(image, columns, rows, colours))


def _kept_in_place(codes: str) -> str:
    return f"\x1b7{codes}\x1b8"  # DECSC, DECRC


def _kitty(image: Image.Image, columns: int, rows: int, number: int) -> str:
    """https://sw.kovidgoyal.net/kitty/graphics-protocol: transmit and show, silently, the cursor staying (C=1)."""
    data = base64.standard_b64encode(_png(image)).decode()
    chunks = [data[start : start + KITTY_CHUNK] for start in range(0, len(data), KITTY_CHUNK)]
    head = f"a=T,f=100,q=2,i={number},p=1,c={columns},r={rows},C=1,"
    return "".join(
        f"\x1b_G{head if index == 0 else ''}m={int(index < len(chunks) - 1)};{chunk}\x1b\\"
        for index, chunk in enumerate(chunks)
    )


def _iterm2(image: Image.Image, columns: int, rows: int) -> str:
    """https://iterm2.com/documentation-images.html"""
    data = _png(image)
    shape = f"width={columns};height={rows};preserveAspectRatio=0"
    return f"\x1b]1337;File=inline=1;size={len(data)};{shape}:{base64.standard_b64encode(data).decode()}\x07"


def _sixels(image: Image.Image) -> str:
    """DEC's format (VT330/VT340 manual, chapter 14): bands of six rows, in each one line for each colour."""
    paletted = image.quantize(SIXEL_COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.FLOYDSTEINBERG)
    palette = np.array(paletted.getpalette()).reshape(-1, 3)
    pixels = np.asarray(paletted)
    codes = [f'\x1bPq"1;1;{image.width};{image.height}']
    codes += [f"#{index};2;{red};{green};{blue}" for index, (red, green, blue) in enumerate(palette * 100 // 255)]
    for top in range(0, image.height, 6):
        band = pixels[top : top + 6]
        bits = 1 << np.arange(len(band))
        lines = [f"#{colour}{_run_lengths(bits @ (band == colour) + 63)}" for colour in np.unique(band)]
        codes += ["$".join(lines), "-"]
    return "".join(codes) + "\x1b\\"


def _run_lengths(sixels: np.ndarray) -> str:
    runs = ((chr(value), len(list(run))) for value, run in groupby(sixels.tolist()))
    return "".join(f"!{length}{sixel}" if length > 3 else sixel * length for sixel, length in runs)


def _blocks(image: Image.Image, columns: int, rows: int, colours: ColorSystem) -> str:
    """Each cell is its upper half in one colour on a ground of another."""
    pixels = np.asarray(image.resize((columns, rows * 2), Image.Resampling.LANCZOS)).tolist()
    lines = []
    for upper, lower in zip(pixels[::2], pixels[1::2], strict=True):
        cells = (
            Style(color=Color.from_rgb(*above), bgcolor=Color.from_rgb(*below)).render(UPPER_HALF, color_system=colours)
            for above, below in zip(upper, lower, strict=True)
        )
        lines.append("".join(cells))
    return "\r\n".join(lines)


def _png(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG", compress_level=1)
    return stream.getvalue()
