"""What photos are to be painted like, as told by the options: styles, preset, tunables, seed, precision, depth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from stylize.client import Client
    from stylize.job import Job
    from stylize.own_presets import PresetSource

COLOURS = {"keep": 0.0, "style": 1.0}
"""What `--colors` says, as the tunable `color`."""


@dataclass(frozen=True)
class Look:
    """Everything of a job but the photo. Made by `look_from_options`."""

    styles: tuple[tuple[str, float | None], ...]
    """Names or paths, each with its weight in the mix."""
    preset: PresetSource | None = None
    tunables: dict[str, Any] = field(default_factory=dict)
    seed: int | None = None
    precision: str | None = None
    depth: int = 8

    def begin(
        self,
        client: Client,
        photo: Path,
        *,
        preview: int | None = None,
        preview_interval: float | None = None,
        preview_every: int | None = None,
        preview_format: str | None = None,
        batch: bool = False,
        **changes: Any,
    ) -> Job:
        """Sends a photo. preview and what begins with it: see `Client.stylize`. batch: nobody waits for it, so that
        it goes after what people wait for. changes: tunables that differ from the look's.
        """
        return client.stylize(
            photo,
            [style if weight is None else (style, weight) for style, weight in self.styles],
            self.preset,
            seed=self.seed,
            precision=self.precision,
            priority="batch" if batch else None,
            preview=preview,
            preview_interval=preview_interval,
            preview_every=preview_every,
            preview_format=preview_format,
            depth=self.depth,
            **{**self.tunables, **changes},
        )

    def size(self, client: Client) -> int | None:
        """Long side in pixels that a painting has at most, if it is known."""
        if "size" in self.tunables:
            return self.tunables["size"]
        name = self.preset or client.info().default_preset
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
    **tunables: Any,
) -> Look:
    """Checks all that can be checked without a daemon.

    assignments: what `--set` was given. tunables: those with options of their own; None is unset.
    preset: a name, or a file that ends in .toml.
    Raises InvalidRequest, InputUnreadable for a preset file that cannot be read, or typer's usage error for what is
    given twice.
    """
    from neuralstyle.v1 import stylize_pb2 as pb
    from stylize.own_presets import choose_preset
    from stylize.tunables import build_tunables, parse_assignment, parse_choice

    if weights and len(weights) != len(styles):
        raise typer.BadParameter(
            f"There are {len(styles)} styles and {len(weights)} weights: give one for each, or none.",
            param_hint="--style-weight",
        )
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
    chosen = choose_preset(preset, {})
    if precision is not None:
        parse_choice(pb.Precision.DESCRIPTOR, precision, "precision")
    mix = zip(styles, weights or [None] * len(styles), strict=True)
    return Look(tuple(mix), chosen or None, values, seed, precision, depth)
