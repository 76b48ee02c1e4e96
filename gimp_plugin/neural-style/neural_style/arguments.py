"""The filter's arguments: the one table from which the procedure, the dialog and the help page are made, and the
settings that come out of them.

GIMP's own check of an argument prints a warning on the terminal and goes on with the default, which a script never
learns of. So the procedure accepts a wide range, and `Settings.checked` refuses with a sentence what makes no sense.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any

from neural_style.failures import Failure
from neural_style.words import _


class Quality(str, enum.Enum):
    """How much work is put into the painting, over what the preset says."""

    DRAFT = "draft"
    STANDARD = "standard"
    FINE = "fine"


class Output(str, enum.Enum):
    """Where the painting goes."""

    NEW_LAYER = "new-layer"
    REPLACE = "replace"
    NEW_IMAGE = "new-image"


@dataclass(frozen=True)
class Number:
    """An argument that is a number, both ends of its range included."""

    name: str
    label: str
    """With the underscore of its mnemonic."""
    blurb: str
    minimum: float
    maximum: float
    default: float
    whole: bool = False

    def check(self, value: float) -> float:
        """The value, if it is in the range. Raises Failure with a sentence that names the range."""
        if not self.minimum <= value <= self.maximum:
            raise Failure(
                _("{name} goes from {minimum:g} to {maximum:g}; {value:g} is not possible.").format(
                    name=self.label.replace("_", ""), minimum=self.minimum, maximum=self.maximum, value=value
                )
            )
        return value


DEFAULT_STYLE = "oil"
DEFAULT_PRESET = "draft"
"""The preset that was made for somebody who looks on."""
MAX_SEED = 2**31 - 1


def numbers() -> dict[str, Number]:
    """The numbers by their names, with texts in the user's language."""
    listed = (
        Number(
            "strength",
            _("S_trength"),
            _("How far the painting leaves the photo: 0 hardly, 50 as the preset has it, 100 as far as it goes"),
            0.0,
            100.0,
            50.0,
        ),
        Number(
            "stroke-size",
            _("Strok_e size"),
            _("Size of the strokes in per cent: smaller is finer, larger is broader"),
            25.0,
            400.0,
            100.0,
        ),
        Number(
            "keep-colors",
            _("_Keep colours"),
            _("How much of the photo's own colours stays, in per cent: 100 all of them, 0 none"),
            0.0,
            100.0,
            0.0,
        ),
        Number(
            "size",
            _("Si_ze"),
            _("Long side of the painting in pixels; it is then fitted to the layer. 0: what preset and quality say"),
            0,
            8192,
            0,
            whole=True,
        ),
        Number(
            "seed",
            _("See_d"),
            _("The same seed and the same settings give the same painting"),
            0,
            MAX_SEED,
            0,
            whole=True,
        ),
    )
    return {number.name: number for number in listed}


@dataclass(frozen=True)
class Settings:
    """What a user chose; the names are those of the procedure's arguments, with underscores."""

    style: str = DEFAULT_STYLE
    """Name of one of the daemon's styles; counts unless one of the next two is given."""
    style_file: str = ""
    """Path of a picture."""
    style_drawable: int = 0
    """Id of a layer of any open image; 0 for none."""
    preset: str = DEFAULT_PRESET
    quality: Quality = Quality.STANDARD
    strength: float = 50.0
    stroke_size: float = 100.0
    keep_colors: float = 0.0
    size: int = 0
    seed: int = 0
    output: Output = Output.NEW_LAYER
    detach: bool = False
    """The daemon goes on with the painting when GIMP dies."""

    def checked(self) -> Settings:
        """These settings, if they can be used. Raises Failure with a sentence."""
        for name, number in numbers().items():
            number.check(getattr(self, name.replace("-", "_")))
        if self.style_file and self.style_drawable:
            raise Failure(_("Give a style file or a style layer, not both."))
        if not (self.style or self.style_file or self.style_drawable):
            raise Failure(_("Choose a style first."))
        if self.size and self.size < MIN_SIZE:
            raise Failure(_("The size is 0 or at least {minimum} pixels.").format(minimum=MIN_SIZE))
        return self


MIN_SIZE = 64
"""Below this there is nothing to see."""


def choice(kind: type[enum.Enum], value: str) -> Any:
    """The member of the enum that `value` names. Raises Failure that lists them."""
    try:
        return kind(value)
    except ValueError:
        names = ", ".join(member.value for member in kind)
        raise Failure(
            _("{value} is not possible here; use one of {names}.").format(value=repr(value), names=names)
        ) from None
