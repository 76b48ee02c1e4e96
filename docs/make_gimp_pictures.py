"""Makes the screenshots of docs/gimp.md: a real GIMP 3.0 on a virtual screen, with the plug-in in it.

    python docs/make_gimp_pictures.py

Needs what tests/gimp needs (root on a Debian machine), and two minutes.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from PIL import Image

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from stylize.gimp.bundle import assemble  # noqa: E402
from tests.gimp.real_gimp import SUITES, RealGimp, make_root  # noqa: E402
from tests.real_daemon import RealDaemon  # noqa: E402

IMAGES = REPOSITORY / "docs" / "images"
SAMPLE = REPOSITORY / "clients" / "stylize" / "data" / "sample.jpg"
PREVIEW_SECONDS = 45

CODE = """
with Screen(PLUG_IN, ["/mnt/pictures/photo.png"], OUT / "gimp.log", language="{language}") as screen:
    if not "{language}":
        screen.keys(screen.image_window, "alt+r")
        time.sleep(1.5)
        screen.do("key", "Up")
        time.sleep(0.5)
        screen.shot(OUT / "menu.png")
        screen.do("key", "Escape")
        screen.do("key", "Escape")
    dialog = screen.open_filter("{title}", "neural style")
    time.sleep({seconds})
    screen.shot_of(dialog, OUT / "dialog.png")
    if not "{language}":
        screen.keys(dialog, "alt+y")
        wait("the painting", lambda: not screen.window("^{title}$"), 240)
        screen.do("mousemove", "900", "950")
        time.sleep(2)
        screen.shot(OUT / "result.png")
"""


def main() -> None:
    """Writes docs/images/gimp-*.png."""
    suite = SUITES["3.0"]
    make_root(suite)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "plug-in").mkdir()
        plug_in = folder / "plug-in" / "neural-style"
        assemble(plug_in)
        with Image.open(SAMPLE) as image:
            image.thumbnail((750, 500))
            image.save(folder / "photo.png")
        daemon = RealDaemon(folder / "home")
        try:
            daemon.wait_until_loaded()
            gimp = RealGimp(suite, plug_in, daemon.folder)
            for language in ("", "de_DE"):
                code = CODE.format(language=language, title="Neural Style", seconds=PREVIEW_SECONDS)
                outcome = gimp.screen(code, folder / f"out{language}", **{"photo.png": folder / "photo.png"})
                if outcome.code:
                    raise SystemExit(outcome.output)
                with Image.open(outcome.folder / "dialog.png") as shot:
                    _save(shot, f"gimp-dialog{'-de' if language else ''}")
                if not language:
                    with Image.open(outcome.folder / "menu.png") as shot:
                        _save(shot.crop((0, 10, 800, 560)), "gimp-menu")
                    with Image.open(outcome.folder / "result.png") as shot:
                        _save(shot.resize((980, 700), Image.Resampling.LANCZOS), "gimp-result")
        finally:
            daemon.close()


def _save(picture: Image.Image, name: str) -> None:
    picture.convert("RGB").save(IMAGES / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
