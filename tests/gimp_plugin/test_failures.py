"""Promise: whatever goes wrong, the user reads a sentence that says what to do, and what it tells to type exists."""

from __future__ import annotations

import re

import pytest
import typer.main
from neural_style import failures, geometry
from neural_style.failures import Failure, from_daemon

from neuralstyle.v1.reasons import Reason
from stylize.cli.app import app

OWN_WORDS = "The widget is {upside} down."


def test_the_plug_in_knows_only_reasons_that_there_are() -> None:
    assert failures.known_reasons() <= {reason.name for reason in Reason}


@pytest.mark.parametrize("reason", Reason, ids=lambda reason: reason.name)
def test_every_reason_has_a_sentence(reason: Reason) -> None:
    failure = from_daemon(reason.name, OWN_WORDS, {})
    assert failure.reason == reason.name
    if reason.name in failures.known_reasons():
        assert failure.message.replace(OWN_WORDS, "").strip(" ()")
        assert "{message}" not in failure.message
    else:
        assert failure.message == OWN_WORDS


@pytest.mark.parametrize("reason", ["", "MADE_UP_TOMORROW", "INTERNAL"])
def test_what_the_plug_in_does_not_know_is_told_in_the_daemons_words(reason: str) -> None:
    assert from_daemon(reason, OWN_WORDS, {}).message == OWN_WORDS
    assert len(from_daemon(reason, "", {}).message) > 20


def every_message() -> list[str]:
    made = [
        failures.no_daemon(),
        failures.daemon_lost(),
        failures.daemon_not_starting("the log"),
        failures.wrong_version("1.2.3"),
        *(from_daemon(name, OWN_WORDS, {}) for name in failures.known_reasons()),
    ]
    return [failure.message for failure in made]


def test_every_command_that_a_sentence_names_exists() -> None:
    commands = typer.main.get_command(app)
    named = {match for text in every_message() for match in re.findall(r"\bstylize ([a-z]+) ([a-z]+)", text)}
    assert ("daemon", "start") in named
    for group, name in named:
        assert name in commands.commands[group].commands  # pyright: ignore[reportAttributeAccessIssue]


def test_what_the_log_said_is_shown() -> None:
    assert failures.daemon_not_starting("The weights are on fire.").message.endswith("\n\nThe weights are on fire.")
    assert not failures.daemon_not_starting("").message.endswith("\n")


def test_the_least_side_is_told_as_it_is() -> None:
    assert f" {geometry.MIN_SIDE} pixels" in from_daemon("IMAGE_TOO_SMALL", "", {}).message


def test_a_failure_says_its_sentence() -> None:
    assert str(Failure("No.")) == "No."
