"""The photo that comes with the library, for first tries and examples."""

from __future__ import annotations

from pathlib import Path

SAMPLE_PHOTO = Path(__file__).parent / "data" / "sample.jpg"
"""A red panda, 840 x 560 pixels, CC0; `data/README.md` has its source."""
