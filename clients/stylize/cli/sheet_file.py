"""A sheet as a file: its pictures are painted one by one, kept, and arranged at the end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL import Image

    from stylize.cli.painting import Order, Tally
    from stylize.client import Client
    from stylize.job import Job


def picture_order(label: str, begin: Callable[[Client], Job], pictures: dict[str, Image.Image]) -> Order:
    """An order whose painting becomes `pictures[label]`."""
    from stylize.cli.painting import Order

    def keep(job: Job) -> None:
        assert job.painting is not None
        pictures[label] = job.painting.image()

    return Order(label, begin, keep)


def assembling(
    path: Path, pictures: dict[str, Image.Image], arrange: Callable[[], Image.Image], *, overwrite: bool
) -> Callable[[Tally], Path | None]:
    """What `session.run` calls at the end: writes the sheet that `arrange` makes, unless there is nothing on it. If its
    place has failed, it is saved elsewhere, and OutputUnwritable says so."""

    def assemble(tally: Tally) -> Path | None:
        from stylize.cli.orders import rescued
        from stylize.errors import OutputExists, OutputUnwritable
        from stylize.events import Result

        if not pictures or tally.discarded:
            return None
        image = arrange()
        try:
            save_sheet(image, path, overwrite=overwrite)
        except (OutputUnwritable, OutputExists) as error:
            data = _encoded(image, "PNG")
            raise rescued(error, Result(*image.size, 3, len(data), data), path) from error
        return path

    return assemble


def save_sheet(image: Image.Image, path: Path, *, overwrite: bool) -> None:
    """Writes a sheet. Raises OutputExists or OutputUnwritable."""
    from stylize.saving import format_of, write_whole

    write_whole(path, _encoded(image, format_of(path)), overwrite=overwrite)


def _encoded(image: Image.Image, kind: str) -> bytes:
    """The file; a PNG says that it is a sheet, so that it is not taken for a photo later."""
    import io

    from PIL.PngImagePlugin import PngInfo

    from stylize.provenance import TEXT_PREFIX

    text = PngInfo()
    text.add_text(TEXT_PREFIX + "sheet", "true")
    options: dict[str, dict[str, Any]] = {"PNG": {"pnginfo": text}, "JPEG": {"quality": 92}, "WEBP": {"quality": 92}}
    stream = io.BytesIO()
    image.save(stream, kind, **options.get(kind, {}))
    return stream.getvalue()
