"""Whatever an image is made of, what comes back is the painting of its pixels, at its own precision.

What it must be is found without the plug-in: the same pixels through plain gRPC (`expected.py`).
"""

from __future__ import annotations

import numpy as np
import pytest

from tests.gimp.expected import as_gray, painting
from tests.gimp.real_gimp import Outcome, RealGimp
from tests.real_daemon import RealDaemon

WIDTH, HEIGHT = 40, 32
PRECISIONS = {
    "U8_LINEAR": ("u16", 8),
    "U8_NON_LINEAR": ("u8", 8),
    "U16_LINEAR": ("float", 16),
    "U16_NON_LINEAR": ("u16", 16),
    "U32_LINEAR": ("float", 24),
    "U32_NON_LINEAR": ("float", 24),
    "HALF_LINEAR": ("float", 11),
    "HALF_NON_LINEAR": ("float", 11),
    "FLOAT_LINEAR": ("float", 24),
    "FLOAT_NON_LINEAR": ("float", 24),
    "DOUBLE_LINEAR": ("float", 24),
    "DOUBLE_NON_LINEAR": ("float", 24),
}
"""The samples in which each is promised to travel, and its significant bits (singles carry what is finer)."""
KINDS = ("RGB", "GRAY")
NUMPY = {"u8": "uint8", "u16": "uint16", "float": "float32"}

BATCH = """
for precision, samples in {precisions!r}.items():
    for kind in {kinds!r}:
        name = f"{{precision}}-{{kind}}"
        image = new_image({width}, {height}, kind, getattr(Gimp.Precision, precision))
        layer = add_layer(image, "layer", {width}, {height})
        fill(layer, "R'G'B'A float", picture({width}, {height}))
        carried = "u16" if kind == "GRAY" and samples == "u8" else samples
        dump(f"{{name}}-before", layer, f"R'G'B' {{carried}}")
        call(name, image, [layer], style="mosaic", size=64, quality="draft", output="replace")
        dump(f"{{name}}-after", layer, "R'G'B' float")
        tell(f"{{name}}-precision", image.get_precision().value_nick)
        image.delete()
"""


@pytest.fixture(scope="module")
def outcome(gimp: RealGimp, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """All of them, painted in one GIMP."""
    samples = {precision: samples for precision, (samples, _) in PRECISIONS.items()}
    code = BATCH.format(precisions=samples, kinds=KINDS, width=WIDTH, height=HEIGHT)
    ran = gimp.batch(code, tmp_path_factory.mktemp("precisions"))
    assert ran.code == 0, ran.output
    return ran


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("precision", PRECISIONS)
def test_what_is_written_is_the_painting_of_the_layers_own_pixels(
    outcome: Outcome, daemon: RealDaemon, precision: str, kind: str
) -> None:
    name = f"{precision}-{kind}"
    told = outcome.results[name]
    assert told["status"] == "success", told["message"]
    samples, bits = PRECISIONS[precision]
    if kind == "GRAY" and samples == "u8":
        samples = "u16"  # a gray of three rounded colours would be off by more than half a step
    before = outcome.pixels(f"{name}-before", 3, NUMPY[samples])
    after = outcome.pixels(f"{name}-after", 3)
    wanted = painting(daemon, before, told["record"])
    if kind == "GRAY":
        wanted = as_gray(wanted)
    # Half a step of the layer, where equal steps of light are up to 12.92 times as large in sRGB values as their
    # mean; half a step of the 16 bits that carry it; and what babl's tables are off by.
    steepness = 12.92 if precision.endswith("_LINEAR") and "NON" not in precision and bits < 24 else 1.0
    carried = 0.5 / 65535 if samples == "u16" else 0.0
    assert np.abs(after - wanted).max() <= 0.5 / (2**bits - 1) * steepness + carried + 2e-4


@pytest.mark.parametrize("precision", PRECISIONS)
def test_an_image_keeps_its_precision(outcome: Outcome, precision: str) -> None:
    for kind in KINDS:
        assert outcome.results[f"{precision}-{kind}-precision"] == precision.lower().replace("_", "-")
