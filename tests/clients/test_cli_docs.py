"""Promise: what the contract says of a value is what the command line says, and docs/cli.md is up to date."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from neuralstyle.v1 import stylize_pb2 as pb
from neuralstyle.v1.comments import FIELD_COMMENTS
from stylize.cli.options import tunable_names
from stylize.cli.tunable_groups import GROUPS

from .conftest import RunCli
from .scripted_daemon import RunningDaemon

ROOT = Path(__file__).parents[2]


def test_the_page_is_what_the_program_says() -> None:
    written = subprocess.run(
        [sys.executable, ROOT / "docs" / "make_cli_page.py"], capture_output=True, text=True, check=True
    ).stdout
    assert written == (ROOT / "docs" / "cli.md").read_text(), "run `make docs`"


def test_every_tunable_has_a_comment() -> None:
    assert tunable_names() == [field.name for field in pb.Tunables.DESCRIPTOR.fields]
    assert all(FIELD_COMMENTS[f"Tunables.{name}"] for name in tunable_names())


def test_every_tunable_is_in_one_group() -> None:
    assert sorted(name for names in GROUPS.values() for name in names) == sorted(tunable_names())


@pytest.mark.parametrize("name", ["size", "strength", "style_scale"])
def test_the_comments_are_those_of_the_contract(call_cli: RunCli, name: str) -> None:
    lines = (ROOT / "proto" / "neuralstyle" / "v1" / "stylize.proto").read_text().splitlines()
    end = next(index for index, line in enumerate(lines) if f" {name} = " in line and "optional" in line)
    comment: list[str] = []
    while lines[end - 1].strip().startswith("//"):
        end -= 1
        comment.insert(0, lines[end].strip().removeprefix("// "))
    assert FIELD_COMMENTS[f"Tunables.{name}"] == " ".join(comment)
    said = call_cli("image", "--help", COLUMNS="400").stdout
    assert " ".join(comment) in " ".join(said.replace("│", " ").split())


def test_presets_say_what_their_values_are(scripted: RunningDaemon, call_cli: RunCli) -> None:
    said = call_cli("presets", "show", "draft", COLUMNS="300").stdout
    assert FIELD_COMMENTS["Tunables.size"] in said
