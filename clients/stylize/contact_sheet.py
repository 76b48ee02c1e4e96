"""Pictures side by side on one sheet, with what is what: a gallery in rows, or a table of two things that vary.

Plain Pillow. Sizes follow the largest picture, so that a sheet of small ones is small, and text is never larger than a
label should be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

PAPER = (250, 249, 246)
INK = (38, 38, 42)
FAINT = (132, 132, 138)
EMPTY = (232, 230, 225)
"""Where a picture is missing."""

_GOLDEN = 1.6
"""Width to height of a gallery, about."""


@dataclass(frozen=True)
class Cell:
    """A picture and its label."""

    picture: Image.Image | None
    """Mode RGB or RGBA; None leaves an empty place."""
    label: str = ""


@dataclass(frozen=True)
class Heading:
    """What stands above the pictures."""

    title: str
    subtitle: str = ""
    picture: Image.Image | None = None
    """Shown small beside the title, such as the photo."""


def gallery(cells: Sequence[Cell | None], heading: Heading, columns: int | None = None) -> Image.Image:
    """Cells in rows, each with its label under it; None leaves a gap. columns: None chooses, for a sheet that fits a
    screen."""
    page = _Page([cell for cell in cells if cell], heading)
    columns = columns or _best_columns(len(cells), page.cell)
    rows = -(-len(cells) // columns)
    sheet = page.begin(columns * page.step[0] - page.gap, rows * (page.step[1] + page.line) - page.gap)
    for index, cell in enumerate(cells):
        if cell is None:
            continue
        left = page.margin + index % columns * page.step[0]
        top = page.top + index // columns * (page.step[1] + page.line)
        page.place(cell.picture, left, top)
        page.write(cell.label, left + page.cell[0] // 2, top + page.cell[1] + page.line // 2, page.cell[0])
    return sheet


def table(
    grid: Sequence[Sequence[Cell]], column_labels: Sequence[str], row_labels: Sequence[str], heading: Heading
) -> Image.Image:
    """Rows of cells under the labels of their columns, each row beside its own; labels of cells are not used."""
    page = _Page([cell for row in grid for cell in row], heading)
    side = max(page.text_width(label) for label in row_labels) + page.gap
    sheet = page.begin(
        side + len(column_labels) * page.step[0] - page.gap, page.line + len(row_labels) * page.step[1] - page.gap
    )
    left, top = page.margin + side, page.top + page.line
    for column, label in enumerate(column_labels):
        page.write(label, left + column * page.step[0] + page.cell[0] // 2, page.top + page.line // 2, page.cell[0])
    for row, label in enumerate(row_labels):
        y = top + row * page.step[1]
        page.write(label, page.margin + side - page.gap, y + page.cell[1] // 2, side, anchor="rm")
        for column, cell in enumerate(grid[row]):
            page.place(cell.picture, left + column * page.step[0], y)
    return sheet


def _best_columns(count: int, cell: tuple[int, int]) -> int:
    def misfit(columns: int) -> float:
        rows = -(-count // columns)
        shape = columns * cell[0] / (rows * cell[1])
        empty = (columns * rows - count) / count
        return max(shape / _GOLDEN, _GOLDEN / shape) + empty

    return min(range(1, count + 1), key=misfit)


class _Page:
    """Measures, and the drawing itself."""

    def __init__(self, cells: Sequence[Cell], heading: Heading) -> None:
        sizes = [cell.picture.size for cell in cells if cell.picture] or [(256, 256)]
        self.cell = max(width for width, _ in sizes), max(height for _, height in sizes)
        scale = max(self.cell)
        self._size, title_size = min(34, max(12, scale // 16)), min(52, max(16, scale // 10))
        self._font = ImageFont.load_default(self._size)
        self._title_font = ImageFont.load_default(title_size)
        self.line = self._size * 2
        self.gap = max(8, scale // 28)
        self.margin = self.gap * 2
        self.step = self.cell[0] + self.gap, self.cell[1] + self.gap
        self._heading = heading
        self._head = round(title_size * 1.4 + (self._size * 1.6 if heading.subtitle else 0))
        self.top = self.margin + self._head + self.gap

    def begin(self, width: int, height: int) -> Image.Image:
        """An empty sheet for a body of that size, with its heading; wider if the heading needs it."""
        head_width = self._thumbnail_width() + max(
            round(self._title_font.getlength(self._heading.title)), self.text_width(self._heading.subtitle)
        )
        size = max(width, head_width) + 2 * self.margin, self.top + height + self.margin
        self._sheet = Image.new("RGB", size, PAPER)
        self._draw = ImageDraw.Draw(self._sheet)
        left = self.margin + self._thumbnail_width()
        if self._heading.picture:
            small = self._heading.picture.convert("RGB")
            small.thumbnail((self._head * 2, self._head), Image.Resampling.LANCZOS)
            self._sheet.paste(small, (self.margin, self.margin))
        middle = self.margin + self._head // 2
        if self._heading.subtitle:
            self._draw.text((left, middle), self._heading.title, INK, self._title_font, anchor="ls")
            place = left, middle + self._size * 0.5
            self._draw.text(place, self._heading.subtitle, FAINT, self._font, anchor="lt")
        else:
            self._draw.text((left, middle), self._heading.title, INK, self._title_font, anchor="lm")
        return self._sheet

    def place(self, picture: Image.Image | None, left: int, top: int) -> None:
        """A picture in the middle of its cell."""
        if picture is None:
            box = (left, top, left + self.cell[0] - 1, top + self.cell[1] - 1)
            self._draw.rectangle(box, EMPTY)
            self.write("not painted", left + self.cell[0] // 2, top + self.cell[1] // 2, self.cell[0], ink=FAINT)
            return
        offset = left + (self.cell[0] - picture.width) // 2, top + (self.cell[1] - picture.height) // 2
        self._sheet.paste(picture, offset, picture if picture.mode == "RGBA" else None)

    def write(
        self, text: str, x: int, y: int, width: int, *, anchor: str = "mm", ink: tuple[int, int, int] = INK
    ) -> None:
        """A label, shortened to `width`."""
        while len(text) > 1 and self.text_width(text) > width:
            text = text.rstrip("…")[:-1] + "…"
        self._draw.text((x, y), text, ink, self._font, anchor=anchor)

    def text_width(self, text: str) -> int:
        """Pixels of a label."""
        return round(self._font.getlength(text)) + 1

    def _thumbnail_width(self) -> int:
        if self._heading.picture is None:
            return 0
        width, height = self._heading.picture.size
        return round(min(self._head * 2, self._head * width / height)) + self.gap
