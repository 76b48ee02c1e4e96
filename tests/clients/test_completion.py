"""Promise: the shell is offered names and values, no daemon is started for it, and nothing can go wrong aloud."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stylize import own_styles

from .conftest import RunCli
from .photos import colours, encode
from .scripted_daemon import RunningDaemon

STYLIZE = Path(sys.executable).with_name("stylize")


def complete(line: str, shell: str = "bash") -> str:
    """What `stylize` answers a shell for a command line whose last word is being typed."""
    words = line.split(" ")
    asked = {
        "bash": {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)},
        "zsh": {"_TYPER_COMPLETE_ARGS": line},
        "fish": {"_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
    }
    ended = subprocess.run(
        [STYLIZE],
        env={**os.environ, **asked[shell], "_STYLIZE_COMPLETE": f"complete_{shell}"},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert ended.stderr == ""
    return ended.stdout


def test_names_come_from_the_daemon_and_are_remembered(scripted: RunningDaemon, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encode(colours(), "PNG"))
    own_styles.add(tmp_path / "a.png", "wonder", [])
    assert complete("stylize image cat.jpg --style w").split() == ["woodblock", "wonder"]
    assert complete("stylize image cat.jpg --preset ").split() == ["gatys", "draft"]
    scripted.stop()
    assert complete("stylize image cat.jpg --style w").split() == ["woodblock", "wonder"]
    assert complete("stylize sheet cat.jpg --preset d").split() == ["draft"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_without_a_daemon_it_is_silent_and_starts_none(home: Path, shell: str) -> None:
    complete("stylize image cat.jpg --style ", shell)
    complete("stylize presets ", shell)
    assert not home.exists()


@pytest.mark.parametrize(
    ("shell", "line", "offered"),
    [
        ("bash", "stylize im", "image"),
        ("bash", "stylize image a.jpg --set pooling=", "pooling=max pooling=average"),
        ("bash", "stylize image a.jpg --set str", "strength="),
        ("zsh", "stylize image a.jpg --colors k", "_arguments '*: :((\"keep\":\"the photo''s\"))'"),
        ("fish", "stylize image a.jpg --precision f", "fp32"),
        ("fish", "stylize sheet a.jpg --vary style_s", "style_scale="),
    ],
)
def test_values_are_offered(home: Path, shell: str, line: str, offered: str) -> None:
    answer = " ".join(complete(line, shell).split())
    assert offered in answer


def test_bash_itself_completes(home: Path, run_cli: RunCli) -> None:
    script = (
        f'PATH={STYLIZE.parent}:$PATH; eval "$(stylize --show-completion bash)"; '
        "COMP_WORDS=(stylize ima); COMP_CWORD=1; _stylize_completion stylize; echo ${COMPREPLY[@]}"
    )
    ended = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, timeout=20)
    assert ended.stdout == "image\n"


def test_a_damaged_memory_is_as_good_as_none(home: Path) -> None:
    home.mkdir()
    (home / "completion.json").write_text("{nonsense")
    assert complete("stylize image cat.jpg --style w").split() == []
