"""What photos are to be painted like, as told by the options: styles, preset, tunables, seed, precision, depth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from PIL import Image

    from stylize.client import Client
    from stylize.job import Job
    from stylize.own_presets import PresetSource
    from stylize.request import ResumeSource

COLOURS = {"keep": 0.0, "style": 1.0}
"""What `--colors` says, as the tunable `color`."""


FROM_PICTURE = "image"
"""The value of the tunable `init` that starts from a picture of its own."""
NO_MASK = "-"
"""What `--style-mask` says of a style that has none."""


@dataclass(frozen=True)
class LookStyle:
    """A style: a name or a path, its weight in the mix, and its masks."""

    name: str
    weight: float | None = None
    mask: Path | None = None
    source_mask: Path | None = None


@dataclass(frozen=True)
class Look:
    """Everything of a job but the photo. Made by `look_from_options`."""

    styles: tuple[LookStyle, ...]
    preset: PresetSource | None = None
    tunables: dict[str, Any] = field(default_factory=dict)
    seed: int | None = None
    precision: str | None = None
    depth: int = 8
    mask: Path | None = None
    """Where to paint."""
    init_image: Path | None = None
    """The picture to start from."""
    resume_from: ResumeSource | None = None
    """The painting to go on from."""

    def begin(
        self,
        client: Client,
        photo: Path | Image.Image | None,
        *,
        preview: int | None = None,
        preview_interval: float | None = None,
        preview_every: int | None = None,
        preview_format: str | None = None,
        batch: bool = False,
        **changes: Any,
    ) -> Job:
        """Sends a photo, or asks for what is painted without one. preview and what begins with it: see
        `Client.stylize`. batch: nobody waits for it, so that it goes after what people wait for. changes: tunables that
        differ from the look's.
        """
        from stylize.request import Style

        return client.stylize(
            photo,
            [Style(style.name, style.weight, style.mask, style.source_mask) for style in self.styles],
            self.preset,
            seed=self.seed,
            precision=self.precision,
            priority="batch" if batch else None,
            preview=preview,
            preview_interval=preview_interval,
            preview_every=preview_every,
            preview_format=preview_format,
            depth=self.depth,
            mask=self.mask,
            init_image=self.init_image,
            resume_from=self.resume_from,
            **{**self.tunables, **changes},
        )

    def size(self, client: Client) -> int | None:
        """Long side in pixels that a painting has at most, if it is known."""
        from stylize.own_presets import OwnPreset, choose_preset

        if "size" in self.tunables:
            return self.tunables["size"]
        chosen = choose_preset(self.preset, {})
        own = chosen if isinstance(chosen, OwnPreset) else None
        if own and "size" in own.values:
            return int(str(own.values["size"]))
        name = (own.extends if own else chosen) or client.info().default_preset
        return next((preset.tunables.size for preset in client.presets() if preset.name == name), None)


def look_from_options(
    styles: Sequence[str],
    weights: Sequence[float] = (),
    *,
    preset: str | None = None,
    assignments: Sequence[str] = (),
    colours: str | None = None,
    seed: int | None = None,
    precision: str | None = None,
    depth: int = 8,
    mask: Path | None = None,
    init_image: Path | None = None,
    style_masks: Sequence[str] = (),
    source_masks: Sequence[str] = (),
    **tunables: Any,
) -> Look:
    """Checks all that can be checked without a daemon.

    assignments: what `--set` was given. tunables: those with options of their own; None is unset.
    preset: a name, or a file that ends in .toml.
    Raises InvalidRequest, InputUnreadable for a mask, a picture to start from or a preset file that cannot be read, or
    typer's usage error for what is given twice or contradicts itself.
    """
    from neuralstyle.v1 import stylize_pb2 as pb
    from stylize.own_presets import choose_preset
    from stylize.pictures import check_readable
    from stylize.tunables import build_tunables, parse_assignment, parse_choice

    _check_one_each(weights, styles, "weights", "--style-weight")
    if colours is not None:
        if colours not in COLOURS:
            raise typer.BadParameter(f"It is one of {', '.join(COLOURS)}, not {colours}.", param_hint="--colors")
        tunables["color"] = COLOURS[colours]
    if depth not in (8, 16):
        raise typer.BadParameter(f"It is 8 or 16, not {depth}.", param_hint="--depth")
    values: dict[str, Any] = dict(parse_assignment(assignment) for assignment in assignments)
    for name, value in tunables.items():
        if value is None:
            continue
        if name in values:
            # Only what has an option of its own can be given by it and by --set.
            option = "colors" if name == "color" else name.replace("_", "-")
            raise typer.BadParameter(f"The {name.replace('_', ' ')} is given twice.", param_hint=f"--{option}")
        values[name] = value
    build_tunables(values)
    _check_start(values.get("init"), init_image)
    chosen = choose_preset(preset, {})
    if precision is not None:
        parse_choice(pb.Precision.DESCRIPTOR, precision, "precision")
    if mask is not None:
        check_readable(mask)
    mix = zip(
        styles,
        weights or [None] * len(styles),
        _masks(style_masks, styles, "--style-mask"),
        _masks(source_masks, styles, "--style-source-mask"),
        strict=True,
    )
    return Look(
        tuple(LookStyle(*style) for style in mix), chosen or None, values, seed, precision, depth, mask, init_image
    )


def _check_start(init: str | None, init_image: Path | None) -> None:
    """A picture to start from and `init`, as `--set` gives it, must agree."""
    from stylize.pictures import check_readable

    if init_image is not None:
        check_readable(init_image)
        if init not in (None, FROM_PICTURE):
            raise typer.BadParameter(
                f"{init_image} would not be looked at, because init is {init}: leave one of them out.",
                param_hint="--init",
            )
    elif init == FROM_PICTURE:
        raise typer.BadParameter(
            "init is image, but none to start from is named: `stylize image --init FILE` does that.",
            param_hint="--set",
        )


def _masks(given: Sequence[str], styles: Sequence[str], option: str) -> list[Path | None]:
    """One for each style."""
    from stylize.pictures import check_readable

    _check_one_each(given, styles, "masks", option, f", {NO_MASK} for a style without one")
    masks = [None if name == NO_MASK else Path(name) for name in given] or [None] * len(styles)
    for mask in masks:
        if mask is not None:
            check_readable(mask)
    return masks


def _check_one_each(given: Sequence[object], styles: Sequence[str], what: str, option: str, or_else: str = "") -> None:
    if given and len(given) != len(styles):
        raise typer.BadParameter(
            f"There are {len(styles)} styles and {len(given)} {what}: give one for each{or_else}, or none.",
            param_hint=option,
        )
