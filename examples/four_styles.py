"""Paints photos in several styles, a few paintings in flight at a time.

    python four_styles.py                          # the sample photo in every built-in style
    python four_styles.py holiday/*.jpg --out paintings --styles oil ink monet.jpg

What it shows: `AsyncClient`, jobs that run side by side, batch priority (somebody who waits at a screen is served
first), and a batch that can be interrupted and run again: paintings that are there already are not painted again.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence
from pathlib import Path

import stylize


async def main(photos: Sequence[Path], styles: Sequence[str], out: Path, size: int, in_flight: int) -> None:
    """Paints every photo in every style, into the folder `out`."""
    turn = asyncio.Semaphore(in_flight)
    async with await stylize.AsyncClient.connect() as client:

        async def paint(photo: Path, style: str) -> None:
            path = out / f"{photo.stem}.{Path(style).stem}.png"
            if path.exists():
                print(f"{path} is there already")
                return
            async with turn:
                job = await client.stylize(photo, style, "draft", size=size, priority="batch")
                print(await job.save(path))

        styles = styles or await client.style_names()
        outcomes = await asyncio.gather(
            *(paint(photo, style) for photo in photos for style in styles),
            return_exceptions=True,  # what goes wrong with one photo does not end the others
        )
    failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    for failure in failures:
        if not isinstance(failure, stylize.StylizeError):
            raise failure
        print(f"{failure} {failure.remedy}")
    if failures:
        raise SystemExit(f"{len(failures)} of {len(outcomes)} paintings failed.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", nargs="*", type=Path, default=[stylize.SAMPLE_PHOTO], help="default: a sample photo")
    parser.add_argument("--styles", nargs="+", default=[], help="names or pictures; default: the built-in styles")
    parser.add_argument("--out", type=Path, default=Path("paintings"), help="folder; default: paintings")
    parser.add_argument("--size", type=int, default=384, help="long side in pixels; default: 384")
    parser.add_argument("--in-flight", type=int, default=4, help="paintings asked for at a time; default: 4")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(options.photos, options.styles, options.out, options.size, options.in_flight))
