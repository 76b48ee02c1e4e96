"""Makes the picture of a terminal in which a hot folder is watched, by watching one.

    .venv/bin/python docs/make_watch_picture.py

About a minute on two CPU cores.
"""

from __future__ import annotations

import io
import os
import re
import tempfile
import threading
from pathlib import Path

from PIL import Image
from rich.console import Console

import stylize
from neuralstyle.v1 import endpoint
from neuralstyle.v1.endpoint import HOME_VARIABLE
from stylize.cli.watching import LiveView
from stylize.hotfolder.layout import create
from stylize.hotfolder.reports import Counted, Progressed, Report
from stylize.hotfolder.service import WatchService, connector

IMAGE = Path(__file__).parent / "images" / "watch.svg"
SAMPLE = Path(stylize.__file__).parent / "data" / "sample.jpg"
SETTINGS = """\
styles = ["oil"]
preset = "draft"
[tunables]
size = 64
iterations = 16
"""
PHOTOS = ("holiday/panda.jpg", "holiday/panda in the tree.jpg", "ink/panda.jpg", "mosaic/panda.jpg", "zoo/panda 1.jpg")
PHOTOS += ("zoo/panda 2.jpg", "zoo/panda 3.jpg")
WIDTH = 104


def fill(inbox: Path) -> None:
    """Photos, and something that is none."""
    with Image.open(SAMPLE) as sample:
        for number, name in enumerate(PHOTOS):
            (inbox / name).parent.mkdir(parents=True, exist_ok=True)
            sample.crop((number, 0, sample.width - 10 + number, sample.height)).save(inbox / name)
    (inbox / "a list.txt").write_text("milk, eggs")


def main() -> None:
    """Watches until something of everything is to be seen."""
    shown = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, highlight=False)
    ready = threading.Event()
    counts: list[Counted] = []
    with tempfile.TemporaryDirectory() as home:
        # So that the folder is called as a user would see it; the daemon stays where it is.
        os.environ.update({HOME_VARIABLE: str(endpoint.home()), "HOME": home})
        folder = create(Path(home) / "Pictures" / "hot")
        folder.settings_file.write_text(SETTINGS)
        fill(folder.inbox)
        view = LiveView(shown, [folder.root])

        def tell(report: Report) -> None:
            view.show(report)
            if isinstance(report, Counted):
                counts.append(report)
            far = isinstance(report, Progressed) and report.iteration > report.iterations // 2
            if far and counts and counts[-1].done >= 2 and counts[-1].failed:
                ready.set()

        service = WatchService([folder], connector("docs"), tell)
        thread = threading.Thread(target=service.run)
        thread.start()
        ready.wait(300)
        shown.print(view.table())
        service.stop()
        service.stop()
        thread.join()
    text = shown.export_svg(title="stylize watch")
    # Without fonts from elsewhere: any monospaced one will do.
    IMAGE.write_text(re.sub(r"@font-face \{.*?\}\s*", "", text, flags=re.DOTALL))


if __name__ == "__main__":
    main()
